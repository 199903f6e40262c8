"""Answers to the exercise on the arithmetic of a convolution (lesson 06)."""

from course_lib.lessons.lesson06 import checks

check = checks.check_macs


def macs(i, o, k, h, w):
    return i * o * k * k * h * w


def by_counting(channels_in, channels_out, kernel, height, width):
    per_output = sum(1 for _ in range(channels_in * kernel**2))
    return per_output * channels_out * height * width


RIGHT = {"formula": macs, "counting": by_counting}

WRONG = {"nonsense": (lambda *a: 12, "expected")}
