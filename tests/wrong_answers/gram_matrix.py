"""Answers to the exercise on the Gram matrix (lesson 05)."""

import torch

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


RIGHT = {"the course's": gram_matrix, "einsum": by_einsum, "loops": by_loops, "bmm": by_bmm}


def in_place(x):
    with torch.no_grad():
        x -= x.mean((2, 3), keepdim=True)
    return gram_matrix(x)


def area(x):
    return x.shape[2] * x.shape[3]


WRONG = {
    "batch summed": (lambda x: by_einsum(x).sum(0), "one matrix per sample"),
    "over channels": (lambda x: flat(x).transpose(1, 2) @ flat(x) / area(x), "F F\\^T"),
    "not flattened": (lambda x: x @ x.transpose(2, 3), "flatten the positions first"),
    "one mean": (lambda x: x.mean((2, 3)), "one number per channel"),
    "detached": (lambda x: by_einsum(x.detach()), "no gradient leads back"),
    "in place": (in_place, "in place"),
    "a number": (lambda x: by_einsum(x).sum().item(), "return one tensor"),
}
