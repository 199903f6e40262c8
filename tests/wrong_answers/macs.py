"""Answers to the exercise on the arithmetic of a convolution (lesson 06)."""

from course_lib.lessons.lesson06 import checks

check = checks.check_macs


def macs(i, o, k, h, w):
    return i * o * k * k * h * w


def by_counting(channels_in, channels_out, kernel, height, width):
    per_output = sum(1 for _ in range(channels_in * kernel**2))
    return per_output * channels_out * height * width


RIGHT = {"formula": macs, "counting": by_counting}

WRONG = {
    "kernel once": (lambda i, o, k, h, w: i * o * k * h * w, "kernel is a square"),
    "no kernel": (lambda i, o, k, h, w: i * o * h * w, "kernel is missing"),
    "operations": (lambda *a: 2 * macs(*a), "twice as many"),
    "no input channels": (lambda i, o, k, h, w: o * k * k * h * w, "input's channels"),
    "no output channels": (lambda i, o, k, h, w: i * k * k * h * w, "output's channels"),
    "weights": (lambda i, o, k, h, w: i * o * k * k, "these are the weights"),
    "valid": (lambda i, o, k, h, w: i * o * k * k * (h - k + 1) * (w - k + 1), "border"),
    "bias": (lambda i, o, k, h, w: (i * k * k + 1) * o * h * w, "bias"),
    "sum of sides": (lambda i, o, k, h, w: i * o * k * k * (h + w), "not height \\+ width"),
    "nonsense": (lambda *a: 12, "should be"),
}
