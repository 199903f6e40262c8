"""Answers to the exercise on the interval of a share (lesson 07)."""

import math

from course_lib.lessons.lesson07 import checks
from course_lib.survey.intervals import wilson

check = checks.check_wilson_interval
Z = 1.96


def parts(k, n, z=Z):
    p, scale = k / n, 1 + z**2 / n
    root = math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return p, scale, (p + z**2 / (2 * n)) / scale, z * root / scale, root


def by_the_formula(k, n):
    _, _, centre, half, _ = parts(k, n)
    return centre - half, centre + half


def by_solving(k, n):
    """Halve the distance to where the share is 1.96 standard errors away."""
    ends = []
    for far in (0.0, 1.0):
        near, outside = k / n, far
        for _ in range(60):
            middle = (near + outside) / 2
            inside = abs(k / n - middle) <= Z * math.sqrt(middle * (1 - middle) / n)
            near, outside = (middle, outside) if inside else (near, middle)
        ends.append(near)
    return ends


def by_added_answers(k, n):
    """The middle as the share with z^2 / 2 successes and as many failures added."""
    total = n + Z**2
    middle = (k + Z**2 / 2) / total
    half = Z / total * math.sqrt(k * (n - k) / n + Z**2 / 4)
    return [middle - half, middle + half]


RIGHT = {
    "the course's": wilson,
    "formula": by_the_formula,
    "solved by halving": by_solving,
    "added answers": by_added_answers,
}


WRONG = {"a number": (lambda k, n: k / n, "return 2 numbers")}
