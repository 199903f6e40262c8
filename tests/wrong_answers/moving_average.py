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


def windows(values, before, after):
    parts = [values[max(0, i - before) : i + after + 1] for i in range(len(values))]
    return [sum(part) / len(part) for part in parts]


def same_convolution(values, window):
    return list(np.convolve(values, np.ones(window) / window)[window // 2 :][: len(values)])


def copied_edges(values, window):
    padded = np.pad(values, window // 2, mode="edge")
    return np.convolve(padded, np.ones(window) / window, "valid")


def exponential(values, window):
    alpha, smooth = 2 / (window + 1), [values[0]]
    for value in values[1:]:
        smooth.append(alpha * value + (1 - alpha) * smooth[-1])
    return smooth


def smooth_in_place(values, window):
    for i in range(len(values)):
        values[i] = sum(values[max(0, i - 1) : i + 2]) / 3
    return values


WRONG = {
    "in place": (smooth_in_place, "in place"),
    "trailing": (lambda v, w: windows(v, w - 1, 0), "lags"),
    "leading": (lambda v, w: windows(v, 0, w - 1), "runs ahead"),
    "zeros": (same_convolution, "pulled to zero"),
    "copied edges": (copied_edges, "copies of the first"),
    "valid": (lambda v, w: np.convolve(v, np.ones(w) / w, "valid"), "shorter"),
    "twice as wide": (lambda v, w: windows(v, w, w), "too far"),
    "one short": (lambda v, w: windows(v, w // 2, w // 2 - 1), "one short"),
    "one long": (lambda v, w: windows(v, w // 2, w // 2 + 1), "one too long"),
    "exponential": (exponential, "exponential"),
    "cumulative": (lambda v, w: list(np.cumsum(v) / np.arange(1, len(v) + 1)), "so far"),
    "sums": (
        lambda v, w: [sum(v[max(0, i - w // 2) : i + w // 2 + 1]) for i in range(len(v))],
        "sums",
    ),
    "unchanged": (lambda v, w: v, "as they are"),
    "nothing like it": (lambda v, w: [1e3] * len(v), "of the values differ"),
    "a word": (lambda v, w: "smooth", "list of numbers"),
}
