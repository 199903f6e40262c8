"""Answers to the exercise on a centred moving average (lesson 04)."""

import numpy as np

from course_lib.lessons.lesson04 import checks

check = checks.check_moving_average


def moving_average(values, window):
    half = window // 2
    parts = [values[max(0, i - half) : i + half + 1] for i in range(len(values))]
    return [sum(part) / len(part) for part in parts]


def by_convolution(values, window):
    kernel = np.ones(window)
    both = [
        np.convolve(x, kernel)[window // 2 :][: len(values)] for x in (values, np.ones(len(values)))
    ]
    return both[0] / both[1]


RIGHT = {"slices": moving_average, "two convolutions": by_convolution}


def smooth_in_place(values, window):
    for i in range(len(values)):
        values[i] = sum(values[max(0, i - 1) : i + 2]) / 3
    return values


WRONG = {
    "in place": (smooth_in_place, "in place"),
    "nothing like it": (lambda v, w: [1e3] * len(v), "of the values differ"),
    "a word": (lambda v, w: "smooth", "list of numbers"),
}
