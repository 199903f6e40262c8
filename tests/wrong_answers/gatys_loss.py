"""Answers to the exercise on the loss of Gatys et al. (lesson 05)."""

import torch

from course_lib.lessons.lesson05 import checks
from course_lib.lessons.lesson05.checks import gatys_loss
from wrong_answers.gram_matrix import by_einsum

check = checks.check_gatys_loss


def by_hand(image, content, style, style_weight):
    loss = 0
    for layer, wanted in content.items():
        loss = loss + (image[layer] - wanted).square().mean()
    for layer, wanted in style.items():
        difference = by_einsum(image[layer]) - by_einsum(wanted)
        loss = loss + style_weight / len(style) * difference.square().mean()
    return loss


def in_place(image, content, style, weight):
    with torch.no_grad():
        for features in image.values():
            features.div_(2)
    return by_hand(image, content, style, weight)


RIGHT = {"equation 7": gatys_loss, "by hand": by_hand}

WRONG = {
    "two numbers": (lambda *inputs: (gatys_loss(*inputs), 1.0), "return one number"),
    "item": (lambda *inputs: gatys_loss(*inputs).item(), "no gradient"),
    "detached": (lambda *inputs: gatys_loss(*inputs).detach(), "no gradient leads back"),
    "in place": (in_place, "in place"),
}
