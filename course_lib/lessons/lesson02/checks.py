"""Checks of lesson 02: channel statistics, AdaIN and mixtures."""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from course_lib.adain import adain, channel_statistics, whiten
from course_lib.lessons.agreement import compare
from course_lib.lessons.answers import CheckFailed, call
from course_lib.lessons.checking import exercise, kinds, random_features, random_shapes


def _feature_cases() -> list[tuple[Tensor]]:
    """Tiny features: one channel, two channels, a batch, flat ones, one position, large float16."""
    rows = [[[1.0, 5.0]]], [[[1.0, 3.0, 8.0]]], [[[1.0, 3.0]], [[2.0, 8.0]]]
    batch = torch.tensor([[[[1.0, 3.0]]], [[[5.0, 9.0]]]])
    tall = torch.tensor([[[[1.0], [3.0]]]])
    flat = torch.zeros(1, 1, 1, 2)
    half = torch.tensor([[[[0.0, 600.0]]]], dtype=torch.float16)
    return [
        (x,)
        for x in (*(torch.tensor([row]) for row in rows), batch, tall, flat, flat[..., :1], half)
    ]


def _statistics_mistakes(features: Tensor) -> dict[str, list[Tensor]]:
    """Results of the likely mistakes: pairs of mean and std."""
    mean, std = channel_statistics(features)
    count, centred = features.shape[2] * features.shape[3], features - mean
    batch_mean = features.mean((0, 2, 3), keepdim=True).expand_as(mean)
    batch_std = features.var((0, 2, 3), correction=0, keepdim=True).sqrt().expand_as(std)
    stds = {
        "this is the variance: take its square root": std.square(),
        "unbiased variance: divide by the H * W positions, not by H * W - 1 (correction=0); on a "
        "1x1 map the unbiased one is NaN": (std.square() * count / max(count - 1, 1)).sqrt(),
        "the std runs over the batch (batch norm), not per sample": batch_std,
        "subtract the mean before you square": features.square().mean((2, 3), True).sqrt(),
        "the mean of |x - mean| is not the standard deviation": centred.abs().mean((2, 3), True),
    }
    return {
        "mean and std are swapped: return the mean first": [std, mean],
        "the mean runs over the batch (batch norm), not per sample": [batch_mean, std],
        **{text: [mean, wrong] for text, wrong in stds.items()},
    }


def _check_statistics_traps(answer: Callable) -> None:
    """Complain about one position, about epsilon missing or outside the root, and float16."""
    one = random_features((2, 3, 1, 1), seed=1)
    mean, std = call(answer, one)
    if std.isnan().any():
        raise CheckFailed("std is NaN on a 1x1 map: unbiased variance divides by H * W - 1 = 0")
    compare(mean, one, {}, "mean of a 1x1 map")
    flat = torch.zeros(2, 3, 4, 4, requires_grad=True)  # detectors that never fire
    std = call(answer, flat)[1]
    if std.max() < 1e-3:
        raise CheckFailed(
            f"epsilon is missing or outside the root: a flat channel has std {std.max():.0e}, not "
            "sqrt(1e-5) = 0.0032; add 1e-5 to the variance, before the square root"
        )
    if std.requires_grad and not torch.autograd.grad(std.sum(), flat)[0].isfinite().all():
        raise CheckFailed("the gradient of std is NaN on a flat channel: epsilon goes in the root")
    if not torch.allclose(std, torch.tensor(1e-5).sqrt(), rtol=0.01):
        raise CheckFailed(f"a flat channel has std {std.max():.4f}, not sqrt(1e-5) = 0.0032")
    half = 600 * random_features((2, 3, 4, 4), seed=1).half()
    mean, std = call(answer, half)
    if not std.isfinite().all() or torch.float16 in (mean.dtype, std.dtype):
        raise CheckFailed(
            "float16 features must be measured in float32 (features.float()): the square of a "
            "deviation above 256 is infinite in float16"
        )


def _check_statistics_form(result: object, features: Tensor) -> None:
    """Complain unless ``result`` is a pair of tensors (N, C, 1, 1)."""
    if not isinstance(result, tuple | list) or len(result) != 2:
        raise CheckFailed(f"return two tensors, mean and std; got {type(result).__name__}")
    n, c, h, w = shape = tuple(features.shape)
    causes = {
        (n, c): "the two averaged axes are gone: keepdim=True leaves them as 1",
        (1, c, 1, 1): "these are batch statistics (batch norm): average each sample on its own",
        (c,): "these are batch statistics (batch norm): average each sample on its own",
        (n, 1, 1, 1): "the average ran over the channels too (layer norm): only over H and W",
        (n,): "the average ran over the channels too (layer norm): only over H and W",
        (n, 1, h, w): "the average ran over the channels: it must run over H and W",
        (n, h, w): "the average ran over the channels: it must run over H and W",
        (n, c, h, 1): "the average ran over the width only: it must run over H and W",
        (n, c, 1, w): "the average ran over the height only: it must run over H and W",
    }
    for name, part in zip(("mean", "std"), result, strict=True):
        if not isinstance(part, Tensor):
            raise CheckFailed(f"{name} must be a tensor, got {type(part).__name__}")
        if part.shape != (n, c, 1, 1):
            cause = causes.get(tuple(part.shape), "average over the last two axes, keepdim=True")
            raise CheckFailed(
                f"features {shape} need a {name} of shape {(n, c, 1, 1)}, "
                f"got {tuple(part.shape)}: {cause}"
            )


@exercise(
    "channel_statistics",
    "batches, tiny maps, flat channels, float16, gradients",
    'lesson 02, section 1 "Two numbers per feature map", and section 7 for its traps',
    channel_statistics,
    ("features",),
    _feature_cases,
    mistakes=_statistics_mistakes,
    form=_check_statistics_form,
    gradient="a decoder cannot learn through these statistics",
    traps=_check_statistics_traps,
    parts=("mean", "std"),
)
def check_channel_statistics(seed: int = 1) -> Iterator[tuple]:
    """Exercise 02.1: ``answer(features)`` -> (mean, std), each (N, C, 1, 1) and float32."""
    for kind in kinds():
        for shape in random_shapes(seed, channels=5):
            if shape[2:] != (1, 1):  # told after the flat channels
                yield (random_features(shape, seed + sum(shape), *kind),)


def small_pairs() -> list[tuple[Tensor, Tensor]]:
    """Tiny pairs: one channel, two channels, a batch, a flat channel, one position."""
    one, two = torch.tensor([[[[1.0, 3.0]]]]), torch.tensor([[[[10.0, 30.0, 20.0]]]])
    channels = torch.tensor([[[[1.0, 3.0]], [[2.0, 8.0]]]])
    flat = torch.zeros(1, 1, 1, 2)
    return [
        (one, two),
        (channels, 3 * channels.flip(1)),
        (torch.cat([one, 4 * one]), two),
        (flat, two),
        (flat[..., :1], two),
    ]


def _adain_mistakes(c: Tensor, s: Tensor) -> dict[str, Tensor]:
    """Results of the likely mistakes in AdaIN."""
    (mc, sc), (ms, ss) = channel_statistics(c), channel_statistics(s)
    norm = (c - mc) / sc

    def over(axes: Sequence[int], **options: int) -> Tensor:
        std = [x.var(axes, keepdim=True, **options).add(1e-5).sqrt() for x in (s, c)]
        return std[0] * (c - c.mean(axes, True)) / std[1] + s.mean(axes, True)

    return {
        "divided by the content's mean, as the report prints it: divide by its standard "
        "deviation": ss * (c - mc) / mc + ms,
        "the style's mean is missing: add it at the end": ss * norm,
        "the style's standard deviation is missing: multiply by it": norm + ms,
        "the content's mean was added back: add the style's": ss * norm + mc,
        "the content's mean was not subtracted": ss * c / sc + ms,
        "not divided by the content's standard deviation": ss * (c - mc) + ms,
        "the style's mean and standard deviation are swapped": ms * norm + ss,
        "the style's features come back with the content's statistics? content and style are "
        "swapped": sc * (s - ms) / ss + mc if s.shape == c.shape else torch.zeros(0),
        "this uses variances: take square roots": ss**2 * (c - mc) / sc**2 + ms,
        # Of one position there is no unbiased variance, and PyTorch would warn.
        "unbiased variance: use correction=0": over((2, 3), correction=int(c[0, 0].numel() > 1)),
        "statistics over the batch: measure every sample on its own": over((0, 2, 3), correction=0),
        "statistics over all channels together: measure every channel on its own": over(
            (1, 2, 3), correction=0
        ),
        "the result is cut off at zero: features are not negative, their target may be": (
            adain(c, s).clamp(min=0)
        ),
        "this is the content, unchanged": c,
    }


def check_adain_form(result: object, content: Tensor, style: Tensor) -> None:
    if not isinstance(result, Tensor):
        raise CheckFailed(f"return one tensor, got {type(result).__name__}")
    if result.shape == style.shape != content.shape:
        raise CheckFailed("content and style are swapped: the result has the style's shape")


def check_adain_traps(answer: Callable) -> None:
    """Complain about epsilon missing or outside the root, and about the unbiased variance."""
    style = 3 * random_features((1, 3, 6, 2), seed=8)
    content = random_features((2, 3, 4, 4), seed=9)
    content[:, 1] = 0  # a detector that never fires, as in every second photograph
    content.requires_grad_()
    result = call(answer, content, style)
    if not result.isfinite().all():
        raise CheckFailed("a flat content channel gives 0 / 0 = NaN: epsilon is missing")
    compare(result, adain(content, style), {}, "adain on a flat channel")
    if result.requires_grad:
        gradient = torch.autograd.grad(result.square().sum(), content)[0]
        if not gradient.isfinite().all():
            raise CheckFailed(
                "the gradient is NaN on a flat channel: add epsilon to the variance inside the "
                "square root, not to the std"
            )
    if not call(answer, content.detach()[..., :1, :1], style).isfinite().all():
        raise CheckFailed("content of 1x1 gives NaN: use the biased variance (correction=0)")


@exercise(
    "adain",
    "batches, one style for many, any sizes, flat channels, gradients",
    'lesson 02, section 4 "AdaIN: swap the statistics", and section 7 for its traps',
    adain,
    ("content", "style"),
    small_pairs,
    mistakes=_adain_mistakes,
    form=check_adain_form,
    gradient="a network in front of AdaIN cannot learn",
    traps=check_adain_traps,
)
def check_adain() -> Iterator[tuple]:
    """Exercise 02.2: ``answer(content, style)`` -> content's shape with the style's statistics."""
    shapes = [((3, 5, 2, 3), (3, 5, 7, 3)), ((2, 4, 5, 5), (1, 4, 3, 8)), ((1, 3, 4, 1),) * 2]
    shapes += [(shape, (1, shape[1], 6, 2)) for shape in random_shapes(seed=2)]
    for kind in kinds():
        for content_shape, style_shape in shapes:
            if content_shape[2:] != (1, 1):  # told after the flat channels
                content = random_features(content_shape, 7, *kind)
                yield content, 3 * random_features(style_shape, 8, *kind)


def _mix(
    content: Tensor, styles: Sequence[Tensor], weights: Sequence[float], alpha: float
) -> Tensor:
    """Equations 14 and 15, as they are printed in the paper."""
    target = sum(w / sum(weights) * adain(content, s) for w, s in zip(weights, styles, strict=True))
    return (1 - alpha) * content + alpha * target


def _mix_cases() -> list[tuple[Tensor, list[Tensor], list[float], float]]:
    """Tiny mixtures: no style at all, half of one, two styles, weights of another sum, three."""
    content = torch.tensor([[[[1.0, 3.0]]]])
    styles = [torch.tensor([[[[10.0, 20.0]]]]), torch.tensor([[[[1.0, 9.0]]]]), 7 * content]
    return [
        (content, styles[:1], [1.0], 0.0),
        (content, styles[:1], [1.0], 0.25),
        (content, styles[:2], [0.25, 0.75], 1.0),
        (content, styles[:2], [1.0, 3.0], 1.0),
        (content, styles, [1.0, 2.0, 5.0], 0.3),
    ]


def _mix_mistakes(
    c: Tensor, styles: Sequence[Tensor], weights: Sequence[float], alpha: float
) -> dict[str, Tensor]:
    """Results of the likely mistakes in mixing styles."""
    images = [adain(c, style) for style in styles]
    share = [w / sum(weights) for w in weights]

    def mixed(ws: Sequence[float], xs: Sequence[Tensor]) -> Tensor:
        return sum(w * x for w, x in zip(ws, xs, strict=True))

    target, parts = mixed(share, images), [channel_statistics(s) for s in styles]
    root = mixed(share, [p.std.square() for p in parts]).sqrt()
    by_variance = whiten(c) * root + mixed(share, [p.mean for p in parts])
    unscaled, equal = mixed(weights, images), sum(images) / len(images)
    return {
        "alpha is reversed: alpha = 0 must give the content": alpha * c + (1 - alpha) * target,
        "alpha is not used": target,
        "the content's share (1 - alpha) * content is missing": alpha * target,
        "add (1 - alpha) * content, not the whole content": c + alpha * target,
        "the weights are not scaled to sum 1": (1 - alpha) * c + alpha * unscaled,
        "the weights are not used": (1 - alpha) * c + alpha * equal,
        "only the first style is used": (1 - alpha) * c + alpha * images[0],
        "only the last style is used: AdaIN after AdaIN erases the one before; add the results "
        "instead": (1 - alpha) * c + alpha * images[-1],
        "the weights meet the styles in reverse order": (1 - alpha) * c
        + alpha * mixed(share[::-1], images),
        "variances were averaged: average the standard deviations (or the AdaIN results)": (
            (1 - alpha) * c + alpha * by_variance
        ),
    }


@exercise(
    "mix",
    "one to three styles, weights of any sum, alpha from 0 to 1",
    'lesson 02, section 5 "How much style?" and section 6 "Mixtures of styles"',
    _mix,
    ("content", "styles", "weights", "alpha"),
    _mix_cases,
    mistakes=_mix_mistakes,
)
def check_mix() -> Iterator[tuple]:
    """Exercise 02.3: ``answer(content, styles, weights, alpha)``, equations 14 and 15."""
    cases = (((1, 2, 5), 0.3), ((1.0,), 1.0), ((3, 1), 0.0), ((0.5, 0.5), 0.75))
    for kind in kinds():
        for number, (weights, alpha) in enumerate(cases):
            shapes = ((3, 5, 2, 3), (1, 5, 7, 3), (3, 5, 5, 5))[: len(weights)]
            styles = [(k + 2) * random_features(s, 20 + k, *kind) for k, s in enumerate(shapes)]
            yield random_features((3, 5, 4, 6), number, *kind), styles, list(weights), alpha
