"""Answers to the exercise on the loss of Gatys et al. (lesson 05)."""

import torch
import torch.nn.functional as F

from course_lib.lessons.lesson05 import checks
from course_lib.lessons.lesson05.checks import gatys_loss
from course_lib.losses import gram_matrix
from wrong_answers.gram_matrix import by_einsum

check = checks.check_gatys_loss


def area(x):
    return x.shape[2] * x.shape[3]


def mse(a, b):
    return F.mse_loss(a, b)


def terms(image, content, style, gram=gram_matrix):
    c = sum(mse(image[k], content[k]) for k in content)
    return c, [mse(gram(image[k]), gram(style[k])) for k in style]


def by_hand(image, content, style, style_weight):
    loss = 0
    for layer, wanted in content.items():
        loss = loss + (image[layer] - wanted).square().mean()
    for layer, wanted in style.items():
        difference = by_einsum(image[layer]) - by_einsum(wanted)
        loss = loss + style_weight / len(style) * difference.square().mean()
    return loss


def answer_from(combine, **options):
    def answer(image, content, style, weight):
        c, s = terms(image, content, style, **options)
        return combine(c, s, weight)

    return answer


def average(values):
    return sum(values) / len(values)


def summed_content(image, content, style, weight):
    c = sum((image[k] - content[k]).square().sum() for k in content)
    return c + weight * average(terms(image, content, style)[1])


def content_by_gram(image, content, style, weight):
    c = sum(mse(gram_matrix(image[k]), gram_matrix(content[k])) for k in content)
    return c + weight * average(terms(image, content, style)[1])


def no_target(image, content, style, weight):
    c, _ = terms(image, content, style)
    return c + weight * average([gram_matrix(image[k]).square().mean() for k in style])


def in_place(image, content, style, weight):
    with torch.no_grad():
        for features in image.values():
            features.div_(2)
    return by_hand(image, content, style, weight)


RIGHT = {"equation 7": gatys_loss, "by hand": by_hand}

COMBINED = {
    "no style": (lambda c, s, w: c, "style term is missing"),
    "no content": (lambda c, s, w: w * average(s), "content term is missing"),
    "no weight": (lambda c, s, w: c + average(s), "not used"),
    "weight on content": (lambda c, s, w: w * c + average(s), "multiplies the content"),
    "weight on both": (lambda c, s, w: w * (c + average(s)), "multiplies both"),
    "divided": (lambda c, s, w: c / w + average(s), "divided by the weight"),
    "shares": (lambda c, s, w: (1 - w) * c + w * average(s), "1 - weight"),
    "minus": (lambda c, s, w: c - w * average(s), "subtracted"),
    "layers summed": (lambda c, s, w: c + w * sum(s), "added up"),
    "last layer": (lambda c, s, w: c + w * s[-1], "only the last style layer"),
    "overwritten": (lambda c, s, w: c + w * s[-1] / len(s), "divided by their number"),
    "first layer": (lambda c, s, w: c + w * s[0], "only the first style layer"),
    "roots": (lambda c, s, w: c.sqrt() + w * average(s).sqrt(), "square roots"),
    "two numbers": (lambda c, s, w: (c, w * average(s)), "return one number"),
    "item": (lambda c, s, w: (c + w * average(s)).item(), "no gradient"),
    "detached": (lambda c, s, w: (c + w * average(s)).detach(), "no gradient leads back"),
}
MATRICES = {
    "raw Gram": (lambda x: by_einsum(x) * area(x), "not divided by H \\* W"),
    "by C, too": (lambda x: by_einsum(x) / x.shape[1], "divided by C, too"),
    "means": (lambda x: x.mean((2, 3)), "means of the features"),
}


WRONG = {
    **{name: (answer_from(combine), text) for name, (combine, text) in COMBINED.items()},
    **{
        name: (answer_from(lambda c, s, w: c + w * average(s), gram=gram), text)
        for name, (gram, text) in MATRICES.items()
    },
    "content summed": (summed_content, "content are summed"),
    "content by Gram matrices": (content_by_gram, "forget where things are"),
    "no target": (no_target, "subtract the style's"),
    "in place": (in_place, "in place"),
}
