"""Checks of assignment A1 (features and normalisation).

Each takes the answer and a seed; see ``homework_checking``.
"""

import math
from collections.abc import Sequence

import torch

from course_lib.images import IMAGENET_MEAN, IMAGENET_STD, denormalize
from course_lib.lessons.checking import random_features
from course_lib.lessons.homework_checking import Cases, draw, draw_shapes, homework

CAFFE_MEAN = (103.939, 116.779, 123.68)  # blue, green, red: of the original VGG-19, 0 to 255


@homework("pixel", names=("red", "green", "blue"))
def check_pixel(seed: int) -> Cases:
    """A1.1: ``answer([r, g, b])`` -> the three normalised numbers of one pixel, in a list."""
    rng = draw(seed)
    for _ in range(3):
        pixel = [round(rng.random(), 3) for _ in range(3)]
        rows = list(zip(pixel, IMAGENET_MEAN, IMAGENET_STD, strict=True))
        mistakes = {
            "the mean is subtracted, but nothing is divided": [p - m for p, m, _ in rows],
            "divided, but the mean is not subtracted": [p / s for p, _, s in rows],
            "multiplied by the standard deviation: divide": [(p - m) * s for p, m, s in rows],
            "divide after the subtraction: (p - mean) / std needs its brackets": [
                p - m / s for p, m, s in rows
            ],
            "0 to 255 is another convention: the values here lie in 0 to 1 already": [
                (p / 255 - m) / s for p, m, s in rows
            ],
        }
        yield (pixel,), [(p - m) / s for p, m, s in rows], mistakes


@homework(
    "denormalize",
    "correct, for every width",
    crash="Three numbers of shape (3,) line up with the width; make them (3, 1, 1)",
)
def check_denormalize(seed: int) -> Cases:
    """A1.2: ``answer(x)``: normalised images (N, 3, H, W) back to [0, 1]."""
    mean, std = (torch.tensor(v)[:, None, None] for v in (IMAGENET_MEAN, IMAGENET_STD))
    for shape in [(2, 3, 4, 3), *draw_shapes(seed, channels=3)]:
        x = random_features(shape, seed) - 2
        mistakes = {
            "this normalises once more: the way back multiplies first, then adds": (x - mean) / std,
            "add first and multiply later is the wrong order: x * std + mean": (x + mean) * std,
            "multiplied by the standard deviations, but the means are not added": x * std,
            "the means are added, but nothing is multiplied by the standard deviations": x + mean,
            "the result is clamped: a step that only changes units must not lose values": (
                denormalize(x).clamp(0, 1)
            ),
            "the statistics are in the order BGR: 0.485 belongs to red, channel 0": (
                x * std.flip(0) + mean.flip(0)
            ),
        }
        if shape[-1] == 3:
            mistakes["the statistics run along the width: make their shape (3, 1, 1)"] = (
                x * std.flatten() + mean.flatten()
            )
        yield (x,), x * std + mean, mistakes


@homework("caffe")
def check_caffe(seed: int) -> Cases:
    """A1.3: ``answer(images)``: RGB in [0, 1] -> BGR, 0 to 255, minus the mean pixel."""
    mean = torch.tensor(CAFFE_MEAN)[:, None, None]
    for shape in [(2, 3, 4, 3), *draw_shapes(seed, channels=3)]:
        generator = torch.Generator().manual_seed(seed + shape[2])
        images = torch.rand(shape, generator=generator)
        bgr = images.flip(1)
        mistakes = {
            "the order is still RGB: images.flip(1) turns the channels round": 255 * images - mean,
            "the channels are turned round, but the means are in the order RGB": (
                255 * bgr - mean.flip(0)
            ),
            "only the means are turned round, not the channels": 255 * images - mean.flip(0),
            "multiply by 255 before the mean is subtracted: the means are in 0 to 255": bgr - mean,
            "the mean was subtracted before the multiplication by 255": 255 * (bgr - mean),
            "the means are missing": 255 * bgr,
            "flip(1) is the channels; this turned the picture upside down": (
                255 * images.flip(2) - mean
            ),
            "flip(1) is the channels; this mirrored the picture": 255 * images.flip(3) - mean,
        }
        yield (images,), 255 * bgr - mean, mistakes


@homework(
    "receptive_field",
    "correct, for VGG-19 and for other networks",
    names=("pixels seen", "pixels per step"),
)
def check_receptive_field(seed: int) -> Cases:
    """A1.4: ``answer(layers)``: (kernel, stride) of layers -> (pixels seen, pixels per step)."""
    conv, pool = (3, 1), (2, 2)
    vgg = [conv, conv, pool, conv, conv, pool, conv, conv, conv, conv, pool, conv]
    rng = draw(seed)
    others = [
        [(rng.choice((1, 3, 5, 7)), rng.choice((1, 2, 3))) for _ in range(rng.randint(2, 6))]
        for _ in range(4)
    ]
    for layers in ([conv], [conv, conv], [pool, conv], vgg, *others):
        right = _receptive_field(layers)
        kernels = 1 + sum(k - 1 for k, _ in layers)
        product = math.prod(k for k, _ in layers)
        early = 1
        for number, (k, _) in enumerate(layers):
            early += (k - 1) * math.prod(s for _, s in layers[: number + 1])
        step = right[1]
        yield (
            (list(layers),),
            right,
            {
                "strides are not used: behind a pooling, one step is two pixels of the image": (
                    kernels,
                    step,
                ),
                "kernel sizes do not multiply: each layer adds (kernel - 1) steps": (product, step),
                "a layer's own stride counts for the layers after it: add first, then multiply": (
                    early,
                    step,
                ),
                "start with 1 pixel, not with 0": (right[0] - 1, step),
                "the two results are swapped": (step, right[0]),
            },
        )


def _receptive_field(layers: Sequence[tuple[int, int]]) -> tuple[int, int]:
    seen, step = 1, 1
    for kernel, stride in layers:
        seen += (kernel - 1) * step
        step *= stride
    return seen, step


@homework("activation_means", "correct, for pictures of different sizes")
def check_activation_means(seed: int) -> Cases:
    """A1.5: ``answer(feature_list)``: mean of each channel over all positions, (C,).

    Each position of each picture counts once; a channel that never fires gets 1.
    """
    rng = draw(seed)
    channels = rng.randint(3, 6)
    maps = [random_features((1, channels, h, h + w), seed + h) for h, w in ((2, 1), (5, 3), (4, 2))]
    if seed:
        maps.append(random_features((1, channels, rng.randint(2, 7), 3), seed + 9))
    for features in maps:
        features[:, 1] = 0
    flat = torch.cat([features.flatten(2)[0] for features in maps], 1)
    right = torch.where(flat.mean(1) > 0, flat.mean(1), 1.0)
    each = torch.stack([features.mean((0, 2, 3)) for features in maps]).mean(0)
    positive = flat.sum(1) / (flat > 0).sum(1).clamp(min=1)
    mistakes = {
        "a channel that never fires has mean 0, and division by it is infinite: give it 1": (
            flat.mean(1)
        ),
        "this averages the pictures' means: a large picture has more positions, weight it so": (
            torch.where(each > 0, each, 1.0)
        ),
        "this averages the pictures' means, and leaves the channel that never fires at 0": each,
        "zeros count, too: divide by all positions": torch.where(positive > 0, positive, 1.0),
        "these are sums: divide by the number of positions": torch.where(
            flat.sum(1) > 0, flat.sum(1), 1.0
        ),
    }
    yield (maps,), right, mistakes
