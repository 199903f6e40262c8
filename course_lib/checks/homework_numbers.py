"""Checks of the assignments A5 (an honest benchmark) and A6 (a survey).

Each takes the answer and a seed; see ``seeded.py``. All raise CheckFailed with the likely mistake.
"""

import math
import statistics
import time
from collections.abc import Callable

from course_lib.checks.comparing import CheckFailed, call
from course_lib.checks.seeded import VISIBLE, attempted, draw, expect_number, expect_numbers
from course_lib.survey.intervals import binomial_test, wilson


def check_spread(answer: Callable, seed: int = VISIBLE) -> None:
    """A5.1: ``answer(times)`` -> (median, fastest, slowest)."""
    rng = draw(seed)
    for count in (3, 4 + 2 * rng.randint(0, 3), 7):
        times = [round(rng.uniform(0.5, 1), 3) for _ in range(count)] + [
            round(rng.uniform(3, 9), 2)
        ]
        rng.shuffle(times)
        result = call(answer, times)
        if not attempted(result, "spread", seed):
            return
        low, high = min(times), max(times)
        middle, mean = statistics.median(times), statistics.fmean(times)
        mistakes = {
            "the mean is pulled up by one slow run: take the median": (mean, low, high),
            "the middle of the list as it came: sort the times first": (
                times[len(times) // 2], low, high),
            "an even number of times has two in the middle: take their mean": (
                sorted(times)[len(times) // 2], low, high),
            "fastest and slowest are swapped": (middle, high, low),
        }  # fmt: skip
        right = (middle, low, high)
        expect_numbers(result, right, ("median", "fastest", "slowest"), mistakes, "spread")
    print("spread: correct")


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
    clock = FakeClock(round(rng.uniform(5, 9), 2),
                      [round(rng.uniform(0.5, 1.5), 2) for _ in range(repeats + 3)])  # fmt: skip
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
    expect_numbers(result, right, names, mistakes, "measure")
    print("measure: correct (one warm-up, then one time per call)")


def check_speedup(answer: Callable, seed: int = VISIBLE) -> None:
    """A5.3: ``answer(plain, ours)``: times taken in turn -> (ratio of medians, lowest, highest)."""
    rng = draw(seed)
    for count in (5, 6, 5 + seed % 4):
        load = [rng.choice((1, 1, 1, 2.5)) for _ in range(count)]
        plain = [round(load_ * rng.uniform(2, 3), 3) for load_ in load]
        ours = [round(load_ * rng.uniform(0.5, 1), 3) for load_ in load]
        result = call(answer, plain, ours)
        if not attempted(result, "speedup", seed):
            return
        ratios = [p / o for p, o in zip(plain, ours, strict=True)]
        ratio = statistics.median(plain) / statistics.median(ours)
        low, high = min(ratios), max(ratios)
        mistakes = {
            "upside down: how often ours fits into plain is plain / ours": (
                1 / ratio, 1 / high, 1 / low),
            "means are pulled up by a slow run: take the ratio of the medians": (
                statistics.fmean(plain) / statistics.fmean(ours), low, high),
            "the range must come from pairs taken in the same turn, not from the extremes of both "
            "lists": (ratio, min(plain) / max(ours), max(plain) / min(ours)),
            "the median of the ratios is another number: divide the medians": (
                statistics.median(ratios), low, high),
        }  # fmt: skip
        names = ("ratio of medians", "lowest", "highest")
        expect_numbers(result, (ratio, low, high), names, mistakes, "speedup")
    print("speedup: correct")


def check_break_even(answer: Callable, seed: int = VISIBLE) -> None:
    """A5.4: ``answer(training, fast, slow)``: images from which training has paid; inf if never."""
    rng = draw(seed)
    cases = [(100.0, 1.0, 3.0), (rng.randint(50, 5000) + 0.5, 0.25, 2.0 + rng.randint(0, 40)),
             (0.0, 1.0, 2.0), (500.0, 2.0, 2.0), (500.0, 3.0, 2.0)]  # fmt: skip
    for training, fast, slow in cases:
        result = call(answer, training, fast, slow)
        if not attempted(result, "break_even", seed):
            return
        what = f"break_even({training}, {fast}, {slow})"
        if slow <= fast:
            mistakes = {"slow is not slower here: training never pays, return math.inf": -1.0}
            if isinstance(result, int | float) and result != math.inf:
                mistakes = dict.fromkeys(mistakes, float(result))
            expect_number(result, math.inf, mistakes, what)
            continue
        right = math.floor(training / (slow - fast)) + 1
        mistakes = {
            "the fast method needs time for its images, too: divide by slow - fast": (
                math.floor(training / slow) + 1),
            "with that many both take equally long: training has paid from the next image on": (
                right - 1),
            "a whole number of images: round up to the next one": training / (slow - fast),
        }  # fmt: skip
        expect_number(result, right, mistakes, what)
    print("break_even: correct")


def check_rate(answer: Callable, seed: int = VISIBLE) -> None:
    """A6.1: ``answer(right)``: lists of True and False, one per person -> (rate, answers)."""
    for table in _tables(seed):
        result = call(answer, table)
        if not attempted(result, "rate", seed):
            return
        hits, count = sum(map(sum, table)), sum(map(len, table))
        mistakes = {
            "percent: here a rate lies between 0 and 1": (100 * hits / count, count),
            "people were counted, not answers": (hits / len(table), len(table)),
            "the number of right answers is not the number of answers": (hits / count, hits),
        }
        expect_numbers(result, (hits / count, count), ("rate", "answers"), mistakes, "rate")
    print("rate: correct")


def _tables(seed: int) -> list[list[list[bool]]]:
    """Answers of people who differ in skill: (people, questions)."""
    rng = draw(seed)
    tables = []
    for people, questions in ((8, 5), (12 + seed % 5, 4), (20, 3 + seed % 4)):
        skills = [rng.choice((0.3, 0.7, 0.95)) for _ in range(people)]
        rows = [[rng.random() < skill for _ in range(questions)] for skill in skills]
        rows[0], rows[1] = [True] * questions, [False] + [True] * (questions - 1)
        tables.append(rows)
    return tables


def check_wilson(answer: Callable, seed: int = VISIBLE) -> None:
    """A6.2: ``answer(successes, answers)``: Wilson's interval at 95 %, (low, high)."""
    rng = draw(seed)
    cases = [(9, 10), (10, 10)] + [(rng.randint(0, 40), rng.randint(40, 90)) for _ in range(3)]
    for successes, answers in cases:
        result = call(answer, successes, answers)
        if not attempted(result, "wilson", seed):
            return
        p = successes / answers
        half = 1.96 * math.sqrt(p * (1 - p) / answers)
        right = wilson(successes, answers)
        mistakes = {
            "the textbook interval p +- 1.96 sqrt(p (1 - p) / n): it leaves [0, 1] and is a point "
            "at p = 1; use Wilson's": (p - half, p + half),
            "the textbook interval, cut off at 0 and 1: use Wilson's": (
                max(p - half, 0), min(p + half, 1)),
            "percent: here a rate lies between 0 and 1": (100 * right[0], 100 * right[1]),
            "low and high are swapped": (right[1], right[0]),
        }  # fmt: skip
        what = f"wilson({successes}, {answers})"
        low, high = result if isinstance(result, tuple | list) and len(result) == 2 else (9, 9)
        if isinstance(low, float) and max(abs(low - right[0]), abs(high - right[1])) < 1e-3:
            continue  # 1.96 or the exact quantile
        expect_numbers(result, right, ("low", "high"), mistakes, what)
    print("wilson: correct, also where everybody is right")


def check_p_value(answer: Callable, seed: int = VISIBLE) -> None:
    """A6.3: ``answer(successes, answers)``: two-sided exact p-value against a fair coin."""
    rng = draw(seed)
    cases = [(9, 10), (5, 10), (2, 11)] + [(rng.randint(8, 20), 20 + rng.randint(0, 9))] * 2
    for successes, answers in cases:
        result = call(answer, successes, answers)
        if not attempted(result, "p_value", seed):
            return
        tail = [math.comb(answers, k) / 2**answers for k in range(answers + 1)]
        upper, lower = sum(tail[successes:]), sum(tail[: successes + 1])
        right = binomial_test(successes, answers)
        mistakes = {
            "this is one-sided: as far from one half on either side counts": min(upper, lower),
            "this is the upper side alone: as far from one half on either side counts": upper,
            "the probability of exactly this many: 'at least as far' sums over more": (
                tail[successes]),
            "a probability is at most 1: with exactly one half right it is 1": 2 * upper,
        }  # fmt: skip
        expect_number(result, right, mistakes, f"p_value({successes}, {answers})")
    print("p_value: correct")


def check_people_interval(answer: Callable, seed: int = VISIBLE) -> None:
    """A6.4: ``answer(right)``: mean of the people's rates +- 1.96 standard errors over people."""
    for table in _tables(seed):
        result = call(answer, table)
        if not attempted(result, "people_interval", seed):
            return
        rates = [sum(row) / len(row) for row in table]
        mean, people = statistics.fmean(rates), len(rates)
        count = people * len(table[0])

        def around(half: float, mean: float = mean) -> tuple[float, float]:
            return mean - half, mean + half

        spread = statistics.stdev(rates)
        mistakes = {
            "all answers are counted as independent: a person's five answers are alike, so the "
            "people are the sample": around(1.96 * math.sqrt(mean * (1 - mean) / count)),
            "divided by the root of the number of answers: by that of the people": around(
                1.96 * spread / math.sqrt(count)),
            "the spread of the people, not of their mean: divide by the root of their number": (
                around(1.96 * spread)),
            "divide the squares by people - 1 here: the mean was estimated from the same rates": (
                around(1.96 * statistics.pstdev(rates) / math.sqrt(people))),
            "1.96 standard errors to either side, not one": around(spread / math.sqrt(people)),
        }  # fmt: skip
        right = around(1.96 * spread / math.sqrt(people))
        expect_numbers(result, right, ("low", "high"), mistakes, "people_interval")
    print("people_interval: correct (people are the sample)")


def check_people_needed(answer: Callable, seed: int = VISIBLE) -> None:
    """A6.5: ``answer(spread, half_width)``: people for an interval of +- half_width."""
    rng = draw(seed)
    for _ in range(3):
        spread, half = round(rng.uniform(0.15, 0.35), 3), round(rng.uniform(0.03, 0.1), 3)
        result = call(answer, spread, half)
        if not attempted(result, "people_needed", seed):
            return
        exact = (1.96 * spread / half) ** 2
        mistakes = {
            "round up: with fewer the interval is a little too wide": float(math.floor(exact)),
            "square it: half the width costs four times as many people": float(
                math.ceil(math.sqrt(exact))),
            "1.96 is missing": float(math.ceil((spread / half) ** 2)),
            "half the width, on either side: this is for the whole width": float(
                math.ceil((2 * 1.96 * spread / half) ** 2)),
            "a whole number of people: round up": exact,
        }  # fmt: skip
        expect_number(result, math.ceil(exact), mistakes, f"people_needed({spread}, {half})")
    print("people_needed: correct")
