"""Checks of assignment A1 (features and normalisation); each takes the answer and a seed."""

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from course_lib.images import IMAGENET_MEAN, IMAGENET_STD, denormalize
from course_lib.lessons.answers import VISIBLE
from course_lib.lessons.checking import exercise, random_features
from course_lib.lessons.homework_checking import draw, draw_shapes

CAFFE_MEAN = (103.939, 116.779, 123.68)  # blue, green, red: of the original VGG-19, 0 to 255
CONVENTIONS = 'lesson 01, section 4 "Normalisation, and five ways to feed the network"'
WIDTH = "Three numbers of shape (3,) line up with the width; make them (3, 1, 1)"
ROWS = tuple(zip(IMAGENET_MEAN, IMAGENET_STD, strict=True))


def _pixel_mistakes(pixel: Sequence[float]) -> dict[str, list[float]]:
    rows = [(p, *row) for p, row in zip(pixel, ROWS, strict=True)]
    return {
        "the mean is subtracted, but nothing is divided": [p - m for p, m, _ in rows],
        "divided, but the mean is not subtracted": [p / s for p, _, s in rows],
        "multiplied by the standard deviation: divide": [(p - m) * s for p, m, s in rows],
        "divided by the variance: the numbers are standard deviations already": [
            (p - m) / s**2 for p, m, s in rows
        ],
        "divide after the subtraction: (p - mean) / std needs its brackets": [
            p - m / s for p, m, s in rows
        ],
        "the sign is turned round: subtract the mean from the pixel": [
            (m - p) / s for p, m, s in rows
        ],
        "0 to 255 is another convention: the values here lie in 0 to 1 already": [
            (p / 255 - m) / s for p, m, s in rows
        ],
        "the result is cut off at 0 and 1: a normalised pixel has values on either side": [
            min(1.0, max(0.0, (p - m) / s)) for p, m, s in rows
        ],
    }


@exercise(
    "normalize_pixel",
    "three pixels",
    CONVENTIONS,
    lambda pixel: [(p - m) / s for p, (m, s) in zip(pixel, ROWS, strict=True)],
    ("pixel",),
    lambda: [([0.5, 0.5, 0.5],), ([1.0, 0.0, 0.25],)],
    mistakes=_pixel_mistakes,
)
def check_pixel(seed: int = VISIBLE) -> Iterator[tuple]:
    """A1.1: ``answer([r, g, b])`` -> the three normalised numbers of one pixel, in a list."""
    rng = draw(seed)
    yield ([0.25, 0.5, 1.0],)
    for _ in range(3):
        yield ([round(rng.random(), 3) for _ in range(3)],)


def _small_pictures() -> list[tuple[Tensor]]:
    """One pixel, and two."""
    pixel = torch.tensor([0.25, -1.0, 2.5])[None, :, None, None]
    return [(pixel,), (torch.cat([pixel, pixel.flip(1)], 3),)]


def _numbers(like: Tensor, values: Sequence[float]) -> Tensor:
    return like.new_tensor(values)[:, None, None]


def _denormalize_mistakes(x: Tensor) -> dict[str, Tensor]:
    mean, std = _numbers(x, IMAGENET_MEAN), _numbers(x, IMAGENET_STD)
    mistakes = {
        "this normalises once more: the way back multiplies first, then adds": (x - mean) / std,
        "add first and multiply later is the wrong order: x * std + mean": (x + mean) * std,
        "multiplied by the standard deviations, but the means are not added": x * std,
        "the means are added, but nothing is multiplied by the standard deviations": x + mean,
        "the means are subtracted: the way back adds them": x * std - mean,
        "the result is clamped: a step that only changes units must not lose values": (
            denormalize(x).clamp(0, 1)
        ),
        "the result is cut off at zero: a step that only changes units must not lose values": (
            denormalize(x).clamp(min=0)
        ),
        "the statistics are in the order BGR: 0.485 belongs to red, channel 0": (
            x * std.flip(0) + mean.flip(0)
        ),
    }
    if x.shape[-1] == 3:
        mistakes["the statistics run along the width: make their shape (3, 1, 1)"] = (
            x * std.flatten() + mean.flatten()
        )
    return mistakes


@exercise(
    "denormalize",
    "for every width",
    CONVENTIONS,
    denormalize,
    ("x",),
    _small_pictures,
    mistakes=_denormalize_mistakes,
    gradient="the decoder, which ends with it, cannot learn",
    crash=WIDTH,
)
def check_denormalize(seed: int = VISIBLE) -> Iterator[tuple]:
    """A1.2: ``answer(x)``: normalised images (N, 3, H, W) back to [0, 1]."""
    for shape in [(2, 3, 4, 3), *draw_shapes(seed, channels=3)]:
        yield (2 * random_features(shape, seed) - 4,)


def _caffe(images: Tensor) -> Tensor:
    return 255 * images.flip(1) - _numbers(images, CAFFE_MEAN)


def _caffe_mistakes(images: Tensor) -> dict[str, Tensor]:
    mean, bgr = _numbers(images, CAFFE_MEAN), images.flip(1)
    return {
        "the order is still RGB: images.flip(1) turns the channels round": 255 * images - mean,
        "the channels are turned round, but the means are in the order RGB": (
            255 * bgr - mean.flip(0)
        ),
        "only the means are turned round, not the channels": 255 * images - mean.flip(0),
        "multiply by 255 before the mean is subtracted: the means are in 0 to 255": bgr - mean,
        "the mean was subtracted before the multiplication by 255": 255 * (bgr - mean),
        "the means are missing": 255 * bgr,
        "the result is cut off at zero: after the means are gone it has both signs": (
            _caffe(images).clamp(min=0)
        ),
        "the values are rounded to whole numbers: nothing is lost in this convention": (
            (255 * bgr).round() - mean
        ),
        "flip(1) is the channels; this turned the picture upside down": 255 * images.flip(2) - mean,
        "flip(1) is the channels; this mirrored the picture": 255 * images.flip(3) - mean,
    }


@exercise(
    "to_caffe",
    "channels, units and means",
    CONVENTIONS,
    _caffe,
    ("images",),
    lambda: [(x.clamp(0, 1),) for (x,) in _small_pictures()],
    mistakes=_caffe_mistakes,
    gradient="a network in front of the encoder cannot learn",
    crash=WIDTH,
)
def check_caffe(seed: int = VISIBLE) -> Iterator[tuple]:
    """A1.3: ``answer(images)``: RGB in [0, 1] -> BGR, 0 to 255, minus the mean pixel."""
    for shape in [(2, 3, 4, 3), *draw_shapes(seed, channels=3)]:
        generator = torch.Generator().manual_seed(seed + shape[2])
        yield (torch.rand(shape, generator=generator),)


Layers = Sequence[tuple[int, int]]


def _receptive_field(layers: Layers) -> tuple[int, int]:
    seen, step = 1, 1
    for kernel, stride in layers:
        seen += (kernel - 1) * step
        step *= stride
    return seen, step


def _field_mistakes(layers: Layers) -> dict[str, tuple[int, int]]:
    (seen, step), early = _receptive_field(layers), 1
    for number, (k, _) in enumerate(layers):
        early += (k - 1) * math.prod(s for _, s in layers[: number + 1])
    return {
        "strides are not used: behind a pooling, one step is two pixels of the image": (
            1 + sum(k - 1 for k, _ in layers),
            step,
        ),
        "kernel sizes do not multiply: each layer adds (kernel - 1) steps": (
            math.prod(k for k, _ in layers),
            step,
        ),
        "kernel sizes do not add up: neighbours overlap, so each layer adds (kernel - 1) steps": (
            sum(k for k, _ in layers),
            step,
        ),
        "a layer's own stride counts for the layers after it: add first, then multiply": (
            early,
            step,
        ),
        "start with 1 pixel, not with 0": (seen - 1, step),
        "strides multiply: two poolings make four pixels per step": (
            seen,
            1 + sum(s - 1 for _, s in layers),
        ),
        "the last stride is missing in the pixels per step": (
            seen,
            math.prod(s for _, s in layers[:-1]),
        ),
        "the two results are swapped": (step, seen),
    }


CONV, POOL = (3, 1), (2, 2)


@exercise(
    "receptive_field",
    "for VGG-19 and for other networks",
    'lesson 01, section 2 "Receptive fields: how much each number has seen"',
    _receptive_field,
    ("layers",),
    lambda: [([CONV],), ([CONV, CONV],), ([POOL, CONV],), ([CONV, POOL, CONV, POOL],)],
    mistakes=_field_mistakes,
    parts=("pixels seen", "pixels per step"),
)
def check_receptive_field(seed: int = VISIBLE) -> Iterator[tuple]:
    """A1.4: ``answer(layers)``: (kernel, stride) of layers -> (pixels seen, pixels per step)."""
    rng = draw(seed)
    yield from (([CONV],), ([CONV, CONV],), ([POOL, CONV],))
    yield ([CONV, CONV, POOL] * 2 + [CONV] * 4 + [POOL, CONV],)  # VGG-19 to relu4_1
    for length in (2, 4, rng.randint(3, 6), rng.randint(3, 6)):
        yield ([(rng.choice((1, 3, 5, 7)), rng.choice((1, 2, 3))) for _ in range(length)],)


def _activation_means(feature_list: Sequence[Tensor]) -> Tensor:
    means = torch.cat([features.flatten(2)[0] for features in feature_list], 1).mean(1)
    return torch.where(means > 0, means, 1.0)


def _means_mistakes(feature_list: Sequence[Tensor]) -> dict[str, Tensor]:
    flat = torch.cat([features.flatten(2)[0] for features in feature_list], 1)
    means, firing = flat.mean(1), (flat > 0).sum(1).clamp(min=1)
    each = torch.stack([features.mean((0, 2, 3)) for features in feature_list]).mean(0)

    def patched(values: Tensor) -> Tensor:
        return torch.where(flat.sum(1) > 0, values, 1.0)

    return {
        "a channel that never fires has mean 0, and division by it is infinite: give it 1": means,
        "this averages the pictures' means: a large picture has more positions, weight it so": (
            patched(each)
        ),
        "this averages the pictures' means, and leaves the channel that never fires at 0": each,
        "zeros count, too: divide by all positions": patched(flat.sum(1) / firing),
        "zeros count, too, and the channel that never fires is left at 0": flat.sum(1) / firing,
        "these are sums: divide by the number of positions": patched(flat.sum(1)),
        "divided by the number of pictures: divide by the number of positions": patched(
            flat.sum(1) / len(feature_list)
        ),
        "only the last picture counts here: add up over all of them": patched(
            feature_list[-1].mean((0, 2, 3))
        ),
        "every mean below 1 is lifted to 1: only a channel that never fires gets 1": (
            means.clamp(min=1)
        ),
    }


def _small_maps() -> list[tuple[list[Tensor]]]:
    """One map; a channel that never fires; two sizes."""
    one = torch.tensor([[[[0.5, 1.0, 0.0]]]])
    silent = torch.tensor([[[[0.5, 1.0]], [[0.0, 0.0]]]])
    return [([one],), ([silent],), ([one, 4 * one[..., :1]],)]


@exercise(
    "activation_means",
    "for pictures of different sizes",
    'lesson 01, section 7 "Filters with one voice: activation normalisation"',
    _activation_means,
    ("feature_list",),
    _small_maps,
    mistakes=_means_mistakes,
)
def check_activation_means(seed: int = VISIBLE) -> Iterator[tuple]:
    """A1.5: ``answer(feature_list)``: mean of each channel over all positions, (C,).

    Each position of each picture counts once; a channel that never fires gets 1.
    """
    rng = draw(seed)
    for sizes in (((2, 3), (5, 8), (4, 4)), ((rng.randint(2, 7), 3), (2, rng.randint(4, 9)))):
        channels = rng.randint(3, 6)
        maps = [random_features((1, channels, *size), seed + k) / 4 for k, size in enumerate(sizes)]
        for features in maps:
            features[:, 1] = 0
        yield (maps,)
