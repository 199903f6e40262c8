"""What the checks of the assignments share: inputs drawn by a seed, and answers that are missing.

Every check of an assignment takes a ``seed``. Seed 0 is the one that students see and run; grading
repeats the check with others, so hidden tests differ in numbers and shapes and in nothing else.
"""

import functools
import random
from collections.abc import Callable, Iterator, Mapping, Sequence

from torch import Tensor

from course_lib.lessons.checking import CheckFailed, call, compare
from course_lib.lessons.smallest_case import show

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


Cases = Iterator[tuple[Sequence[object], object, Mapping[str, object]]]


def homework(
    what: str, praise: str = "correct", names: Sequence[str] = (), crash: str = ""
) -> Callable[[Callable[[int], Cases]], Callable]:
    """Make a check of what yields its cases for a seed: inputs, right result, and mistakes.

    The check takes the answer and the seed.

    Args:
        what: the name of the exercise, in messages.
        praise: said when all cases are right.
        names: of the numbers that an answer returns together.
        crash: what a RuntimeError probably comes from.
    """

    def decorate(cases: Callable[[int], Cases]) -> Callable:
        @functools.wraps(cases)
        def check(answer: Callable, seed: int = VISIBLE) -> None:
            for inputs, right, mistakes in cases(seed):
                result = call(answer, *inputs, crash=crash)
                if not attempted(result, what, seed):
                    return
                shown = ", ".join(map(show, inputs))
                case = f"{what}({shown})" if len(shown) < 70 else what
                compare(result, tuple(right) if names else right, mistakes, case, names)
            print(f"{what}: {praise}")

        del check.__wrapped__  # whose only argument is the seed
        return check

    return decorate


def repeat(answer: Callable, right: Callable, inputs: tuple, what: str) -> None:
    """The same answer as ``right`` for inputs of a graded seed, after the lesson's own check."""
    result = call(answer, *inputs)
    attempted(result, what, seed=1)
    wanted = right(*inputs)
    results, wanted = ((x if isinstance(x, tuple) else (x,)) for x in (result, wanted))
    for mine, its in zip(results, wanted, strict=True):
        compare(mine.detach() if isinstance(mine, Tensor) else mine, its.detach(), {}, what)
