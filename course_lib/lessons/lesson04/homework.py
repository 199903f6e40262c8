"""Checks of assignment A7 (train on CUDA); each takes the answer and a seed.

They run on any machine: PyTorch's device "meta", which keeps shapes and no numbers, stands in for
a GPU when a batch is moved, and autocast computes in 16 bits on every CPU.
"""

import math
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from course_lib.images import normalize
from course_lib.lessons.answers import VISIBLE, CheckFailed, NotAttempted
from course_lib.lessons.checking import exercise, explained, kinds
from course_lib.lessons.homework_checking import draw, draw_shapes
from course_lib.lessons.lesson04.interrupted_run import (
    EVERY,
    RUNS,
    STEPS,
    STOP,
    Run,
    equal_losses,
    first_difference,
    read_log,
    read_state,
    run_processes,
    train,
)
from course_lib.lessons.smallest_case import contrast, show
from course_lib.lessons.step_checks import (
    FORGOTTEN,
    PICTURE_MISTAKES,
    SmallDecoder,
    SmallEncoder,
    step_loss,
)

PRECISION = 'lesson 03, section 7 "Mixed precision"'
RESUMED = 'lesson 03, section 8 "Interrupted on purpose"'
META = torch.device("meta")
ALL_INSIDE = (
    "put all networks into 'with torch.autocast(content.device.type, dtype):', and take the dtype "
    "that is given"
)

# --- moving a batch ---


def _to_device(images: Tensor, device: torch.device) -> Tensor:
    return images.to(device).float() / 255


def _moving_mistakes(images: Tensor, device: torch.device) -> dict[str, Tensor]:
    right = _to_device(images, device)
    return {
        "the values are still 0 to 255: divide by 255": 255 * right,
        "divided by 256: white, 255, must become 1": 255 * right / 256,
        "the values are whole numbers: convert them to float32 before they are divided": (
            right.floor()
        ),
        "the values are cut off at 1 before they are divided by 255": (255 * right).clamp(max=1),
        "the values lie in -1 to 1: 0 to 1 is asked for": 2 * right - 1,
        "the images are normalised, which the encoder does by itself": normalize(right),
        "light and dark are exchanged: divide by 255, no more": 1 - right,
        "the colours are in another order: leave the axes as they are": right.flip(1),
        "the axes are in another order: (N, 3, H, W) stays": right.permute(0, 2, 3, 1),
        "the batch lost an axis: (N, 3, H, W) stays": right.flatten(2),
    }


class _Crossings(TorchDispatchMode):
    """Notes the dtypes in which tensors leave the CPU for another device, before and after."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[torch.dtype, torch.dtype]] = []

    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        result = function(*arguments, **(options or {}))
        tensors = [tensor for tensor in arguments if isinstance(tensor, Tensor)]
        self.seen += [
            (tensor.dtype, result.dtype)
            for tensor in tensors
            if tensor.device.type == "cpu" != result.device.type
        ]
        return result


def _check_bytes_cross(answer: Callable) -> None:
    """Complain unless a batch ends on another device, and crosses the bus as bytes."""
    with _Crossings() as crossings:
        result = answer(torch.zeros(2, 3, 4, 5, dtype=torch.uint8), META)
    if result.device.type != META.type:
        raise CheckFailed(
            "the result is not on the device that was asked for: images.to(device) returns a new "
            "tensor, and device may be any",
            f"For device = '{META}' expected a tensor there, got one on '{result.device}'",
        )
    for before, after in crossings.seen:
        if before != torch.uint8 or after != torch.uint8:
            raise CheckFailed(
                "numbers of four bytes cross the bus where one would do, or the CPU converts them: "
                "move the bytes alone first, then convert them on the device",
                f"The batch should leave the CPU as uint8, it left as {before} to become {after}",
            )


def _check_float32(result: object, images: Tensor, device: torch.device) -> None:
    if isinstance(result, Tensor) and result.dtype != torch.float32:
        raise CheckFailed(
            "float32 images are asked for: autocast makes 16 bits of them where it may",
            f"Expected torch.float32, got {result.dtype}",
        )


@exercise(
    "to_device",
    "as bytes over the bus, as floats behind it",
    'lesson 03, section 6 "A real run"',
    _to_device,
    ("images", "device"),
    lambda: [
        (torch.tensor(values, dtype=torch.uint8)[None, :, None, None], torch.device("cpu"))
        for values in ([0, 51, 255], [0, 102, 204])
    ],
    mistakes=_moving_mistakes,
    form=_check_float32,
    traps=_check_bytes_cross,
)
def check_to_device(seed: int = VISIBLE) -> Iterator[tuple]:
    """A7.1: ``answer(images, device)``: uint8 (N, 3, H, W) -> float32 in [0, 1], on the device."""
    for device in dict.fromkeys(device for _, device in kinds()):
        for shape in draw_shapes(seed, channels=3):
            generator = torch.Generator().manual_seed(seed + shape[2])
            yield torch.randint(256, shape, generator=generator, dtype=torch.uint8), device


# --- losses under autocast ---


def pair_losses(
    encoder: nn.Module,
    decoder: nn.Module,
    content: Tensor,
    style: Tensor,
    dtype: torch.dtype,
    **change: object,
) -> Tensor:
    """Content and style losses (2, N) of each pair; ``change``: see ``step_loss``."""
    loss = step_loss(total=lambda content, style, weight: torch.stack([content, style]), **change)
    pairs = zip(content.split(1), style.split(1), strict=True)
    with torch.autocast(content.device.type, dtype):
        return torch.stack([loss(encoder, decoder, c, s, 1.0) for c, s in pairs], 1)


def _loss_mistakes() -> dict[str, Callable[..., Tensor]]:
    """Diagnosis -> the losses (2, N) that this mistake gives."""

    def changed(change: Mapping[str, object]) -> Callable[..., Tensor]:
        return lambda *inputs: pair_losses(*inputs, **change)

    quarter = torch.tensor([[1.0], [0.25]])
    return {text: changed(change) for text, change in PICTURE_MISTAKES.items()} | {
        "the two losses are swapped: content first": lambda *x: pair_losses(*x).flip(0),
        "the layers are averaged: add their losses up": lambda *x: quarter * pair_losses(*x),
        "the root is taken: mean squared differences are asked for": lambda *x: pair_losses(
            *x
        ).sqrt(),
    }


def _networks(seed: int, scale: float) -> tuple[nn.Module, nn.Module, Tensor, Tensor]:
    """Encoder, decoder and three pairs of 16 pixels; the features grow with ``scale``."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(70 + seed)
        encoder, decoder = SmallEncoder(), SmallDecoder()
        batch = torch.rand(2, 3, 3, 16, 16)
    encoder.convs[0].weight.mul_(scale)
    decoder.first.weight.data.div_(scale)
    return encoder, decoder, batch[0], batch[1] ** 3


def _watch(network: nn.Module) -> set[torch.dtype]:
    """The dtypes in which the network's convolutions will compute."""
    seen: set[torch.dtype] = set()
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(lambda _layer, _inputs, output: seen.add(output.dtype))
    return seen


@explained(PRECISION)
def check_mixed_losses(answer: Callable, seed: int = VISIBLE) -> None:
    """A7.2: ``answer(encoder, decoder, content, style, dtype)`` -> two losses (N,) of each pair.

    Convolutions compute in ``dtype``, by autocast, and the losses in float32. In float16 the
    features are so large that their squares leave its range.
    """
    tried = []
    for dtype, scale in ((torch.bfloat16, 1.0), (torch.float16, 400.0)):
        networks = encoder, decoder, *images = _networks(seed, scale)
        seen = {"encoder": _watch(encoder), "decoder": _watch(decoder)}
        try:
            result = answer(*networks, dtype)
        except RuntimeError as error:
            if "should be the same" not in str(error):
                raise
            raise CheckFailed(
                f"not every convolution ran under autocast: {ALL_INSIDE}",
                f"Expected inputs that are converted on the fly, got: {error}",
            ) from None
        if result is None:
            if tried:
                raise CheckFailed("a return is missing in one branch", "Expected two losses")
            if seed != VISIBLE:
                raise NotAttempted("mixed_losses: not attempted")
            return print("mixed_losses: not attempted yet")
        _check_two(result, len(images[0]))
        _check_precision(result, decoder, seen, dtype)
        tried.append(((*networks, dtype), torch.stack(list(result))))
    wanted = [pair_losses(*inputs) for inputs, _ in tried]
    if not all(map(_near, [given for _, given in tried], wanted)):
        _name_the_loss(tried, wanted)
    (_, decoder, content, _, _), given = tried[0]
    pairs = zip(
        torch.autograd.grad(wanted[0].sum(), list(decoder.parameters())),
        torch.autograd.grad(given.sum(), list(decoder.parameters()), allow_unused=True)
        if given.requires_grad
        else [None] * 4,
        strict=True,
    )
    for right, mine in pairs:
        if mine is None or (mine - right).abs().max() > 0.05 * right.abs().max():
            size = 0 if mine is None else mine.abs().max()
            raise CheckFailed(
                "the numbers are right, but the decoder cannot learn from them: the decoding and "
                "the second encoding belong outside torch.no_grad(), without detach() or item()",
                f"Expected gradients up to {right.abs().max():.3g}, got {size:.3g}",
            )
    print("mixed_losses: correct (convolutions in 16 bits, losses in float32, pair by pair)")


def _check_two(result: object, count: int) -> None:
    """Complain unless there are two tensors (N,)."""
    if not isinstance(result, tuple | list) or len(result) != 2:
        raise CheckFailed(
            "return two things: the content losses and the style losses",
            f"Expected two tensors, got {show(result)}",
        )
    for name, losses in zip(("content", "style"), result, strict=True):
        if not isinstance(losses, Tensor):
            raise CheckFailed(
                "numbers have no gradient: return tensors, without item() or tolist()",
                f"{name}: expected a tensor, got {show(losses)}",
            )
        if losses.shape != (count,):
            cure = "the mean over the whole batch hides the pair that spoils it: " * (
                not losses.dim()
            )
            raise CheckFailed(
                f"{cure}take the mean of each pair over its own axes, (1, 2, 3)",
                f"{name}: expected the shape ({count},), got {tuple(losses.shape)}",
            )


def _check_precision(
    result: Sequence[Tensor],
    decoder: nn.Module,
    seen: Mapping[str, set[torch.dtype]],
    dtype: torch.dtype,
) -> None:
    """Complain unless weights and losses are float32 and all convolutions ran in ``dtype``."""
    kind = next(decoder.parameters()).dtype
    if kind != torch.float32:
        raise CheckFailed(
            "the decoder's weights were converted: Adam's small updates are lost there; leave them "
            "in float32, autocast converts on the fly",
            f"Expected weights in torch.float32, got {kind}",
        )
    for name, found in seen.items():
        if found != {dtype}:
            raise CheckFailed(
                f"not every convolution of the {name} ran in {dtype}: {ALL_INSIDE}",
                f"The {name} should compute in {dtype}, it computed in "
                f"{', '.join(sorted(map(str, found))) or 'nothing'}",
            )
    for name, losses in zip(("content", "style"), result, strict=True):
        if losses.dtype != torch.float32:
            raise CheckFailed(
                "the losses are in 16 bits: convert features with .float() before they are "
                "compared, not the result",
                f"{name}: expected torch.float32, got {losses.dtype}",
            )


def _near(given: Tensor, wanted: Tensor) -> bool:
    """Whether losses agree to two in a hundred: 16 bits round, but not more than this."""
    return torch.allclose(given.float(), wanted, rtol=0.02, atol=0)


def _name_the_loss(tried: Sequence[tuple[tuple, Tensor]], wanted: Sequence[Tensor]) -> None:
    """Raise CheckFailed with the mistake that explains the losses in both precisions."""
    bad = next(k for k, (_, given) in enumerate(tried) if not _near(given, wanted[k]))
    given, right = tried[bad][1].detach(), wanted[bad].detach()
    row, pair = (~torch.isclose(given, right, rtol=0.02, atol=0)).nonzero()[0].tolist()
    name = ("content", "style")[row]
    example = (
        f"{name} loss of pair {pair}: {contrast(right[row, pair].item(), given[row, pair].item())}"
    )
    for text, mistake in _loss_mistakes().items():
        if all(_near(losses, mistake(*inputs)) for inputs, losses in tried):
            raise CheckFailed(text, example)
    if bad == 1:
        raise CheckFailed(
            "bfloat16 is right and float16 is not: something is squared or added up in 16 bits, "
            "and float16 ends at 65,504; convert with .float() before the losses are computed",
            example,
        )
    raise CheckFailed(f"the {name} losses differ from the expected ones", example)


# --- a run that can be stopped ---


@explained(RESUMED)
def check_logged_run(answer: Callable, seed: int = VISIBLE) -> None:
    """A7.3: ``answer(one_step, decoder, optimizer, generator, until, every, folder)``.

    Graded on the log that it writes: of a run, of one that is stopped and resumed, and of one that
    loses its power between two checkpoints. All three logs must hold the same losses.
    """
    straight = Run(seed)
    wanted = [straight.one_step() for _ in range(STEPS)]
    for name, (stops, cut) in RUNS.items():
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            records, made = run_processes(answer, folder, seed, stops, cut)
            if records is None and made == 0:
                if seed != VISIBLE:
                    raise NotAttempted("logged_run: not attempted")
                return print("logged_run: not attempted yet")
            losses = read_log(folder, name)
            read_state(folder)
        if not equal_losses(losses, wanted):
            for lost in ("decoder", "optimizer", "generator"):
                with tempfile.TemporaryDirectory() as place:
                    forgets = lambda *x, lost=lost: train(*x, lost=lost)  # noqa: E731
                    theirs, _ = run_processes(forgets, Path(place), seed, stops, cut)
                if equal_losses(losses, [record["loss"] for record in theirs]):
                    raise CheckFailed(FORGOTTEN[lost], first_difference(name, losses, wanted))
            raise CheckFailed(
                "the log's losses are not those of the steps: log what one_step() returns, as it "
                "is, and restore everything before the next step",
                first_difference(name, losses, wanted),
            )
        right = STEPS - (STOP if len(stops) == 2 and cut == STEPS else 0)
        right -= EVERY if cut < STEPS else 0
        if made != right:
            raise CheckFailed(
                "the number of steps is another: save the state after every 'every' steps and "
                "after the last, and go on behind the last saved step",
                f"After {name} the last process should make {right} steps, it made {made}",
            )
        if records is None or not isinstance(records, list) or len(records) != STEPS:
            raise CheckFailed(
                "return the log's records, a list of dictionaries, those of earlier processes too",
                f"Expected {STEPS} records, got {show(records)}",
            )
    print(
        "logged_run: correct (stopped, cut off and resumed: the log is that of an undisturbed run)"
    )


# --- the recipe ---

Measured = Sequence[tuple[int, int, float]]


def _choose(measured: Measured, minutes: float, least: int) -> tuple[int, int]:
    steps = [math.floor(60 * minutes / seconds) for *_, seconds in measured]
    enough = [k for k, count in enumerate(steps) if count >= least]
    best = max(enough, key=lambda k: _pixels(*measured[k])) if enough else steps.index(max(steps))
    return best, steps[best]


def _pixels(batch: int, side: int, seconds: float) -> float:
    return batch * side**2 / seconds


def _choice_mistakes(measured: Measured, minutes: float, least: int) -> dict[str, tuple]:
    def by(key: Callable[..., float], limit: float = least) -> tuple[int, int]:
        enough = [k for k, row in enumerate(measured) if 60 * minutes // row[2] >= limit]
        enough = enough or [_choose(measured, minutes, least)[0]]
        best = max(enough, key=lambda k: key(*measured[k]))
        return best, math.floor(60 * minutes / measured[best][2])

    index, steps = _choose(measured, minutes, least)
    exact = 60 * minutes / measured[index][2]
    seconds = [row[2] for row in measured]
    last = seconds.index(max(seconds))
    return {
        "too few steps teach little: only settings with at least 'least' steps count": by(
            _pixels, 0
        ),
        "the shortest step is not the best: count the pixels that it shows": by(
            lambda batch, side, seconds: -seconds
        ),
        "the largest step is not the best: divide its pixels by its seconds": by(
            lambda batch, side, seconds: batch * side**2
        ),
        "crops per second: a crop has side * side pixels": by(
            lambda batch, side, seconds: batch / seconds
        ),
        "a crop has side * side pixels, not side": by(
            lambda batch, side, seconds: batch * side / seconds
        ),
        "the batch is left out: a step shows batch * side * side pixels": by(
            lambda batch, side, seconds: side**2 / seconds
        ),
        "the lowest rate was chosen, not the highest": by(lambda *row: -_pixels(*row)),
        "a step that does not end in time does not count: round down": (index, math.ceil(exact)),
        "a step is done or not: round down to a whole number": (index, exact),
        "minutes have 60 seconds": (index, math.floor(exact / 60)),
        "steps of all pictures, not of batches: a step shows a whole batch": (
            index,
            steps * measured[index][0],
        ),
        "where none makes enough steps, the one with the most steps is asked for": (
            (index, steps)
            if steps >= least
            else (last, math.floor(60 * minutes / measured[last][2]))
        ),
        "the two results are swapped": (steps, index),
    }


def _small_choices() -> list[tuple[Measured, float, int]]:
    """One setting; two, of which one makes too few steps; none that makes enough."""
    return [
        ([(2, 4, 7.0)], 1.0, 5),
        ([(2, 4, 7.0), (4, 4, 9.0)], 1.0, 8),
        ([(2, 4, 7.0), (4, 4, 9.0)], 1.0, 10),
    ]


@exercise(
    "choose",
    "most pixels per second, with enough steps",
    'lesson 03, section 6 "A real run"',
    _choose,
    ("measured", "minutes", "least"),
    _small_choices,
    mistakes=_choice_mistakes,
    parts=("index", "steps"),
)
def check_choose(seed: int = VISIBLE) -> Iterator[tuple]:
    """A7.4: ``answer(measured, minutes, least)``: (batch, side, seconds) -> (index, steps)."""
    yield from _small_choices()
    # One is fastest, one largest, one best in crops, in sides, and one best without 'least'.
    rows = [(1, 32, 0.375), (8, 32, 0.625), (4, 96, 1.25), (6, 64, 0.875), (9, 96, 2.875)]
    rows += [(16, 96, 4.0), (1, 128, 0.75)]
    rng = draw(seed)
    for least in (20, 60, 500):
        rng.shuffle(rows)
        yield list(rows), rng.choice((1.0, 1.1, 1.3)), least
    for _ in range(3):
        drawn = [
            (rng.randint(1, 16), 32 * rng.randint(1, 5), rng.randint(3, 40) / 8) for _ in range(5)
        ]
        yield drawn, float(rng.randint(1, 3)), rng.randint(10, 60)
