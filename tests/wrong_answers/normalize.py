"""Answers to the exercise on ImageNet normalisation (lesson 01)."""

import re

import torch
from torchvision.transforms import Normalize

from course_lib.images import normalize
from course_lib.lessons.lesson01 import checks

check = checks.check_normalize

MEAN = torch.tensor((0.485, 0.456, 0.406))
STD = torch.tensor((0.229, 0.224, 0.225))
M, S = MEAN[:, None, None], STD[:, None, None]


def by_channel(images):
    pairs = zip(MEAN.tolist(), STD.tolist(), strict=True)
    return torch.stack([(images[:, i] - m) / s for i, (m, s) in enumerate(pairs)], dim=1)


def channels_last(images):
    mean, std = images.new_tensor(MEAN.tolist()), images.new_tensor(STD.tolist())
    return ((images.permute(0, 2, 3, 1) - mean) / std).permute(0, 3, 1, 2)


RIGHT = {
    "the course's": normalize,
    "one line": lambda x: (x - M.to(x)) / S.to(x),
    "torchvision's": Normalize(MEAN.tolist(), STD.tolist()),
    "channel by channel": by_channel,
    "channels last": channels_last,
}


def in_place(images):
    return images.sub_(M).div_(S)


WRONG = {
    "along the height": (lambda x: (x - MEAN[:, None]) / STD[:, None], re.escape("(3, 1, 1)")),
    "first picture": (lambda x: ((x - M) / S)[0], "shape"),
    "an array": (lambda x: ((x - M) / S).numpy(), "NumPy leads no gradient"),
    "nonsense": (lambda x: (x - M) / S + 0.1, "of the values differ"),
    "in place": (in_place, "changes its input in place"),
}
