"""Answers to the exercise on epoch means (lesson 04)."""

import math

import numpy as np
import torch

from course_lib.lessons.lesson04 import checks
from course_lib.training.logs import epoch_losses

check = checks.check_epoch_means


def spans(records):
    ends = [0, *(record["step"] for record in records)]
    return [b - a for a, b in zip(ends, ends[1:], strict=False)]


def means(records, number=lambda r: math.ceil(r["epoch"]), weight=None, warmup=False, value="loss"):
    sums = {}
    for record, span in zip(records, spans(records), strict=True):
        if record["phase"] != "adain" and not warmup:
            continue
        share = span if weight is None else weight(record)
        entry = sums.setdefault(max(number(record), 0), [0, 0])
        entry[0] += share * record[value]
        entry[1] += share
    return [total / count for total, count in sums.values()]


def course_means(records):
    return [epoch["loss"] for epoch in epoch_losses(records)]


RIGHT = {
    "the course's": course_means,
    "loops": means,
    "a tuple": lambda records: tuple(means(records)),
    "a tensor": lambda records: torch.tensor(means(records)),
    "an array": lambda records: np.array(means(records)),
}


def warmup_dropped_first(records):
    return means([r for r in records if r["phase"] == "adain"])


def with_warmup_as_epoch_one(records):
    return means(records, number=lambda r: max(1, math.ceil(r["epoch"])), warmup=True)


def sums_of_steps(records):
    return [epoch["loss"] * epoch["steps"] for epoch in epoch_losses(records)]


def last_values(records):
    return list(
        {math.ceil(r["epoch"]): r["loss"] for r in records if r["phase"] == "adain"}.values()
    )


WRONG = {
    "equal weights": (lambda r: means(r, weight=lambda _: 1), "all records count alike"),
    "warm-up mixed in": (with_warmup_as_epoch_one, "warm-up is mixed in"),
    "floor": (lambda r: means(r, number=lambda x: int(x["epoch"])), "off by one epoch"),
    "round": (lambda r: means(r, number=lambda x: round(x["epoch"])), "rounded to the nearest"),
    "step as weight": (lambda r: means(r, weight=lambda x: x["step"]), "counts from the start"),
    "warm-up dropped first": (warmup_dropped_first, "first record after the warm-up"),
    "no last epoch": (lambda r: means(r)[:-1], "last epoch is missing"),
    "sums": (sums_of_steps, "sums over the steps"),
    "content alone": (lambda r: means(r, value="content_loss"), "content loss alone"),
    "last values": (last_values, "last value of each epoch"),
    "a dictionary": (lambda r: {1: 2.0}, "list of numbers"),
    "nonsense": (lambda r: [0.0] * len(means(r)), "of the values differ"),
}
