"""Check of lesson 03: the decoder, as a whole network."""

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from course_lib.decoder import LAYERS
from course_lib.lessons.agreement import close, compare, difference
from course_lib.lessons.answers import CheckFailed, call
from course_lib.lessons.checking import explained, kinds, random_features
from course_lib.lessons.lesson03.decoder_mistakes import Weights, decode, decoder_mistakes

CONVOLUTIONS = [(channels_in, channels_out) for _, channels_in, channels_out in LAYERS]
BORDERS = "the borders are eaten up: mirror one pixel around the maps before each 3x3 convolution"
NORMALISATIONS = {
    "batch_norm": "batch normalisation",
    "instance_norm": "instance normalisation",
    "group_norm": "group normalisation",
    "layer_norm": "layer normalisation",
}
# Functions that the mirror of VGG-19 never calls, and what they would do.
OTHER_LAYERS = {
    "conv_transpose2d": "a transposed convolution paints overlapping stamps, seen as a "
    "chequerboard: enlarge by nearest neighbours (nn.Upsample), then a plain convolution",
    "pixel_shuffle": "pixel shuffling is no mirror of a pooling: enlarge by nearest neighbours",
    "max_pool2d": "a pooling halves the maps once more: enlarge them there",
    **dict.fromkeys(
        ("feature_dropout", "dropout2d", "dropout"),
        "dropout makes the picture another one at each call: the decoder has none",
    ),
    **{
        name: f"{words} would wipe out the style, which is nothing but the statistics of the "
        "features: the decoder has no normalisation layers"
        for name, words in NORMALISATIONS.items()
    },
}


class _Calls(TorchFunctionMode):
    """Write down the functions that a network calls, and the weights of its convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.weights: list[tuple[Tensor, Tensor | None]] = []

    def __torch_function__(
        self, function: Callable, types: object, args: tuple = (), kwargs: dict | None = None
    ) -> object:
        name, kwargs = getattr(function, "__name__", ""), kwargs or {}
        self.names.append(name)
        if name == "conv2d":
            bias = kwargs.get("bias", args[2] if len(args) > 2 else None)
            self.weights.append((kwargs.get("weight", args[1] if len(args) > 1 else None), bias))
        return function(*args, **kwargs)


@explained(
    'lesson 03, section 1 "The mirror" and section 2 "Why nearest neighbours? Why a mirrored '
    'border?"'
)
def check_decoder(module: nn.Module) -> None:
    """``module(features)``: relu4_1 (N, 512, h, w) -> images (N, 3, 8h, 8w), VGG-19 mirrored.

    Its weights do not matter, because a copy with random ones is checked: a decoder need not be
    trained to pass. Maps are at least 2x2, which PyTorch's own reflection padding needs.
    """
    if module is None:
        return print("decoder: not attempted yet")
    if not isinstance(module, nn.Module):
        hint = ": make one, Decoder()" if isinstance(module, type) else ""
        raise CheckFailed(
            f"give a network, not something else{hint}",
            f"Expected an nn.Module, got {str(module):.60}",
        )
    for dtype, device in kinds():
        network = _with_random_weights(module).to(device, dtype)
        # Float64 says nothing that float32 does not, but that the decoder can compute in it.
        shapes = ((1, 512, 2, 2), (2, 512, 2, 3), (1, 512, 5, 2))
        for shape in shapes[:1] if dtype == torch.float64 else shapes:
            features = random_features(shape, sum(shape), dtype, device) / 3
            calls = _Calls()
            with calls:
                images = _run(network, features)
            if images is None:
                return print("decoder: not attempted yet")
            _check_calls(calls)
            _check_size(images, shape)
            _check_convolutions(calls.weights)
            if shape == shapes[0]:
                _check_twice(network, features, images)
            _check_images(images.detach(), features, calls.weights)
            if shape == shapes[0]:
                _check_gradients(network, images)
    print("decoder: correct (several sizes, batches, every layer, every gradient)")


def _with_random_weights(module: nn.Module) -> nn.Module:
    """A copy, with weights that let nothing vanish and that lead the images out of [0, 1]."""
    network, generator = copy.deepcopy(module), torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in network.parameters():
            spread = 0.1
            if parameter.dim() == 4:
                inputs = parameter[0].numel()
                spread = (2 / inputs) ** 0.5 if parameter.shape[0] > 3 else 8 / inputs**0.5
            random = spread * torch.randn(parameter.shape, generator=generator)
            parameter.copy_(random)
    return network


def _run(network: nn.Module, features: Tensor) -> Tensor | None:
    try:
        return call(network, features)
    except RuntimeError as error:
        if "to have" in str(error) and "channels" in str(error):
            raise CheckFailed(
                "the channels do not fit: each convolution takes what the one before gives, and "
                "the first takes the 512 of relu4_1",
                f"Expected maps that fit, got: {str(error).splitlines()[0]}",
            ) from None
        if "Padding size should be less" in str(error):
            raise CheckFailed(
                "more than one pixel is padded, for which a 2x2 map is too small: a 3x3 "
                "convolution needs one, and a larger one is no mirror of the encoder's",
                f"For maps of 2x2 expected images of 16x16, got: {str(error).splitlines()[0]}",
            ) from None
        if "Kernel size can't be greater" in str(error):
            raise CheckFailed(
                BORDERS, f"For maps of 2x2 expected images of 16x16, got: {error}"
            ) from None
        raise


def _check_calls(calls: _Calls) -> None:
    """Complain about layers that the mirror of VGG-19 does not have."""
    for name, diagnosis in OTHER_LAYERS.items():
        if count := calls.names.count(name):
            raise CheckFailed(diagnosis, f"Expected no call of {name}, got {count}")


def _check_size(images: object, shape: tuple[int, int, int, int]) -> None:
    """Complain about images of a wrong size, by what would make them so."""
    if not isinstance(images, Tensor) or images.dim() != 4:
        kind = tuple(images.shape) if isinstance(images, Tensor) else type(images).__name__
        raise CheckFailed(f"return one tensor of images (N, 3, 8h, 8w), got {kind}")
    n, _, h, w = shape
    if images.shape == (n, 3, 8 * h, 8 * w):
        return
    example = (
        f"For features of shape {shape} expected images of shape {(n, 3, 8 * h, 8 * w)}, "
        f"got {tuple(images.shape)}"
    )
    factor = images.shape[2] / h
    if images.shape[1] != 3:
        diagnosis = f"the last convolution must give the 3 colours, not {images.shape[1]} channels"
    elif factor in (1, 2, 4):
        missing = {1: "three are", 2: "two are", 4: "one is"}[int(factor)]
        diagnosis = f"of the three upsamplings {missing} missing: the encoder pools three times"
    elif factor in (16, 32, 64, 128, 256, 512):
        diagnosis = "there are more than three upsamplings: the encoder pools three times"
    elif factor < 8:
        diagnosis = BORDERS
    else:
        diagnosis = "the images are too large: pad by one pixel on each side, no more"
    raise CheckFailed(diagnosis, example)


def _check_convolutions(weights: Weights) -> None:
    """Complain unless the convolutions are those of VGG-19 with their channels exchanged."""
    given = [(weight.shape[1], weight.shape[0]) for weight, _ in weights]
    for number, (weight, _) in enumerate(weights, 1):
        if weight.shape[2:] != (3, 3):
            raise CheckFailed(
                "the mirror of a 3x3 convolution is a 3x3 convolution",
                f"Convolution {number} from relu4_1: expected 3x3, got "
                f"{weight.shape[2]}x{weight.shape[3]}",
            )
    if given == CONVOLUTIONS:
        return
    if len(given) != len(CONVOLUTIONS):
        raise CheckFailed(
            f"the encoder reaches relu4_1 after nine convolutions, and so many mirrors are "
            f"needed, not {len(given)}",
            f"Expected {CONVOLUTIONS}, got {given}",
        )
    number = next(i for i, pair in enumerate(given) if pair != CONVOLUTIONS[i])
    raise CheckFailed(
        "the channels are not the encoder's, exchanged: what a layer gave is what its mirror takes",
        f"Convolution {number + 1} from relu4_1: expected {CONVOLUTIONS[number]} channels in and "
        f"out, got {given[number]}",
    )


def _check_twice(network: nn.Module, features: Tensor, images: Tensor) -> None:
    """Complain if the images depend on anything but the features."""
    with torch.no_grad():
        again = network(features)
    if not close(again, images.detach()):
        raise CheckFailed(
            "the same features give another picture at the second call: no dropout, no noise",
            difference(again, images.detach(), "the second picture"),
        )


def _check_images(images: Tensor, features: Tensor, weights: Weights) -> None:
    """Complain unless the images are those of the course's decoder with these weights."""
    with torch.no_grad():
        right = decode(weights, features)
        what = f"the images of features {tuple(features.shape)}"
        if not close(images, right):
            compare(images, right, decoder_mistakes(weights, features), what)


def _check_gradients(network: nn.Module, images: Tensor) -> None:
    """Complain about parameters that no gradient reaches."""
    gradients = [None] * len(list(network.parameters()))
    trainable = [p for p in network.parameters() if p.requires_grad]
    if images.requires_grad:
        gradients = torch.autograd.grad(images.square().mean(), trainable, allow_unused=True)
    reached = {id(p) for p, g in zip(trainable, gradients, strict=False) if g is not None}
    lost = [name for name, p in network.named_parameters() if id(p) not in reached]
    if lost:
        raise CheckFailed(
            f"no gradient reaches {lost[0]}, so it would not learn: no detach(), no no_grad(), no "
            "requires_grad=False, and no layer that is made but not used",
            f"Expected gradients for all {len(list(network.parameters()))} parameters, "
            f"{len(lost)} have none",
        )
