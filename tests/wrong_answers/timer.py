"""Answers to the exercise on a timer (lesson 06)."""

import statistics
import time

import numpy as np

from course_lib.lessons.lesson06 import timer_checks
from course_lib.system.devices import synchronize

check = timer_checks.check_timer
device = None  # what the timers wait for; the check waits in its own way


def each(work, repeats, warm_up=1, before=True, after=True, late=False, clock=None):
    """Seconds of each call, the right way or with a mistake."""
    clock = clock or time.perf_counter
    for _ in range(warm_up):
        work()
    if before:
        synchronize(device)
    times = []
    for _ in range(repeats):
        begin = clock()
        work()
        if late:
            begin = clock()
        if after:
            synchronize(device)
        times.append(clock() - begin)
    return times


def right(work, repeats):
    return statistics.median(each(work, repeats))


def two_warm_ups(work, repeats):
    return statistics.median(each(work, repeats, warm_up=2))


def with_nanoseconds(work, repeats):
    return statistics.median(each(work, repeats, clock=time.perf_counter_ns)) / 1e9


def total(work, repeats, before_warm_up=False):
    begin = time.perf_counter()
    work()
    synchronize(device)
    if not before_warm_up:
        begin = time.perf_counter()
    for _ in range(repeats):
        work()
    synchronize(device)
    return time.perf_counter() - begin


def in_float32(work, repeats):
    return np.float32(right(work, repeats))


RIGHT = {
    "in float32": in_float32,
    "median": right,
    "two warm-ups": two_warm_ups,
    "nanoseconds": with_nanoseconds,
}

WRONG = {
    "no warm-up": (lambda w, n: statistics.median(each(w, n, warm_up=0)), "first call is among"),
    "no warm-up, mean": (lambda w, n: statistics.fmean(each(w, n, warm_up=0)), "first call.*mean"),
    "all calls count": (
        lambda w, n: statistics.median(each(w, n + 1, warm_up=0)),
        "first call is among",
    ),
    "not waited for": (lambda w, n: statistics.median(each(w, n, after=False)), "not waited for"),
    "never waited for": (
        lambda w, n: statistics.fmean(each(w, n, before=False, after=False)),
        "not waited for",
    ),
    "busy at the start": (lambda w, n: statistics.median(each(w, n, before=False)), "still busy"),
    "mean": (lambda w, n: statistics.fmean(each(w, n)), "this is the mean"),
    "mean of one go": (lambda w, n: total(w, n) / n, "this is the mean"),
    "fastest": (lambda w, n: min(each(w, n)), "fastest call"),
    "slowest": (lambda w, n: max(each(w, n)), "slowest call"),
    "sum": (lambda w, n: sum(each(w, n)), "all calls: return those of one"),
    "one go, not divided": (total, "all calls: return those of one"),
    "clock before warm-up": (lambda w, n: total(w, n, True) / n, "before the warm-up"),
    "clock before warm-up, not divided": (lambda w, n: total(w, n, True), "first call is among"),
    "divided by too many": (lambda w, n: sum(each(w, n)) / (n + 1), "divided by all calls"),
    "clock too late": (lambda w, n: statistics.median(each(w, n, late=True)), "read it before"),
    "milliseconds": (lambda w, n: 1000 * right(w, n), "milliseconds"),
    "nanoseconds": (lambda w, n: 1e9 * right(w, n), "nanoseconds"),
    "rate": (lambda w, n: 1 / right(w, n), "per second"),
    "time.time": (lambda w, n: statistics.median(each(w, n, clock=time.time)), "calendar's clock"),
    "process_time": (
        lambda w, n: statistics.median(each(w, n, clock=time.process_time)),
        "what it waits for",
    ),
    "no clock": (lambda w, n: [w() for _ in range(n)] and 0.05, "no clock was read"),
    "no call": (lambda w, n: time.perf_counter(), "never called"),
    "too few calls": (lambda w, n: statistics.median(each(w, n - 2)), "times for 5 repeats"),
    "a list": (lambda w, n: each(w, n), "return a number"),
    "one branch": (lambda w, n: right(w, n) if n == 5 else None, "return a number, got NoneType"),
    "nonsense": (lambda w, n: 3 * right(w, n) + 1, "it should be"),
}
