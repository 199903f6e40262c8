"""Answers to the third step of lesson 02's build, the whitening and colouring transform."""

import torch

from course_lib.lessons.lesson02 import build

check = build.check_wct


def in_two_steps(content, style):
    mean, mine = build.covariance(content)
    white = build.matrix_power(mine, -0.5) @ (content.flatten(2) - mean)
    its_mean, its = build.covariance(style)
    return (build.matrix_power(its, 0.5) @ white + its_mean).reshape(content.shape)


def sample_by_sample(content, style):
    style = style.expand(len(content), -1, -1, -1)
    return torch.cat([build.wct(c[None], s[None]) for c, s in zip(content, style, strict=True)])


RIGHT = {
    "the course's": build.wct,
    "in two steps": in_two_steps,
    "sample by sample": sample_by_sample,
}


def in_place(content, style):
    content -= content.mean((2, 3), keepdim=True)
    return build.wct(content, style)


WRONG = {
    "in place": (in_place, "in place"),
    "not reshaped": (lambda c, s: build.wct(c, s).flatten(2), "the shape is"),
    "a list": (lambda c, s: [build.wct(c, s)], "expected a tensor"),
    "swapped": (lambda c, s: build.wct(s, c[:1]).expand(len(c), -1, -1, -1), "the shape is"),
}
