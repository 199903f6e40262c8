"""Mixtures of four styles over a sheet, a style in every corner (figure 8 of the paper)."""

from collections.abc import Sequence
from dataclasses import replace

from PIL import Image
from torch import Tensor

from course_lib import CourseError
from course_lib.images import center_crop, contact_sheet, resize_shorter_side, to_image, to_tensor
from course_lib.painting.paint_settings import PLAIN, PaintSettings
from course_lib.painting.painter import measure_styles, paint
from course_lib.stylize import Style, StyleTransfer


def corner_weights(rows: int, columns: int) -> list[list[tuple[float, float, float, float]]]:
    """Bilinear weights of four styles at every place of a sheet, rows x columns, each summing to 1.

    The styles are those of the corners: top left, top right, bottom left, bottom right.

    Raises:
        CourseError: fewer than two rows or columns, which have no four corners.
    """
    if rows < 2 or columns < 2:
        raise CourseError(f"a grid of four styles needs at least 2x2 places, got {rows}x{columns}")
    down = [row / (rows - 1) for row in range(rows)]
    across = [column / (columns - 1) for column in range(columns)]
    return [[((1 - y) * (1 - x), (1 - y) * x, y * (1 - x), y * x) for x in across] for y in down]


def corner_grid(
    transfer: StyleTransfer,
    content: Tensor,
    styles: Sequence[Style],
    rows: int = 5,
    columns: int = 5,
    settings: PaintSettings = PLAIN,
    tile: int = 160,
) -> Image.Image:
    """Draw one photograph in every mixture of four styles, with the styles beside the corners.

    Args:
        content: (1, 3, H, W) in [0, 1]; its centre is cut out as a square.
        styles: four images (1, 3, h, w) or statistics, in the order of ``corner_weights``;
            statistics have no picture to show.
        settings: of every picture; the weights are those of its place.
        tile: side of one picture in pixels.

    Raises:
        CourseError: not four styles.
    """
    weights = corner_weights(rows, columns)
    if len(styles) != 4:
        raise CourseError(f"a grid needs four styles, one for each corner, got {len(styles)}")
    photograph = to_tensor(_square(content, tile))
    recolour = photograph if settings.colour == "coral" else None
    statistics = measure_styles(transfer, styles, recolour, settings.polish > 0)
    features = transfer.encode(photograph)

    def mixture(weights: Sequence[float]) -> Image.Image:
        chosen = replace(settings, weights=weights)
        done = paint(transfer, photograph, statistics, chosen, features=features)
        if done.stopped:  # half a sheet is none
            raise KeyboardInterrupt
        return to_image(done.picture)

    sheet: list[list[Image.Image | None]] = [[mixture(w) for w in row] for row in weights]
    pictures = [_square(style, tile) if isinstance(style, Tensor) else None for style in styles]
    if any(pictures):
        sides = [(None, None)] * rows
        sides[0], sides[-1] = tuple(pictures[:2]), tuple(pictures[2:])
        sheet = [[left, *line, right] for (left, right), line in zip(sides, sheet, strict=True)]
    return contact_sheet(sheet, tile)


def _square(image: Tensor, side: int) -> Image.Image:
    return resize_shorter_side(center_crop(to_image(image)), side)
