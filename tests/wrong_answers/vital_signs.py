"""Answers to step 3 of lesson 04's build: six numbers for a log."""

import numpy as np

from course_lib.lessons.lesson04 import build

check = build.check_vital_signs


def as_a_list(log, window):
    lines = {name: np.array(build.trend(values, window)) for name, values in log.items()}
    loss, held_out, content = lines["loss"], lines["held_out"], lines["content"]
    spikes = int((np.array(log["loss"]) > 1.5 * loss).sum())
    ratios = [loss[-1] / loss[0], loss[-1] / loss.min(), held_out[-1] / held_out.min()]
    strength = build.rhythm(log["loss"], loss.tolist())[1]
    return [*ratios, content[-1] / content[0], spikes, strength]


def as_an_array(log, window):
    return np.array(build.vital_signs(log, window))


RIGHT = {"the course's": build.vital_signs, "a list": as_a_list, "an array": as_an_array}


def five(log, window):
    return build.vital_signs(log, window)[:5]


def changes_the_log(log, window):
    signs = build.vital_signs(log, window)
    log["loss"].sort()
    return signs


WRONG = {
    "five": (five, "return 6 numbers"),
    "in place": (changes_the_log, "in place"),
    "another order": (lambda log, w: build.vital_signs(log, w)[::-1], "vital_signs, stuck"),
}
