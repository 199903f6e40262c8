"""Checks of assignment A2 (AdaIN and its statistics).

Each takes the answer and a seed; see ``homework_checking``.
"""

from collections.abc import Callable

import torch

from course_lib.adain import adain, blend, channel_statistics
from course_lib.lessons.checking import CheckFailed, call, compare, random_features
from course_lib.lessons.homework_checking import (
    VISIBLE,
    Cases,
    attempted,
    draw,
    draw_shapes,
    homework,
    repeat,
)
from course_lib.lessons.lesson02 import checks


@homework("map_statistics", names=("mean", "std"))
def check_map_statistics(seed: int) -> Cases:
    """A2.1: ``answer(feature_map)``: (H, W) -> (mean, standard deviation), two numbers."""
    for n, _, h, w in draw_shapes(seed):
        x = random_features((1, 1, h, w), seed + n)[0, 0]
        mean, var, unbiased = x.mean().item(), x.var(correction=0).item(), x.var().item()
        mistakes = {
            "this is the variance: take the square root": (mean, var),
            "divide by the number of positions, not by one less": (mean, unbiased**0.5),
            "the squares of the values are averaged, not those of the deviations": (
                mean,
                x.square().mean().item() ** 0.5,
            ),
            "the sum was not divided by the number of positions": (x.sum().item(), var**0.5),
            "the two results are swapped": (var**0.5, mean),
        }
        yield (x,), (mean, (var + 1e-5) ** 0.5), mistakes


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
        mistakes = checks.check_mix.mistakes(content, [style], [1.0], alpha) | {
            text: blend(content, wrong, alpha)
            for text, wrong in checks.check_adain.mistakes(content, style).items()
            if wrong.shape == content.shape
        }
        compare(result, blend(content, full, alpha), mistakes, f"adain with alpha {alpha}")
    if seed == VISIBLE:
        return checks.check_adain(lambda content, style: answer(content, style, 1.0))


def check_pooled(answer: Callable, seed: int = VISIBLE) -> None:
    """A2.4: ``answer(means, stds, counts)``: statistics of a whole from those of its tiles."""
    rng = draw(seed)
    for tiles in (1, 2, 3 + seed % 3):
        c = rng.randint(2, 5)
        parts = [
            random_features((1, c, rng.randint(2, 6), rng.randint(2, 6)), seed + k)
            for k in range(tiles)
        ]
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
        compare(
            result[0],
            mean,
            {
                "the tiles count alike here: weight each by its number of positions": means.mean(0),
                "the weighted sum is not divided by the number of positions": (
                    (counts[:, None] * means).sum(0)
                ),
            },
            "mean",
        )
        compare(
            result[1],
            (inside + between).sqrt(),
            {
                "this is the variance: take the square root at the end": inside + between,
                "standard deviations do not average: average the variances": (share * stds).sum(0),
                "the variance within the tiles alone: the tiles' means differ, too, and that is "
                "part of the spread": inside.sqrt(),
                "only the spread between the tiles' means: add the variance inside": between.sqrt(),
                "the tiles count alike in the variance: weight each by its number of positions": (
                    stds.square().mean(0) + (means - mean).square().mean(0)
                ).sqrt(),
            },
            "std",
        )
        whole = torch.cat(flat, 1)
        compare(result[0], whole.mean(1).float(), {}, "mean")
    print("pooled: correct, the whole's statistics from those of its tiles")
