"""Answers to step 2 of lesson 07's build: two standard errors of one rate."""

import math

import numpy as np

from course_lib.lessons.lesson07 import build

check = build.check_errors


def with_loops(counts):
    right, answers = sum(k for k, _ in counts), sum(n for _, n in counts)
    p = right / answers
    surplus = [k - p * n for k, n in counts]
    variance = sum(x * x for x in surplus) * len(counts) / (len(counts) - 1)
    return p, math.sqrt(p * (1 - p) / answers), math.sqrt(variance) / answers


def as_an_array(counts):
    k, n = np.array(counts).T
    p = k.sum() / n.sum()
    spread = (k - p * n).std(ddof=1) * math.sqrt(len(n))  # a surplus is 0 on average
    return np.array([p, np.sqrt(p * (1 - p) / n.sum()), spread / n.sum()])


RIGHT = {"the course's": build.errors, "loops": with_loops, "an array": as_an_array}

WRONG = {
    "the rate alone": (lambda counts: build.errors(counts)[0], "return 3 numbers"),
    "intervals": (lambda counts: [(0.0, 1.0)] * 3, "return a number"),
    "words": (lambda counts: ("a", "b", "c"), "return a number"),
}
