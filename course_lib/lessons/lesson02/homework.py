"""Checks of assignment A2 (AdaIN and its statistics); each takes the answer and a seed."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from course_lib.adain import EPSILON, channel_statistics
from course_lib.lessons.agreement import close
from course_lib.lessons.answers import VISIBLE, CheckFailed, call
from course_lib.lessons.checking import exercise, random_features
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


def _masked_statistics(features: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    share = mask / mask.sum((2, 3), keepdim=True).clamp(min=EPSILON)
    mean = (share * features).sum((2, 3), keepdim=True)
    variance = (share * (features - mean).square()).sum((2, 3), keepdim=True)
    return mean, (variance + EPSILON).sqrt()


def _masked_mistakes(features: Tensor, mask: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
    mean, std = _masked_statistics(features, mask)
    whole = torch.ones_like(mask)
    plain, total = features.mean((2, 3), keepdim=True), mask.sum((2, 3), keepdim=True)
    share, away = mask / total, (features - mean).square()

    def root(x: Tensor) -> Tensor:
        return (x + EPSILON).sqrt()

    def summed(x: Tensor) -> Tensor:
        return x.sum((2, 3), keepdim=True)

    return {
        "the mask is not used": _masked_statistics(features, whole),
        "positions outside the mask count as zeros: divide by the sum of the mask, not by H * W": (
            _masked_statistics(mask * features, whole)
        ),
        "a mask of one half counts half: do not cut it to 0 and 1": (
            _masked_statistics(features, mask.ceil())
        ),
        "the deviations are those from the mean of the whole map: take the mask's own mean": (
            mean,
            root(summed(share * (features - plain).square())),
        ),
        "the squared deviations outside the mask count, too: weight them as the mean": (
            mean,
            root(away.mean((2, 3), keepdim=True)),
        ),
        "the squares of the values are averaged, not those of their deviations": (
            mean,
            root(summed(share * features.square())),
        ),
        "the mask is squared in the variance: weight the squares once": (
            mean,
            root(summed(share * mask * away)),
        ),
        "this is the variance: take the square root": (mean, summed(share * away) + EPSILON),
        "epsilon stands outside the square root: add it to the variance": (
            mean,
            summed(share * away).sqrt() + EPSILON,
        ),
        "the two results are swapped": (std, mean),
    }


def _small_masks() -> list[tuple[Tensor, Tensor]]:
    """Two positions of which one counts; a half; a flat map."""
    pair = torch.tensor([[[[1.0, 3.0, 8.0]]]])
    masks = [torch.tensor([[[row]]]) for row in ([1.0, 1.0, 0.0], [1.0, 0.5, 0.25])]
    return [(pair, masks[0]), (0 * pair, masks[1]), (pair, masks[1])]


def _masks(seed: int, shape: tuple[int, ...]) -> Tensor:
    """A mask (N, 1, H, W) with zeros, ones and values between; no picture is without."""
    generator = torch.Generator().manual_seed(seed)
    mask = (2 * torch.rand(shape[0], 1, *shape[2:], generator=generator) - 0.5).clamp(0, 1)
    mask[..., 0, 0] = 1
    return mask


@exercise(
    "masked_statistics",
    "batches, soft masks, flat channels, gradients",
    TWO_NUMBERS,
    _masked_statistics,
    ("features", "mask"),
    _small_masks,
    mistakes=_masked_mistakes,
    parts=("mean", "std"),
    gradient="a network in front of them cannot learn",
)
def check_masked_statistics(seed: int = VISIBLE) -> Iterator[tuple]:
    """A2.2: ``answer(features, mask)`` -> (mean, std), each (N, C, 1, 1), under the mask."""
    for n, c, h, w in draw_shapes(seed):
        features = random_features((n, c, h, w), seed + w)
        features[:, -1] = 0
        yield features, _masks(seed, (n, c, h, w))
        yield 2 * features, _masks(seed + 1, (1, c, h, w))


def _masked_adain(content: Tensor, style: Tensor, mask: Tensor) -> Tensor:
    return _painted(content, mask, style)


def _painted(
    content: Tensor, mask: Tensor, style: Tensor, statistics: Tensor | None = None
) -> Tensor:
    """AdaIN where the mask shows; the content's statistics under another mask, if one is given."""
    mean, std = _masked_statistics(content, mask if statistics is None else statistics)
    target = channel_statistics(style)
    full = target.std * (content - mean) / std + target.mean
    return (1 - mask) * content + mask * full


def _adain_mistakes(content: Tensor, style: Tensor, mask: Tensor) -> dict[str, Tensor]:
    (mc, sc), (ms, ss) = _masked_statistics(content, mask), channel_statistics(style)
    full = ss * (content - mc) / sc + ms
    inside = {
        "divided by the content's mean, as the report prints it: divide by its standard "
        "deviation": ss * (content - mc) / mc + ms,
        "the style's mean is missing: add it at the end": full - ms,
        "the style's standard deviation is missing: multiply by it": (content - mc) / sc + ms,
        "the content's mean was not subtracted": full + ss * mc / sc,
        "not divided by the content's standard deviation": ss * (content - mc) + ms,
        "this uses variances: take square roots": ss**2 * (content - mc) / sc**2 + ms,
        "the result is cut off at zero: features are not negative, their target may be": (
            full.clamp(min=0)
        ),
    }
    return {text: (1 - mask) * content + mask * x for text, x in inside.items()} | {
        "the content's statistics are those of the whole picture: measure them under the mask": (
            _painted(content, mask, style, torch.ones_like(mask))
        ),
        "the mask is reversed: where it is 0 the content stays": mask * content + (1 - mask) * full,
        "the style is everywhere: where the mask is 0 the content stays": full,
        "the content's share (1 - mask) * content is missing": mask * full,
        "add (1 - mask) * content, not the whole content": content + mask * full,
        "a mask of one half gives half of each: do not cut it to 0 and 1": torch.where(
            mask > 0, full, content
        ),
    }


def _check_empty_mask(answer: Callable) -> None:
    """Complain if a mask that shows nothing changes the picture; then of AdaIN's own traps."""
    checks.check_adain_traps(lambda c, s: answer(c, s, torch.ones_like(c[:, :1])))
    content = random_features((1, 2, 3, 4), seed=5)
    result = call(answer, content, 3 * content.flip(3), torch.zeros(1, 1, 3, 4))
    if not isinstance(result, Tensor) or not close(result, content):
        raise CheckFailed(
            "a mask that is 0 everywhere leaves the content as it is: its sum is 0, so divide by "
            "sum.clamp(min=EPSILON)",
            "For an empty mask expected the content, got "
            + ("NaN" if result.isnan().any() else "something else"),
        )


@exercise(
    "masked_adain",
    "soft masks, empty ones, batches, flat channels, gradients",
    'lesson 02, section 5 "How much style?", and section 4 for a mask of ones',
    _masked_adain,
    ("content", "style", "mask"),
    lambda: [(content, 3 * content.flip(3) + 1, mask) for content, mask in _small_masks()],
    mistakes=_adain_mistakes,
    form=lambda result, content, style, mask: checks.check_adain_form(result, content, style),
    traps=_check_empty_mask,
    gradient="a network in front of AdaIN cannot learn",
)
def check_masked_adain(seed: int = VISIBLE) -> Iterator[tuple]:
    """A2.3: ``answer(content, style, mask)``: AdaIN of what the mask shows; the rest stays."""
    for n, c, h, w in draw_shapes(seed):
        content = random_features((n, c, h, w), seed + 3)
        yield content, 2 * random_features((n, c, 5, 4), seed + 4), _masks(seed, (n, c, h, w))
        yield content, 2 * random_features((1, c, h, w), seed + 5), _masks(seed, (n, c, h, w)) / 2


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
