"""Pictures of any size in little memory: tile by tile, and yet exactly as in one piece.

AdaIN needs the mean and standard deviation of the whole feature map. So a first pass over the tiles
measures them, and a second one repaints the tiles with them. A tile is computed with a margin wide
enough that nothing from beyond it could matter; the margin is cut off afterwards.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from tqdm import tqdm

from course_lib import CourseError
from course_lib.adain import EPSILON, ChannelStatistics, blend
from course_lib.stylize import Style, StyleTransfer, check_alpha
from course_lib.system.memory import free_memory
from course_lib.system.printing import no_bar

CELL = 8  # pixels that one position of relu4_1 stands for, along each side
# A position of relu4_1 sees the 30 pixels around its own cell: 4 cells. A pixel of the decoder
# sees the 4 cells around its own. test_painting_tiling.py shows that 3 are too few for either.
ENCODER_MARGIN = 4
DECODER_MARGIN = 4
# Bytes at the peak per pixel of a tile with its margin; `benchmark tiling` measures them.
BYTES_PER_PIXEL = {torch.float32: 1200, torch.bfloat16: 800, torch.float16: 800}
SMALL = 512 * 512  # pixels that are always computed in one piece
LARGEST_BUDGET = 3 * 2**29  # bytes for tiles on a CPU: margins are then a small part of a tile
SMALLEST_TILE, LARGEST_TILE = 128, 4096


class Window(NamedTuple):
    """A rectangle of relu4_1 cells: rows ``top`` to ``bottom``, columns ``left`` to ``right``."""

    top: int
    bottom: int
    left: int
    right: int

    def grow(self, cells: int, within: "Window") -> "Window":
        """The window with a margin, as far as there is room ``within`` another."""
        return Window(
            max(self.top - cells, within.top),
            min(self.bottom + cells, within.bottom),
            max(self.left - cells, within.left),
            min(self.right + cells, within.right),
        )

    def slices(self, outer: "Window", scale: int = 1) -> tuple[slice, slice]:
        """Where this window lies in a map of ``outer`` that has ``scale`` values per cell."""
        rows = slice((self.top - outer.top) * scale, (self.bottom - outer.top) * scale)
        columns = slice((self.left - outer.left) * scale, (self.right - outer.left) * scale)
        return rows, columns


def choose_tile(
    height: int, width: int, device: torch.device, dtype: torch.dtype, work: float = 1.0
) -> int | None:
    """The side of the tiles for an image, in pixels; ``None`` if it can be done in one piece.

    On a GPU half of the free memory may be used, on a CPU a quarter of it and at most 1.5 GiB.
    ``work`` is the memory that a pixel needs, as a multiple of a stylisation's.
    """
    if height * width <= SMALL:
        return None
    budget = free_memory(device) // 2
    if device.type != "cuda":
        budget = min(budget // 2, LARGEST_BUDGET)
    pixels = int(budget // (work * BYTES_PER_PIXEL.get(dtype, max(BYTES_PER_PIXEL.values()))))
    if height * width <= pixels:
        return None
    side = math.isqrt(pixels) - 2 * CELL * (ENCODER_MARGIN + DECODER_MARGIN)
    return min(max(side // 64 * 64, SMALLEST_TILE), LARGEST_TILE)


def tile_windows(whole: Window, tile: int) -> Iterator[Window]:
    """Cut a map of cells into windows of about equal size, at most ``tile`` pixels a side."""

    def cuts(start: int, stop: int) -> list[int]:
        count = math.ceil((stop - start) / max(1, tile // CELL))
        return [start + (stop - start) * i // count for i in range(count + 1)]

    rows, columns = cuts(whole.top, whole.bottom), cuts(whole.left, whole.right)
    for top, bottom in zip(rows, rows[1:], strict=False):
        for left, right in zip(columns, columns[1:], strict=False):
            yield Window(top, bottom, left, right)


class RunningStatistics:
    """Channel statistics of a feature map that arrives in pieces (Chan et al. 1983), in float64."""

    def __init__(self) -> None:
        self.count, self.mean, self.squares = 0, 0.0, 0.0

    def add(self, features: Tensor, weights: Tensor | None = None) -> None:
        """Take in a piece (N, C, h, w); ``weights`` (h, w) say how much each position counts."""
        values = features.float()  # a GPU of Apple has no float64
        if weights is None:
            weights = values.new_ones(values.shape[2:])
        count = weights.sum().item()
        if count == 0:
            return
        mean = (values * weights).sum((2, 3), keepdim=True) / count
        squares = ((values - mean).square_() * weights).sum((2, 3), keepdim=True).cpu().double()
        gap = mean.cpu().double() - self.mean
        total = self.count + count
        self.squares = self.squares + squares + gap.square() * (self.count * count / total)
        self.mean = self.mean + gap * (count / total)
        self.count = total

    def result(self) -> ChannelStatistics:
        """Mean and standard deviation, float32 (N, C, 1, 1), as ``channel_statistics`` has them."""
        std = (self.squares / self.count + EPSILON).sqrt()
        return ChannelStatistics(self.mean.float(), std.float())


class TiledFeatures:
    """The relu4_1 features of an image (N, 3, H, W), computed window by window.

    With ``keep`` they are stored as they are computed, which takes about as much memory as the
    image and its result; without, they are computed again where they are needed again.
    """

    def __init__(self, transfer: StyleTransfer, image: Tensor, keep: bool = True) -> None:
        self.transfer, self.image = transfer, image
        height, width = image.shape[-2:]
        self.whole = Window(0, math.ceil(height / CELL), 0, math.ceil(width / CELL))
        self.kept: Tensor | None = None
        self.keep = keep

    def compute(self, window: Window) -> Tensor:
        """Features of a window (N, 512, h, w), encoded with the margin that makes them exact."""
        outer = window.grow(ENCODER_MARGIN, self.whole)
        rows, columns = outer.slices(self.whole, CELL)
        # At the right and the bottom the slice ends with the image, and encode() mirrors it there.
        features = self.transfer.encode(self.image[..., rows, columns])
        inner_rows, inner_columns = window.slices(outer)
        return features[..., inner_rows, inner_columns]

    def measure(self, tile: int, progress: bool = False) -> ChannelStatistics:
        """First pass: the statistics of the whole map."""
        return self.measure_regions(tile, None, progress)[0]

    @torch.inference_mode()
    def measure_regions(
        self, tile: int, cells: Tensor | None, progress: bool = False
    ) -> list[ChannelStatistics | None]:
        """First pass: statistics of every region, weighted by ``cells`` (regions, h, w).

        None is the place of a region without any weight; without ``cells`` there is one region.
        """
        statistics = [RunningStatistics() for _ in (cells if cells is not None else [None])]
        windows = list(tile_windows(self.whole, tile))
        for window in tqdm(windows, desc="measuring", unit="tile", disable=no_bar(progress)):
            features = self.compute(window)
            rows, columns = window.slices(self.whole)
            for k, region in enumerate(statistics):
                region.add(features, None if cells is None else cells[k, rows, columns])
            if self.keep and len(windows) == 1:
                self.kept = features
            elif self.keep:
                self._store(window, features)
        return [region.result() if region.count else None for region in statistics]

    def _store(self, window: Window, features: Tensor) -> None:
        if self.kept is None:
            size = (*features.shape[:2], self.whole.bottom, self.whole.right)
            self.kept = features.new_empty(size, device="cpu").contiguous(
                memory_format=torch.channels_last
            )
        rows, columns = window.slices(self.whole)
        self.kept[..., rows, columns] = features.cpu()

    def of(self, window: Window) -> Tensor:
        """Second pass: the features of a window, on the device."""
        if self.kept is None:
            return self.compute(window)
        rows, columns = window.slices(self.whole)
        return self.kept[..., rows, columns].to(self.transfer.device)


@torch.inference_mode()
def stylize_tiled(
    transfer: StyleTransfer,
    content: Tensor,
    style: Style | Sequence[Style],
    alpha: float = 1.0,
    weights: Sequence[float] | None = None,
    exaggerate: bool = False,
    tile: int | None = None,
    keep: bool = True,
    adjust: Callable[[ChannelStatistics], ChannelStatistics] | None = None,
    progress: bool = False,
) -> Tensor:
    """``StyleTransfer.stylize`` with a memory need that depends on the tile, not on the image.

    In float32 the result equals that of ``stylize`` up to rounding. ``style``, ``alpha``,
    ``weights`` and ``exaggerate`` are those of ``stylize``.

    Args:
        content: (N, 3, H, W) or (3, H, W) RGB in [0, 1], any size; on a GPU or left on the CPU.
        tile: side of the tiles in pixels, from 8 up; the whole image at once if not given.
        keep: keep the features between the two passes, 16 or 32 bytes per pixel of the image;
            otherwise they are computed twice.
        adjust: changes the content's statistics before they are used (see ``sequences.py``).
        progress: show a bar.

    Returns:
        (N, 3, H, W) float32 in [0, 1] on the content's device.

    Raises:
        CourseError: as ``stylize``, or a tile below 8 pixels.
    """
    check_alpha(alpha, exaggerate)
    if tile is not None and tile < CELL:
        raise CourseError(f"a tile must have at least {CELL} pixels a side, got {tile}")
    content = content[None] if content.dim() == 3 else content
    if content.dim() != 4 or content.shape[1] != 3 or content.numel() == 0:
        raise CourseError(f"expected images of shape (N, 3, H, W), got {tuple(content.shape)}")
    tile = max(content.shape[-2:]) + CELL if tile is None else tile
    statistics = transfer.mix(style, weights)
    if len(statistics.mean) not in (1, len(content)):
        raise CourseError(
            f"{len(statistics.mean)} style images do not fit {len(content)} content images"
        )
    features = TiledFeatures(transfer, content, keep)
    measured = features.measure(tile, progress)
    repaint = affine(adjust(measured) if adjust else measured, statistics, alpha)
    return paint_tiles(features, tile, lambda values, _: repaint(values), progress)


@torch.inference_mode()
def paint_tiles(
    features: TiledFeatures,
    tile: int,
    repaint: Callable[[Tensor, Window], Tensor],
    progress: bool = False,
) -> Tensor:
    """Second pass: ``repaint(features, window)`` and decode every tile; (N, 3, H, W) in [0, 1]."""
    content, transfer = features.image, features.transfer
    out = torch.empty_like(content, dtype=torch.float32, memory_format=torch.contiguous_format)
    windows = list(tile_windows(features.whole, tile))
    for window in tqdm(windows, desc="painting", unit="tile", disable=no_bar(progress)):
        outer = window.grow(DECODER_MARGIN, features.whole)
        picture = transfer.decode(repaint(features.of(outer), outer))
        rows, columns = window.slices(features.whole, CELL)
        place = out[..., rows, columns]
        top, left = (part.start for part in window.slices(outer, CELL))
        height, width = place.shape[-2:]
        place.copy_(picture[..., top : top + height, left : left + width])
    return out


def affine(
    content: ChannelStatistics, style: ChannelStatistics, alpha: float
) -> Callable[[Tensor], Tensor]:
    """AdaIN (equation 8) with the content's statistics given, and the blend of equation 14."""
    scale = style.std / content.std.to(style.std.device)
    shift = style.mean - content.mean.to(style.mean.device) * scale

    def repaint(features: Tensor) -> Tensor:
        target = torch.addcmul(shift, features.to(scale.dtype), scale).to(features.dtype)
        return blend(features, target, alpha)

    return repaint


def stylize_within_memory(
    transfer: StyleTransfer,
    content: Tensor,
    style: Style | Sequence[Style],
    alpha: float = 1.0,
    weights: Sequence[float] | None = None,
    exaggerate: bool = False,
    adjust: Callable[[ChannelStatistics], ChannelStatistics] | None = None,
    progress: bool = False,
) -> Tensor:
    """Stylise in one piece where memory allows it, otherwise in tiles (see ``choose_tile``).

    Arguments, result and errors are those of ``StyleTransfer.stylize``, ``adjust`` that of
    ``stylize_tiled``; ``progress`` shows a bar if there are tiles.
    """
    height, width = content.shape[-2:]
    tile = choose_tile(height, width, transfer.device, transfer.dtype)
    if tile is None and adjust is None:
        return transfer.stylize(content, style, alpha, weights, exaggerate)
    keep = tile is None or room_for_features(height, width, transfer.dtype)
    return stylize_tiled(
        transfer,
        content,
        style,
        alpha,
        weights,
        exaggerate,
        tile,
        keep,
        adjust,
        progress and tile is not None,
    )


def room_for_features(height: int, width: int, dtype: torch.dtype) -> bool:
    """Whether the features of an image fit into a quarter of the free main memory."""
    need = math.ceil(height / CELL) * math.ceil(width / CELL) * 512 * dtype.itemsize
    return need <= free_memory(torch.device("cpu")) // 4
