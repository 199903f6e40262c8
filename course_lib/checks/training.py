"""Checks of lesson 03: the mirrored decoder and the style loss."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import torch
from torch import Tensor

from course_lib.adain import ChannelStatistics, channel_statistics
from course_lib.checks.comparing import CheckFailed, compare, random_features
from course_lib.losses import style_loss

Layers = list[tuple[str, int, int]]

VGG_TO_RELU4_1: Layers = [
    ("conv", 3, 64), ("conv", 64, 64), ("pool", 64, 64),
    ("conv", 64, 128), ("conv", 128, 128), ("pool", 128, 128),
    ("conv", 128, 256), ("conv", 256, 256), ("conv", 256, 256), ("conv", 256, 256),
    ("pool", 256, 256), ("conv", 256, 512),
]  # fmt: skip
OTHER_NETWORK: Layers = [("conv", 1, 5), ("pool", 5, 5), ("pool", 5, 5), ("conv", 5, 7)]


def check_mirror(answer: Callable[[Layers], Layers]) -> None:
    """Exercise 03.1: ``answer(layers)`` -> the decoder's layers, from relu4_1 to the image.

    Raises:
        CheckFailed: with the likely mistake.
    """
    for layers in (VGG_TO_RELU4_1, OTHER_NETWORK):
        given = list(layers)
        result = answer(given)
        if given != layers:
            raise CheckFailed("the encoder's own list was changed: reversed(layers) makes a copy")
        if result is None:
            return print("mirror: not attempted yet")
        if not isinstance(result, list | tuple):
            raise CheckFailed(f"return a list of layers, got {type(result).__name__}")
        result = [tuple(layer) for layer in result]
        expected = [(_opposite(kind), out, into) for kind, into, out in reversed(layers)]
        for diagnosis, wrong in _mirror_mistakes(layers, expected).items():
            if result == wrong != expected:
                raise CheckFailed(diagnosis)
        if len(result) != len(expected):
            raise CheckFailed(f"{len(layers)} layers give {len(expected)}, got {len(result)}")
        for number, (mine, right) in enumerate(zip(result, expected, strict=True), 1):
            if mine != right:
                raise CheckFailed(f"layer {number} from relu4_1 should be {right}, got {mine}")
    print("mirror: correct, for VGG-19 and for another network")


def _opposite(kind: str) -> str:
    return "upsample" if kind == "pool" else kind


def _mirror_mistakes(layers: Layers, expected: Layers) -> dict[str, Layers]:
    """Results of the likely mistakes in mirroring a network."""
    back = layers[::-1]
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


def check_style_loss(answer: Callable[..., Tensor]) -> None:
    """Exercise 03.2: ``answer(features, targets)`` -> scalar, equation 13.

    ``features`` maps layer names to (N, C, H, W), ``targets`` to (mean, std) of (N, C, 1, 1).

    Raises:
        CheckFailed: with the likely mistake.
    """
    for shapes in (((2, 3, 4, 5), (2, 6, 2, 3)), ((1, 4, 3, 3), (1, 2, 2, 2), (1, 7, 1, 2))):
        features, targets = {}, {}
        for number, shape in enumerate(shapes, 1):
            features[f"relu{number}_1"] = random_features(shape, seed=number)
            style = 2 * random_features((*shape[:2], 3, 7), seed=30 + number)
            targets[f"relu{number}_1"] = channel_statistics(style)
        before = {name: values.clone() for name, values in features.items()}
        with_gradient = {name: values.requires_grad_() for name, values in features.items()}
        result = answer(with_gradient, targets)
        if result is None:
            return print("style_loss: not attempted yet")
        if not all(torch.equal(features[name], before[name]) for name in before):
            raise CheckFailed("your function changes the features in place: no -=, no sub_()")
        _check_style_loss_form(result)
        compare(
            result.detach(),
            style_loss(before, targets),
            _style_mistakes(before, targets),
            "style_loss",
        )
        if not result.requires_grad:
            raise CheckFailed(
                "the number is right, but no gradient leads back to the features: no detach(), "
                "item() or no_grad() here, or the decoder cannot learn from it"
            )
    print("style_loss: correct (several layers, batches, gradient)")


def _check_style_loss_form(result: object) -> None:
    if isinstance(result, float):
        raise CheckFailed("a plain number has no gradient: return the tensor, without item()")
    if isinstance(result, Iterable) and not isinstance(result, Tensor):
        raise CheckFailed("return one scalar: add the layers up")
    if isinstance(result, Tensor) and result.dim() > 0:
        raise CheckFailed(
            f"return one scalar, got the shape {tuple(result.shape)}: average over batch and "
            "channels, then add up means, deviations and layers"
        )


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
