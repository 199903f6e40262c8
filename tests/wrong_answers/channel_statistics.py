"""Answers to the exercise on channel statistics (lesson 02)."""

import torch

from course_lib import adain as course
from course_lib.lessons.lesson02 import checks

check = checks.check_channel_statistics


def statistics(x, axes=(2, 3), correction=0, epsilon=1e-5):
    """Every variation of the statistics that a mistake can make."""
    x = x.float()
    return x.mean(axes, True), (x.var(axes, correction=correction, keepdim=True) + epsilon).sqrt()


def by_moments(features):
    x = features.double()
    mean = x.mean((2, 3), keepdim=True)
    variance = ((x * x).mean((2, 3), keepdim=True) - mean * mean).clamp_min(0)
    return mean.float(), (variance + 1e-5).sqrt().float()


def by_loops(features):
    n, c = features.shape[:2]
    mean, std = (features.new_empty(n, c, 1, 1).float() for _ in range(2))
    for i in range(n):
        for j in range(c):
            channel = features[i, j].float()
            mean[i, j] = channel.sum() / channel.numel()
            std[i, j] = (((channel - mean[i, j]) ** 2).sum() / channel.numel() + 1e-5) ** 0.5
    return mean, std


def by_view(features):
    n, c = features.shape[:2]
    flat = features.float().reshape(n, c, -1)
    std = torch.sqrt(flat.var(-1, unbiased=False) + 1e-5)
    return [flat.mean(-1).view(n, c, 1, 1), std.view(n, c, 1, 1)]


def by_einsum(features):
    n, c, h, w = features.shape
    x = features.double()
    mean = torch.einsum("nchw->nc", x) / (h * w)
    centred = x - mean[:, :, None, None]
    variance = torch.einsum("nchw,nchw->nc", centred, centred) / (h * w)
    return mean[..., None, None].float(), (variance + 1e-5).sqrt()[..., None, None].float()


RIGHT = {
    "the course's": course.channel_statistics,
    "var with correction=0": statistics,
    "mean of squares less square of mean": by_moments,
    "loops": by_loops,
    "flattened": by_view,
    "einsum": by_einsum,
}


def in_place(features):
    mean = features.mean((2, 3), keepdim=True)
    features -= mean
    return mean, (features.square().mean((2, 3), keepdim=True) + 1e-5).sqrt()


def in_half(x):
    mean = x.mean((2, 3), keepdim=True)
    return mean, ((x - mean).square().mean((2, 3), keepdim=True) + 1e-5).sqrt()


WRONG = {
    "batch statistics": (lambda x: statistics(x, (0, 2, 3)), "batch"),
    "layer norm": (lambda x: statistics(x, (1, 2, 3)), "channels too"),
    "over the channels": (lambda x: statistics(x, (1,)), "over the channels"),
    "over the width": (lambda x: statistics(x, (3,)), "width only"),
    "over the height": (lambda x: statistics(x, (2,)), "height only"),
    "no keepdim": (lambda x: [t.flatten(1) for t in statistics(x)], "keepdim"),
    "no epsilon": (lambda x: statistics(x, epsilon=0), "before the square root"),
    "epsilon outside": (
        lambda x: (statistics(x)[0], statistics(x, epsilon=0)[1] + 1e-5),
        "before the square root",
    ),
    "large epsilon": (lambda x: statistics(x, epsilon=1e-4), r"not sqrt\(1e-5\)"),
    "epsilon outside, chosen to fit": (
        lambda x: (
            statistics(x)[0],
            statistics(x, epsilon=0)[1] + 1e-5**0.5 * (x.amax() == x.amin()),
        ),
        "gradient",
    ),
    "in place": (in_place, "in place"),
    "half precision": (in_half, "float32"),
    "mean alone": (lambda x: x.mean((2, 3), True), "two tensors"),
    "numbers": (lambda x: (x.mean().item(), x.std(correction=0).item()), "must be a tensor"),
    "forgot a return": (lambda x: (statistics(x)[0], None), "must be a tensor"),
    "constant": (lambda x: (statistics(x)[0], torch.ones(*x.shape[:2], 1, 1)), "std: "),
}
