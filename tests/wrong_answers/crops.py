"""Answers to the first part of lesson 03's build: random crops."""

import torch
import torch.nn.functional as F

from course_lib.lessons.lesson03 import build

check = build.check_crops


def drawn(count, limit, generator):
    return torch.randint(limit, (count,), generator=generator).tolist()


def crops_with(place, pick=drawn, change=lambda crop: crop):
    """Crops from a function that draws row and column."""

    def crops(pictures, count, side, generator):
        found = []
        for k in pick(count, len(pictures), generator):
            height, width = pictures[k].shape[-2:]
            y, x = place(height - side, width - side, generator)
            found.append(change(pictures[k][:, y : y + side, x : x + side]))
        return torch.stack(found)

    return crops


def anywhere(rows, columns, generator):
    return tuple(drawn(1, most + 1, generator)[0] for most in (rows, columns))


def by_uniform_numbers(pictures, count, side, generator):
    found = []
    for k, down, right in torch.rand(count, 3, generator=generator).tolist():
        picture = pictures[int(k * len(pictures))]
        y, x = (
            int(share * (length - side + 1))
            for share, length in zip((down, right), picture.shape[-2:], strict=True)
        )
        found.append(picture[..., y : y + side, x : x + side])
    return torch.stack(found)


def one_place(pictures, count, side, generator):
    return build.crops(pictures, 1, side, generator).expand(count, -1, -1, -1)


def resized(pictures, count, side, generator):
    picks = drawn(count, len(pictures), generator)
    return torch.cat([F.interpolate(pictures[k][None], (side, side)) for k in picks])


def by_area(count, limit, generator):
    areas = torch.tensor([30.0, 16.0, 36.0])
    return torch.multinomial(areas**3, count, replacement=True, generator=generator).tolist()


RIGHT = {
    "the check's own": build.crops,
    "picks first": crops_with(anywhere),
    "uniform numbers": by_uniform_numbers,
}
WRONG = {
    "a list": (lambda *inputs: list(build.crops(*inputs)), "return one tensor"),
    "resized": (resized, "no resizing"),
    "mirrored": (crops_with(anywhere, change=lambda crop: crop.flip(-1)), "no resizing"),
    "global generator": (
        lambda pictures, count, side, generator: build.crops(pictures, count, side, None),
        "global generator",
    ),
    "one place": (one_place, "come from one place"),
    "first picture only": (
        lambda pictures, *others: build.crops(pictures[:1], *others),
        "never drawn: all must have",
    ),
    "upper end": (
        crops_with(lambda rows, columns, g: [drawn(1, max(n, 1), g)[0] for n in (rows, columns)]),
        "upper end is left out",
    ),
    "diagonal": (
        crops_with(lambda rows, columns, g: [drawn(1, min(rows, columns) + 1, g)[0]] * 2),
        "separately",
    ),
    "own seed": (
        lambda pictures, count, side, generator: build.crops(
            pictures, count, side, torch.Generator().manual_seed(0)
        ),
        "another one another",
    ),
    "by area": (crops_with(anywhere, by_area), "the same chance, large or small"),
}
