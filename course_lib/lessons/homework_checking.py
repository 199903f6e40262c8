"""What the checks of the assignments share: inputs drawn by a seed, and answers that are missing.

Every check of an assignment takes a ``seed``. Seed 0 is the one that students see and run; grading
repeats the check with others, so hidden tests differ in numbers and shapes and in nothing else.
"""

import random
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from course_lib.lessons.checking import CheckFailed, call, compare

VISIBLE = 0


def attempted(result: object, what: str, seed: int) -> bool:
    """Whether there is an answer. Without one, say so; in grading that is a failure.

    Raises:
        CheckFailed: there is no answer and this is a graded seed.
    """
    if result is not None:
        return True
    if seed != VISIBLE:
        raise CheckFailed(f"{what}: not attempted")
    print(f"{what}: not attempted yet")
    return False


def draw(seed: int) -> random.Random:
    """Random whole numbers and floats for one seed."""
    return random.Random(1000 + seed)


def draw_shapes(seed: int, count: int = 3, channels: int = 0) -> list[tuple[int, int, int, int]]:
    """Shapes (N, C, H, W) with sides that differ, batches, and one tall and narrow."""
    rng = draw(seed)
    shapes = []
    for number in range(count):
        height = rng.randint(3, 8)
        width = height + rng.randint(1, 4) if number else 2
        shapes.append((rng.randint(1, 3), channels or rng.randint(2, 6), height, width))
    return shapes


def expect_number(
    result: object, expected: float, mistakes: Mapping[str, float], what: str
) -> None:
    """Compare one number, naming the mistake that gives another."""
    if isinstance(result, Tensor):
        result = result.item() if result.numel() == 1 else result
    if isinstance(result, bool) or not isinstance(result, int | float):
        try:
            result = float(result)
        except (TypeError, ValueError):
            name = type(result).__name__
            raise CheckFailed(f"{what}: expected one number, got {name}") from None

    def near(a: float, b: float) -> bool:
        return a == b or abs(a - b) <= 1e-4 * max(1e-3, abs(b))

    if near(result, expected):
        return
    for diagnosis, wrong in mistakes.items():
        if near(result, wrong):
            raise CheckFailed(diagnosis)
    raise CheckFailed(f"{what}: expected {expected:.6g}, got {result:.6g}")


def expect_numbers(
    result: object, expected: tuple[float, ...], names: tuple[str, ...],
    mistakes: Mapping[str, tuple[float, ...]], what: str,
) -> None:  # fmt: skip
    """Compare several numbers that come together, naming the mistake that gives others."""
    if not isinstance(result, tuple | list) or len(result) != len(expected):
        raise CheckFailed(f"{what}: return {len(expected)} numbers: {', '.join(names)}")
    values = torch.tensor([float(value) for value in result], dtype=torch.float64)
    wrongs = {key: torch.tensor(row, dtype=torch.float64) for key, row in mistakes.items()}
    right = torch.tensor(expected, dtype=torch.float64)
    for diagnosis, wrong in wrongs.items():
        if torch.allclose(values, wrong, 1e-4, 1e-6) and not torch.allclose(right, wrong, 1e-4):
            raise CheckFailed(diagnosis)
    for name, mine, wanted in zip(names, values.tolist(), expected, strict=True):
        expect_number(mine, wanted, {}, f"{what}, {name}")


def repeat(answer: Callable, right: Callable, inputs: tuple, what: str) -> None:
    """The same answer as ``right`` for inputs of a graded seed, after the lesson's own check."""
    result = call(answer, *inputs)
    attempted(result, what, seed=1)
    wanted = right(*inputs)
    results, wanted = ((x if isinstance(x, tuple) else (x,)) for x in (result, wanted))
    for mine, its in zip(results, wanted, strict=True):
        compare(mine.detach() if isinstance(mine, Tensor) else mine, its.detach(), {}, what)
