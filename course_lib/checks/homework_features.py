"""Checks of the assignments A1 (features and normalisation) and A2 (AdaIN and its statistics).

Each takes the answer and a seed; see ``seeded.py``. All raise CheckFailed with the likely mistake.
"""

import math
from collections.abc import Callable, Sequence

import torch

from course_lib import checks
from course_lib.adain import adain, blend, channel_statistics
from course_lib.checks.comparing import CheckFailed, call, compare, random_features
from course_lib.checks.seeded import (
    VISIBLE,
    attempted,
    draw,
    draw_shapes,
    expect_numbers,
    repeat,
)
from course_lib.images import IMAGENET_MEAN, IMAGENET_STD, denormalize

CAFFE_MEAN = (103.939, 116.779, 123.68)  # blue, green, red: of the original VGG-19, 0 to 255


def check_pixel(answer: Callable, seed: int = VISIBLE) -> None:
    """A1.1: ``answer([r, g, b])`` -> the three normalised numbers of one pixel, in a list."""
    rng = draw(seed)
    for _ in range(3):
        pixel = [round(rng.random(), 3) for _ in range(3)]
        result = call(answer, pixel)
        if not attempted(result, "pixel", seed):
            return
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
        right = tuple((p - m) / s for p, m, s in rows)
        wrong = {key: tuple(row) for key, row in mistakes.items()}
        expect_numbers(result, right, ("red", "green", "blue"), wrong, "pixel")
    print("pixel: correct")


def check_denormalize(answer: Callable, seed: int = VISIBLE) -> None:
    """A1.2: ``answer(x)``: normalised images (N, 3, H, W) back to [0, 1]."""
    mean, std = (torch.tensor(v)[:, None, None] for v in (IMAGENET_MEAN, IMAGENET_STD))
    for shape in [(2, 3, 4, 3), *draw_shapes(seed, channels=3)]:
        x = random_features(shape, seed) - 2
        try:
            result = call(answer, x)
        except RuntimeError as error:
            raise CheckFailed(
                f"a RuntimeError: {error}. Three numbers of shape (3,) line up with the width; "
                "make them (3, 1, 1)"
            ) from None
        if not attempted(result, "denormalize", seed):
            return
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
        compare(result, x * std + mean, mistakes, "denormalize")
    print("denormalize: correct, for every width")


def check_caffe(answer: Callable, seed: int = VISIBLE) -> None:
    """A1.3: ``answer(images)``: RGB in [0, 1] -> BGR, 0 to 255, minus the mean pixel."""
    mean = torch.tensor(CAFFE_MEAN)[:, None, None]
    for shape in [(2, 3, 4, 3), *draw_shapes(seed, channels=3)]:
        generator = torch.Generator().manual_seed(seed + shape[2])
        images = torch.rand(shape, generator=generator)
        result = call(answer, images)
        if not attempted(result, "caffe", seed):
            return
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
        compare(result, 255 * bgr - mean, mistakes, "caffe")
    print("caffe: correct")


def check_receptive_field(answer: Callable, seed: int = VISIBLE) -> None:
    """A1.4: ``answer(layers)``: (kernel, stride) of layers -> (pixels seen, pixels per step)."""
    conv, pool = (3, 1), (2, 2)
    vgg = [conv, conv, pool, conv, conv, pool, conv, conv, conv, conv, pool, conv]
    rng = draw(seed)
    others = [[(rng.choice((1, 3, 5, 7)), rng.choice((1, 2, 3))) for _ in range(rng.randint(2, 6))]
              for _ in range(4)]  # fmt: skip
    for layers in ([conv], [conv, conv], [pool, conv], vgg, *others):
        result = call(answer, list(layers))
        if not attempted(result, "receptive_field", seed):
            return
        right = _receptive_field(layers)
        kernels = 1 + sum(k - 1 for k, _ in layers)
        product = math.prod(k for k, _ in layers)
        early = 1
        for number, (k, _) in enumerate(layers):
            early += (k - 1) * math.prod(s for _, s in layers[: number + 1])
        step = right[1]
        expect_numbers(
            result, right, ("pixels seen", "pixels per step"),
            {
                "strides are not used: behind a pooling, one step is two pixels of the image": (
                    kernels, step),
                "kernel sizes do not multiply: each layer adds (kernel - 1) steps": (product, step),
                "a layer's own stride counts for the layers after it: add first, then multiply": (
                    early, step),
                "start with 1 pixel, not with 0": (right[0] - 1, step),
                "the two results are swapped": (step, right[0]),
            },
            f"receptive_field({layers})",
        )  # fmt: skip
    print("receptive_field: correct, for VGG-19 and for other networks")


def _receptive_field(layers: Sequence[tuple[int, int]]) -> tuple[int, int]:
    seen, step = 1, 1
    for kernel, stride in layers:
        seen += (kernel - 1) * step
        step *= stride
    return seen, step


def check_activation_means(answer: Callable, seed: int = VISIBLE) -> None:
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
    result = call(answer, maps)
    if not attempted(result, "activation_means", seed):
        return
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
    compare(result, right, mistakes, "activation_means")
    print("activation_means: correct, for pictures of different sizes")


def check_map_statistics(answer: Callable, seed: int = VISIBLE) -> None:
    """A2.1: ``answer(feature_map)``: (H, W) -> (mean, standard deviation), two numbers."""
    for n, _, h, w in draw_shapes(seed):
        x = random_features((1, 1, h, w), seed + n)[0, 0]
        result = call(answer, x)
        if not attempted(result, "map_statistics", seed):
            return
        mean, var, unbiased = x.mean().item(), x.var(correction=0).item(), x.var().item()
        mistakes = {
            "this is the variance: take the square root": (mean, var),
            "divide by the number of positions, not by one less": (mean, unbiased**0.5),
            "the squares of the values are averaged, not those of the deviations": (
                mean, x.square().mean().item() ** 0.5),
            "the sum was not divided by the number of positions": (x.sum().item(), var**0.5),
            "the two results are swapped": (var**0.5, mean),
        }  # fmt: skip
        expect_numbers(result, (mean, (var + 1e-5) ** 0.5), ("mean", "std"), mistakes, "map")
    print("map_statistics: correct")


def check_statistics(answer: Callable, seed: int = VISIBLE) -> None:
    """A2.2: the lesson's ``check_channel_statistics``; a graded seed adds other shapes."""
    if seed == VISIBLE:
        return checks.check_channel_statistics(answer)
    for shape in draw_shapes(seed):
        repeat(answer, channel_statistics, (random_features(shape, seed),), "channel_statistics")


def check_strength(answer: Callable, seed: int = VISIBLE) -> None:
    """A2.3: ``answer(content, style, alpha)``: AdaIN, mixed with the content."""
    rng = draw(seed)
    for number, shape in enumerate(draw_shapes(seed)):
        content = random_features(shape, seed + 3)
        style = 2 * random_features((1, shape[1], 5, 4), seed + 4)
        alpha = (1.0, 0.0, round(rng.uniform(0.1, 0.4), 2))[number]
        result = call(answer, content, style, alpha)
        if not attempted(result, "adain", seed):
            return
        full = adain(content, style)
        mean, std = channel_statistics(content)
        its_mean, its_std = channel_statistics(style)
        mistakes = {
            "divided by the content's mean, as the report prints it: divide by its standard "
            "deviation": blend(content, its_std * (content - mean) / mean + its_mean, alpha),
            "alpha is reversed: alpha = 0 must give the content": blend(full, content, alpha),
            "the style's mean is missing": blend(content, full - its_mean, alpha),
            "the content's mean was added back: add the style's": blend(
                content, full - its_mean + mean, alpha
            ),
            "alpha is not used": full,
            "the content's share (1 - alpha) * content is missing": alpha * full,
            "add (1 - alpha) * content, not the whole content": content + alpha * full,
        }
        compare(result, blend(content, full, alpha), mistakes, f"adain with alpha {alpha}")
    if seed == VISIBLE:
        return checks.check_adain(lambda content, style: answer(content, style, 1.0))


def check_pooled(answer: Callable, seed: int = VISIBLE) -> None:
    """A2.4: ``answer(means, stds, counts)``: statistics of a whole from those of its tiles."""
    rng = draw(seed)
    for tiles in (1, 2, 3 + seed % 3):
        c = rng.randint(2, 5)
        parts = [random_features((1, c, rng.randint(2, 6), rng.randint(2, 6)), seed + k)
                 for k in range(tiles)]  # fmt: skip
        flat = [part.flatten(2)[0].double() for part in parts]
        means = torch.stack([x.mean(1) for x in flat]).float()
        stds = torch.stack([x.var(1, correction=0).sqrt() for x in flat]).float()
        counts = torch.tensor([float(x.shape[1]) for x in flat])
        result = call(answer, means, stds, counts)
        if not attempted(result, "pooled", seed):
            return
        if not isinstance(result, tuple | list) or len(result) != 2:
            raise CheckFailed("return two tensors, mean and std, each of shape (C,)")
        share = (counts / counts.sum())[:, None]
        mean = (share * means).sum(0)
        inside = (share * stds.square()).sum(0)
        between = (share * (means - mean).square()).sum(0)
        compare(result[0], mean, {
            "the tiles count alike here: weight each by its number of positions": means.mean(0),
            "the weighted sum is not divided by the number of positions": (
                (counts[:, None] * means).sum(0)),
        }, "mean")  # fmt: skip
        compare(result[1], (inside + between).sqrt(), {
            "this is the variance: take the square root at the end": inside + between,
            "standard deviations do not average: average the variances": (share * stds).sum(0),
            "the variance within the tiles alone: the tiles' means differ, too, and that is part "
            "of the spread": inside.sqrt(),
            "only the spread between the tiles' means: add the variance inside": between.sqrt(),
            "the tiles count alike in the variance: weight each by its number of positions": (
                stds.square().mean(0) + (means - mean).square().mean(0)).sqrt(),
        }, "std")  # fmt: skip
        whole = torch.cat(flat, 1)
        compare(result[0], whole.mean(1).float(), {}, "mean")
    print("pooled: correct, the whole's statistics from those of its tiles")
