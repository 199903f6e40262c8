"""Channel statistics and adaptive instance normalisation: pure tensor maths, no model, no files.

Source: Huang & Belongie, "Arbitrary Style Transfer in Real-time with Adaptive Instance
Normalization", ICCV 2017. Features have shape ``(N, C, H, W)``. Everything here is written as in
the paper; ``fast`` computes the same with less memory traffic.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib import CourseError

EPSILON = 1e-5


class ChannelStatistics(NamedTuple):
    """Mean and standard deviation of every channel of every sample, each (N, C, 1, 1)."""

    mean: Tensor
    std: Tensor


def at_least_float32(tensor: Tensor) -> Tensor:
    """The same values; float16 and bfloat16 become float32, float32 and float64 stay."""
    return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor


def channel_statistics(features: Tensor) -> ChannelStatistics:
    """Measure each channel over its positions (equations 5 and 6 of the paper).

    Half-precision features are measured in float32: squares of large activations overflow float16.

    Args:
        features: (N, C, H, W), any floating dtype.

    Returns:
        Statistics of shape (N, C, 1, 1): float64 for float64 features, otherwise float32.

    Raises:
        CourseError: the features do not have four dimensions, or no positions.
    """
    check_features(features)
    values = at_least_float32(features)
    # Equation 5. How strongly does this filter fire in the picture, wherever that is?
    mean = values.mean((2, 3), keepdim=True)
    # Equation 6. How much does that vary from place to place? Dividing by H * W and not by one
    # less, a one-pixel map has variance 0 and not NaN; epsilon inside the root keeps the gradient
    # finite on flat channels.
    variance = (values - mean).square().mean((2, 3), keepdim=True)
    return ChannelStatistics(mean, (variance + EPSILON).sqrt())


def check_features(features: Tensor) -> None:
    """Raise CourseError unless features have the shape (N, C, H, W) and at least one position."""
    if features.dim() != 4 or features.shape[2] * features.shape[3] == 0:
        raise CourseError(
            f"expected features of shape (N, C, H, W) with H, W > 0, got {tuple(features.shape)}"
        )


def check_channels(content: Tensor, statistics: ChannelStatistics) -> None:
    """Raise CourseError unless both have the same number of channels."""
    if content.shape[1] != statistics.mean.shape[1]:
        raise CourseError(
            f"content has {content.shape[1]} channels, the style {statistics.mean.shape[1]}"
        )


def whiten(features: Tensor) -> Tensor:
    """Give every channel mean 0 and standard deviation 1: instance normalisation, (N, C, H, W).

    Equation 4 without its affine parameters. The picture's own contrast and colours are gone; what
    is left is where each filter fires more than it does elsewhere.
    """
    mean, std = channel_statistics(features)
    return (features - mean) / std


def apply_statistics(content: Tensor, statistics: ChannelStatistics) -> Tensor:
    """AdaIN (equation 8) with the style given by its statistics, measured before.

    Args:
        content: content features (N, C, H, W).
        statistics: of the style, (N, C, 1, 1) or (1, C, 1, 1).

    Returns:
        Features of the content's shape and dtype.

    Raises:
        CourseError: the channel counts differ.
    """
    check_channels(content, statistics)
    # (c - mu(c)) / sigma(c): the photograph's own look goes, the places of things stay. Then every
    # filter is made to fire as strongly, and to vary as much, as it does in the painting.
    return (statistics.std * whiten(content) + statistics.mean).to(content.dtype)


def adain(content: Tensor, style: Tensor) -> Tensor:
    """Adaptive instance normalisation, equation 8 of the paper.

    ``AdaIN(c, s) = sigma(s) * (c - mu(c)) / sigma(c) + mu(s)``, per sample and channel.

    Args:
        content: features (N, C, H, W).
        style: features (N, C, H', W') or (1, C, H', W'); only its channel statistics are used.

    Returns:
        Features with the content's shape whose channel statistics are the style's.
    """
    return apply_statistics(content, channel_statistics(style))


def blend(content: Tensor, transformed: Tensor, alpha: float) -> Tensor:
    """Content-style trade-off (equation 14): ``(1 - alpha) * content + alpha * transformed``."""
    return transformed if alpha == 1 else torch.lerp(content, transformed, alpha)


def blend_statistics(
    content: ChannelStatistics, style: ChannelStatistics, alpha: float
) -> ChannelStatistics:
    """The statistics on the way from the content's to the style's, at ``alpha`` of equation 14.

    At the layer that is blended they are those of the blend, also beyond alpha 1, where the
    standard deviation may pass 0 and grow again.
    """
    mean, std = (torch.lerp(c, s, alpha) for c, s in zip(content, style, strict=True))
    return ChannelStatistics(mean, std.abs())


def mix_statistics(
    statistics: Sequence[ChannelStatistics], weights: Sequence[float] | None = None
) -> ChannelStatistics:
    """Interpolate between styles (equation 15) by averaging their statistics.

    AdaIN is linear in the style's mean and standard deviation, so this equals the paper's weighted
    sum of AdaIN outputs and costs nothing per pixel.

    Args:
        statistics: one per style, each (1, C, 1, 1) or (N, C, 1, 1).
        weights: one non-negative number per style; scaled to sum 1. Equal if not given.

    Raises:
        CourseError: no styles, a wrong number of weights, or weights that cannot sum to 1.
    """
    weights = normalized_weights(weights, len(statistics))
    mean = sum(w * s.mean for w, s in zip(weights, statistics, strict=True))
    std = sum(w * s.std for w, s in zip(weights, statistics, strict=True))
    return ChannelStatistics(mean, std)


def normalized_weights(weights: Sequence[float] | None, count: int) -> list[float]:
    """Check ``count`` style weights and scale them to sum 1; equal weights for ``None``."""
    if count < 1:
        raise CourseError("at least one style is needed")
    weights = [1.0] * count if weights is None else [float(w) for w in weights]
    if len(weights) != count:
        raise CourseError(f"{count} styles need {count} weights, got {len(weights)}")
    if not all(w >= 0 for w in weights) or not 0 < sum(weights) < float("inf"):
        raise CourseError(f"weights must be finite, not negative and not all zero, got {weights}")
    return [w / sum(weights) for w in weights]
