"""Answers to the exercise on AdaIN (lesson 02)."""

import torch

from course_lib import adain as course
from course_lib.lessons.lesson02 import checks
from wrong_answers.channel_statistics import statistics

check = checks.check_adain


def adain(c, s, **options):
    (mc, sc), (ms, ss) = statistics(c, **options), statistics(s, **options)
    return ss * (c - mc) / sc + ms


def with_scale_and_shift(content, style):
    (mc, sc), (ms, ss) = statistics(content), statistics(style)
    scale = ss / sc
    return content * scale + (ms - mc * scale)


def sample_by_sample(content, style):
    style = style.expand(len(content), -1, -1, -1)
    return torch.stack([adain(c[None], s[None])[0] for c, s in zip(content, style, strict=True)])


def flattened(content, style):
    c, s = content.flatten(2), style.flatten(2)
    whitened = (c - c.mean(2, True)) / (c.var(2, correction=0, keepdim=True) + 1e-5).sqrt()
    result = whitened * (s.var(2, correction=0, keepdim=True) + 1e-5).sqrt() + s.mean(2, True)
    return result.view_as(content)


RIGHT = {
    "the course's": course.adain,
    "the formula": adain,
    "one scale and one shift": with_scale_and_shift,
    "sample by sample": sample_by_sample,
    "flattened": flattened,
}


def parts(c, s):
    return *statistics(c), *statistics(s)


def adain_in_place(content, style):
    mc, sc, ms, ss = parts(content, style)
    content -= mc
    return content / sc * ss + ms


def adain_bare(content, style, after=0.0):
    mc, ms = content.mean((2, 3), True), style.mean((2, 3), True)
    sc = content.var((2, 3), correction=0, keepdim=True).sqrt() + after
    return style.var((2, 3), correction=0, keepdim=True).sqrt() * (content - mc) / sc + ms


WRONG = {
    "content and style swapped": (lambda c, s: adain(s, c), "content and style are swapped"),
    "style returned": (lambda c, s: s, "swapped"),
    "no epsilon": (adain_bare, "epsilon is missing"),
    "epsilon outside": (lambda c, s: adain_bare(c, s, 1e-5), "inside the square root"),
    "in place": (adain_in_place, "in place"),
    "a tuple": (lambda c, s: (adain(c, s),), "expected a tensor|one tensor"),
    "nothing like it": (lambda c, s: torch.zeros_like(c), "adain: 100% of the values"),
}
