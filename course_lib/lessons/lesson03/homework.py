"""Checks of assignment A3 (decoder, losses, training); each takes the answer and a seed."""

import math
from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.images import reflect_pad
from course_lib.lessons import step_checks
from course_lib.lessons.answers import VISIBLE
from course_lib.lessons.checking import exercise, random_features
from course_lib.lessons.homework_checking import draw, draw_shapes
from course_lib.lessons.lesson03 import checks

Budget = tuple[float, float]


def _budget(seconds_per_step: float, minutes: float, images: int, batch: int) -> Budget:
    steps = math.floor(60 * minutes / seconds_per_step)
    return steps, steps * batch / images


def _budget_mistakes(
    seconds_per_step: float, minutes: float, images: int, batch: int
) -> dict[str, Budget]:
    exact, (steps, epochs) = (
        60 * minutes / seconds_per_step,
        _budget(seconds_per_step, minutes, images, batch),
    )

    def with_steps(count: float) -> Budget:
        return count, count * batch / images

    return {
        "minutes have 60 seconds": with_steps(math.floor(exact / 60)),
        "a step that does not end in time does not count: round down": with_steps(math.ceil(exact)),
        "a step that does not end in time does not count: cut off, do not round": with_steps(
            round(exact)
        ),
        "a step is done or not: round the steps down to a whole number": with_steps(exact),
        "one epoch shows every image once, and a step shows a whole batch": (steps, steps / images),
        "an epoch need not be whole: do not round it": (steps, float(math.floor(epochs))),
        "this is how often the images fit into what was shown, upside down": (
            steps,
            images / (steps * batch),
        ),
        "the two results are swapped": (epochs, steps),
    }


@exercise(
    "budget",
    "three budgets",
    'lesson 03, section 6 "A real run"',
    _budget,
    ("seconds_per_step", "minutes", "images", "batch"),
    lambda: [(1.0, 1, 30, 1), (0.5, 2, 100, 8), (7.0, 1, 3, 2)],
    mistakes=_budget_mistakes,
    parts=("steps", "epochs"),
)
def check_budget(seed: int = VISIBLE) -> Iterator[tuple]:
    """A3.1: ``answer(seconds_per_step, minutes, images, batch)`` -> (steps, epochs)."""
    rng = draw(seed)
    yield 7.0, 2, 50, 3  # 17.14 steps
    yield 3.5, 3, 50, 4  # 51.43 steps
    for _ in range(2):
        yield rng.randint(2, 30) / 8, rng.randint(10, 90), rng.randint(50, 400), rng.choice((3, 8))
    yield 11.0, 3, 70, 4  # 16.36 steps
    yield 7.0, 1, 100, 3  # 8.57 steps: rounding to the nearest gives 9


def _up_block(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    big = F.interpolate(x, scale_factor=2, mode="nearest")
    return F.conv2d(reflect_pad(big), weight, bias).relu()


def _block_mistakes(x: Tensor, weight: Tensor, bias: Tensor) -> dict[str, Tensor]:
    big = F.interpolate(x, scale_factor=2, mode="nearest")
    smooth = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
    return {
        "the ReLU at the end is missing": F.conv2d(reflect_pad(big), weight, bias),
        "the ReLU comes before the convolution: it is the last step": F.conv2d(
            reflect_pad(big.relu()), weight, bias
        ),
        "differs along the border: the padding is zeros; call reflect_pad(x) before F.conv2d": (
            F.conv2d(big, weight, bias, padding=1).relu()
        ),
        "differs along the border: it is padded before the enlarging": F.conv2d(
            F.interpolate(reflect_pad(x), scale_factor=2, mode="nearest")[..., 1:-1, 1:-1],
            weight,
            bias,
        ).relu(),
        "without padding the maps shrink by two: call reflect_pad(x) before F.conv2d": (
            F.conv2d(big, weight, bias).relu()
        ),
        "nothing is enlarged: F.interpolate(x, scale_factor=2, mode='nearest')": (
            F.conv2d(reflect_pad(x), weight, bias).relu()
        ),
        "this enlarges bilinearly: the decoder uses mode='nearest'": F.conv2d(
            reflect_pad(smooth), weight, bias
        ).relu(),
        "the bias is missing": F.conv2d(reflect_pad(big), weight).relu(),
        "the enlarging comes first, then the convolution": F.interpolate(
            F.conv2d(reflect_pad(x), weight, bias).relu(), scale_factor=2, mode="nearest"
        ),
    }


def _small_blocks() -> list[tuple[Tensor, Tensor, Tensor]]:
    """Two positions, and a filter that copies, one that adds up, one that turns the sign."""
    x, copy = torch.tensor([[[[1.0, 3.0], [-2.0, 5.0]]]]), torch.zeros(1, 1, 3, 3)
    copy[..., 1, 1] = 1
    zero = torch.zeros(1)
    return [(x, copy, zero), (x, -copy, zero + 1), (x, torch.ones(1, 1, 3, 3), zero)]


@exercise(
    "up_block",
    "batches, any size, gradients",
    'lesson 03, section 2 "Why nearest neighbours? Why a mirrored border?"',
    _up_block,
    ("x", "weight", "bias"),
    _small_blocks,
    mistakes=_block_mistakes,
    gradient="the decoder cannot learn",
    leaves=3,
)
def check_up_block(seed: int = VISIBLE) -> Iterator[tuple]:
    """A3.2: ``answer(x, weight, bias)``: nearest x2, reflection, 3 x 3 convolution, ReLU."""
    for n, c, h, w in draw_shapes(seed):
        generator = torch.Generator().manual_seed(seed + n)
        weight = torch.randn(c + 1, c, 3, 3, generator=generator)
        bias = 3 * torch.randn(c + 1, generator=generator)
        yield random_features((n, c, h, w), seed) - 1, weight, bias


def check_losses(content: Callable, style: Callable, seed: int = VISIBLE) -> None:
    """A3.3: ``content(features, target)`` and ``style(features, targets)``: scalars."""
    checks.check_content_loss(content, seed=seed)
    checks.check_style_loss(style, seed=seed)


# A3.4 is the lesson's exercise.
check_step = step_checks.check_training_step
