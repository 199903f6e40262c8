"""Checks of assignment A5 (an honest benchmark).

Each takes the answer and a seed; see ``homework_checking``.
"""

import math
import statistics
import time
from collections.abc import Callable

from course_lib.lessons.checking import CheckFailed, call, compare
from course_lib.lessons.homework_checking import VISIBLE, Cases, attempted, draw, homework


@homework("spread", names=("median", "fastest", "slowest"))
def check_spread(seed: int) -> Cases:
    """A5.1: ``answer(times)`` -> (median, fastest, slowest)."""
    rng = draw(seed)
    for count in (3, 4 + 2 * rng.randint(0, 3), 7):
        times = [round(rng.uniform(0.5, 1), 3) for _ in range(count)] + [
            round(rng.uniform(3, 9), 2)
        ]
        rng.shuffle(times)
        low, high = min(times), max(times)
        middle, mean = statistics.median(times), statistics.fmean(times)
        mistakes = {
            "the mean is pulled up by one slow run: take the median": (mean, low, high),
            "the middle of the list as it came: sort the times first": (
                times[len(times) // 2],
                low,
                high,
            ),
            "an even number of times has two in the middle: take their mean": (
                sorted(times)[len(times) // 2],
                low,
                high,
            ),
            "fastest and slowest are swapped": (middle, high, low),
        }
        right = (middle, low, high)
        yield (times,), right, mistakes


class FakeClock:
    """A clock that moves only while work is done, and work that is slow the first time."""

    def __init__(self, first: float, others: list[float]) -> None:
        self.now, self.calls, self.read = 100.0, 0, 0
        self.first, self.others = first, others

    def __call__(self) -> float:
        self.read += 1
        return self.now

    def work(self) -> None:
        cost = self.first if self.calls == 0 else self.others[(self.calls - 1) % len(self.others)]
        self.calls += 1
        self.now += cost


def check_measure(answer: Callable, seed: int = VISIBLE) -> None:
    """A5.2: ``answer(work, repeats)`` -> list of seconds, without the first, slow call.

    The clock is ``time.perf_counter``; for the check it is replaced by one that only work moves.
    """
    rng = draw(seed)
    repeats = rng.randint(4, 7)
    clock = FakeClock(
        round(rng.uniform(5, 9), 2), [round(rng.uniform(0.5, 1.5), 2) for _ in range(repeats + 3)]
    )
    real, coarse = time.perf_counter, time.time
    time.perf_counter = clock
    try:
        result = answer(clock.work, repeats)
    finally:
        time.perf_counter, time.time = real, coarse
    if not attempted(result, "measure", seed):
        return
    if clock.calls == 0:
        raise CheckFailed("the work was never called: write work(), with the brackets")
    if clock.read == 0:
        raise CheckFailed(
            "time.perf_counter() was not asked; write 'import time' and 'time.perf_counter()': "
            "time.time() may jump when the computer's clock is set"
        )
    if not isinstance(result, list | tuple):
        raise CheckFailed("return the list of all times: a summary throws the spread away")
    if len(result) != repeats:
        raise CheckFailed(f"{repeats} repeats were asked for, and {len(result)} times came back")
    if abs(result[0] - clock.first) < 1e-6:
        raise CheckFailed(
            "the first call is in the list: it also pays for loading and memory; call work() once "
            "before the clock starts (warm-up)"
        )
    names = tuple(f"time {number}" for number in range(1, repeats + 1))
    right = tuple(clock.others[:repeats])
    total = [sum(right[: number + 1]) for number in range(repeats)]
    mistakes = {"the clock starts once for all: start it again before each call": tuple(total)}
    compare(result, right, mistakes, "measure", names)
    print("measure: correct (one warm-up, then one time per call)")


@homework("speedup", names=("ratio of medians", "lowest", "highest"))
def check_speedup(seed: int) -> Cases:
    """A5.3: ``answer(plain, ours)``: times taken in turn -> (ratio of medians, lowest, highest)."""
    rng = draw(seed)
    for count in (5, 6, 5 + seed % 4):
        load = [rng.choice((1, 1, 1, 2.5)) for _ in range(count)]
        plain = [round(load_ * rng.uniform(2, 3), 3) for load_ in load]
        ours = [round(load_ * rng.uniform(0.5, 1), 3) for load_ in load]
        ratios = [p / o for p, o in zip(plain, ours, strict=True)]
        ratio = statistics.median(plain) / statistics.median(ours)
        low, high = min(ratios), max(ratios)
        mistakes = {
            "upside down: how often ours fits into plain is plain / ours": (
                1 / ratio,
                1 / high,
                1 / low,
            ),
            "means are pulled up by a slow run: take the ratio of the medians": (
                statistics.fmean(plain) / statistics.fmean(ours),
                low,
                high,
            ),
            "the range must come from pairs taken in the same turn, not from the extremes of both "
            "lists": (ratio, min(plain) / max(ours), max(plain) / min(ours)),
            "the median of the ratios is another number: divide the medians": (
                statistics.median(ratios),
                low,
                high,
            ),
        }
        yield (plain, ours), (ratio, low, high), mistakes


def check_break_even(answer: Callable, seed: int = VISIBLE) -> None:
    """A5.4: ``answer(training, fast, slow)``: images from which training has paid; inf if never."""
    rng = draw(seed)
    cases = [
        (100.0, 1.0, 3.0),
        (rng.randint(50, 5000) + 0.5, 0.25, 2.0 + rng.randint(0, 40)),
        (0.0, 1.0, 2.0),
        (500.0, 2.0, 2.0),
        (500.0, 3.0, 2.0),
    ]
    for training, fast, slow in cases:
        result = call(answer, training, fast, slow)
        if not attempted(result, "break_even", seed):
            return
        what = f"break_even({training}, {fast}, {slow})"
        if slow <= fast:
            mistakes = {"slow is not slower here: training never pays, return math.inf": -1.0}
            if isinstance(result, int | float) and result != math.inf:
                mistakes = dict.fromkeys(mistakes, float(result))
            compare(result, math.inf, mistakes, what)
            continue
        right = math.floor(training / (slow - fast)) + 1
        mistakes = {
            "the fast method needs time for its images, too: divide by slow - fast": (
                math.floor(training / slow) + 1
            ),
            "with that many both take equally long: training has paid from the next image on": (
                right - 1
            ),
            "a whole number of images: round up to the next one": training / (slow - fast),
        }
        compare(result, right, mistakes, what)
    print("break_even: correct")
