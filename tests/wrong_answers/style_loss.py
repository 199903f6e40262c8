"""Answers to the exercise on the style loss (lesson 03)."""

import torch
import torch.nn.functional as F

from course_lib.adain import channel_statistics
from course_lib.lessons.lesson03 import checks
from course_lib.losses import style_loss

check = checks.check_style_loss


def style_loss_by_hand(features, targets):
    total = 0
    for name, (mean, std) in targets.items():
        my_mean, my_std = channel_statistics(features[name])
        total = total + ((my_mean - mean) ** 2).mean() + ((my_std - std) ** 2).mean()
    return total


def with_a_list(features, targets):
    parts = []
    for name in features:
        flat = features[name].flatten(2)
        mean, std = flat.mean(2), (flat.var(2, correction=0) + 1e-5).sqrt()
        wanted = [t.flatten(1) for t in targets[name]]
        parts += [(mean - wanted[0]).pow(2).mean(), (std - wanted[1]).pow(2).mean()]
    return torch.stack(parts).sum()


RIGHT = {"the course's": style_loss, "a loop": style_loss_by_hand, "flattened": with_a_list}


def pairs(features, targets):
    return [
        pair
        for name in targets
        for pair in zip(channel_statistics(features[name]), targets[name], strict=True)
    ]


def without_gradient(features, targets):
    return style_loss({name: values.detach() for name, values in features.items()}, targets)


def in_place(features, targets):
    result = style_loss(features, targets)
    for values in features.values():
        values.detach().sub_(1)
    return result


WRONG = {
    "detached": (without_gradient, "no gradient leads back"),
    "a number": (lambda f, t: style_loss(f, t).item(), "plain number"),
    "a list": (lambda f, t: [F.mse_loss(a, b) for a, b in pairs(f, t)], "return one number"),
    "a vector": (lambda f, t: style_loss(f, t) * torch.ones(2), "one scalar, got the shape"),
    "in place": (in_place, "in place"),
    "nonsense": (lambda f, t: style_loss(f, t) * 3 + 1, "style_loss: "),
}
