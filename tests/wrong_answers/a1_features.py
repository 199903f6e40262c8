"""Answers to assignment A1."""

import numpy as np
import torch

from course_lib.images import IMAGENET_MEAN, IMAGENET_STD
from course_lib.lessons.lesson01 import homework
from wrong_answers.answers import Answers, as_rows, sometimes

BRANCH = "missing in one branch"


def pixel(values):
    return [(v - m) / s for v, m, s in zip(values, IMAGENET_MEAN, IMAGENET_STD, strict=True)]


def no_return(layers):
    seen, step = field(layers)
    print(seen, step, end="")


def denormalize(x):
    mean, std = (torch.tensor(values)[:, None, None] for values in (IMAGENET_MEAN, IMAGENET_STD))
    return x * std + mean


def by_channel(x):
    rows = zip(x.unbind(1), IMAGENET_MEAN, IMAGENET_STD, strict=True)
    return torch.stack([channel * s + m for channel, m, s in rows], 1)


def by_einsum(x):
    scaled = torch.einsum("nchw,c->nchw", x, torch.tensor(IMAGENET_STD))
    return scaled + torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1)


def along_the_width(x):
    return x * torch.tensor(IMAGENET_STD) + torch.tensor(IMAGENET_MEAN)


def changed(x):
    with torch.no_grad():
        x *= 2
    return denormalize(x / 2)


def changed_leaf(x):
    x *= 255
    return x


MEAN = torch.tensor(homework.CAFFE_MEAN)[:, None, None]


def caffe(images):
    return 255 * images.flip(1) - MEAN


def by_index(images):
    return images[:, [2, 1, 0]] * 255 - MEAN


def by_concatenation(images):
    r, g, b = (images * 255).split(1, 1)
    blue, green, red = homework.CAFFE_MEAN
    return torch.cat([b - blue, g - green, r - red], 1)


def field(layers):
    seen, step = 1, 1
    for kernel, stride in layers:
        seen += (kernel - 1) * step
        step *= stride
    return seen, step


def field_backwards(layers):
    seen = 1
    for kernel, stride in reversed(layers):
        seen = (seen - 1) * stride + kernel
    return [seen, np.prod([stride for _, stride in layers])]


def field_by_cumprod(layers):
    kernels, strides = np.array(layers).T
    steps = np.concatenate([[1], np.cumprod(strides)])
    return np.array([1 + ((kernels - 1) * steps[:-1]).sum(), steps[-1]])


def empties(layers):
    layers.sort()
    return field(layers)


def means(maps):
    total = sum(x.sum((0, 2, 3)) for x in maps) / sum(x[0, 0].numel() for x in maps)
    return torch.where(total > 0, total, 1.0)


def means_flat(maps):
    flat = torch.cat([x.reshape(x.shape[1], -1) for x in maps], 1).mean(1)
    flat[flat == 0] = 1
    return flat


def means_by_loops(maps):
    found = []
    for c in range(maps[0].shape[1]):
        values = [v for x in maps for v in x[0, c].flatten().tolist()]
        found.append(sum(values) / len(values) or 1.0)
    return torch.tensor(found)


EXERCISES = {
    "pixel": Answers(
        homework.check_pixel,
        {
            **as_rows(pixel),
            "tensors": lambda p: list(torch.tensor(pixel(p))),
            "NumPy": lambda p: (np.array(p) - IMAGENET_MEAN) / np.float32(IMAGENET_STD),
        },
        {
            "nested": (lambda p: [[x] for x in pixel(p)], "shape"),
            "a number": (lambda p: sum(pixel(p)), "shape"),
            "words": (lambda p: ["red"], "return a list of numbers"),
            "a set": (lambda p: set(pixel(p)), "return a list of numbers"),
            "one branch": (sometimes(pixel, lambda p: p[0] == 0.25), BRANCH),
        },
    ),
    "denormalize": Answers(
        homework.check_denormalize,
        {"the formula": denormalize, "by channel": by_channel, "einsum": by_einsum},
        {
            "along the width": (along_the_width, "run along the width"),
            "detached": (lambda x: denormalize(x.detach()), "no gradient leads back"),
            "half detached": (
                lambda x: denormalize(x / 2) + denormalize(x.detach() / 2) - denormalize(0 * x),
                "its gradient is not",
            ),
            "in place": (changed, "in place"),
            "in place, with a history": (changed_leaf, "in place"),
            "a list": (lambda x: list(denormalize(x)), "expected a tensor"),
        },
        {"other widths": lambda x: along_the_width(x[..., :1].expand(-1, -1, -1, 4))},
    ),
    "caffe": Answers(
        homework.check_caffe,
        {"flip": caffe, "index": by_index, "concatenation": by_concatenation},
        {
            "detached": (lambda x: caffe(x.detach()), "no gradient leads back"),
            "in place": (changed_leaf, "in place"),
            "nonsense": (lambda x: 0 * x, "of the values differ"),
        },
    ),
    "receptive_field": Answers(
        homework.check_receptive_field,
        {"loop": field, "from the end": field_backwards, "cumprod": field_by_cumprod}
        | as_rows(field),
        {
            "one number": (lambda layers: field(layers)[0], "return 2 numbers"),
            "three": (lambda layers: (*field(layers), 1), "return 2 numbers"),
            "sorted in place": (empties, "in place"),
            "one branch": (sometimes(field, lambda layers: len(layers) > 1), BRANCH),
            "a coincidence": (lambda layers: (len(layers) + 2, field(layers)[1]), "expected 5"),
        },
        {"nothing to unpack": lambda layers: sum(no_return(layers))},
    ),
    "activation_means": Answers(
        homework.check_activation_means,
        {"two sums": means, "flattened": means_flat, "loops": means_by_loops},
        {
            "a list": (lambda maps: means(maps).tolist(), "expected a tensor"),
            "one row": (lambda maps: means(maps)[None], "shape"),
            "one branch": (sometimes(means, lambda maps: len(maps) == 2), BRANCH),
        },
        {"stacked": lambda maps: torch.stack(maps).mean((0, 1, 3, 4))},
    ),
}
