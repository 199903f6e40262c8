"""Answers to step 2 of lesson 04's build: the period of what a trend leaves over."""

import numpy as np

from course_lib.lessons.lesson04 import build

check = build.check_rhythm


def with_loops(values, line):
    rest = [np.log(v / t) for v, t in zip(values, line, strict=True)]
    mean = sum(rest) / len(rest)
    rest = [r - mean for r in rest]
    whole, best = sum(r * r for r in rest), (0, -2.0)
    for lag in range(2, len(rest) // 3 + 1):
        value = sum(a * b for a, b in zip(rest, rest[lag:], strict=False)) / whole
        if value > best[1]:
            best = lag, value
    return best


def with_correlate(values, line):
    rest = np.log(np.array(values) / line)
    rest -= rest.mean()
    whole = np.correlate(rest, rest, "full")[len(rest) - 1 :]
    found = whole[2 : len(rest) // 3 + 1] / whole[0]
    return int(found.argmax()) + 2, float(found.max())


RIGHT = {"the course's": build.rhythm, "loops": with_loops, "correlate": with_correlate}

WRONG = {
    "the period alone": (lambda v, t: build.rhythm(v, t)[0], "return 2 numbers"),
    "no rhythm anywhere": (lambda v, t: (2, 0.0), "rhythm, "),
    "always as strong": (lambda v, t: (build.rhythm(v, t)[0], 1.0), "rhythm, strength"),
}
