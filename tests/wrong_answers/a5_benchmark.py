"""Answers to assignment A5."""

import math
import statistics
import time

import numpy as np
import torch

from course_lib.lessons.lesson06 import homework
from course_lib.measuring.timing import repeated
from wrong_answers.answers import Answers, as_numbers, as_rows, sometimes

BRANCH = "missing in one branch"


def spread(times):
    return statistics.median(times), min(times), max(times)


def by_sorting(times):
    ordered, n = sorted(times), len(times)
    return [(ordered[(n - 1) // 2] + ordered[n // 2]) / 2, ordered[0], ordered[-1]]


def in_place(times):
    times.sort()
    return spread(times)


def measure(works, repeats, warm_ups=1, clock=None, late=False, change=lambda times: times):
    """The timer, turn by turn, in every variation that a mistake makes of it."""
    clock = clock or time.perf_counter
    for work in [*works] * warm_ups:
        work()
    found = [[] for _ in works]
    for _ in range(repeats):
        for work, times in zip(works, found, strict=True):
            if late:
                work()
            begin = clock()
            if not late:
                work()
            times.append(clock() - begin)
    return [change(times) for times in found]


def varied(**changes):
    return lambda works, repeats: measure(works, repeats, **changes)


def from_the_start(works, repeats):
    for work in works:
        work()
    begin = time.perf_counter()
    found = [[], []]
    for number in range(2 * repeats):
        works[number % 2]()
        found[number % 2].append(time.perf_counter() - begin)
    return found


def one_after_the_other(works, repeats):
    return [measure([work], repeats)[0] for work in works]


def by_the_course(works, repeats):
    return [repeated(work, repeats, torch.device("cpu")) for work in works]


def one_call(works, repeats):
    return [times * repeats for times in measure(works, 1)]


def from_bare_name(works, repeats):
    return measure(works, repeats, clock=time.monotonic)


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
            "lists": measure,
            "a tuple": lambda w, n: tuple(map(tuple, measure(w, n))),
            "an array": lambda w, n: np.array(measure(w, n)),
            "two warm-ups": varied(warm_ups=2),
        },
        {
            "no warm-up": (varied(warm_ups=0), "the first call is in the list"),
            "one clock for all": (from_the_start, "starts once for all"),
            "one after the other": (one_after_the_other, "take turns"),
            "the course's": (by_the_course, "take turns"),
            "means": (varied(change=lambda t: [sum(t) / len(t)] * len(t)), "the mean of all"),
            "one call": (one_call, "called 2 times"),
            "another clock": (from_bare_name, r"time.perf_counter\(\) was not asked"),
            "milliseconds": (varied(change=lambda t: [1000 * x for x in t]), "milliseconds"),
            "sorted": (varied(change=sorted), "in the order of the calls"),
            "rates": (varied(change=lambda t: [1 / x for x in t]), "calls per second"),
            "too late": (varied(late=True), "read it before"),
            "the medians": (varied(change=statistics.median), "a list for each work"),
            "the first alone": (lambda w, n: measure(w, n)[0], "a list for each work"),
            "one too few": (varied(change=lambda t: t[1:]), "repeats were asked for"),
            "not called": (lambda w, n: [[time.perf_counter()] * n] * 2, "never called"),
            "nonsense": (varied(change=lambda t: [2 * x + 1 for x in t]), "expected"),
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
