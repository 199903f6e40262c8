"""Answers to the exercise on mixing styles (lesson 02)."""

import torch

from course_lib import adain as course
from course_lib.lessons.lesson02 import checks

check = checks.check_mix


def mix(content, styles, weights, alpha):
    total = sum(weights)
    results = [w / total * course.adain(content, s) for w, s in zip(weights, styles, strict=True)]
    return (1 - alpha) * content + alpha * sum(results)


def mix_by_statistics(content, styles, weights, alpha):
    mixed = course.mix_statistics([course.channel_statistics(s) for s in styles], weights)
    return torch.lerp(content, course.apply_statistics(content, mixed), alpha)


def mix_by_tensors(content, styles, weights, alpha):
    weights = torch.tensor(weights, dtype=content.dtype)
    images = torch.stack([course.adain(content, s) for s in styles])
    target = torch.einsum("k,knchw->nchw", weights / weights.sum(), images)
    return content + alpha * (target - content)


def mix_own_style(content, styles, weights, alpha):
    everything = [content.detach(), *styles]
    shares = [1 - alpha, *(alpha * w / sum(weights) for w in weights)]
    measured = [course.channel_statistics(s) for s in everything]
    return course.apply_statistics(content, course.mix_statistics(measured, shares))


RIGHT = {
    "a sum of results": mix,
    "mixed statistics": mix_by_statistics,
    "einsum": mix_by_tensors,
    "the content as one more style": mix_own_style,
}


def mix_in_float32(content, styles, weights, alpha):
    shares = torch.tensor(weights, dtype=torch.float32) / sum(weights)
    images = torch.stack([course.adain(content, s) for s in styles])
    return (1 - alpha) * content + alpha * torch.einsum("k,knchw->nchw", shares, images)


def mix_scales_the_list(c, styles, weights, alpha):
    total = sum(weights)
    for i in range(len(weights)):
        weights[i] /= total
    return mix(c, styles, weights, alpha)


WRONG = {
    "weights changed": (mix_scales_the_list, "in place"),
    "float32 only": (mix_in_float32, "crashes for float64"),
    "a list": (lambda c, s, w, a: [mix(c, s, w, a)], "expected a tensor|one tensor"),
    "nonsense": (lambda c, s, w, a: c * 0, "of the values differ"),
}
