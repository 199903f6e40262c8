"""Answers to the third part of lesson 03's build: an average of the weights."""

import torch

from course_lib.lessons.lesson03 import build

check = build.check_average


def each(change):
    """An answer that changes parameters one by one, without a gradient."""

    def average(averaged, model, decay):
        with torch.no_grad():
            for old, new in zip(averaged.parameters(), model.parameters(), strict=True):
                change(old, new, decay)

    return average


def by_state(averaged, model, decay):
    old, new = averaged.state_dict(), model.state_dict()
    averaged.load_state_dict({key: decay * old[key] + (1 - decay) * new[key] for key in old})


def shares_tensors(averaged, model, decay):
    averaged.weight, averaged.bias = model.weight, model.bias


def freezes(averaged, model, decay):
    build.average(averaged, model, decay)
    model.requires_grad_(False)


RIGHT = {
    "the check's own": build.average,
    "state_dict": by_state,
    "mul and add": each(lambda old, new, decay: old.mul_(decay).add_(new, alpha=1 - decay)),
    "data": lambda averaged, model, decay: (
        [
            setattr(old, "data", decay * old.data + (1 - decay) * new.data)
            for old, new in zip(averaged.parameters(), model.parameters(), strict=True)
        ]
        and None
    ),
}
WRONG = {
    "swapped": (each(lambda old, new, decay: old.mul_(1 - decay).add_(decay * new)), "swapped"),
    "model moves": (each(lambda old, new, decay: new.lerp_(old, 1 - decay)), "model moved"),
    "both move": (
        each(lambda old, new, decay: (old.lerp_(new, 1 - decay), new.copy_(old))),
        "own weights changed",
    ),
    "no old part": (each(lambda old, new, decay: old.copy_((1 - decay) * new)), "should be decay"),
    "only the sum": (each(lambda old, new, decay: old.add_(new)), "should be decay"),
    "plain mean": (each(lambda old, new, decay: old.lerp_(new, 0.5)), "should be decay"),
    "shared tensors": (shares_tensors, "model's own tensors"),
    "frozen model": (freezes, "can no longer learn"),
}
