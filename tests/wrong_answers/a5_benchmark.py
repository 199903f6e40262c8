"""Answers to assignment A5."""

import math
import statistics
import time

import numpy as np

from course_lib.lessons.lesson06 import homework
from wrong_answers.answers import Answers, as_numbers, as_rows, sometimes
from wrong_answers.timer import each

BRANCH = "missing in one branch"


def spread(times):
    return statistics.median(times), min(times), max(times)


def by_sorting(times):
    ordered, n = sorted(times), len(times)
    return [(ordered[(n - 1) // 2] + ordered[n // 2]) / 2, ordered[0], ordered[-1]]


def in_place(times):
    times.sort()
    return spread(times)


def measure(work, repeats, warm_ups=1, clock=None, late=False):
    return each(work, repeats, warm_ups, before=False, after=False, late=late, clock=clock)


def from_the_start(work, repeats):
    work()
    begin = time.perf_counter()
    times = []
    for _ in range(repeats):
        work()
        times.append(time.perf_counter() - begin)
    return times


def all_in_one(work, repeats):
    work()
    begin = time.perf_counter()
    for _ in range(repeats):
        work()
    return [(time.perf_counter() - begin) / repeats] * repeats


def one_call(work, repeats):
    return measure(work, 1) * repeats


def from_bare_name(work, repeats):
    return measure(work, repeats, clock=time.monotonic)


def speedup(plain, ours):
    ratios = [p / o for p, o in zip(plain, ours, strict=True)]
    return statistics.median(plain) / statistics.median(ours), min(ratios), max(ratios)


def with_numpy(plain, ours):
    plain, ours = np.array(plain), np.array(ours)
    ratios = plain / ours
    return np.array([np.median(plain) / np.median(ours), ratios.min(), ratios.max()])


def break_even(training, fast, slow, never=math.inf):
    return math.floor(training / (slow - fast)) + 1 if slow > fast else never


def by_counting(training, fast, slow):
    if slow <= fast:
        return float("inf")
    images = 1
    while training + images * fast >= images * slow:
        images += 1
    return images


EXERCISES = {
    "spread": Answers(
        homework.check_spread,
        {"statistics": spread, "sorted": by_sorting, **as_rows(spread)},
        {
            "sorted in place": (in_place, "in place"),
            "the median alone": (lambda times: spread(times)[0], "return 3 numbers"),
            "a dictionary": (
                lambda times: dict(zip("mfs", spread(times), strict=True)),
                "return 3 numbers",
            ),
            "one branch": (sometimes(spread, lambda times: len(times) % 2 == 0), BRANCH),
        },
    ),
    "measure": Answers(
        homework.check_measure,
        {
            "a list": measure,
            "a tuple": lambda w, n: tuple(measure(w, n)),
            "an array": lambda w, n: np.array(measure(w, n)),
            "two warm-ups": lambda w, n: measure(w, n, 2),
        },
        {
            "no warm-up": (lambda w, n: measure(w, n, 0), "the first call is in the list"),
            "one clock for all": (from_the_start, "starts once for all"),
            "means": (all_in_one, "the mean of all"),
            "one call": (one_call, "called 2 times"),
            "another clock": (from_bare_name, r"time.perf_counter\(\) was not asked"),
            "milliseconds": (lambda w, n: [1000 * x for x in measure(w, n)], "milliseconds"),
            "sorted": (lambda w, n: sorted(measure(w, n)), "in the order of the calls"),
            "rates": (lambda w, n: [1 / x for x in measure(w, n)], "calls per second"),
            "too late": (lambda w, n: measure(w, n, late=True), "read it before"),
            "the median": (lambda w, n: statistics.median(measure(w, n)), "list of all times"),
            "one too few": (lambda w, n: measure(w, n)[1:], "repeats were asked for"),
            "not called": (lambda w, n: [time.perf_counter()] * n, "never called"),
            "nonsense": (lambda w, n: [2 * x + 1 for x in measure(w, n)], "expected"),
        },
    ),
    "speedup": Answers(
        homework.check_speedup,
        {"statistics": speedup, "NumPy": with_numpy, **as_rows(speedup)},
        {
            "the ratio alone": (lambda p, o: speedup(p, o)[0], "return 3 numbers"),
            "one branch": (sometimes(speedup, lambda p, o: len(p) % 2 == 0), BRANCH),
        },
    ),
    "break_even": Answers(
        homework.check_break_even,
        {"a formula": break_even, "counting": by_counting, **as_numbers(break_even)},
        {
            "minus one": (lambda *x: break_even(*x, never=-1), "training never pays"),
            "a large number": (lambda *x: break_even(*x, never=10**9), "training never pays"),
            "a huge number": (lambda *x: break_even(*x, never=np.float64(1e308)), "never pays"),
            "a huge whole number": (lambda *x: break_even(*x, never=10**400), "never pays"),
            "minus infinity": (lambda *x: break_even(*x, never=-math.inf), "never pays"),
            "not a number": (lambda *x: break_even(*x, never=math.nan), "never pays"),
            "nothing": (lambda *x: break_even(*x, never=None), BRANCH),
            "a word": (lambda *x: break_even(*x, never="never"), "never pays"),
        },
        {"equally fast": lambda t, f, s: math.floor(t / (s - s)) + 1},
    ),
}
