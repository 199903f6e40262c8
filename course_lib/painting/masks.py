"""Spatial control: another style in every region of the photograph (section 7.4 of the paper).

Masks are weights (regions, H, W) that sum to 1 at every pixel; hard masks hold 0 and 1 only, soft
ones fade from one style into another.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib import CourseError
from course_lib.adain import EPSILON, ChannelStatistics
from course_lib.fast import apply_statistics
from course_lib.images import open_image, to_tensor
from course_lib.painting.colour import luminance

CELL = 8  # pixels per side that a relu4_1 feature stands for


def load_mask(
    path_or_paths: str | os.PathLike | Sequence[str | os.PathLike], size: tuple[int, int]
) -> Tensor:
    """Read mask images, white where a region is, and add the rest of the picture as last region.

    Args:
        path_or_paths: one image file or several, of any size; greys are soft borders.
        size: (height, width) of the photograph, to which masks are stretched.

    Returns:
        (masks + 1, height, width), float32, summing to 1 at every pixel. Where masks overlap they
        share.

    Raises:
        ImageError: a file cannot be read.
    """
    paths = [path_or_paths] if isinstance(path_or_paths, str | os.PathLike) else path_or_paths
    images = [luminance(to_tensor(open_image(Path(path))))[0, 0] for path in paths]
    return add_rest(torch.stack([_resize(image, *size) for image in images]))


def add_rest(masks: Tensor) -> Tensor:
    """Add the region that masks (K, H, W) leave over, and scale overlaps: (K + 1, H, W)."""
    masks = masks.float().clamp(0, 1)
    total = masks.sum(0, keepdim=True)
    return torch.cat([masks / total.clamp(min=1), (1 - total).clamp(min=0)])


def apply_statistics_by_region(
    features: Tensor, statistics: Sequence[ChannelStatistics | None], masks: Tensor
) -> Tensor:
    """AdaIN with another style in every region.

    Each region's content statistics are measured over that region alone, weighted by its mask, and
    replaced by its style's; where regions overlap, their results are mixed.

    Args:
        features: content features (N, C, h, w).
        statistics: one per region, (1, C, 1, 1) or (N, C, 1, 1); ``None`` leaves the content.
        masks: (regions, H, W) that sum to 1, of the features' size or that of the images.

    Returns:
        Features of the content's shape and dtype; exactly those of ``apply_statistics`` if one
        region covers everything.

    Raises:
        CourseError: numbers or sizes do not fit.
    """
    if len(statistics) != len(masks):
        raise CourseError(f"{len(masks)} regions need {len(masks)} styles, got {len(statistics)}")
    result = torch.zeros_like(features, dtype=torch.float32)
    cells = mask_cells(masks, tuple(features.shape[-2:])).to(features.device)
    for style, weights in zip(statistics, cells, strict=True):
        if weights.min() == 1:
            return features if style is None else apply_statistics(features, style)
        if weights.max() == 0:
            continue
        region = features.float()
        if style is not None:
            mean, std = _weighted_statistics(region, weights)
            scale = style.std / std
            region = torch.addcmul(style.mean - mean * scale, region, scale)
        result.addcmul_(region, weights)
    return result.to(features.dtype)


def mask_cells(masks: Tensor, size: tuple[int, int]) -> Tensor:
    """Masks (regions, H, W) of an image as weights (regions, h, w) of its features' positions.

    Args:
        size: (h, w) of the features.

    Raises:
        CourseError: the masks are neither of the features' size nor of a fitting image's.
    """
    height, width = masks.shape[-2:]
    masks = masks.float()
    if (height, width) == size:
        return masks
    if (-(-height // CELL), -(-width // CELL)) != size:
        raise CourseError(
            f"masks of {width} x {height} pixels do not fit features of {size[1]} x {size[0]}"
        )
    room = (0, -width % CELL, 0, -height % CELL)
    return F.avg_pool2d(F.pad(masks[None], room, mode="replicate"), CELL)[0]


def _weighted_statistics(features: Tensor, weights: Tensor) -> ChannelStatistics:
    """Mean and standard deviation of every channel over positions weighted by (h, w)."""
    weights = weights / weights.sum()
    mean = (features * weights).sum((2, 3), keepdim=True)
    variance = ((features - mean).square() * weights).sum((2, 3), keepdim=True)
    return ChannelStatistics(mean, (variance + EPSILON).sqrt())


def _resize(mask: Tensor, height: int, width: int) -> Tensor:
    """Stretch one mask (h, w) smoothly to another size."""
    if mask.shape == (height, width):
        return mask
    size = {"size": (height, width), "mode": "bilinear", "antialias": True}
    return F.interpolate(mask[None, None], **size, align_corners=False)[0, 0]
