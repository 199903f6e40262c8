"""Checks of lesson 01's build: VGG-19 from a state dict, with taps."""

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.images import normalize, reflect_pad
from course_lib.lessons.agreement import compare
from course_lib.lessons.answers import CheckFailed
from course_lib.lessons.checking import explained
from course_lib.lessons.smallest_case import show

WHERE = 'lesson 01, section 11 "Build it: VGG-19 from a state dict"'

State = Mapping[str, Tensor]


def layout(state: State) -> list[tuple[str, int]]:
    """(name, index) of every layer that the keys "0.weight", "0.bias", "2.weight" ... speak of.

    Each convolution is followed by a ReLU, and by a pooling where the next convolution's index is
    three further on instead of two. The last convolution's ReLU ends the network.
    """
    indices = sorted(int(key.split(".")[0]) for key in state if key.endswith(".weight"))
    names, block, number = [], 1, 0
    for index in indices:
        if names and index - names[-1][1] == 2:  # behind the last ReLU there was a pooling
            names.append((f"pool{block}", index - 1))
            block, number = block + 1, 0
        number += 1
        names += [(f"conv{block}_{number}", index), (f"relu{block}_{number}", index + 1)]
    return names


def encode(
    state: State,
    images: Tensor,
    wanted: list[str],
    *,
    normalise: bool = True,
    padding: str = "reflect",
    in_place: bool = False,
    no_bias: bool = False,
    average: bool = False,
) -> dict[str, Tensor]:
    """Layer -> activation of images (N, 3, H, W) in [0, 1], each layer computed once.

    The options are what a mistaken answer would do otherwise.

    Raises:
        KeyError: the network has no such layer.
    """
    layers, found = layout(state), {}
    for name in wanted:
        if name not in dict(layers):
            raise KeyError(name)
    x = normalize(images) if normalise else images
    for name, index in layers:
        if len(found) == len(set(wanted)):
            break
        if name.startswith("conv"):
            bias = None if no_bias else state[f"{index}.bias"]
            if padding == "reflect":
                x = F.conv2d(reflect_pad(x), state[f"{index}.weight"], bias)
            else:
                x = F.conv2d(x, state[f"{index}.weight"], bias, padding=1)
        elif name.startswith("relu"):
            x = F.relu(x, inplace=in_place)
        else:
            x = F.avg_pool2d(x, 2) if average else F.max_pool2d(x, 2)
        if name in wanted:
            found[name] = x
    return found


MISTAKES = {
    "the images were not normalised": {"normalise": False},
    "the borders are zeros: reflect_pad(x) before each convolution": {"padding": "zeros"},
    "a ReLU in place overwrote the conv layer before it": {"in_place": True},
    "the biases are missing": {"no_bias": True},
    "max pooling, not the average": {"average": True},
}


def small_state(convs: tuple[int, ...], seed: int = 0) -> dict[str, Tensor]:
    """A small VGG's state dict: so many convolutions in each block, keys in no special order."""
    layers, channels = [], 3
    for number, count in enumerate(convs):
        layers += [nn.MaxPool2d(2)] if number else []
        for _ in range(count):
            layers += [nn.Conv2d(channels, 4 + number, 3), nn.ReLU(inplace=True)]
            channels = 4 + number
    generator = torch.Generator().manual_seed(seed)
    state = nn.Sequential(*layers).state_dict()
    state = {key: torch.randn(x.shape, generator=generator) / 2 for key, x in state.items()}
    return dict(sorted(state.items(), reverse=True))


@explained(WHERE)
def check_layout(answer: Callable[[State], list[tuple[str, int]]]) -> None:
    """Build 01, step 1: ``answer(state)`` -> (name, index) of every layer, in order."""
    for convs in ((1,), (2, 1), (2, 2, 4, 1), (1, 1, 3)):
        state = small_state(convs)
        result, expected = answer(state), layout(state)
        if result is None:
            return print("layout: not attempted yet")
        keys = sorted(key for key in state if key.endswith("weight"))
        example = f"For weights {keys} expected {expected}, got {show(result)}"
        if not isinstance(result, list | tuple) or not all(
            isinstance(pair, list | tuple) and len(pair) == 2 for pair in result
        ):
            raise CheckFailed("return a list of pairs, name and index", example)
        result = [tuple(pair) for pair in result]
        if result != expected:
            raise CheckFailed(_layout_diagnosis(result, expected), example)
    print("layout: correct (poolings found, any number of blocks)")


def _layout_diagnosis(result: list[tuple], expected: list[tuple]) -> str:
    names, wanted = [name for name, _ in result], [name for name, _ in expected]
    if names == wanted[:-1]:
        return "the last ReLU is missing: it follows the last convolution"
    if names == wanted:
        return "the names are right, the indices are not: a pooling takes an index, too"
    if sorted(map(str, names)) == sorted(wanted):
        return "the order is wrong: sort the indices as numbers, 10 comes after 2"
    if not any(str(name).startswith("pool") for name in names) and "pool1" in wanted:
        return "the poolings are missing: where the index jumps by three, one lies between"
    if names and not any(str(name).startswith("relu") for name in names):
        return "the ReLUs are missing: one follows each convolution"
    if names == [*wanted, names[-1]]:
        return "there is a layer too many at the end: the last ReLU ends the network"
    return "the names are wrong: convB_N and reluB_N count from 1 in each block, then comes poolB"


@explained(WHERE)
def check_encode(answer: Callable[[State, Tensor, list[str]], dict[str, Tensor]]) -> None:
    """Build 01, step 2: ``answer(state, images, wanted)`` -> layer name -> activation."""
    generator = torch.Generator().manual_seed(5)
    images = torch.rand(2, 3, 12, 18, generator=generator)
    cases = ((2, 1), ["conv1_1"]), ((2, 2, 1), ["relu2_2", "conv1_2", "pool1"]), ((1, 2), [])
    for convs, wanted in cases:
        state, kept = small_state(convs), images.clone()
        before = {key: value.clone() for key, value in state.items()}
        result, expected = answer(state, kept, list(wanted)), encode(state, images, wanted)
        if result is None:
            return print("encode: not attempted yet")
        if not isinstance(result, Mapping):
            shown = f"Expected a dictionary, got {type(result).__name__}"
            raise CheckFailed("return a dictionary: layer name -> activation", shown)
        if not torch.equal(kept, images) or any(
            not torch.equal(before[k], state[k]) for k in state
        ):
            raise CheckFailed("your function changes its inputs", "They should stay as they are")
        if set(result) != set(expected):
            shown = f"Expected {sorted(expected)}, got {sorted(map(str, result))}"
            raise CheckFailed("return the layers that were asked for, and no others", shown)
        faulty = {text: encode(state, images, wanted, **how) for text, how in MISTAKES.items()}
        for name in wanted:
            others = {text: layers[name] for text, layers in faulty.items()}
            compare(result[name], expected[name], others, name)
    _check_unknown_layer(answer, images)
    _check_early_end(answer, images)
    print("encode: correct (taps, borders, unknown layers, no needless work)")


def _check_unknown_layer(answer: Callable, images: Tensor) -> None:
    example = "For wanted = ['relu9_1'] expected KeyError: 'relu9_1', got "
    try:
        result = answer(small_state((1,)), images, ["relu9_1"])
    except KeyError as error:
        if "relu9_1" in str(error):
            return
        raise CheckFailed("name the unknown layer in the KeyError", f"{example}{error}") from None
    except Exception as error:
        text = f"{example}{type(error).__name__}"
        raise CheckFailed("an unknown layer is a KeyError with its name", text) from None
    raise CheckFailed("an unknown layer is a KeyError with its name", f"{example}{show(result)}")


def _check_early_end(answer: Callable, images: Tensor) -> None:
    """Complain if layers behind the last one wanted are computed: they are often the dearest."""
    state = small_state((1, 1))
    state["3.weight"] = state["3.weight"][:, :1]  # whoever uses it fails
    try:
        answer(state, images, ["relu1_1"])
    except RuntimeError:
        raise CheckFailed(
            "stop when everything wanted is found: deeper layers cost time for nothing",
            "For wanted = ['relu1_1'] no later convolution should run",
        ) from None
