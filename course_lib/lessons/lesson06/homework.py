"""Checks of assignment A5 (an honest benchmark); each takes the answer and a seed."""

import math
import statistics
import time
from collections.abc import Callable, Iterator, Sequence

from course_lib.lessons.agreement import compare
from course_lib.lessons.answers import VISIBLE, CheckFailed, NotAttempted
from course_lib.lessons.checking import exercise, explained
from course_lib.lessons.homework_checking import draw
from course_lib.lessons.smallest_case import plain_list, show

STOPWATCH = 'lesson 06, section 1 "A wrong stopwatch"'
ONE_MACHINE = 'lesson 06, section 3 "The report\'s table, on one machine"'
Three = tuple[float, float, float]


def _spread_mistakes(times: Sequence[float]) -> dict[str, Three]:
    low, high, ordered = min(times), max(times), sorted(times)
    middle = statistics.median(times)
    return {
        "the mean is pulled up by one slow run: take the median": (
            statistics.fmean(times),
            low,
            high,
        ),
        "the middle of the list as it came: sort the times first": (
            times[len(times) // 2],
            low,
            high,
        ),
        "an even number of times has two in the middle: take their mean": (
            ordered[len(times) // 2],
            low,
            high,
        ),
        "an even number of times has two in the middle: this is the lower one, take their mean": (
            ordered[(len(times) - 1) // 2],
            low,
            high,
        ),
        "half way between the extremes is not the median": ((low + high) / 2, low, high),
        "the first and the last time are not the fastest and the slowest": (
            middle,
            times[0],
            times[-1],
        ),
        "the slowest run is left out: do not hide it": (
            middle,
            low,
            ordered[-2] if len(ordered) > 1 else high,
        ),
        "fastest and slowest are swapped": (middle, high, low),
        "the median comes first": (low, middle, high),
    }


@exercise(
    "spread",
    "odd and even numbers of times, one alone",
    STOPWATCH,
    lambda times: (statistics.median(times), min(times), max(times)),
    ("times",),
    lambda: [([2.0],), ([3.0, 1.0],), ([3.0, 1.0, 9.0],), ([3.0, 1.0, 9.0, 2.0],)],
    mistakes=_spread_mistakes,
    parts=("median", "fastest", "slowest"),
)
def check_spread(seed: int = VISIBLE) -> Iterator[tuple]:
    """A5.1: ``answer(times)`` -> (median, fastest, slowest)."""
    rng = draw(seed)
    for count in (3, 4 + 2 * rng.randint(0, 3), 7, 0):
        times = [round(rng.uniform(0.5, 1), 3) for _ in range(count)]
        times.insert(rng.randint(0, count), round(rng.uniform(3, 9), 2))
        yield (times,)


class FakeClock:
    """A clock that moves only while work is done, and two works that are slow the first time."""

    def __init__(self, first: float, others: list[float]) -> None:
        self.now, self.read, self.costs = 100.0, 0, others
        self.first = first
        self.done: list[tuple[int, float, float]] = []  # which work, begin, end

    def __call__(self) -> float:
        self.read += 1
        return self.now

    def work(self, number: int) -> None:
        before = [which for which, *_ in self.done].count(number)
        cost = self.costs[len(self.done) % len(self.costs)] if before else self.first
        self.done.append((number, self.now, self.now + cost))
        self.now += cost


@explained(STOPWATCH)
def check_measure(answer: Callable, seed: int = VISIBLE) -> None:
    """A5.2: ``answer(works, repeats)`` -> a list of seconds for each work, measured in turn.

    The clock is ``time.perf_counter``; for the check it is replaced by one that only work moves.
    """
    rng = draw(seed)
    repeats = rng.randint(4, 7)
    costs = [round(rng.uniform(0.5, 1.5), 2) for _ in range(4 * repeats + 3)]
    clock = FakeClock(round(rng.uniform(5, 9), 2), costs)
    real, coarse = time.perf_counter, time.time
    time.perf_counter = clock
    try:
        result = answer([lambda: clock.work(0), lambda: clock.work(1)], repeats)
    finally:
        time.perf_counter, time.time = real, coarse
    if result is None:
        if seed != VISIBLE:
            raise NotAttempted("measure: not attempted")
        return print("measure: not attempted yet")
    for number, times in enumerate(_check_use(clock, result, repeats)):
        _check_times(clock, number, times, repeats)
    turns = [which for which, *_ in clock.done][-2 * repeats :]
    if any(turns[k] == turns[k + 1] for k in range(0, 2 * repeats, 2)):
        raise CheckFailed(
            "one after the other: if the machine is busy for a while, one of them suffers; take "
            "turns, one call of each",
            f"Expected the calls {[0, 1] * repeats}, got {turns}",
        )
    print("measure: correct (a warm-up of each, then turn by turn)")


def _check_times(clock: FakeClock, number: int, times: list[float], repeats: int) -> None:
    """Compare the times of one work with those that its calls took."""
    calls = [(begin, end) for which, begin, end in clock.done if which == number]
    timed = calls[-repeats:]
    right = tuple(end - begin for begin, end in timed)
    if abs(times[0] - clock.first) < 1e-6 or len(calls) == repeats:
        raise CheckFailed(
            "the first call is in the list: it also pays for loading and memory; call each work "
            "once before the clock starts (warm-up)",
            f"Expected times near {clock.costs[0]:g}, got {times[0]:g} first",
        )
    start = timed[0][0]
    mistakes = {
        "the clock starts once for all: start it again before each call": tuple(
            end - start for _, end in timed
        ),
        "every time is the mean of all: keep each call's own time": (sum(right) / repeats,)
        * repeats,
        "milliseconds: return seconds": tuple(1000 * x for x in right),
        "the times are sorted: keep them in the order of the calls": tuple(sorted(right)),
        "these are calls per second: return seconds per call": tuple(1 / x for x in right),
        "the clock is started after work(): read it before": (0.0,) * repeats,
        "these are readings of the clock: subtract that before the call": tuple(
            end for _, end in timed
        ),
    }
    names = tuple(f"time {k}" for k in range(1, repeats + 1))
    compare(times, right, mistakes, f"measure, work {number}", names)


def _check_use(clock: FakeClock, result: object, repeats: int) -> list[list[float]]:
    """The times of both works; complain about a clock or work not used, or another form."""
    calls = [[which for which, *_ in clock.done].count(number) for number in (0, 1)]
    if not any(calls):
        raise CheckFailed(
            "the work was never called: write work(), with the brackets",
            f"Expected {repeats + 1} calls of each, got 0",
        )
    if clock.read == 0:
        raise CheckFailed(
            "time.perf_counter() was not asked; write 'import time' and 'time.perf_counter()': "
            "time.time() may jump when the computer's clock is set",
            "Expected a clock that is read before and after each call, got none",
        )
    lists = plain_list(result)
    if not isinstance(lists, list) or len(lists) != 2 or not isinstance(lists[0], list):
        raise CheckFailed(
            "return a list for each work, with all its times: a summary throws the spread away",
            f"Expected 2 lists of {repeats} times, got {show(result)}",
        )
    for times, count in zip(lists, calls, strict=True):
        if not isinstance(times, list) or len(times) != repeats:
            raise CheckFailed(
                f"{repeats} repeats were asked for, and other numbers of times came back",
                f"Expected {repeats} times, got {show(times)}",
            )
        if count < repeats:
            raise CheckFailed(
                f"a work was called {count} times for {repeats} repeats: each time is that of a "
                "call of its own",
                f"Expected {repeats + 1} calls, got {count}",
            )
    return lists


def _speedup(plain: Sequence[float], ours: Sequence[float]) -> Three:
    ratios = [p / o for p, o in zip(plain, ours, strict=True)]
    return statistics.median(plain) / statistics.median(ours), min(ratios), max(ratios)


def _speedup_mistakes(plain: Sequence[float], ours: Sequence[float]) -> dict[str, Three]:
    ratios = [p / o for p, o in zip(plain, ours, strict=True)]
    ratio, low, high = _speedup(plain, ours)
    return {
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
        "the ratio of the fastest runs and that of the slowest are no pairs of one turn": (
            ratio,
            *sorted((min(plain) / min(ours), max(plain) / max(ours))),
        ),
        "the lists are sorted, which takes the pairs apart: keep the order of the turns": (
            ratio,
            *(
                f(p / o for p, o in zip(sorted(plain), sorted(ours), strict=True))
                for f in (min, max)
            ),
        ),
        "the median of the ratios is another number: divide the medians": (
            statistics.median(ratios),
            low,
            high,
        ),
        "the mean of the ratios is another number: divide the medians": (
            statistics.fmean(ratios),
            low,
            high,
        ),
        "this is the ratio of the fastest runs: divide the medians": (
            min(plain) / min(ours),
            low,
            high,
        ),
        "these are seconds saved, not a ratio: divide": (
            statistics.median(plain) - statistics.median(ours),
            *(f(p - o for p, o in zip(plain, ours, strict=True)) for f in (min, max)),
        ),
        "lowest and highest are swapped": (ratio, high, low),
    }


@exercise(
    "speedup",
    "a machine that is busy now and then",
    ONE_MACHINE,
    _speedup,
    ("plain", "ours"),
    lambda: [([4.0], [2.0]), ([4.0, 9.0], [2.0, 3.0]), ([4.0, 9.0, 5.0], [2.0, 3.0, 1.0])],
    mistakes=_speedup_mistakes,
    parts=("ratio of medians", "lowest", "highest"),
)
def check_speedup(seed: int = VISIBLE) -> Iterator[tuple]:
    """A5.3: ``answer(plain, ours)``: times taken in turn -> (ratio of medians, lowest, highest)."""
    rng = draw(seed)
    for count in (5, 6, 5 + seed % 4):
        load = [rng.choice((1, 1, 1, 2.5)) for _ in range(count)]
        plain, ours = ([round(x * rng.uniform(*r), 3) for x in load] for r in ((2, 3), (0.5, 1)))
        yield plain, ours


def _break_even(training: float, fast: float, slow: float) -> float:
    return math.floor(training / (slow - fast)) + 1 if slow > fast else math.inf


def _even_mistakes(training: float, fast: float, slow: float) -> dict[str, float]:
    if slow <= fast:
        return {}
    exact = training / (slow - fast)
    return {
        "the fast method needs time for its images, too: divide by slow - fast": (
            math.floor(training / slow) + 1
        ),
        "divided by the fast method's seconds: each image saves slow - fast": (
            math.floor(training / fast) + 1
        ),
        "the seconds of both are added: each image saves slow - fast": (
            math.floor(training / (slow + fast)) + 1
        ),
        "rounded down, training has not paid yet: it has from the next image on": math.floor(exact),
        "with that many both take equally long: training has paid from the next image on": (
            math.ceil(exact)
        ),
        "rounded to the nearest: training has paid from the next whole image on": round(exact),
        "a whole number of images: round up to the next one": exact,
        "one image too many: training has paid with the one before": math.floor(exact) + 2,
    }


def _check_never(result: object, training: float, fast: float, slow: float) -> None:
    """Where the slow method is not slower, only infinity is right, and no number however large."""
    if slow <= fast and result != math.inf:
        raise CheckFailed(
            "slow is not slower here: training never pays, return math.inf",
            f"For training = {training:g}, fast = {fast:g}, slow = {slow:g} expected inf, got "
            f"{show(result)}",
        )


@exercise(
    "break_even",
    "paid at once, later, exactly, never",
    'lesson 06, section 3 "The report\'s table, on one machine"',
    _break_even,
    ("training", "fast", "slow"),
    lambda: [(1.0, 1.0, 3.0), (5.0, 1.0, 1.0), (5.0, 2.0, 1.0), (4.0, 1.0, 3.0)],
    mistakes=_even_mistakes,
    form=_check_never,
)
def check_break_even(seed: int = VISIBLE) -> Iterator[tuple]:
    """A5.4: ``answer(training, fast, slow)``: images from which training has paid; inf if never."""
    rng = draw(seed)
    yield 101.0, 1.0, 3.0
    yield rng.randint(50, 5000) + 0.25, 0.25, 2.0 + rng.randint(0, 40)
    yield 53.0, 1.0, 11.0
    yield 57.0, 1.0, 11.0
    yield 100.0, 1.0, 3.0
    yield 0.0, 1.0, 2.0
    yield 500.0, 2.0, 2.0
    yield 500.0, 3.0, 2.0
    yield 0.0, 3.0, 2.0
