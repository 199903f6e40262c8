"""Schematic drawings of the networks for the lessons: boxes, arrows and small pictures."""

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Polygon
from torch import Tensor

from course_lib.images import center_crop, to_image
from course_lib.lessons.plotting import OKABE_ITO

BLUE, ORANGE, GREEN, GREY = OKABE_ITO[0], OKABE_ITO[4], OKABE_ITO[2], "#666666"


def draw_pipeline(content: Tensor, style: Tensor, stylized: Tensor) -> Figure:
    """Draw encode, AdaIN, decode around three real pictures (each (1, 3, H, W) in [0, 1])."""
    figure, axis = plt.subplots(figsize=(11, 3.7), layout="constrained")
    axis.set(xlim=(0, 110), ylim=(0, 37), aspect="equal")
    axis.axis("off")
    _picture(axis, content, 0, 21, "content")
    _picture(axis, style, 0, 1, "style")
    _picture(axis, stylized, 95, 11, "stylised")
    for y in (28, 8):
        _trapezium(axis, 20, y, (7, 3), "VGG-19\nencoder", GREY)
        _maps(axis, 38, y)
        _arrow(axis, (15.5, y), (19.5, y))
        _arrow(axis, (33.2, y), (37.5, y))
    axis.text(43, 35.6, "512 feature maps", ha="center", fontsize=9)
    _box(axis, (54, 13), (18, 10), "AdaIN", ORANGE)
    _arrow(axis, (49, 27), (58, 23.5))
    _arrow(axis, (49, 9), (58, 12.5))
    axis.text(55.5, 27.3, "where things are", fontsize=9)
    axis.text(
        55.5,
        7.2,
        "mean and standard deviation\nof every map: 2 x 512 numbers",
        fontsize=9,
        va="center",
    )
    _trapezium(axis, 77, 18, (3, 7), "decoder\n(trained)", BLUE)
    _arrow(axis, (72.5, 18), (76.5, 18))
    _arrow(axis, (90.2, 18), (94.5, 18))
    return figure


def _picture(axis: Axes, image: Tensor, left: float, bottom: float, title: str) -> None:
    axis.imshow(center_crop(to_image(image)), extent=(left, left + 14, bottom, bottom + 14))
    axis.text(left + 7, bottom + 14.6, title, ha="center", fontsize=9)


def _box(
    axis: Axes, corner: tuple[float, float], size: tuple[float, float], text: str, colour: str
) -> None:
    axis.add_patch(FancyBboxPatch(corner, *size, boxstyle="round,pad=0.4", color=colour))
    center = (corner[0] + size[0] / 2, corner[1] + size[1] / 2)
    axis.text(*center, text, ha="center", va="center", color="white", fontsize=12, weight="bold")


def _trapezium(
    axis: Axes, left: float, y: float, heights: tuple[float, float], text: str, colour: str
) -> None:
    """A network that narrows or widens: half heights at its left and right end."""
    a, b = heights
    right = left + 13
    corners = [(left, y - a), (left, y + a), (right, y + b), (right, y - b)]
    axis.add_patch(Polygon(corners, color=colour))
    axis.text(left + 6.5, y, text, ha="center", va="center", color="white", fontsize=9)


def _maps(axis: Axes, left: float, y: float) -> None:
    """A stack of feature maps."""
    for i in range(5):
        corner = (left + 1.1 * i, y - 4 + 0.8 * i)
        patch = FancyBboxPatch(
            corner, 6, 6, boxstyle="square,pad=0", facecolor=GREEN, edgecolor="white"
        )
        axis.add_patch(patch)


def _arrow(axis: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    axis.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": GREY, "lw": 1.5})
