"""Film strips of the creative controls: one photograph, one setting, step by step."""

import os
from collections.abc import Sequence

from matplotlib.figure import Figure
from torch import Tensor

from course_lib.lessons.plotting import show_images
from course_lib.painting.colour import COLOUR_MODES
from course_lib.painting.paint_settings import PLAIN, PaintSettings
from course_lib.painting.painter import Painter, measure_styles, open_styles, paint
from course_lib.stylize import Style, StyleTransfer


def strip_alpha(
    transfer: StyleTransfer,
    content: Tensor,
    style: Style,
    alphas: Sequence[float] = (0, 0.25, 0.5, 0.75, 1, 1.5, 2),
    columns: int | None = None,
) -> Figure:
    """Draw the content-style trade-off; above 1 is exaggeration. ``alphas`` are in [0, 2]."""
    pictures = _paint(transfer, content, [style], [PaintSettings(alpha=a) for a in alphas])
    return show_images(pictures, [f"alpha {alpha:g}" for alpha in alphas], columns, 1.7)


def strip_interpolation(
    transfer: StyleTransfer, content: Tensor, first: Style, second: Style, steps: int = 5
) -> Figure:
    """Draw the way from one style to another in ``steps`` (2 or more) equal steps."""
    shares = [step / (steps - 1) for step in range(steps)]
    mixtures = [PaintSettings(weights=(1 - share, share)) for share in shares]
    pictures = _paint(transfer, content, [first, second], mixtures)
    titles = [f"{100 - round(100 * share)} : {round(100 * share)}" for share in shares]
    return show_images(pictures, titles, height=1.7)


def strip_style_scale(
    transfer: StyleTransfer,
    content: Tensor,
    style: str | os.PathLike,
    scales: Sequence[float] = (0.25, 0.5, 1, 2, 4),
    size: int = 512,
) -> Figure:
    """Draw one painting at several scales; ``style`` is its file, ``size`` its side at scale 1."""
    styles = [open_styles([style], size, scale) for scale in scales]
    pictures = [_paint(transfer, content, style, [PLAIN])[0] for style in styles]
    return show_images(pictures, [f"style scale {scale:g}" for scale in scales], height=1.7)


def strip_colours(transfer: StyleTransfer, content: Tensor, style: Tensor) -> Figure:
    """Draw the photograph, the style (1, 3, h, w), and the result of every colour mode."""
    modes = [PaintSettings(colour=mode) for mode in COLOUR_MODES]
    pictures = [Painter(transfer, [style], mode)(content) for mode in modes]
    titles = ["photograph", "style", *(f"colour: {mode}" for mode in COLOUR_MODES)]
    return show_images([content, style, *pictures], titles, height=1.7)


def _paint(
    transfer: StyleTransfer,
    content: Tensor,
    styles: Sequence[Style],
    settings: Sequence[PaintSettings],
) -> list[Tensor]:
    """A picture for each of the settings."""
    features, statistics = transfer.encode(content), measure_styles(transfer, styles)
    return [
        paint(transfer, content, statistics, chosen, features=features).picture
        for chosen in settings
    ]
