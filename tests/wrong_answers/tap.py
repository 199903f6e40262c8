"""Answers to the exercise on tapping a layer (lesson 01)."""

import functools

import torch.nn.functional as F
from torch import nn

from course_lib.images import normalize, reflect_pad
from course_lib.lessons.lesson01 import checks
from course_lib.vgg import VGG19Encoder


@functools.cache
def small_encoder():
    return VGG19Encoder(last="pool3")


def check(answer):
    checks.check_tap(answer, small_encoder())


def walk(encoder, x, wanted, pad=reflect_pad, padding=0, keep="before the next layer"):
    """An answer with one thing to get wrong at a time."""
    kept = None
    for name, layer in zip(encoder.names, encoder.features, strict=True):
        if kept is not None and keep == "until the next layer has run":
            layer(x)
            return kept
        if isinstance(layer, nn.Conv2d):
            x = F.conv2d(pad(x), layer.weight, layer.bias, padding=padding)
        else:
            x = layer(x)
        if name == wanted:
            kept = x
            if keep == "before the next layer":
                return kept
    return kept


def trapped(encoder, images, name):
    return walk(encoder, normalize(images), name, keep="until the next layer has run")


def one_layer_late(encoder, images, name):
    after = encoder.names[encoder.names.index(name) + 1]
    return encoder(images, [after])[after]


def one_layer_early(encoder, images, name):
    before = encoder.names[encoder.names.index(name) - 1]
    return encoder(images, [before])[before]


def with_a_clone(encoder, images, wanted):
    x, kept = normalize(images), {}
    for name, layer in zip(encoder.names, encoder.features, strict=True):
        if isinstance(layer, nn.Conv2d):
            x = F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), layer.weight, layer.bias)
        else:
            x = layer(x)
        kept[name] = x.clone()
    return kept[wanted]


RIGHT = {
    "the encoder's own": lambda encoder, x, name: encoder(x, [name])[name],
    "stopping in time": lambda encoder, x, name: walk(encoder, normalize(x), name),
    "clones": with_a_clone,
}


WRONG = {
    "kept too late": (trapped, "in-place ReLU"),
    "not normalised": (lambda e, x, n: walk(e, x, n), "not normalised"),
    "normalised twice": (lambda e, x, n: walk(e, normalize(normalize(x)), n), "normalised twice"),
    "zeros at the border": (lambda e, x, n: walk(e, normalize(x), n, lambda y: y, 1), "border"),
    "no padding": (lambda e, x, n: walk(e, normalize(x), n, lambda y: y, 0), "shape"),
    "a dictionary": (lambda e, x, n: e(x, [n]), "not a dictionary"),
    "a layer late": (one_layer_late, "this is conv1_2"),
    "a layer early": (one_layer_early, "this is conv1_1"),
    "BGR": (lambda e, x, n: walk(e, normalize(x.flip(1)), n), "of the values differ"),
}
