"""Checks of lesson 03: mirroring a list of layers, the content loss and the style loss."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import torch
from torch import Tensor

from course_lib.adain import ChannelStatistics, channel_statistics, whiten
from course_lib.lessons.answers import CheckFailed, attempts
from course_lib.lessons.checking import exercise, explained, kinds, random_features, random_shapes
from course_lib.losses import content_loss, gram_matrix, style_loss

WHERE = 'lesson 03, section 4 "The two losses, by hand"'
LEARN = "the decoder cannot learn from it"


def _content_cases() -> list[tuple[Tensor, Tensor]]:
    """Tiny pairs: one number, two, two channels, a batch."""
    row = torch.tensor([[[[1.0, 4.0]]]])
    channels = torch.tensor([[[[1.0, 4.0]], [[2.0, 3.0]]]])
    batch = torch.cat([row, 2 * row])
    return [
        (row[..., :1], 3 * row[..., :1]),
        (row, row.flip(3)),
        (channels, channels.flip(1, 3)),
        (batch, batch.flip(0)),
    ]


def _content_mistakes(features: Tensor, target: Tensor) -> dict[str, Tensor]:
    """Results of the likely mistakes in the content loss."""
    squares = (features - target).square()
    total, (n, c) = squares.sum(), features.shape[:2]
    mine, wanted = channel_statistics(features), channel_statistics(target)
    moments = sum((a - b).square().mean() for a, b in zip(mine, wanted, strict=True))
    half = 0.5 * total
    return {
        "this sums the squares: take their mean (F.mse_loss), or the loss grows with the size of "
        "the picture": total,
        "this sums over each sample and averages over the batch only: take the mean of all squares "
        "(F.mse_loss)": total / n,
        "this sums over the channels: take the mean of all squares (F.mse_loss)": total
        / n
        * c
        / squares[0].numel(),
        "half of the sum is the loss of Gatys et al.; here the mean of squares is taken": half,
        "half of the mean: equation 12 has no factor 1/2": squares.mean() / 2,
        "a square root too many: this is the root mean square": squares.mean().sqrt(),
        "this is the distance itself: square it and take the mean": total.sqrt(),
        "absolute differences: square them": (features - target).abs().mean(),
        "the differences are averaged before they are squared, so that errors cancel": (
            (features - target).mean().square()
        ),
        "this compares means and deviations, which is the style loss: here position counts": (
            moments
        ),
        "this compares means alone: compare every position": (
            (mine.mean - wanted.mean).square().mean()
        ),
        "both were normalised first, which erases the style that t carries: compare the features "
        "as they are": (whiten(features) - whiten(target)).square().mean(),
        "this compares Gram matrices, which forget where things are: compare the features": (
            (gram_matrix(features) - gram_matrix(target)).square().mean()
        ),
        "only the first sample of the batch counts here": squares[0].mean(),
        "divided by the size of the target: equation 12 is not relative": squares.mean()
        / target.square().mean(),
    }


@exercise(
    "content_loss",
    "batches, any sizes, gradient",
    WHERE,
    content_loss,
    ("features", "target"),
    _content_cases,
    mistakes=_content_mistakes,
    scalar="average over everything (F.mse_loss)",
    gradient=LEARN,
)
def check_content_loss(seed: int = 3) -> Iterator[tuple]:
    """``answer(features, target)`` -> scalar, equation 12 as a mean of squares.

    Both (N, C, H, W): the features of the decoded image, and the AdaIN output ``t``.
    """
    for kind in kinds():
        for shape in random_shapes(seed):
            mine, target = (random_features(shape, seed + k, *kind) for k in (1, 2))
            yield mine, 2 * target


def _style_cases() -> list[tuple[dict[str, Tensor], dict[str, ChannelStatistics]]]:
    """Tiny layers: one channel, one with two, a batch, two layers."""
    row = torch.tensor([[[[1.0, 5.0]]]])
    channels = torch.tensor([[[[1.0, 5.0]], [[2.0, 8.0]]]])
    batch = torch.cat([row, 4 * row])

    def wanted(mean: float, std: float, like: Tensor) -> ChannelStatistics:
        ones = torch.ones(*like.shape[:2], 1, 1)
        return ChannelStatistics(mean * ones, std * ones)

    return [
        ({"relu1_1": row}, {"relu1_1": wanted(6.0, 7.0, row)}),
        ({"relu1_1": channels}, {"relu1_1": wanted(6.0, 7.0, channels)}),
        ({"relu1_1": batch}, {"relu1_1": wanted(6.0, 7.0, batch)}),
        (
            {"relu1_1": row, "relu2_1": channels},
            {"relu1_1": wanted(6.0, 7.0, row), "relu2_1": wanted(1.0, 4.0, channels)},
        ),
    ]


def _style_mistakes(
    features: Mapping[str, Tensor], targets: Mapping[str, ChannelStatistics]
) -> dict[str, Tensor]:
    """Results of the likely mistakes in the style loss."""
    pairs = [
        (mine, wanted)
        for name, target in targets.items()
        for mine, wanted in zip(channel_statistics(features[name]), target, strict=True)
    ]
    means, stds = pairs[0::2], pairs[1::2]

    def total(chosen: Sequence[tuple[Tensor, Tensor]], error: Callable) -> Tensor:
        return sum(error(mine, wanted) for mine, wanted in chosen)

    def squared(mine: Tensor, wanted: Tensor) -> Tensor:
        return (mine - wanted).square().mean()

    def summed(mine: Tensor, wanted: Tensor) -> Tensor:
        return (mine - wanted).square().sum(1).mean()

    right = total(pairs, squared)
    unbiased = [
        (values.std((2, 3), keepdim=True), targets[name].std) for name, values in features.items()
    ]
    return {
        "the deviations are missing: add their squared errors": total(means, squared),
        "the means are missing: add their squared errors": total(stds, squared),
        "this compares variances: compare standard deviations": total(means, squared)
        + total([(mine**2, wanted**2) for mine, wanted in stds], squared),
        "unbiased deviations: use channel_statistics for the features": total(means, squared)
        + total(unbiased, squared),
        "averaged over the layers: equation 13 adds them up": right / len(targets),
        "means and deviations are averaged: add the two terms": right / 2,
        "only the last layer counts here: add up all layers": total(pairs[-2:], squared),
        "only the first layer counts here: add up all layers": total(pairs[:2], squared),
        "absolute differences: square them": total(pairs, lambda a, b: (a - b).abs().mean()),
        "a square root too many: this is the root mean square": total(
            pairs, lambda a, b: squared(a, b).sqrt()
        ),
        "this sums over the channels, as the authors' Torch code does; here the mean is taken "
        "(F.mse_loss), and it matters for the style weight": total(pairs, summed),
        "this sums over batch and channels: take the mean (F.mse_loss)": total(
            pairs, lambda a, b: (a - b).square().sum()
        ),
    }


@exercise(
    "style_loss",
    "several layers, batches, gradient",
    WHERE,
    style_loss,
    ("features", "targets"),
    _style_cases,
    mistakes=_style_mistakes,
    gradient=LEARN,
    scalar="average over batch and channels, then add up means, deviations and layers",
)
def check_style_loss(seed: int = 0) -> Iterator[tuple]:
    """Exercise 03.2: ``answer(features, targets)`` -> scalar, equation 13.

    ``features`` maps layer names to (N, C, H, W), ``targets`` to (mean, std) of (N, C, 1, 1).
    """
    cases = (((2, 3, 4, 5), (2, 6, 2, 3)), ((1, 4, 3, 3), (1, 2, 2, 2), (1, 7, 1, 2)))
    for kind in kinds():
        for shapes in cases:
            features, targets = {}, {}
            for number, shape in enumerate(shapes, 1):
                name = f"relu{number}_1"
                features[name] = random_features(shape, seed + number, *kind)
                style = 2 * random_features((*shape[:2], 3, 7), seed + 30 + number, *kind)
                targets[name] = channel_statistics(style)
            yield features, targets


Layers = list[tuple[str, int, int]]

VGG_TO_RELU4_1: Layers = [
    ("conv", 3, 64),
    ("conv", 64, 64),
    ("pool", 64, 64),
    ("conv", 64, 128),
    ("conv", 128, 128),
    ("pool", 128, 128),
    ("conv", 128, 256),
    ("conv", 256, 256),
    ("conv", 256, 256),
    ("conv", 256, 256),
    ("pool", 256, 256),
    ("conv", 256, 512),
]
OTHER_NETWORK: Layers = [("conv", 1, 5), ("pool", 5, 5), ("pool", 5, 5), ("conv", 5, 7)]


def _mirror(layers: Layers) -> Layers:
    return [(_opposite(kind), out, into) for kind, into, out in reversed(layers)]


def _small_networks() -> list[tuple[Layers]]:
    return [
        ([("conv", 3, 4)],),
        ([("conv", 3, 4), ("conv", 4, 8)],),
        ([("conv", 3, 4), ("pool", 4, 4), ("conv", 4, 8)],),
    ]


def _mirror_mistakes(layers: Layers) -> dict[str, Layers]:
    """Results of the likely mistakes in mirroring a network."""
    back, expected = layers[::-1], _mirror(layers)
    return {
        "this is the encoder itself": layers,
        "the order is the encoder's: the decoder starts where the encoder ends": expected[::-1],
        "the channels are not exchanged: what a layer gave is what its mirror takes": [
            (_opposite(kind), into, out) for kind, into, out in back
        ],
        "the channels are not exchanged, and 'pool' is still there: undo it by 'upsample'": back,
        "'pool' would halve the maps once more: in its place the decoder needs 'upsample'": [
            (kind, out, into) for kind, into, out in back
        ],
        "nothing enlarges the maps: where the encoder pools, put 'upsample'": [
            layer for layer in expected if layer[0] != "upsample"
        ],
    }


@explained(
    'lesson 03, section 1 "The mirror"',
    _mirror,
    ("layers",),
    _small_networks,
    mistakes=_mirror_mistakes,
)
def check_mirror(answer: Callable[[Layers], Layers]) -> None:
    """Exercise 03.1: ``answer(layers)`` -> the decoder's layers, from relu4_1 to the image."""
    networks = (VGG_TO_RELU4_1, OTHER_NETWORK)
    results, error = attempts(answer, [(list(layers),) for layers in networks], "mirror")
    for layers, result in zip(networks, results, strict=False):
        if not isinstance(result, Sequence) or isinstance(result, str):
            raise CheckFailed(f"return a list of layers, got {type(result).__name__}")
        result = [tuple(layer) for layer in result]
        expected = _mirror(layers)
        for diagnosis, wrong in _mirror_mistakes(layers).items():
            if result == wrong != expected:
                raise CheckFailed(diagnosis)
        if len(result) != len(expected):
            raise CheckFailed(f"{len(layers)} layers give {len(expected)}, got {len(result)}")
        for number, (mine, right) in enumerate(zip(result, expected, strict=True), 1):
            if mine != right:
                raise CheckFailed(f"layer {number} from relu4_1 should be {right}, got {mine}")
    if error is not None:
        raise error
    if results:
        print("mirror: correct, for VGG-19 and for another network")


def _opposite(kind: str) -> str:
    return "upsample" if kind == "pool" else kind
