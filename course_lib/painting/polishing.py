"""Polish with all that ``painter`` offers: mixtures, regions with styles of their own, tiles.

The style loss depends on sums over the whole picture. So a first pass over the tiles adds them up,
and says for each channel how the loss changes with a feature; a second pass carries that through
the encoder to the pixels. A tile answers for its own cells, and its margin makes their features
exact: what comes out is the gradient of the whole picture, not one of tiles.
"""

import functools
import math
from collections.abc import Callable, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib import CourseError
from course_lib.adain import ChannelStatistics, blend, blend_statistics
from course_lib.images import pad_to_multiple
from course_lib.losses import STYLE_LAYERS
from course_lib.painting.paint_settings import PaintSettings
from course_lib.painting.tiling import (
    CELL,
    ENCODER_MARGIN,
    RunningStatistics,
    Window,
    affine,
    choose_tile,
    tile_windows,
)
from course_lib.polish import HISTORY, STYLE_WEIGHT, Losses, Polished, Watch, polish
from course_lib.stylize import StyleStatistics, StyleTransfer
from course_lib.system.memory import free_memory

SCALES = dict(zip(STYLE_LAYERS, (8, 4, 2, 1), strict=True))  # positions per cell, along each side
WORK = 3.0  # memory for a pixel, in those of a stylisation: what the way back needs is kept
OTHER_VECTORS = 14  # of the variables' size that L-BFGS holds at a time besides its history

Statistics = dict[str, ChannelStatistics]
# The piece of a picture that makes a window's features exact, its features, its window.
Encoded = tuple[Tensor, dict[str, Tensor], Window]


class TiledLayers:
    """The features relu1_1 ... relu4_1 of pictures of one size, window by window.

    Args:
        size: (height, width) of the pictures.
        tile: side of the tiles in pixels.
        masks: regions (regions, H, W) that sum to 1 at every pixel; one if not given.
    """

    def __init__(
        self, transfer: StyleTransfer, size: tuple[int, int], tile: int, masks: Tensor | None = None
    ) -> None:
        self.transfer = transfer
        height, width = size
        self.whole = Window(0, math.ceil(height / CELL), 0, math.ceil(width / CELL))
        self.windows = list(tile_windows(self.whole, tile))
        masks = torch.ones(1, height, width) if masks is None else masks.float()
        room = (0, -width % CELL, 0, -height % CELL)
        masks = F.pad(masks[None], room, mode="replicate")[0].to(transfer.device)
        self.weights = {k: F.avg_pool2d(masks, CELL // scale) for k, scale in SCALES.items()}
        self.areas = masks.mean((1, 2)).tolist()

    def encode(
        self, picture: Tensor, window: Window, layers: Sequence[str] = STYLE_LAYERS
    ) -> Encoded:
        """Features of a window and of the margin that makes them exact."""
        outer = window.grow(ENCODER_MARGIN, self.whole)
        rows, columns = outer.slices(self.whole, CELL)
        piece = picture[..., rows, columns].detach().clone()
        piece.requires_grad_(torch.is_grad_enabled())
        # At the right and the bottom the slice ends with the picture, and is mirrored there.
        padded = pad_to_multiple(piece).contiguous(memory_format=torch.channels_last)
        return piece, self.transfer.encoder(padded, layers), outer

    def measure(
        self,
        encode: Callable[[Window], Encoded],
        see: Callable[[Window, Tensor], object] = lambda *_: None,
    ) -> list[Statistics]:
        """Statistics of every region, empty for one without any weight.

        ``see`` is called with every window and its relu4_1 features (1, 512, h, w).
        """
        sums = [{k: RunningStatistics() for k in SCALES} for _ in self.areas]
        for window in self.windows:
            _, features, outer = encode(window)
            for layer, values in features.items():
                values = values.detach()[(..., *window.slices(outer, SCALES[layer]))]
                rows, columns = window.slices(self.whole, SCALES[layer])
                for region, weights in zip(sums, self.weights[layer], strict=True):
                    region[layer].add(values, weights[rows, columns])
            see(window, values)  # relu4_1 comes last
        device = self.transfer.device
        return [
            {
                k: ChannelStatistics(*(part.to(device) for part in s.result()))
                for k, s in region.items()
                if s.count
            }
            for region in sums
        ]


class TiledObjective:
    """``polish.Objective`` for regions and tiles: the same losses, and their gradient by hand.

    The style loss is the mean of the regions' losses, weighted by their areas; a region without a
    style has none.

    Args:
        content: the photograph, (1, 3, H, W) in [0, 1].
        regions: statistics of each region's style, relu1_1 ... relu4_1; None leaves the content.
        masks, tile: see ``TiledLayers``.
        alpha: as for ``StyleTransfer.objective``.
    """

    def __init__(
        self,
        transfer: StyleTransfer,
        content: Tensor,
        regions: Sequence[Mapping[str, ChannelStatistics] | None],
        masks: Tensor | None,
        alpha: float,
        tile: int,
    ) -> None:
        self.layers = TiledLayers(transfer, tuple(content.shape[-2:]), tile, masks)
        areas = list(zip(self.layers.areas, regions, strict=True))
        painted = sum(area for area, region in areas if region is not None)
        self.shares = [area / max(painted, 1e-12) for area, _ in areas]
        with torch.inference_mode(False), torch.no_grad():
            self._aim(content.to(transfer.device).clone(), regions, alpha)

    def _aim(self, content: Tensor, regions: Sequence, alpha: float) -> None:
        """Set the AdaIN output of every region, and the statistics that are wanted of it."""
        whole = self.layers.whole
        self.target = torch.empty(
            1, 512, whole.bottom, whole.right, dtype=self.layers.transfer.dtype
        )

        def keep(window: Window, values: Tensor) -> None:
            self.target[(..., *window.slices(whole))] = values.cpu()

        needed = STYLE_LAYERS if alpha != 1 else ("relu4_1",)
        encode = functools.partial(self.layers.encode, content, layers=needed)
        self.wanted: list[Statistics] = []
        paints: list[Callable[[Tensor], Tensor]] = []
        for style, own in zip(regions, self.layers.measure(encode, keep), strict=True):
            if style is None or not own:
                self.wanted.append({})
                paints.append(lambda features: features)
                continue
            style = {k: ChannelStatistics(*(x.clone() for x in s)) for k, s in style.items()}
            paints.append(affine(own["relu4_1"], style["relu4_1"], 1.0))
            if alpha != 1:
                style = {k: blend_statistics(own[k], s, alpha) for k, s in style.items()}
            self.wanted.append(style)
        for window in self.layers.windows:
            values = self._target(window)
            rows, columns = window.slices(whole)
            shares = self.layers.weights["relu4_1"][:, rows, columns]
            painted = sum(p(values.float()) * w for p, w in zip(paints, shares, strict=True))
            keep(window, blend(values, painted.to(values.dtype), alpha))

    def _target(self, window: Window) -> Tensor:
        rows, columns = window.slices(self.layers.whole)
        return self.target[..., rows, columns].to(self.layers.transfer.device)

    def _judge(self, encode: Callable[[Window], Encoded]) -> tuple[Losses, list[tuple]]:
        """First pass: the losses, and for every layer and region what ``_slopes`` needs."""
        errors: list[float] = []

        def compare(window: Window, values: Tensor) -> None:
            gap = values.float() - self._target(window).float()
            errors.append(gap.square().sum().item())

        style, slopes = 0.0, []
        for k, own in enumerate(self.layers.measure(encode, compare)):
            for layer, wanted in self.wanted[k].items():
                mean, std = own[layer]
                gaps = mean - wanted.mean, std - wanted.std
                style += self.shares[k] * sum(gap.square().mean().item() for gap in gaps)
                positions = self.layers.weights[layer][k].sum().item()
                factor = 2 * STYLE_WEIGHT * self.shares[k] / (mean.numel() * positions)
                slopes.append((layer, k, mean, factor * gaps[0], factor * gaps[1] / std))
        content = sum(errors) / self.target.numel()
        losses = content, style, content + STYLE_WEIGHT * style
        return Losses(*map(torch.tensor, losses)), slopes

    @torch.no_grad()
    def __call__(self, picture: Tensor) -> Losses:
        """Losses of a picture (1, 3, H, W) in [0, 1], without a gradient."""
        return self._judge(functools.partial(self.layers.encode, picture))[0]

    def gradient(self, picture: Tensor) -> tuple[Losses, Tensor]:
        """Losses of a picture (1, 3, H, W), and the gradient of the total, (1, 3, H, W)."""
        encode = functools.partial(self.layers.encode, picture)
        alone = len(self.layers.windows) == 1
        if alone:  # what was encoded for the sums serves for the way back, too
            encode = functools.cache(encode)
        with torch.set_grad_enabled(alone):
            losses, slopes = self._judge(encode)
        gradient = torch.zeros_like(picture)
        for window in self.layers.windows:
            piece, features, outer = encode(window)
            parts = self._slopes(window, outer, features, slopes, picture.numel())
            outputs = [features[layer] for layer in parts]
            rows, columns = outer.slices(self.layers.whole, CELL)
            gradient[..., rows, columns] += torch.autograd.grad(
                outputs, piece, list(parts.values())
            )[0]
        return losses, gradient / picture.numel()

    @torch.no_grad()
    def _slopes(
        self,
        window: Window,
        outer: Window,
        features: Mapping[str, Tensor],
        slopes: list[tuple],
        times: int,
    ) -> dict[str, Tensor]:
        """Second pass: gradient with respect to a window's features; its margin's is 0.

        It is multiplied by ``times``, because float16 has no numbers as small.
        """
        result = {layer: torch.zeros_like(values) for layer, values in features.items()}

        def add(layer: str, change: Tensor) -> None:
            inner = (..., *window.slices(outer, SCALES[layer]))
            result[layer][inner] += (change * times).to(result[layer].dtype)

        def own(layer: str) -> Tensor:
            return features[layer][(..., *window.slices(outer, SCALES[layer]))].float()

        for layer, k, mean, of_mean, of_std in slopes:
            rows, columns = window.slices(self.layers.whole, SCALES[layer])
            # d mean / d x = w / n and d std / d x = w (x - mean) / (n std), as in ``adain``.
            change = of_mean + of_std * (own(layer) - mean)
            add(layer, change * self.layers.weights[layer][k, rows, columns])
        gap = own("relu4_1") - self._target(window).float()
        add("relu4_1", gap * (2 / self.target.numel()))
        return result


def encode_style_within_memory(
    transfer: StyleTransfer, style: Tensor, every_layer: bool = False
) -> StyleStatistics:
    """``StyleTransfer.encode_style`` for a painting (1, 3, H, W) of any size, in tiles if need be.

    Raises:
        CourseError: the tensor is not one RGB image.
    """
    tile = None
    if style.dim() == 4 and style.shape[:2] == (1, 3):
        tile = choose_tile(*style.shape[-2:], transfer.device, transfer.dtype)
    if tile is None:
        return transfer.encode_style(style, every_layer)
    layers = TiledLayers(transfer, tuple(style.shape[-2:]), tile)
    image = style.to(transfer.device, torch.float32)
    wanted = STYLE_LAYERS if every_layer else ("relu4_1",)
    with torch.no_grad():
        (measured,) = layers.measure(functools.partial(layers.encode, image, layers=wanted))
    measured = {k: ChannelStatistics(*(x.cpu() for x in s)) for k, s in measured.items()}
    return StyleStatistics(*measured.pop("relu4_1"), transfer.encoder.description, measured)


def polish_painting(
    transfer: StyleTransfer,
    picture: Tensor,
    content: Tensor,
    statistics: Sequence[StyleStatistics],
    settings: PaintSettings,
    masks: Tensor | None = None,
    progress: bool = False,
    watch: Watch | None = None,
    tile: int | None = None,
) -> Polished:
    """Polish what the decoder made of a photograph with these settings; see ``polish.polish``.

    Args:
        picture: (1, 3, H, W) in [0, 1], before the photograph's colours and parts are put back.
        statistics, settings, masks: as for ``painter.paint``, with every layer measured.
        tile: side of the tiles in pixels; chosen from the free memory if not given.

    Raises:
        CourseError: statistics of relu4_1 alone, or not enough memory.
    """
    size = tuple(content.shape[-2:])
    history = room_for_history(*size, transfer.device)
    tile = tile or choose_tile(*size, transfer.device, transfer.dtype, WORK)
    if masks is None:
        statistics = [StyleStatistics.average(statistics, settings.weights)]
    if masks is None and tile is None:
        objective = transfer.objective(content, statistics, settings.alpha, exaggerate=True)
    else:
        regions: list[Statistics | None] = [transfer.every_layer(style) for style in statistics]
        regions += [None] * (len(masks) - len(regions) if masks is not None else 0)
        tile = tile or max(size) + CELL
        objective = TiledObjective(transfer, content, regions, masks, settings.alpha, tile)
    start = picture.to(transfer.device)
    done = polish(objective, start, settings.polish, progress, watch, history)
    return done._replace(picture=done.picture.to(picture.device))


def room_for_history(height: int, width: int, device: torch.device) -> int:
    """How many pairs of vectors L-BFGS may remember in half of the free memory, 2 to ``HISTORY``.

    Raises:
        CourseError: there is no room for two.
    """
    vector = 4 * 4 * height * width  # float32, three channels, a third more for the pyramid
    vectors = free_memory(device) // 2 // vector
    if vectors < OTHER_VECTORS + 4:
        raise CourseError(
            f"polishing a picture of {width} x {height} pixels needs "
            f"{2 * (OTHER_VECTORS + 4) * vector / 1e9:.1f} GB of free memory: choose a smaller "
            "--size, or leave out --polish"
        )
    return min(HISTORY, (vectors - OTHER_VECTORS) // 2)
