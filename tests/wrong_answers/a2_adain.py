"""Answers to assignment A2. Its exercise 2 is lesson 02's ``channel_statistics``."""

import torch

from course_lib import adain as course
from course_lib.lessons.lesson02 import homework
from wrong_answers.answers import Answers, as_rows, sometimes
from wrong_answers.channel_statistics import statistics

BRANCH = "missing in one branch"


def on_one_map(x):
    mean = x.mean()
    return mean.item(), ((x - mean).square().mean() + 1e-5).sqrt().item()


def on_values(x):
    values = x.flatten().tolist()
    mean = sum(values) / len(values)
    return [mean, (sum((v - mean) ** 2 for v in values) / len(values) + 1e-5) ** 0.5]


def strength(content, style, alpha):
    (mc, sc), (ms, ss) = statistics(content), statistics(style)
    return (1 - alpha) * content + alpha * (ss * (content - mc) / sc + ms)


def by_statistics(content, style, alpha):
    pairs = zip(statistics(content), statistics(style), strict=True)
    mean, std = ((1 - alpha) * a + alpha * b for a, b in pairs)
    return std * course.whiten(content) + mean


def detached_statistics(content, style, alpha):
    (mc, sc), (ms, ss) = statistics(content.detach()), statistics(style)
    return (1 - alpha) * content + alpha * (ss * (content - mc) / sc + ms)


def bare(content, style, alpha):
    mc, sc = content.mean((2, 3), True), content.std((2, 3), correction=0, keepdim=True)
    ms, ss = statistics(style)
    return (1 - alpha) * content + alpha * (ss * (content - mc) / sc + ms)


def pooled(means, stds, counts):
    share = (counts / counts.sum())[:, None]
    mean = (share * means).sum(0)
    return mean, (share * (stds**2 + (means - mean) ** 2)).sum(0).sqrt()


def pooled_by_moments(means, stds, counts):
    n = counts.double()
    mean = torch.einsum("t,tc->c", n, means.double()) / n.sum()
    squares = torch.einsum("t,tc->c", n, (stds**2 + means**2).double()) / n.sum()
    return [mean.float(), (squares - mean**2).clamp(min=0).sqrt().float()]


def pooled_by_loops(means, stds, counts):
    mean, variance, n = means[0].clone(), stds[0] ** 2, counts[0]
    for m, s, k in zip(means[1:], stds[1:], counts[1:], strict=True):
        away = m - mean
        variance = (n * variance + k * s**2) / (n + k) + n * k * (away / (n + k)) ** 2
        mean, n = mean + k * away / (n + k), n + k
    return mean, variance.sqrt()


EXERCISES = {
    "map_statistics": Answers(
        homework.check_map_statistics,
        {"tensors": on_one_map, "values": on_values} | as_rows(on_one_map),
        {
            "the mean alone": (lambda x: x.mean().item(), "return 2 numbers"),
            "one branch": (sometimes(on_one_map, lambda x: x.max() == 0), BRANCH),
            "in place": (lambda x: on_one_map(x.sub_(1)), "in place"),
        },
    ),
    "strength": Answers(
        homework.check_strength,
        {"the formula": strength, "mixed statistics": by_statistics}
        | {"the course's": lambda c, s, a: course.blend(c, course.adain(c, s), a)},
        {
            "detached": (lambda c, s, a: strength(c.detach(), s, a), "no gradient leads back"),
            "statistics detached": (detached_statistics, "its gradient is not"),
            "no epsilon": (bare, "epsilon"),
            "cut off": (
                lambda c, s, a: strength(c, s, a).clamp(min=0),
                "cut off at zero|of the values differ",
            ),
            "one branch": (sometimes(strength, lambda c, s, a: a == 0), BRANCH),
        },
        {"the style's features": lambda c, s, a: c[:1, :, :3, :2] + s[:1, :, :5, :4]},
    ),
    "pooled": Answers(
        homework.check_pooled,
        {
            "two averages": pooled,
            "moments": pooled_by_moments,
            "one after the other": pooled_by_loops,
        },
        {
            "the mean alone": (lambda m, s, n: pooled(m, s, n)[0], "return 2 tensors"),
            "one row": (lambda m, s, n: [x[None] for x in pooled(m, s, n)], "shape"),
            "one branch": (sometimes(pooled, lambda m, s, n: len(n) == 1), BRANCH),
        },
        {"counts along the channels": lambda m, s, n: (torch.ones(3) * torch.ones(3, 2), s)},
    ),
}
