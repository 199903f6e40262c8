"""From a photograph, styles and settings to a picture, in steps that can be kept.

``transfer.encode`` and ``measure_styles`` are the slow steps and depend on the pictures only;
``compose`` mixes and decodes, which is all that a moved slider needs. ``Painter`` does the three
for any number of photographs.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from course_lib import CourseError
from course_lib.adain import blend
from course_lib.images import load_image
from course_lib.painting.colour import COLOUR_MODES, coral, preserve_luminance
from course_lib.painting.masks import apply_statistics_by_region, load_mask, mask_cells
from course_lib.painting.polishing import encode_every_layer, polish_painting
from course_lib.painting.tiling import (
    TiledFeatures,
    Window,
    affine,
    choose_tile,
    encode_style_within_memory,
    paint_tiles,
    room_for_features,
    stylize_within_memory,
)
from course_lib.polish import check_steps
from course_lib.stylize import Style, StyleStatistics, StyleTransfer, check_alpha

MIN_STYLE_SCALE, MAX_STYLE_SCALE = 0.125, 4.0


def open_styles(
    paths: Sequence[str | os.PathLike],
    size: int = 512,
    scale: float = 1.0,
    every_layer: bool = False,
) -> list[Style]:
    """Read paintings at shorter side ``size * scale``; ``.safetensors`` files are statistics.

    A style larger than usual gives coarser strokes, because the encoder sees as many pixels of
    it at a time as ever. ``every_layer`` says that polishing will need statistics of every layer.

    Raises:
        CourseError: a file cannot be read, or statistics shall be scaled, or are of relu4_1 alone.
    """
    styles: list[Style] = []
    for path in map(Path, paths):
        if path.suffix != ".safetensors":
            styles.append(load_image(path, max(1, round(size * scale))))
        elif scale != 1:
            raise CourseError(f"{path} holds statistics, which cannot be scaled; give the painting")
        else:
            styles.append(StyleStatistics.load(path))
            if every_layer and not styles[-1].shallow:
                raise CourseError(
                    f"{path} holds statistics of relu4_1 alone, and polishing needs every layer: "
                    "give the painting, or measure it with encode_style(..., every_layer=True)"
                )
    return styles


def measure_styles(
    transfer: StyleTransfer,
    styles: Sequence[Style],
    colours_of: Tensor | None = None,
    every_layer: bool = False,
) -> list[StyleStatistics]:
    """Statistics of every style; with ``colours_of``, after CORAL to that photograph's colours.

    ``every_layer`` is for polishing.

    Raises:
        CourseError: statistics shall be recoloured, or are of relu4_1 where every layer is needed.
    """
    encode = encode_every_layer if every_layer else encode_style_within_memory
    measured = []
    for style in styles:
        if isinstance(style, StyleStatistics):
            if colours_of is not None:
                raise CourseError(
                    "a style given by its statistics has no colours to change; give the painting, "
                    "or choose another colour mode"
                )
            if every_layer:
                style.every_layer()
            measured.append(style)
        else:
            recoloured = style if colours_of is None else coral(style, colours_of.to(style))
            measured.append(encode(transfer, recoloured))
    return measured


@torch.inference_mode()
def compose(
    transfer: StyleTransfer,
    content: Tensor,
    features: Tensor,
    statistics: Sequence[StyleStatistics],
    weights: Sequence[float] | None = None,
    alpha: float = 1.0,
    colour: str = "style",
    masks: Tensor | None = None,
    polish: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """Mix styles, apply them to features and decode.

    Args:
        content: the photograph (1, 3, H, W); only its size and, with ``luminance``, its colours
            are used.
        features: ``transfer.encode(content)``.
        statistics: ``measure_styles(...)``; with ``colour="coral"`` those of recoloured styles.
        weights: one per style, equal if not given; not together with ``masks``.
        alpha: 0 content, 1 full style, up to ``MAX_ALPHA`` exaggerated.
        colour: one of ``COLOUR_MODES``.
        masks: (regions, H, W) from ``load_mask`` or ``fit_masks``. Style i paints region i; the
            last region, if there is one style less, stays the photograph.
        polish: what the decoder's picture goes through before the photograph's colours and parts
            are put back, such as ``polish_painting``.

    Returns:
        (1, 3, H, W) float32 in [0, 1], on the content's device.

    Raises:
        CourseError: settings that do not go together or are out of range.
    """
    check_alpha(alpha, exaggerate=True)
    check_colour(colour)
    if masks is None:
        mixed = StyleStatistics.average(statistics, weights)
        target = transfer.restyle(features, transfer.mix(mixed), alpha)
    else:
        check_regions(len(statistics), len(masks) - 1, weights)
        regions = [transfer.mix([style]) for style in statistics]
        regions += [None] * (len(masks) - len(regions))
        painted = apply_statistics_by_region(features, regions, masks)
        target = blend(features, painted, alpha)
    picture = transfer.decode(target, tuple(content.shape[-2:])).to(content.device)
    picture = polish(picture) if polish else picture
    return _finish(picture, content, len(statistics), colour, masks)


def _finish(
    picture: Tensor, content: Tensor, styles: int, colour: str, masks: Tensor | None
) -> Tensor:
    """The photograph's colours, and the photograph itself where no style is."""
    if colour == "luminance":
        picture = preserve_luminance(picture, content)
    if masks is not None and styles < len(masks):
        # The decoder's copy of the photograph is a little blurred; the photograph is not.
        picture = torch.lerp(picture, content.to(picture), masks[-1].to(picture))
    return picture


def compose_tiled(
    transfer: StyleTransfer,
    content: Tensor,
    statistics: Sequence[StyleStatistics],
    masks: Tensor,
    tile: int,
    alpha: float = 1.0,
    colour: str = "style",
    polish: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """``compose`` with masks for a photograph of any size, in tiles (see ``tiling.py``).

    Args:
        tile: side of the tiles in pixels; the others as for ``compose``.

    Returns:
        (1, 3, H, W) float32 in [0, 1], on the content's device; that of ``compose`` up to rounding.

    Raises:
        CourseError: settings that do not go together or are out of range.
    """
    check_alpha(alpha, exaggerate=True)
    check_colour(colour)
    check_regions(len(statistics), len(masks) - 1, None)
    height, width = content.shape[-2:]
    keep = room_for_features(height, width, transfer.dtype)
    features = TiledFeatures(transfer, content, keep)
    cells = mask_cells(masks, (features.whole.bottom, features.whole.right)).to(transfer.device)
    measured = features.measure_regions(tile, cells)
    regions = []  # weights of the positions, and what is done to their features
    for k, (weights, own) in enumerate(zip(cells, measured, strict=True)):
        if own is not None:
            style = transfer.mix([statistics[k]]) if k < len(statistics) else own
            regions.append((weights, affine(own, style, 1.0)))

    def repaint(values: Tensor, window: Window) -> Tensor:
        rows, columns = window.slices(features.whole)
        painted = sum(paint(values.float()) * w[rows, columns] for w, paint in regions)
        return blend(values, painted.to(values.dtype), alpha)

    picture = paint_tiles(features, tile, repaint).to(content.device)
    picture = polish(picture) if polish else picture
    return _finish(picture, content, len(statistics), colour, masks)


def check_colour(colour: str) -> None:
    """Raise ValueError for an unknown colour mode."""
    if colour not in COLOUR_MODES:
        raise CourseError(f"unknown colour mode '{colour}'; use {', '.join(COLOUR_MODES)}")


def check_regions(styles: int, masks: int, weights: Sequence[float] | None) -> None:
    """Raise ValueError if so many styles do not fit so many masks (the rest not counted)."""
    if weights is not None:
        raise CourseError("weights mix styles and masks place them; give one or the other")
    if styles not in (masks, masks + 1):
        raise CourseError(
            f"{masks} masks need {masks} styles, or {masks + 1} to paint the rest too, got {styles}"
        )


@dataclass
class Painter:
    """All of a stylisation but the photograph: call it with one to get its picture.

    Args:
        styles: images (1, 3, h, w) or statistics. They are measured once, except with
            ``colour="coral"``, where they depend on the photograph.
        masks: image files, stretched to every photograph; see ``load_mask``.
        weights, alpha, colour: see ``compose``.
        polish: steps by which every picture is improved afterwards; see ``polish.py``.
        progress: show a bar while polishing.

    Attributes:
        stopped: whether Ctrl-C ended the last polishing early; its picture is the best until then.
    """

    transfer: StyleTransfer
    styles: Sequence[Style]
    weights: Sequence[float] | None = None
    alpha: float = 1.0
    colour: str = "style"
    masks: Sequence[str | os.PathLike] = ()
    polish: int = 0
    progress: bool = False
    stopped: bool = field(default=False, init=False)
    _measured: list[StyleStatistics] | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        check_alpha(self.alpha, exaggerate=True)
        check_colour(self.colour)
        check_steps(self.polish)
        if self.masks:
            check_regions(len(self.styles), len(self.masks), self.weights)
        if self.colour != "coral":
            self._measured = self._measure(None)

    def _measure(self, colours_of: Tensor | None) -> list[StyleStatistics]:
        return measure_styles(self.transfer, self.styles, colours_of, self.polish > 0)

    def __call__(self, content: Tensor) -> Tensor:
        """Paint one photograph (1, 3, H, W) in [0, 1]; the picture has its size.

        Raises:
            ImageError: a mask cannot be read.
        """
        masks = load_mask(self.masks, tuple(content.shape[-2:])) if self.masks else None
        statistics = self._measured or self._measure(content)

        def polish(picture: Tensor) -> Tensor:
            done = polish_painting(
                self.transfer, picture, content, statistics, self.weights, self.alpha, masks,
                self.polish, self.progress,
            )  # fmt: skip
            self.stopped = done.stopped
            return done.picture

        if masks is None:
            style = StyleStatistics.average(statistics, self.weights)
            picture = stylize_within_memory(self.transfer, content, style, self.alpha, None, True)
            picture = polish(picture) if self.polish else picture
            return preserve_luminance(picture, content) if self.colour == "luminance" else picture
        tile = choose_tile(*content.shape[-2:], self.transfer.device, self.transfer.dtype)
        if tile is not None:
            return compose_tiled(
                self.transfer, content, statistics, masks, tile, self.alpha, self.colour,
                polish if self.polish else None,
            )  # fmt: skip
        features = self.transfer.encode(content)
        return compose(
            self.transfer, content, features, statistics, None, self.alpha, self.colour, masks,
            polish if self.polish else None,
        )  # fmt: skip
