"""Answers to the exercise on the content loss (lesson 03)."""

import torch
import torch.nn.functional as F

from course_lib.lessons.lesson03 import checks
from course_lib.losses import content_loss

check = checks.check_content_loss


def by_loops(features, target):
    total = 0
    for x, t in zip(features, target, strict=True):
        total = total + (x - t).square().mean()
    return total / len(features)


def by_norm(features, target):
    return torch.linalg.vector_norm(features - target) ** 2 / features.numel()


def by_einsum(features, target):
    d = features - target
    return torch.einsum("nchw,nchw->", d, d) / d.numel()


RIGHT = {
    "the course's": content_loss,
    "mse_loss": F.mse_loss,
    "loop over samples": by_loops,
    "norm": by_norm,
    "einsum": by_einsum,
    "flattened": lambda x, t: (x.flatten(1) - t.flatten(1)).pow(2).mean(1).mean(),
}


def in_place(features, target):
    loss = F.mse_loss(features, target)
    target -= features.detach()
    return loss


WRONG = {
    "features detached": (lambda x, t: F.mse_loss(x.detach(), t), "no gradient leads back"),
    "a number": (lambda x, t: F.mse_loss(x, t).item(), "plain number"),
    "a loss per sample": (lambda x, t: (x - t).square().mean((1, 2, 3)), "got the shape"),
    "not reduced": (lambda x, t: F.mse_loss(x, t, reduction="none"), "got the shape"),
    "in place": (in_place, "in place"),
    "nonsense": (lambda x, t: F.mse_loss(x, t) * 7 + 1, "content_loss"),
}
