"""Answers to assignment A2."""

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


def masked(features, mask, epsilon=1e-5):
    share = mask / mask.sum((2, 3), keepdim=True).clamp(min=1e-6)
    mean = (share * features).sum((2, 3), keepdim=True)
    return mean, ((share * (features - mean) ** 2).sum((2, 3), keepdim=True) + epsilon).sqrt()


def by_moments(features, mask):
    n = mask.double().sum((2, 3), True)
    mean = (mask * features).double().sum((2, 3), True) / n
    squares = (mask * features.square()).double().sum((2, 3), True) / n
    return [mean.float(), (squares - mean**2 + 1e-5).sqrt().float()]


def by_einsum(features, mask):
    mask = mask.expand(len(features), -1, -1, -1)[:, 0]
    weights = mask / mask.sum((1, 2))[:, None, None]
    mean = torch.einsum("nchw,nhw->nc", features, weights)[..., None, None]
    variance = torch.einsum("nchw,nhw->nc", (features - mean) ** 2, weights)[..., None, None]
    return mean, (variance + 1e-5).sqrt()


def painted(content, style, mask, statistics=masked, blend=lambda c, x, m: (1 - m) * c + m * x):
    (mc, sc), (ms, ss) = statistics(content, mask), masked(style, torch.ones_like(style[:, :1]))
    return blend(content, ss * (content - mc) / sc + ms, mask)


def varied(**changes):
    return lambda *inputs: painted(*inputs, **changes)


def by_scale(content, style, mask):
    (mc, sc), (ms, ss) = masked(content, mask), statistics(style)
    scale = ss / sc
    return content + mask * (content * (scale - 1) + ms - mc * scale)


def without_clamp(features, mask):
    return by_moments(features, mask) if mask.sum() else (features / 0, features / 0)


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
    "masked_statistics": Answers(
        homework.check_masked_statistics,
        {"shares": masked, "moments": by_moments, "einsum": by_einsum},
        {
            "no mask": (lambda x, m: statistics(x), "mask is not used"),
            "zeros": (lambda x, m: statistics(m * x), "count as zeros"),
            "cut": (lambda x, m: masked(x, (m > 0).float()), "one half counts half"),
            "no epsilon": (lambda x, m: masked(x, m, 0), "epsilon"),
            "of the batch": (
                lambda x, m: masked(x, m.sum(0, keepdim=True).expand(len(x), -1, -1, -1)),
                "values differ|shape",
            ),
            "detached": (lambda x, m: masked(x.detach(), m), "no gradient leads back"),
            "deviations detached": (
                lambda x, m: (masked(x, m)[0], masked(x.detach(), m)[1]),
                "no gradient leads back",
            ),
            "the mean alone": (lambda x, m: masked(x, m)[0], "return 2 tensors"),
            "flat": (lambda x, m: [y.flatten(1) for y in masked(x, m)], "shape"),
            "one branch": (sometimes(masked, lambda x, m: len(m) < len(x)), BRANCH),
        },
    ),
    "masked_adain": Answers(
        homework.check_masked_adain,
        {
            "the formula": painted,
            "added": varied(blend=lambda c, x, m: c + m * (x - c)),
            "a scale": by_scale,
        },
        {
            "the course's": (
                lambda c, s, m: (1 - m) * c + m * course.adain(c, s),
                "measure them under the mask",
            ),
            "detached": (lambda c, s, m: painted(c.detach(), s, m), "no gradient leads back"),
            "statistics detached": (
                varied(statistics=lambda x, m: masked(x.detach(), m)),
                "its gradient is not",
            ),
            "no epsilon": (varied(statistics=lambda x, m: masked(x, m, 0)), "epsilon|differ"),
            "not clamped": (varied(statistics=without_clamp), "0 everywhere leaves the content"),
            "cut off": (
                lambda c, s, m: painted(c, s, m).clamp(min=0),
                "cut off at zero|of the values differ",
            ),
            "reversed": (lambda c, s, m: painted(c, s, 1 - m), "."),
            "one branch": (sometimes(painted, lambda c, s, m: len(s) < len(c)), BRANCH),
        },
        {"the style's features": lambda c, s, m: torch.ones(2) + torch.ones(4)},
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
