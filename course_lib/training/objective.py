"""What one step of training minimises, as functions of a batch."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.adain import ChannelStatistics
from course_lib.fast import apply_statistics, channel_statistics, layer_statistics
from course_lib.losses import STYLE_LAYERS, content_loss, style_loss
from course_lib.vgg import VGG19Encoder

CELL = 8  # pixels per feature of relu4_1, in both directions
BORDER = 16  # pixels at the edge where the padding makes the two versions differ


def adain_losses(
    encoder: VGG19Encoder,
    decoder: nn.Module,
    content: Tensor,
    style: Tensor,
    relative: bool = False,
) -> tuple[Tensor, Tensor]:
    """Content and style loss of the paper (equations 12 and 13) for one batch.

    Three passes through the encoder and one through the decoder: content and style are encoded
    once, without a gradient, and the decoded image once, for both losses.

    Args:
        encoder: frozen; gradients pass through it to the decoded image only.
        decoder: the network in training.
        content: photographs (N, 3, H, W) in [0, 1], H and W multiples of 8.
        style: paintings (N, 3, H', W').
        relative: divide both losses of each pair by the style loss that its photograph has before
            it is painted, times that loss's mean over the batch. Ours, not the paper's.

    Returns:
        Two scalars; the paper minimises the first plus lambda times the second.
    """
    wanted = _style_statistics(encoder, style)
    if not relative:
        target = _adain_target(encoder, content, wanted)
        features = encoder(decoder(target), STYLE_LAYERS)
        mine = layer_statistics(features)
        return content_loss(features["relu4_1"], target), style_loss(mine, wanted)
    with torch.no_grad():
        untouched = encoder(content, STYLE_LAYERS)
        before = _style_losses(untouched, wanted)
        share = before.mean() / before.clamp(min=1e-3 * before.mean())
        target = apply_statistics(untouched["relu4_1"], wanted["relu4_1"])
    features = encoder(decoder(target), STYLE_LAYERS)
    errors = (features["relu4_1"].float() - target.float()).square().mean((1, 2, 3))
    return (share * errors).mean(), (share * _style_losses(features, wanted)).mean()


def _style_losses(features: dict[str, Tensor], wanted: dict[str, ChannelStatistics]) -> Tensor:
    """The style loss of each pair of the batch, (N,)."""
    total = 0.0
    for layer, style in wanted.items():
        mean, std = channel_statistics(features[layer])
        total = total + (mean - style.mean).square().mean((1, 2, 3))
        total = total + (std - style.std).square().mean((1, 2, 3))
    return total


@torch.no_grad()
def _style_statistics(encoder: VGG19Encoder, style: Tensor) -> dict[str, ChannelStatistics]:
    return layer_statistics(encoder(style, STYLE_LAYERS))


@torch.no_grad()
def _adain_target(
    encoder: VGG19Encoder, content: Tensor, wanted: dict[str, ChannelStatistics]
) -> Tensor:
    return apply_statistics(encoder.encode(content), wanted["relu4_1"])


def shifted_losses(
    encoder: VGG19Encoder,
    decoder: nn.Module,
    content: Tensor,
    style: Tensor,
    offset: tuple[int, int],
) -> tuple[Tensor, Tensor, Tensor]:
    """Content and style loss, and how much the picture depends on the grid of features.

    One feature stands for 8x8 pixels, and a decoder may paint the same small pattern into each of
    these cells: a lattice in flat areas, which the paper's losses hardly see. So the photographs
    are stylised again, cut ``offset`` pixels further right and down. A picture without a lattice
    moves with its photograph. Ours, not the paper's.

    Args:
        encoder: frozen.
        decoder: the network in training.
        content: photographs (N, 3, H, W) in [0, 1], H and W multiples of 8, at least 48.
        style: paintings (N, 3, H', W').
        offset: (down, right), 0 to 8 pixels.

    Returns:
        Three scalars: content and style loss of the cut pictures, (H - 8) x (W - 8), and the mean
        squared difference of both stylised versions of each photograph.
    """
    down, right = offset
    height, width = content.shape[2] - CELL, content.shape[3] - CELL
    cut = (..., slice(down, down + height), slice(right, right + width))
    inside = (..., slice(BORDER, -BORDER), slice(BORDER, -BORDER))
    wanted = _style_statistics(encoder, style)
    images = decoder(_adain_target(encoder, content, wanted))[cut]
    moved = content[cut].contiguous(memory_format=torch.channels_last)
    target = _adain_target(encoder, moved, wanted)
    with torch.no_grad():
        again = decoder(target)
    shift_loss = F.mse_loss(images[inside], again[inside])
    features = encoder(images, STYLE_LAYERS)
    mine = layer_statistics(features)
    return content_loss(features["relu4_1"], target), style_loss(mine, wanted), shift_loss


def autoencoder_loss(encoder: VGG19Encoder, decoder: nn.Module, images: Tensor) -> Tensor:
    """Mean absolute pixel error of decode(encode(images)): the warm-up."""
    with torch.no_grad():
        features = encoder.encode(images)
    return F.l1_loss(decoder(features), images)
