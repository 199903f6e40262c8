"""From a photograph, styles and settings to a picture, in steps that can be kept.

``transfer.encode`` and ``measure_styles`` are the slow steps and depend on the pictures only;
``paint`` does the rest, which is all that a moved slider needs. ``Painter`` does the three for any
number of photographs.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from course_lib import CourseError
from course_lib.adain import blend
from course_lib.images import load_image
from course_lib.painting.colour import coral, preserve_luminance
from course_lib.painting.masks import apply_statistics_by_region, load_mask, mask_cells
from course_lib.painting.paint_settings import PLAIN, PaintSettings
from course_lib.painting.polishing import encode_style_within_memory, polish_painting
from course_lib.painting.tiling import (
    TiledFeatures,
    Window,
    affine,
    choose_tile,
    paint_tiles,
    room_for_features,
    stylize_within_memory,
)
from course_lib.polish import Polished, Watch
from course_lib.stylize import Style, StyleStatistics, StyleTransfer


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
            measured.append(encode_style_within_memory(transfer, recoloured, every_layer))
    return measured


@torch.inference_mode()
def paint(
    transfer: StyleTransfer,
    content: Tensor,
    statistics: Sequence[StyleStatistics],
    settings: PaintSettings = PLAIN,
    masks: Tensor | None = None,
    features: Tensor | None = None,
    tile: int | None = None,
    progress: bool = False,
    watch: Watch | None = None,
) -> Polished:
    """Paint a photograph (1, 3, H, W) of any size.

    Args:
        statistics: ``measure_styles(...)``; with ``colour="coral"`` those of recoloured styles,
            and with ``polish`` those of every layer.
        masks: (regions, H, W) from ``load_mask``. Style i paints region i; the
            last region, if there is one style less, stays the photograph.
        features: ``transfer.encode(content)``, if it is at hand; then there are no tiles.
        tile: side of the tiles that masks are painted in, in pixels; chosen from the free memory
            if not given.
        progress: show a bar while tiles are painted, and while polishing.
        watch: sees every step of polishing; a true answer of it ends that (see ``polish.polish``).

    Returns:
        The picture, (1, 3, H, W) float32 in [0, 1] on the content's device, and the history of its
        polishing.

    Raises:
        CourseError: settings that do not go together, or not enough memory.
    """
    settings.check_styles(len(statistics), None if masks is None else len(masks) - 1)
    size = tuple(content.shape[-2:])
    if tile is None and features is None and masks is not None:
        tile = choose_tile(*size, transfer.device, transfer.dtype)
    if masks is None and features is None:
        style = StyleStatistics.average(statistics, settings.weights)
        picture = stylize_within_memory(
            transfer, content, style, settings.alpha, exaggerate=True, progress=progress
        )
    elif tile is not None:
        picture = _paint_regions_in_tiles(transfer, content, statistics, settings, masks, tile)
    else:
        features = transfer.encode(content) if features is None else features
        if masks is None:
            style = StyleStatistics.average(statistics, settings.weights)
            target = transfer.restyle(features, transfer.mix(style), settings.alpha)
        else:
            regions = [transfer.mix([style]) for style in statistics]
            regions += [None] * (len(masks) - len(regions))
            painted = apply_statistics_by_region(features, regions, masks)
            target = blend(features, painted, settings.alpha)
        picture = transfer.decode(target, size).to(content.device)
    done = Polished(picture, [], False)
    if settings.polish:
        done = polish_painting(
            transfer, picture, content, statistics, settings, masks, progress, watch
        )
    picture = done.picture
    if settings.colour == "luminance":
        picture = preserve_luminance(picture, content)
    if masks is not None and len(statistics) < len(masks):
        # The decoder's copy of the photograph is a little blurred; the photograph is not.
        picture = torch.lerp(picture, content.to(picture), masks[-1].to(picture))
    return done._replace(picture=picture)


def _paint_regions_in_tiles(
    transfer: StyleTransfer,
    content: Tensor,
    statistics: Sequence[StyleStatistics],
    settings: PaintSettings,
    masks: Tensor,
    tile: int,
) -> Tensor:
    """The decoder's picture with masks, tile by tile (see ``tiling.py``)."""
    features = TiledFeatures(
        transfer, content, room_for_features(*content.shape[-2:], transfer.dtype)
    )
    cells = mask_cells(masks, (features.whole.bottom, features.whole.right)).to(transfer.device)
    measured = features.measure_regions(tile, cells)
    regions = []  # weights of the positions, and what is done to their features
    for k, (weights, own) in enumerate(zip(cells, measured, strict=True)):
        if own is not None:
            style = transfer.mix([statistics[k]]) if k < len(statistics) else own
            regions.append((weights, affine(own, style, 1.0)))

    def repaint(values: Tensor, window: Window) -> Tensor:
        rows, columns = window.slices(features.whole)
        painted = sum(move(values.float()) * w[rows, columns] for w, move in regions)
        return blend(values, painted.to(values.dtype), settings.alpha)

    return paint_tiles(features, tile, repaint).to(content.device)


@dataclass
class Painter:
    """All of a stylisation but the photograph: call it with one to get its picture.

    Args:
        styles: images (1, 3, h, w) or statistics. They are measured once, except with
            ``colour="coral"``, where they depend on the photograph.
        settings: their ``style_scale`` is the business of ``open_styles``.
        masks: image files, stretched to every photograph; see ``load_mask``.
        progress: show a bar while tiles are painted, and while polishing.

    Attributes:
        stopped: whether Ctrl-C ended the last polishing early; its picture is the best until then.
    """

    transfer: StyleTransfer
    styles: Sequence[Style]
    settings: PaintSettings = PLAIN
    masks: Sequence[str | os.PathLike] = ()
    progress: bool = False
    stopped: bool = field(default=False, init=False)
    _measured: list[StyleStatistics] | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        self.settings.check_styles(len(self.styles), len(self.masks) or None)
        if self.settings.colour != "coral":
            self._measured = self._measure(None)

    def _measure(self, colours_of: Tensor | None) -> list[StyleStatistics]:
        return measure_styles(self.transfer, self.styles, colours_of, self.settings.polish > 0)

    def __call__(self, content: Tensor) -> Tensor:
        """Paint one photograph (1, 3, H, W) in [0, 1]; the picture has its size.

        Raises:
            ImageError: a mask cannot be read.
        """
        masks = load_mask(self.masks, tuple(content.shape[-2:])) if self.masks else None
        done = paint(
            self.transfer,
            content,
            self._measured or self._measure(content),
            self.settings,
            masks,
            progress=self.progress,
        )
        self.stopped = done.stopped
        return done.picture
