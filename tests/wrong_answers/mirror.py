"""Answers to the exercise on mirroring a network (lesson 03)."""

import re

from course_lib.lessons.lesson03 import checks
from course_lib.lessons.lesson03.checks import VGG_TO_RELU4_1

check = checks.check_mirror


def mirror(layers):
    names = {"conv": "conv", "pool": "upsample"}
    return [(names[kind], out, into) for kind, into, out in reversed(layers)]


def mirror_by_loop(layers):
    result = []
    for i in range(len(layers) - 1, -1, -1):
        kind, into, out = layers[i]
        result.append(["upsample" if kind == "pool" else kind, out, into])
    return result


RIGHT = {"comprehension": mirror, "loop over indices": mirror_by_loop}


def mirror_in_place(layers):
    layers.reverse()
    return [("upsample" if k == "pool" else k, o, i) for k, i, o in layers]


WRONG = {
    "one lost": (lambda layers: mirror(layers)[:-1], "12 layers give 12, got 11"),
    "one wrong": (
        lambda layers: [*mirror(layers)[:-1], ("conv", 64, 1)],
        re.escape("layer 12 from relu4_1 should be ('conv', 64, 3)"),
    ),
    "in place": (mirror_in_place, "in place"),
    "iterator": (lambda layers: reversed(layers), "return a list"),
    "made for VGG alone": (lambda layers: mirror(VGG_TO_RELU4_1), "4 layers give 4, got 12"),
}
