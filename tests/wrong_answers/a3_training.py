"""Answers to assignment A3. Exercises 3 and 4 are lesson 03's."""

import math

import numpy as np
import torch
import torch.nn.functional as F

from course_lib.images import reflect_pad
from course_lib.lessons.lesson03 import homework
from wrong_answers.answers import Answers, as_rows, sometimes

BRANCH = "missing in one branch"


def budget(seconds, minutes, images, batch):
    steps = int(60 * minutes / seconds)
    return steps, steps * batch / images


def by_division(seconds, minutes, images, batch):
    steps = 60 * minutes // seconds
    return [steps, batch * steps / images]


def by_counting(seconds, minutes, images, batch):
    steps = 0
    while (steps + 1) * seconds <= 60 * minutes:
        steps += 1
    return np.array([steps, steps * batch / images])


def block(x, weight, bias):
    big = F.interpolate(x, scale_factor=2, mode="nearest")
    return F.relu(F.conv2d(reflect_pad(big), weight, bias))


def with_modules(x, weight, bias):
    big = torch.nn.Upsample(scale_factor=2)(x)
    return F.conv2d(F.pad(big, (1, 1, 1, 1), mode="reflect"), weight, bias).clamp(min=0)


def by_repeating(x, weight, bias):
    big = reflect_pad(x.repeat_interleave(2, 2).repeat_interleave(2, 3))
    columns = F.unfold(big, 3).transpose(1, 2) @ weight.flatten(1).T + bias
    result = columns.transpose(1, 2).relu()
    return result.reshape(len(x), len(weight), 2 * x.shape[2], 2 * x.shape[3])


EXERCISES = {
    "budget": Answers(
        homework.check_budget,
        {"int": budget, "division": by_division, "counting": by_counting, **as_rows(budget)},
        {
            "steps alone": (lambda *x: budget(*x)[0], "return 2 numbers"),
            "both rounded up": (
                lambda s, m, n, b: (math.ceil(60 * m / s), math.ceil(budget(s, m, n, b)[1])),
                "expected",
            ),
            "one branch": (sometimes(budget, lambda s, m, n, b: b == 4), BRANCH),
        },
    ),
    "up_block": Answers(
        homework.check_up_block,
        {"the four calls": block, "modules": with_modules, "matrix product": by_repeating},
        {
            "detached": (lambda x, w, b: block(x.detach(), w, b), "no gradient leads back"),
            "weight detached": (lambda x, w, b: block(x, w.data, b), "no gradient leads back"),
            "bias detached": (lambda x, w, b: block(x, w, b.data), "no gradient leads back"),
            "a list": (lambda x, w, b: list(block(x, w, b)), "expected a tensor"),
            "one branch": (sometimes(block, lambda x, w, b: x.shape[2] == x.shape[3]), BRANCH),
        },
    ),
}
