"""Checks of assignment A2 (AdaIN and its statistics); each takes the answer and a seed."""

from collections.abc import Iterator

import torch
from torch import Tensor

from course_lib.adain import EPSILON, adain, blend
from course_lib.lessons.checking import VISIBLE, exercise, random_features
from course_lib.lessons.homework_checking import draw, draw_shapes
from course_lib.lessons.lesson02 import checks

TWO_NUMBERS = 'lesson 02, section 1 "Two numbers per feature map"'


def _map_statistics(x: Tensor) -> tuple[float, float]:
    return x.mean().item(), (x.var(correction=0) + EPSILON).sqrt().item()


def _map_mistakes(x: Tensor) -> dict[str, tuple[float, float]]:
    (mean, std), var = _map_statistics(x), x.var(correction=0).item()
    return {
        "this is the variance: take the square root": (mean, var + EPSILON),
        "divide by the number of positions, not by one less": (
            mean,
            (x.var().item() + EPSILON) ** 0.5,
        ),
        "the squares of the values are averaged, not those of the deviations": (
            mean,
            (x.square().mean().item() + EPSILON) ** 0.5,
        ),
        "the mean of the deviations' sizes is not the standard deviation: average their squares": (
            mean,
            (x - mean).abs().mean().item(),
        ),
        "the sum was not divided by the number of positions": (x.sum().item(), std),
        "zeros count, too: divide by all positions": (
            x.sum().item() / max(1, x.count_nonzero().item()),
            std,
        ),
        "epsilon is missing: a flat map has the standard deviation sqrt(1e-5)": (mean, var**0.5),
        "epsilon stands outside the square root: add it to the variance": (
            mean,
            var**0.5 + EPSILON,
        ),
        "the two results are swapped": (std, mean),
    }


@exercise(
    "map_statistics",
    "square, tall, wide and flat",
    TWO_NUMBERS,
    _map_statistics,
    ("feature_map",),
    lambda: [(torch.tensor([[1.0, 3.0]]),), (torch.tensor([[1.0, 3.0], [0.0, 8.0]]),)],
    mistakes=_map_mistakes,
    parts=("mean", "std"),
)
def check_map_statistics(seed: int = VISIBLE) -> Iterator[tuple]:
    """A2.1: ``answer(feature_map)``: (H, W) -> (mean, standard deviation), two numbers."""
    for n, _, h, w in draw_shapes(seed):
        yield (random_features((1, 1, h, w), seed + n)[0, 0],)
    yield (torch.zeros(3, 2 + seed % 3),)


# A2.2 is the lesson's exercise.
check_statistics = checks.check_channel_statistics


def _strength(content: Tensor, style: Tensor, alpha: float) -> Tensor:
    return blend(content, adain(content, style), alpha)


def _strength_mistakes(content: Tensor, style: Tensor, alpha: float) -> dict[str, Tensor]:
    full = adain(content, style)
    mistakes = {
        "alpha is reversed: alpha = 0 must give the content": blend(content, full, 1 - alpha),
        "alpha is not used": full,
        "the content's share (1 - alpha) * content is missing": alpha * full,
        "add (1 - alpha) * content, not the whole content": content + alpha * full,
    }
    for text, wrong in checks.check_adain.mistakes(content, style).items():
        if wrong.shape == content.shape:
            mistakes.setdefault(text, blend(content, wrong, alpha))
    return mistakes


@exercise(
    "adain",
    "every strength, batches, flat channels, gradients",
    'lesson 02, section 5 "How much style?", and section 4 for alpha = 1',
    _strength,
    ("content", "style", "alpha"),
    lambda: [
        (content, style, a) for a in (0.0, 1.0, 0.25) for content, style in checks.small_pairs()
    ],
    mistakes=_strength_mistakes,
    form=lambda result, content, style, alpha: checks.check_adain_form(result, content, style),
    traps=lambda answer: checks.check_adain_traps(lambda c, s: answer(c, s, 1.0)),
    gradient="a network in front of AdaIN cannot learn",
)
def check_strength(seed: int = VISIBLE) -> Iterator[tuple]:
    """A2.3: ``answer(content, style, alpha)``: AdaIN, mixed with the content."""
    rng = draw(seed)
    alphas = (1.0, 0.0, round(rng.uniform(0.1, 0.4), 2), round(rng.uniform(0.6, 0.9), 2))
    for alpha, (n, c, h, w) in zip(alphas, draw_shapes(seed), strict=True):
        content = random_features((n, c, h, w), seed + 3)
        yield content, 2 * random_features((n, c, 5, 4), seed + 4), alpha
        yield content, 2 * random_features((1, c, h, w), seed + 5), alpha


def _pooled(means: Tensor, stds: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
    share = (counts / counts.sum())[:, None]
    mean = (share * means).sum(0)
    return mean, (share * (stds.square() + (means - mean).square())).sum(0).sqrt()


def _pooled_mistakes(
    means: Tensor, stds: Tensor, counts: Tensor
) -> dict[str, tuple[Tensor, Tensor]]:
    share = (counts / counts.sum())[:, None]
    mean, std = _pooled(means, stds, counts)
    inside = (share * stds.square()).sum(0)
    between = (share * (means - mean).square()).sum(0)
    wrong_means = {
        "the tiles count alike here: weight each by its number of positions": means.mean(0),
        "the weighted sum is not divided by the number of positions": (
            (counts[:, None] * means).sum(0)
        ),
    }
    wrong_stds = {
        "this is the variance: take the square root at the end": inside + between,
        "standard deviations do not average: average the variances": (share * stds).sum(0),
        "the variance within the tiles alone: the tiles' means differ, too, and that is part of "
        "the spread": inside.sqrt(),
        "only the spread between the tiles' means: add the variance inside": between.sqrt(),
        "roots do not add up: add the two variances, then take the root": (
            inside.sqrt() + between.sqrt()
        ),
        "the tiles count alike in the variance: weight each by its number of positions": (
            stds.square().mean(0) + (means - mean).square().mean(0)
        ).sqrt(),
        "the squares of the means are added, not those of their distances from the whole's mean": (
            inside + (share * means.square()).sum(0)
        ).sqrt(),
    }
    return {text: (wrong, std) for text, wrong in wrong_means.items()} | {
        text: (mean, wrong) for text, wrong in wrong_stds.items()
    }


def _small_tiles() -> list[tuple[Tensor, Tensor, Tensor]]:
    """One tile; a black and a white one; two of different sizes."""
    one, two = torch.tensor([[3.0]]), torch.tensor([[0.0], [1.0]])
    return [
        (one, one, torch.tensor([4.0])),
        (two, torch.zeros(2, 1), torch.tensor([1.0, 1.0])),
        (two, two, torch.tensor([1.0, 3.0])),
    ]


@exercise(
    "pooled",
    "the whole's statistics from those of its tiles",
    TWO_NUMBERS,
    _pooled,
    ("means", "stds", "counts"),
    _small_tiles,
    mistakes=_pooled_mistakes,
    parts=("mean", "std"),
)
def check_pooled(seed: int = VISIBLE) -> Iterator[tuple]:
    """A2.4: ``answer(means, stds, counts)``: statistics of a whole from those of its tiles."""
    rng = draw(seed)
    for tiles in (1, 2, 3 + seed % 3):
        c = rng.randint(2, 5)
        sides = [(rng.randint(2, 6), rng.randint(2, 6)) for _ in range(tiles)]
        flat = [
            random_features((1, c, *side), seed + k).flatten(2)[0] for k, side in enumerate(sides)
        ]
        flat[-1][0] = 0  # a detector that finds nothing in the last tile
        yield (
            torch.stack([x.mean(1) for x in flat]),
            torch.stack([x.var(1, correction=0).sqrt() for x in flat]),
            torch.tensor([float(x.shape[1]) for x in flat]),
        )
