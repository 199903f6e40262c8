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


def wald(k, n):
    p = k / n
    half = Z * math.sqrt(p * (1 - p) / n)
    return p - half, p + half


def around(which, k, n):
    p, scale, centre, half, root = parts(k, n)
    middle, width = {
        "observed": (p, half),
        "nothing": (centre * scale, half * scale),
        "half width": (centre, half * scale),
        "middle": (centre * scale, half),
        "root": (centre, Z * math.sqrt(p * (1 - p) / n) / scale),
        "z": (centre, root / scale),
    }[which]
    return middle - width, middle + width


WRONG = {
    "Wald": (wald, "Wald's interval, p"),
    "Wald cut off": (
        lambda k, n: (max(0, wald(k, n)[0]), min(1, wald(k, n)[1])), "Wald's interval"),
    "90 %": (lambda k, n: wilson(k, n, 0.9), "90 %"),
    "99 %": (lambda k, n: wilson(k, n, 0.99), "99 %"),
    "one standard error": (lambda k, n: wilson(k, n, 0.6826895), "one standard error"),
    "around the share": (lambda k, n: around("observed", k, n), "pulled towards one half"),
    "not scaled": (lambda k, n: around("nothing", k, n), "nothing is divided"),
    "half width not scaled": (lambda k, n: around("half width", k, n), "half width is not divided"),
    "middle not scaled": (lambda k, n: around("middle", k, n), "middle is not divided"),
    "under the root": (lambda k, n: around("root", k, n), "missing under the root"),
    "no z": (lambda k, n: around("z", k, n), "not multiplied by z"),
    "reversed": (lambda k, n: wilson(k, n)[::-1], "reverse order"),
    "percentages": (lambda k, n: [100 * end for end in wilson(k, n)], "percentages"),
    "middle and half": (
        lambda k, n: (sum(wilson(k, n)) / 2, (wilson(k, n)[1] - wilson(k, n)[0]) / 2),
        "middle, half width"),
    "failures": (lambda k, n: wilson(n - k, n), "share of wrong answers"),
    "a number": (lambda k, n: k / n, "return a pair"),
}  # fmt: skip
