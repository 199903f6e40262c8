"""Answers to the exercise on the content loss (lesson 03)."""

import torch
import torch.nn.functional as F

from course_lib.adain import channel_statistics, whiten
from course_lib.lessons.lesson03 import checks
from course_lib.losses import content_loss, gram_matrix

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


def moments(features, target):
    pairs = zip(channel_statistics(features), channel_statistics(target), strict=True)
    return sum(F.mse_loss(a, b) for a, b in pairs)


WRONG = {
    "sum": (lambda x, t: (x - t).square().sum(), "sums the squares"),
    "sum per sample": (lambda x, t: (x - t).square().sum() / len(x), "averages over the batch"),
    "sum over channels": (lambda x, t: (x - t).square().sum(1).mean(), "sums over the channels"),
    "half the sum, as Gatys": (lambda x, t: (x - t).square().sum() / 2, "loss of Gatys"),
    "half": (lambda x, t: F.mse_loss(x, t) / 2, "no factor 1/2"),
    "root": (lambda x, t: F.mse_loss(x, t).sqrt(), "square root too many"),
    "norm": (lambda x, t: torch.dist(x, t), "distance itself"),
    "absolute": (F.l1_loss, "absolute"),
    "mean before square": (lambda x, t: (x - t).mean().square(), "averaged before"),
    "statistics": (moments, "style loss"),
    "means": (lambda x, t: F.mse_loss(x.mean((2, 3)), t.mean((2, 3))), "means alone"),
    "whitened": (lambda x, t: F.mse_loss(whiten(x), whiten(t)), "normalised first"),
    "Gram": (lambda x, t: F.mse_loss(gram_matrix(x), gram_matrix(t)), "Gram matrices"),
    "first sample": (lambda x, t: F.mse_loss(x[0], t[0]), "first sample"),
    "relative": (lambda x, t: F.mse_loss(x, t) / t.square().mean(), "not relative"),
    "features detached": (lambda x, t: F.mse_loss(x.detach(), t), "no gradient leads back"),
    "a number": (lambda x, t: F.mse_loss(x, t).item(), "plain number"),
    "a loss per sample": (lambda x, t: (x - t).square().mean((1, 2, 3)), "got the shape"),
    "not reduced": (lambda x, t: F.mse_loss(x, t, reduction="none"), "got the shape"),
    "in place": (in_place, "in place"),
    "nonsense": (lambda x, t: F.mse_loss(x, t) * 7 + 1, "content_loss"),
}
