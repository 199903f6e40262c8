"""The check of lesson 07 on the interval of a share."""

import math
from collections.abc import Callable

from course_lib.checks.comparing import CheckFailed, call, explained
from course_lib.checks.examples import show
from course_lib.survey.intervals import Interval, wilson

# Successes and answers: ordinary, the report's, all right, none right, few.
CASES = ((3, 4), (250, 325), (5, 5), (0, 7), (17, 20))


@explained("lesson 07, section 4.1, an interval")
def check_wilson_interval(answer: Callable[[int, int], Interval]) -> None:
    """``answer(successes, answers)`` -> (low, high): Wilson's 95 % interval of a share.

    Raises:
        CheckFailed: with the likely mistake.
    """
    for successes, answers in CASES:
        result = call(answer, successes, answers)
        if result is None:
            return print("wilson_interval: not attempted yet")
        shown = f"{successes} right of {answers}"
        try:
            low, high = (float(end) for end in result)
        except (TypeError, ValueError):
            raise CheckFailed(
                "return a pair (low, high)", f"{shown}: expected two numbers, got {show(result)}"
            ) from None
        _compare((low, high), successes, answers, shown)
    print("wilson_interval: correct (few answers, many, all right, none right)")


def _compare(given: Interval, successes: int, answers: int, shown: str) -> None:
    expected = wilson(successes, answers)
    if _near(given, expected):
        return
    example = (
        f"{shown}: expected ({expected[0]:.4f}, {expected[1]:.4f}), "
        f"got ({given[0]:.4f}, {given[1]:.4f})"
    )
    for diagnosis, wrong in _mistakes(successes, answers).items():
        if _near(given, wrong):
            raise CheckFailed(diagnosis, example)
    raise CheckFailed("this is not Wilson's interval of 95 %", example)


def _near(given: Interval, wanted: Interval) -> bool:
    return all(
        math.isclose(a, b, rel_tol=1e-3, abs_tol=2e-4) for a, b in zip(given, wanted, strict=True)
    )


def _mistakes(successes: int, n: int, z: float = 1.96) -> dict[str, Interval]:
    """Intervals of the likely mistakes."""
    p, scale = successes / n, 1 + z**2 / n
    low, high = wilson(successes, n)
    centre, half = (low + high) / 2, (high - low) / 2
    wald = z * math.sqrt(p * (1 - p) / n)
    root = math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    without = z * math.sqrt(p * (1 - p) / n) / scale
    return {
        "this is Wald's interval, p +- z standard errors at the observed share; Wilson's takes the "
        "standard error at p": (p - wald, p + wald),
        "this is Wald's interval, cut off at 0 and 1; cutting off does not make it Wilson's": (
            max(0.0, p - wald), min(1.0, p + wald)),
        "this is a 90 % interval: 95 % takes z = 1.96": wilson(successes, n, 0.9),
        "this is a 99 % interval: 95 % takes z = 1.96": wilson(successes, n, 0.99),
        "one standard error instead of 1.96 of them": wilson(successes, n, 0.6826895),
        "the middle is the observed share: Wilson's is pulled towards one half, by z^2 / 2n above "
        "and z^2 / n below the line": (p - half, p + half),
        "nothing is divided by 1 + z^2 / n": (
            centre * scale - half * scale, centre * scale + half * scale),
        "the half width is not divided by 1 + z^2 / n": (centre - z * root, centre + z * root),
        "the middle is not divided by 1 + z^2 / n": (centre * scale - half, centre * scale + half),
        "z^2 / 4n^2 is missing under the root": (centre - without, centre + without),
        "the half width is not multiplied by z": (
            centre - root / scale, centre + root / scale),
        "the ends are in reverse order: (low, high)": (high, low),
        "percentages: give shares, from 0 to 1": (100 * low, 100 * high),
        "(middle, half width) was given: give (low, high)": (centre, half),
        "this is the interval of the share of wrong answers": wilson(n - successes, n),
    }  # fmt: skip
