"""Answers to the exercise on the Gram matrix (lesson 05)."""

import torch
import torch.nn.functional as F

from course_lib.lessons.lesson05 import checks
from course_lib.losses import gram_matrix

check = checks.check_gram_matrix


def flat(x):
    return x.flatten(2)


def by_einsum(x):
    return torch.einsum("nchw,ndhw->ncd", x, x) / (x.shape[2] * x.shape[3])


def by_loops(x):
    n, c = x.shape[:2]
    rows = [(x[k, i] * x[k, j]).mean() for k in range(n) for i in range(c) for j in range(c)]
    return torch.stack(rows).view(n, c, c)


def by_bmm(x):
    f = x.reshape(x.shape[0], x.shape[1], -1)
    return torch.bmm(f, f.permute(0, 2, 1)).div(f.shape[-1])


RIGHT = {
    "the course's": gram_matrix,
    "einsum": by_einsum,
    "loops": by_loops,
    "bmm": by_bmm,
}


def in_place(x):
    with torch.no_grad():
        x -= x.mean((2, 3), keepdim=True)
    return gram_matrix(x)


def area(x):
    return x.shape[2] * x.shape[3]


WRONG = {
    "not divided": (lambda x: by_einsum(x) * area(x), "not divided by the number of positions"),
    "by CHW": (lambda x: by_einsum(x) / x.shape[1], "divided by C \\* H \\* W"),
    "by C": (lambda x: by_einsum(x) * area(x) / x.shape[1], "divided by C alone"),
    "by N": (lambda x: by_einsum(x) / x.shape[0], "divided by N"),
    "by H": (lambda x: by_einsum(x) * x.shape[3], "divided by the height only"),
    "by W": (lambda x: by_einsum(x) * x.shape[2], "divided by the width only"),
    "twice": (lambda x: by_einsum(x) / area(x), "twice"),
    "half": (lambda x: by_einsum(x) / 2, "belongs to the loss"),
    "batch summed": (lambda x: by_einsum(x).sum(0), "one matrix per sample"),
    "batch summed, kept": (
        lambda x: by_einsum(x).sum(0, True).expand(x.shape[0], -1, -1), "summed over the batch"),
    "batch mean": (
        lambda x: by_einsum(x).mean(0, True).expand(x.shape[0], -1, -1), "averaged over the batch"),
    "over channels": (lambda x: flat(x).transpose(1, 2) @ flat(x) / area(x), "F F\\^T"),
    "not flattened": (lambda x: x @ x.transpose(2, 3), "flatten the positions first"),
    "covariance": (
        lambda x: by_einsum(x - x.mean((2, 3), keepdim=True)), "that is the covariance"),
    "cosines": (
        lambda x: F.normalize(flat(x), dim=2) @ F.normalize(flat(x), dim=2).transpose(1, 2),
        "these are cosines"),
    "means": (
        lambda x: x.mean((2, 3))[:, :, None] * x.mean((2, 3))[:, None], "the channels' means"),
    "one mean": (lambda x: x.mean((2, 3)), "one number per channel"),
    "squared": (lambda x: by_einsum(x).square(), "the matrix is squared"),
    "root": (lambda x: by_einsum(x).sqrt(), "square root too many"),
    "squared first": (lambda x: by_einsum(x.square()), "squared before they are multiplied"),
    "diagonal": (
        lambda x: torch.diag_embed(x.square().mean((2, 3))), "only the diagonal"),
    "reshaped": (
        lambda x: flat(x) @ flat(x).reshape(x.shape[0], area(x), x.shape[1]) / area(x),
        "tears the channels apart"),
    "detached": (lambda x: by_einsum(x.detach()), "no gradient leads back"),
    "in place": (in_place, "in place"),
    "a number": (lambda x: by_einsum(x).sum().item(), "return one tensor"),
}  # fmt: skip
