"""Answers to the exercise on mixing styles (lesson 02)."""

import torch

from course_lib import adain as course
from course_lib.lessons.lesson02 import checks
from wrong_answers.channel_statistics import statistics

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


def mix_variances(c, styles, weights, alpha):
    share = [w / sum(weights) for w in weights]
    measured = [statistics(s) for s in styles]
    mean = sum(w * m for w, (m, _) in zip(share, measured, strict=True))
    variance = sum(w * d**2 for w, (_, d) in zip(share, measured, strict=True))
    return (1 - alpha) * c + alpha * (course.whiten(c) * variance.sqrt() + mean)


def mix_chain(c, styles, weights, alpha):
    target = c
    for style in styles:
        target = course.adain(target, style)
    return (1 - alpha) * c + alpha * target


def mix_scales_the_list(c, styles, weights, alpha):
    total = sum(weights)
    for i in range(len(weights)):
        weights[i] /= total
    return mix(c, styles, weights, alpha)


def mix_unscaled(c, styles, weights, alpha):
    target = sum(w * course.adain(c, s) for w, s in zip(weights, styles, strict=True))
    return (1 - alpha) * c + alpha * target


WRONG = {
    "alpha reversed": (lambda c, s, w, a: mix(c, s, w, 1 - a), "alpha is reversed"),
    "alpha ignored": (lambda c, s, w, a: mix(c, s, w, 1), "alpha is not used"),
    "content's share missing": (
        lambda c, s, w, a: mix(c, s, w, a) - (1 - a) * c,
        "share .* is missing",
    ),
    "whole content": (lambda c, s, w, a: mix(c, s, w, a) + a * c, "not the whole content"),
    "weights not scaled": (mix_unscaled, "sum 1"),
    "weights ignored": (lambda c, s, w, a: mix(c, s, [1] * len(w), a), "weights are not used"),
    "first style": (lambda c, s, w, a: mix(c, s[:1], [1], a), "only the first style"),
    "one style after another": (mix_chain, "erases"),
    "reversed weights": (lambda c, s, w, a: mix(c, s, w[::-1], a), "reverse order"),
    "variances": (mix_variances, "variances were averaged"),
    "weights changed": (mix_scales_the_list, "in place"),
    "float32 only": (mix_in_float32, "crashes for float64"),
    "a list": (lambda c, s, w, a: [mix(c, s, w, a)], "expected a tensor|one tensor"),
    "nonsense": (lambda c, s, w, a: c * 0, "of the values differ"),
}
