"""Pictures with known scores: three controls for every table, and tricks that win a score.

All are functions of a photograph and a style, (1, 3, H, W) in [0, 1] and of one size, and all but
the noise leave no doubt that nothing was repainted.
"""

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.adain import adain

Picture = Callable[[Tensor, Tensor], Tensor]


def content_copied(content: Tensor, style: Tensor) -> Tensor:
    """The photograph as it is: perfect content, no style."""
    return content


def style_copied(content: Tensor, style: Tensor) -> Tensor:
    """The painting as it is: perfect style, no content."""
    return style


def noise(content: Tensor, style: Tensor) -> Tensor:
    """White noise, uniform in [0, 1], always the same: neither content nor style."""
    return torch.rand(content.shape, generator=_generator()).to(content)


def negative(content: Tensor, style: Tensor) -> Tensor:
    """The photograph's negative: its edges are where they were, so the edge distance is 0."""
    return 1 - content


def shuffled_pixels(content: Tensor, style: Tensor) -> Tensor:
    """The painting's pixels in random order: noise at colour distance 0."""
    order = torch.randperm(style.shape[2] * style.shape[3], generator=_generator())
    return style.flatten(2)[..., order.to(style.device)].reshape(style.shape)


def shuffled_tiles(content: Tensor, style: Tensor, tile: int = 64) -> Tensor:
    """The painting cut into tiles in random order: close to it in statistics and Gram matrices.

    Strips that do not fill a tile stay where they are.
    """
    height, width = (side // tile * tile for side in style.shape[-2:])
    if not height or not width:
        return style
    tiles = F.unfold(style[..., :height, :width], tile, stride=tile)
    order = torch.randperm(tiles.shape[-1], generator=_generator()).to(style.device)
    result = style.clone()
    result[..., :height, :width] = F.fold(tiles[..., order], (height, width), tile, stride=tile)
    return result


def recoloured(content: Tensor, style: Tensor) -> Tensor:
    """The photograph with the painting's mean and contrast in R, G and B: no stroke is painted.

    AdaIN on pixels instead of features (Reinhard et al. 2001, in RGB). It keeps the edges and gains
    style in every score, though less than one may expect.
    """
    return adain(content, style).clamp(0, 1)


def double_exposure(content: Tensor, style: Tensor) -> Tensor:
    """Photograph and painting on top of each other: nothing is repainted, and the judge is content.

    Of the tricks that leave the photograph to be seen it is the one that convinces the judge.
    """
    return (content + style) / 2


def _generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


CONTROLS: Mapping[str, Picture] = {
    "content copied": content_copied,
    "style copied": style_copied,
    "noise": noise,
}
TRICKS: Mapping[str, Picture] = {
    "negative": negative,
    "shuffled pixels": shuffled_pixels,
    "shuffled tiles": shuffled_tiles,
    "recoloured": recoloured,
    "double exposure": double_exposure,
}
