"""Figures of lesson 05: Gram matrices, sheets of optimised pictures, optimisers compared."""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from pathlib import Path

import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from course_lib import CourseError
from course_lib.gatys.config import STYLE_LAYERS
from course_lib.gatys.loop import HistoryRow
from course_lib.images import open_image
from course_lib.lessons.plotting import BESIDE, OKABE_ITO, Picture, as_image, panels, show_grid


def show_sheet(
    path: Path, column_titles: Sequence[str], row_titles: Sequence[str], tile: float = 1.7
) -> Figure:
    """Draw a committed sheet of square pictures with titles.

    Args:
        path: a sheet that ``gatys-figures`` wrote, one tile per row and column title.
        tile: side of one picture in inches.

    Raises:
        CourseError: the sheet has another number of tiles.
    """
    rows = cut_sheet(open_image(path), len(row_titles), len(column_titles))
    return show_grid(rows, column_titles, row_titles, tile)


def show_grams(pictures: Mapping[str, Picture], grams: Mapping[str, Tensor]) -> Figure:
    """Draw pictures above their Gram matrices, all matrices on one scale around zero.

    Args:
        pictures: title -> picture.
        grams: the same titles -> (C, C).
    """
    grams = {title: gram.detach().float().cpu() for title, gram in grams.items()}
    top = torch.cat([gram.abs().flatten() for gram in grams.values()]).quantile(0.98).item()
    figure, axes = panels(2, len(grams), (2.3 * len(grams) + 0.6, 4.6))
    for (above, below), (title, gram) in zip(axes.T, grams.items(), strict=True):
        above.imshow(as_image(pictures[title]))
        above.set_title(title, fontsize=10)
        image = below.imshow(gram, cmap="PuOr", vmin=-top, vmax=top, interpolation="nearest")
        for axis in (above, below):
            axis.set(xticks=[], yticks=[])
    figure.colorbar(image, ax=axes[1].tolist(), shrink=0.9, label="mean product")
    return figure


def plot_optimizers(runs: Mapping[str, Mapping[str, object]]) -> Figure:
    """Draw the best loss so far of several runs against evaluations and against seconds.

    Args:
        runs: label -> a run of the record of ``gatys-optimizers``, with its ``history``.
    """
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), sharey=True, layout="constrained")
    for i, (label, run) in enumerate(runs.items()):
        history = run["history"]
        best = list(accumulate(history["total"], min))
        for axis, key in zip(axes, ("evaluation", "seconds"), strict=True):
            style = {"color": OKABE_ITO[i], "linestyle": ("-", "--", "-.", ":")[i % 4]}
            axis.plot(history[key], best, label=label, linewidth=2, **style)
    axes[0].set(yscale="log", xlabel="evaluations of the loss", ylabel="best loss so far")
    axes[1].set_xlabel("seconds")
    for axis in axes:
        axis.grid(alpha=0.3, which="both")
    axes[1].legend(**BESIDE)
    return figure


def plot_history(history: Sequence[HistoryRow], style_weight: float) -> Figure:
    """Draw one run's total against evaluations, and the two terms that it is the sum of."""
    figure, axis = plt.subplots(figsize=(6, 2.8), layout="constrained")
    evaluations = [row.evaluation for row in history]
    terms = {
        "total": [row.total for row in history],
        f"{style_weight:g} x style": [style_weight * row.style for row in history],
        "content": [row.content for row in history],
    }
    for (label, values), colour in zip(terms.items(), (6, 4, 0), strict=True):
        axis.plot(evaluations, values, label=label, color=OKABE_ITO[colour], linewidth=2)
    axis.set(yscale="log", ylim=(0.01, None), xlabel="evaluations of the loss", ylabel="loss")
    axis.grid(alpha=0.3, which="both")
    axis.legend(**BESIDE)
    return figure


DEPTHS = tuple(STYLE_LAYERS[: k + 1] for k in range(len(STYLE_LAYERS)))


def cut_sheet(picture: Image.Image, rows: int, columns: int) -> list[list[Image.Image]]:
    """Cut a sheet without gaps into its tiles, row by row.

    Raises:
        CourseError: the tiles would not be whole squares.
    """
    side = picture.width // columns
    if (picture.width, picture.height) != (side * columns, side * rows):
        raise CourseError(
            f"a sheet of {picture.width} x {picture.height} pixels is no grid of {rows} x "
            f"{columns} squares"
        )
    return [
        [picture.crop((x * side, y * side, (x + 1) * side, (y + 1) * side)) for x in range(columns)]
        for y in range(rows)
    ]


def names_of_depths(depths: Sequence[Sequence[str]] = DEPTHS) -> list[str]:
    """``conv1_1`` alone, then ``to conv2_1`` and so on."""
    return [layers[-1] if len(layers) == 1 else f"to {layers[-1]}" for layers in depths]
