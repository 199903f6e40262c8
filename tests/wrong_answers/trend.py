"""Answers to step 1 of lesson 04's build: a running median."""

import statistics

import numpy as np

from course_lib.lessons.lesson04 import build

check = build.check_trend


def by_sorting(values, window):
    line = []
    for i in range(len(values)):
        part = sorted(values[max(0, i - window // 2) : i + window // 2 + 1])
        line.append((part[(len(part) - 1) // 2] + part[len(part) // 2]) / 2)
    return line


def with_numpy(values, window):
    padded = np.pad(np.array(values), window // 2, constant_values=np.nan)
    return np.nanmedian(np.lib.stride_tricks.sliding_window_view(padded, window), 1)


RIGHT = {"the course's": build.trend, "sorting": by_sorting, "numpy": with_numpy}


def sorts_its_input(values, window):
    values.sort()
    return values


WRONG = {
    "sorted in place": (sorts_its_input, "in place"),
    "one number": (lambda v, w: statistics.median(v), "the shape is"),
    "one median for all": (lambda v, w: [statistics.median(v)] * len(v), "of the values differ"),
}
