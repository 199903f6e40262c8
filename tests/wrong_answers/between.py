"""Answers to step 1 of lesson 08's build: statistics on the way from content to style."""

from course_lib.adain import ChannelStatistics
from course_lib.lessons.lesson08 import build

check = build.check_between


def as_a_tuple(content, style, means, deviations):
    mean = (1 - means) * content.mean + means * style.mean
    return mean, (1 - deviations) * content.std + deviations * style.std


def as_steps(content, style, means, deviations):
    return [
        a + share * (b - a) for a, b, share in zip(content, style, (means, deviations), strict=True)
    ]


RIGHT = {"the course's": build.between, "a tuple": as_a_tuple, "steps": as_steps}


def in_place(content, style, means, deviations):
    content.mean.lerp_(style.mean, means)
    content.std.lerp_(style.std, deviations)
    return content


WRONG = {
    "in place": (in_place, "in place"),
    "the means alone": (lambda *given: build.between(*given).mean, "return 2 tensors"),
    "the style": (lambda c, s, m, d: ChannelStatistics(s.mean, s.std), "the means stayed"),
}
