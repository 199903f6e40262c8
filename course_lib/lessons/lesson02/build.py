"""Checks of lesson 02's build: the whitening and colouring transform of Li et al. (2017)."""

from collections.abc import Iterator

import torch
from torch import Tensor

from course_lib.adain import EPSILON, adain
from course_lib.lessons.answers import CheckFailed
from course_lib.lessons.checking import exercise, kinds, random_features, random_shapes

WHERE = 'lesson 02, section 10 "Build it: AdaIN\'s big sister"'


def covariance(features: Tensor) -> tuple[Tensor, Tensor]:
    """Features (N, C, H, W) -> mean (N, C, 1) and biased covariance (N, C, C) over positions."""
    flat = features.flatten(2)
    mean = flat.mean(2, keepdim=True)
    centred = flat - mean
    return mean, centred @ centred.transpose(1, 2) / flat.shape[2]


def matrix_power(matrix: Tensor, power: float, epsilon: float = EPSILON) -> Tensor:
    """Symmetric, positive (N, C, C) plus ``epsilon`` on the diagonal, to a real power."""
    values, vectors = torch.linalg.eigh(matrix)
    values = (values.clamp(min=0) + epsilon) ** power
    return vectors * values[:, None] @ vectors.transpose(1, 2)


def wct(content: Tensor, style: Tensor) -> Tensor:
    """Content (N, C, H, W) with mean and covariance of the style (N or 1, C, H', W')."""
    (content_mean, content_covariance), (mean, its) = covariance(content), covariance(style)
    change = matrix_power(its, 0.5) @ matrix_power(content_covariance, -0.5)
    return (change @ (content.flatten(2) - content_mean) + mean).view_as(content)


def _covariance_cases() -> list[tuple[Tensor]]:
    """Tiny features: one channel, two channels, a batch."""
    pair = torch.tensor([[[[1.0, 3.0]], [[2.0, 8.0]]]])
    return [(pair[:, :1],), (pair,), (torch.cat([pair, pair.flip(1) ** 2]),)]


def _covariance_mistakes(features: Tensor) -> dict[str, list[Tensor]]:
    (mean, right), flat = covariance(features), features.flatten(2)
    count, centred = flat.shape[2], flat - mean
    std = right.diagonal(dim1=1, dim2=2).sqrt()
    together = flat - flat.mean((0, 2), keepdim=True)
    wrong = {
        "subtract the mean first: this is the Gram matrix of lesson 05": flat
        @ flat.transpose(1, 2)
        / count,
        "divide by the H * W positions": right * count,
        "divide by the H * W positions, not by H * W - 1": right * count / max(count - 1, 1),
        "divide by the positions, not by the channels": right * count / flat.shape[1],
        "only the diagonal is left: keep the products of different channels": torch.diag_embed(
            std.square()
        ),
        "this is the correlation: do not divide by the deviations": right
        / (std[:, :, None] * std[:, None]),
        "positions against positions: multiply (C, H * W) by its transpose, not the other way "
        "round": centred.transpose(1, 2) @ centred / count,
        "measured over the batch: each sample has a covariance of its own": (
            torch.einsum("nik,njk->ij", together, together) / (count * len(flat))
        ).expand_as(right),
    }
    return {
        "the two are swapped: return the mean first": [right, mean],
        "the mean lost its last axis: keepdim=True": [mean.squeeze(2), right],
        **{text: [mean, matrix] for text, matrix in wrong.items()},
    }


@exercise(
    "covariance",
    "batches, one channel, one position",
    WHERE,
    covariance,
    ("features",),
    _covariance_cases,
    mistakes=_covariance_mistakes,
    parts=("mean", "covariance"),
)
def check_covariance() -> Iterator[tuple]:
    """Build 02, step 1: ``answer(features)`` -> mean (N, C, 1) and covariance (N, C, C)."""
    for kind in kinds():
        for shape in [(3, 4, 3, 2), (1, 5, 6, 7), *random_shapes(seed=3)]:
            yield (random_features(shape, sum(shape), *kind),)


def _power_cases() -> list[tuple[Tensor, float]]:
    """Tiny matrices: one number, diagonal, full, singular."""
    full, singular = torch.tensor([[[2.0, 1.0], [1.0, 3.0]]]), torch.ones(1, 2, 2)
    return [
        (torch.tensor([[[4.0]]]), 0.5),
        (torch.tensor([[[4.0, 0.0], [0.0, 9.0]]]), -0.5),
        (full, 0.5),
        (full, -0.5),
        (singular, -0.5),
        (torch.cat([full, singular]), 0.5),
    ]


def _power_mistakes(matrix: Tensor, power: float) -> dict[str, Tensor]:
    values, vectors = torch.linalg.eigh(matrix)
    kept = (values.clamp(min=0) + EPSILON) ** power
    transposed, (left, sizes, right) = vectors.transpose(1, 2), torch.linalg.svd(matrix)
    return {
        "each element was raised: raise the eigenvalues, not the elements": matrix**power,
        "the eigenvalues were not raised to the power": matrix,
        "the sign of the power is reversed": matrix_power(matrix, -power),
        "the power is doubled": matrix_power(matrix, 2 * power),
        "epsilon is missing: add 1e-5 to the eigenvalues": matrix_power(matrix, power, 0.0),
        "the left and the right vectors of svd disagree where rank is missing: use eigh": left
        * (sizes + EPSILON)[:, None] ** power
        @ right,
        "the second factor is V, not its transpose": vectors * kept[:, None] @ vectors,
        "the transpose belongs on the right: V D V^T": transposed * kept[:, None] @ vectors,
        "these are the eigenvalues: multiply by V from the left and by its transpose from the "
        "right": torch.diag_embed(kept),
    }


def _check_power_form(result: object, *_: object) -> None:
    if isinstance(result, Tensor) and not result.isfinite().all():
        raise CheckFailed("not finite: rounding makes eigenvalues negative; clamp(min=0) first")


@exercise(
    "matrix_power",
    "batches, roots and inverse roots, matrices without full rank",
    WHERE,
    matrix_power,
    ("matrix", "power"),
    _power_cases,
    mistakes=_power_mistakes,
    form=_check_power_form,
    crash="torch.linalg.eigh takes (N, C, C) and returns values (N, C) and vectors (N, C, C)",
)
def check_matrix_power() -> Iterator[tuple]:
    """Build 02, step 2: ``answer(matrix, power)`` of symmetric (N, C, C), 1e-5 on the diagonal."""
    for dtype, device in kinds():
        yield torch.tensor([[[2.0, 1.0], [1.0, 3.0]]]).to(device, dtype), -0.5
        for shape in ((3, 4, 5, 5), (1, 5, 6, 7), (2, 5, 2, 2)):  # the last one has rank 3
            matrix = covariance(random_features(shape, sum(shape), dtype, device))[1]
            if shape[1] < shape[2] * shape[3]:
                yield matrix, -0.5
            yield matrix, 0.5


def _wct_cases() -> list[tuple[Tensor, Tensor]]:
    """Tiny pairs: one channel, two channels, another size, a batch."""
    pair = torch.tensor([[[[1.0, 3.0, 2.0]], [[2.0, 8.0, 1.0]]]])
    style = torch.tensor([[[[5.0, 9.0, 4.0, 0.0]], [[2.0, 0.0, 7.0, 1.0]]]])
    return [(pair[:, :1], style[:, :1]), (pair, style), (torch.cat([pair, 2 * pair]), style)]


def _wct_mistakes(content: Tensor, style: Tensor) -> dict[str, Tensor]:
    (mean, mine), (its_mean, its) = covariance(content), covariance(style)
    flat, centred = content.flatten(2), content.flatten(2) - mean
    whiten, colour = matrix_power(mine, -0.5), matrix_power(its, 0.5)
    count, its_count = flat.shape[2], style.shape[2] * style.shape[3]
    sample = (count / (count - 1), its_count / (its_count - 1))
    wrong = {
        "the style's mean is missing: add it at the end": colour @ whiten @ centred,
        "the content's mean was added back: add the style's": colour @ whiten @ centred + mean,
        "the content's mean was not subtracted": colour @ whiten @ flat + its_mean,
        "not whitened": colour @ centred + its_mean,
        "not coloured": whiten @ centred + its_mean,
        "the order is reversed: whiten first, so that its matrix stands on the right": whiten
        @ colour
        @ centred
        + its_mean,
        "whitening takes the power -1/2, not +1/2": colour @ matrix_power(mine, 0.5) @ centred
        + its_mean,
        "take square roots: the powers are -1/2 and 1/2, not -1 and 1": matrix_power(its, 1)
        @ matrix_power(mine, -1)
        @ centred
        + its_mean,
        "divide both covariances by the positions, not by one less": matrix_power(
            its * sample[1], 0.5
        )
        @ matrix_power(mine * sample[0], -0.5)
        @ centred
        + its_mean,
        "this is the content, unchanged": flat,
    }
    shaped = {text: result.view_as(content) for text, result in wrong.items()}
    return {"this is AdaIN: it leaves the covariances alone": adain(content, style)} | shaped


@exercise(
    "wct",
    "batches, one style for many, any sizes",
    WHERE,
    wct,
    ("content", "style"),
    _wct_cases,
    mistakes=_wct_mistakes,
    crash="flatten(2) gives (N, C, H * W); the result needs the content's shape again",
)
def check_wct() -> Iterator[tuple]:
    """Build 02, step 3: ``answer(content, style)`` -> content with the style's covariance."""
    for kind in kinds():
        for shapes in (
            ((2, 4, 5, 4), (1, 4, 6, 7)),
            ((3, 3, 4, 5), (3, 3, 5, 3)),
            ((1, 2, 3, 3), (1, 2, 4, 4)),
        ):
            content, style = (random_features(s, 7 + i, *kind) for i, s in enumerate(shapes))
            style = 3 * style
            style[:, 1] += style[:, 0]  # channels that go together, which AdaIN does not see
            yield content, style
