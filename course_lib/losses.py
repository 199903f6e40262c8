"""The losses of style transfer, on feature maps of shape (N, C, H, W), always in float32.

Content and style losses after Huang & Belongie 2017 (equations 12 and 13), Gram matrices after
Gatys et al. 2015. Averages here run over batch *and* channels; the authors' Torch code sums over
channels, so a style weight never carries over from one code base to another unexamined.
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.adain import ChannelStatistics, at_least_float32, channel_statistics

STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")


def content_loss(features: Tensor, target: Tensor) -> Tensor:
    """Mean squared error between the decoded image's features and the AdaIN output ``t``.

    Equation 12 with the mean instead of the Euclidean norm. Both (N, C, H, W); returns a scalar.
    """
    # Does the painted picture, looked at by VGG again, show the same things in the same places?
    return F.mse_loss(at_least_float32(features), at_least_float32(target))


def style_loss(
    features: Mapping[str, Tensor | ChannelStatistics],
    target: Mapping[str, Tensor | ChannelStatistics],
) -> Tensor:
    """Sum over layers of the squared errors of channel means and standard deviations.

    Equation 13, with means over batch and channels.

    Args:
        features: layer name -> features of the decoded image, or their statistics.
        target: layer name -> features of the style image, or their statistics.

    Returns:
        A scalar: the sum over the layers of ``target``.
    """
    total = 0.0
    for layer in target:  # from strokes and colours (relu1_1) to larger motifs (relu4_1)
        mine, wanted = _statistics(features[layer]), _statistics(target[layer])
        # Where in the picture something is painted does not matter: only these two numbers do.
        total = total + F.mse_loss(mine.mean, wanted.mean.expand_as(mine.mean))
        total = total + F.mse_loss(mine.std, wanted.std.expand_as(mine.std))
    return total


def _statistics(measured: Tensor | ChannelStatistics) -> ChannelStatistics:
    return measured if isinstance(measured, ChannelStatistics) else channel_statistics(measured)


def gram_matrix(features: Tensor) -> Tensor:
    """Channel-by-channel inner products divided by the number of positions.

    Equation 3 of Gatys et al. 2015, divided by H * W so that image sizes can be compared.

    Args:
        features: (N, C, H, W).

    Returns:
        (N, C, C), one symmetric matrix per sample, float32 for half-precision features.
    """
    flat = at_least_float32(features).flatten(2)  # a row per filter: its response everywhere
    with torch.autocast(flat.device.type, enabled=False):  # it would multiply in half precision
        # Entry i, j: how strongly do filters i and j fire in the same places? The places are summed
        # away, so the picture's layout goes and its textures stay.
        return flat @ flat.transpose(1, 2) / flat.shape[2]


def total_variation(images: Tensor) -> Tensor:
    """Mean absolute difference between neighbouring pixels of (N, C, H, W): a smoothness term."""
    images = at_least_float32(images)
    down = (images[:, :, 1:] - images[:, :, :-1]).abs()
    right = (images[:, :, :, 1:] - images[:, :, :, :-1]).abs()
    # A one-pixel-wide image has no neighbours in that direction, and a mean over nothing is NaN.
    return sum(part.mean() for part in (down, right) if part.numel()) + images.sum() * 0
