"""Answers to lesson 06's build, a fair race."""

import re
import statistics
import time

from course_lib.lessons.lesson06 import build
from course_lib.system.devices import synchronize

device = "cpu"
check = build.check_race


def with_the_formula(first, second, repeats, **how):
    return build.race(
        first, second, repeats, lambda: time.perf_counter(), lambda: synchronize(device), **how
    )


def seconds(work):
    synchronize(device)
    begin = time.perf_counter()
    work()
    synchronize(device)
    return time.perf_counter() - begin


def in_plain_words(first, second, repeats):
    seconds(first)
    seconds(second)
    ratios = []
    for i in range(repeats):
        if i % 2:
            b = seconds(second)
            a = seconds(first)
        else:
            a = seconds(first)
            b = seconds(second)
        ratios.append(b / a)
    return [statistics.median(ratios), min(ratios), max(ratios)]


def with_a_faulty(**how):
    def answer(first, second, repeats):
        return with_the_formula(first, second, repeats, **how)

    return answer


RIGHT = {"the course's": with_a_faulty(), "in plain words": in_plain_words}


def one_round(first, second, repeats):
    return with_the_formula(first, second, 1)


def the_ratio_alone(first, second, repeats):
    return with_the_formula(first, second, repeats)[0]


WRONG = {
    **{
        text: (with_a_faulty(**how), f"^{re.escape(text)}$") for text, how in build.MISTAKES.items()
    },
    "one round": (one_round, "each round times both"),
    "the ratio alone": (the_ratio_alone, "return 3 numbers"),
    "nothing like it": (lambda a, b, n: [a() or b() or 3.0 for _ in range(2 * n)][:3], "expected"),
}
