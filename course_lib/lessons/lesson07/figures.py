"""Figures of lesson 07: scores and the pictures behind them; questions, rates, intervals, power."""

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from statistics import mean, median

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from course_lib.lessons.plotting import OKABE_ITO, show_grid
from course_lib.measuring.comparison import Comparison
from course_lib.measuring.controls import CONTROLS, TRICKS
from course_lib.measuring.tables import label
from course_lib.survey.items import Page

PANELS = {
    "statistics": "style: means and standard deviations",
    "gram": "style: Gram matrices",
    "colours": "style: colours",
    "content": "content: relu4_1",
    "edges": "content: edges",
}
GREY = "0.45"


def plot_scores(results: Mapping[str, object]) -> Figure:
    """Draw every score as a panel: a row per control, method and trick, a dot per pair.

    A vertical stroke marks the mean, of the seconds the median. The controls have grey squares on a
    grey ground, methods coloured dots, tricks grey crosses; the machine judge has its mean as a
    bar.

    Args:
        results: of a record of ``evaluate``.
    """
    every = results["every_pair"]
    methods = [name for name in every if name not in CONTROLS and name not in TRICKS]
    names = [*CONTROLS, *methods, *(name for name in TRICKS if name in every)]
    height = 1.4 + 0.26 * len(names)
    figure, axes = plt.subplots(2, 4, figsize=(14, 2 * height), sharey=True, layout="constrained")
    for axis, (score, title) in zip((*axes[0, :3], *axes[1, :2]), PANELS.items(), strict=True):
        for row, name in enumerate(names):
            _dots(axis, row, every[name][score], _look(name, methods))
        axis.set(title=title, xlabel="distance (0 = equal)")
    for row, name in enumerate(names):
        _share(axes[0, 3], row, every[name]["judge"], _look(name, methods)["color"])
    axes[0, 3].axvline(0.5, color="black", linewidth=1, linestyle="--")
    axes[0, 3].set(title="machine judge", xlabel="share right (dashed: guessing)", xlim=(0, 1))
    for row, name in enumerate(names):
        times = results["seconds"].get(name, {}).get("all", [])
        _dots(axes[1, 2], row, times, _look(name, methods), median)
    axes[1, 2].set(title="seconds per picture (one at a time)", xlabel="seconds", xscale="log")
    for axis in axes.flat[:-1]:
        axis.axhspan(-0.5, len(CONTROLS) - 0.5, color="0.9", zorder=0)
        axis.grid(axis="x", alpha=0.3)
    labels = [f"{label(name)} ({len(every[name]['pairs'])})" for name in names]
    axes[0, 0].set(yticks=range(len(names)), ylim=(len(names) - 0.5, -0.5))
    for axis in axes[:, 0]:
        axis.set_yticks(range(len(names)), labels)
    _legend(axes[1, 3])
    return figure


def _look(name: str, methods: Sequence[str]) -> dict[str, str]:
    if name in methods:
        return {"color": OKABE_ITO[methods.index(name) % 6], "marker": "o"}
    return {"color": GREY, "marker": "s" if name in CONTROLS else "x"}


def _dots(
    axis: Axes,
    row: int,
    values: Sequence[float | None],
    look: Mapping[str, str],
    average: Callable[[Sequence[float]], float] = mean,
) -> None:
    values = [value for value in values if value is not None]
    if not values:
        return
    # Spread over the row's height in the order of the pairs, so that the dots can be seen.
    heights = [row + 0.5 * ((i + 0.5) / len(values) - 0.5) for i in range(len(values))]
    alpha = 0.35 if len(values) > 20 else 0.9
    axis.scatter(
        values, heights, s=9, alpha=alpha, linewidths=0.8 * (look["marker"] == "x"), **look
    )
    axis.plot([average(values)] * 2, [row - 0.38, row + 0.38], color="black", linewidth=2)


def _share(axis: Axes, row: int, values: Sequence[float | None], colour: str) -> None:
    values = [value for value in values if value is not None]
    if values:
        share = sum(values) / len(values)
        axis.barh(row, share, height=0.55, color=colour, zorder=2)
        axis.text(0.02, row, f"{share:.0%}", va="center", color="white", fontsize=8, zorder=3)


def _legend(axis: Axes) -> None:
    axis.axis("off")
    handles = [
        axis.scatter([], [], marker="s", color=GREY, label="control (grey ground)"),
        axis.scatter([], [], marker="o", color=OKABE_ITO[0], label="method"),
        axis.scatter([], [], marker="x", color=GREY, label="trick: made to fool a score"),
        axis.plot([], [], color="black", linewidth=2, label="mean (of seconds: median)")[0],
    ]
    title = "a mark per pair of pictures\n(their number in brackets:\ncompare like with like)"
    axis.legend(handles=handles, loc="center", frameon=False, title=title)


def show_compared(found: Comparison) -> Figure:
    """Draw the few pairs: a row for each, a column per control, method and trick."""
    methods = [name for name in found.pictures if name not in CONTROLS and name not in TRICKS]
    names = [*CONTROLS, *methods, *TRICKS]
    rows = [[found.pictures[name][pair] for name in names] for pair in found.few]
    titles = [label(name).replace(": ", ":\n").replace("-", "-\n") for name in names]
    return show_grid(rows, titles, tile=1.05)


def show_question(page: Page, number: int = 0) -> Figure:
    """Draw one question of a style survey: the picture between its two paintings, unmarked."""
    item = page.items[number]
    first, second = item["options"]
    sources = (first["picture"], item["picture"], second["picture"])
    figure, axes = plt.subplots(1, 3, figsize=(8, 3.1), layout="constrained")
    for axis, source, title in zip(axes, sources, ("Painting 1", "", "Painting 2"), strict=True):
        picture = Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2])))
        axis.imshow(picture)
        axis.set_title(title, fontsize=10)
        axis.axis("off")
    figure.suptitle(page.question, fontsize=11)
    return figure


def plot_rates(
    rates: Mapping[str, Sequence[float]], truths: Sequence[float], xlabel: str
) -> Figure:
    """Draw how the rates of many surveys scatter, one histogram per way of asking.

    Args:
        rates: name -> the rate of each survey, 0 to 1.
        truths: what they should scatter around: one dashed line for all, or one each in its colour.
    """
    figure, axis = plt.subplots(figsize=(6, 2.8), layout="constrained")
    everything = np.concatenate([*map(np.asarray, rates.values()), truths])
    bins = np.linspace(everything.min() - 0.01, everything.max() + 0.01, 40)
    for (name, values), color in zip(rates.items(), OKABE_ITO, strict=False):
        axis.hist(values, bins, alpha=0.65, color=color, label=name)
    colours = ["black"] if len(truths) == 1 else OKABE_ITO
    for truth, colour in zip(truths, colours, strict=False):
        axis.axvline(truth, color=colour, linestyle="--", label=f"truth, {truth:.0%}")
    axis.set(xlabel=xlabel, ylabel="simulated surveys")
    axis.set_ylim(top=1.45 * axis.get_ylim()[1])  # room for the legend
    axis.legend(fontsize=8, ncols=2, loc="upper center")
    return figure


def plot_intervals(intervals: Mapping[str, tuple[float, float]], rate: float) -> Figure:
    """Draw named intervals of one rate below each other, and where guessing lies."""
    figure, axis = plt.subplots(figsize=(7, 0.8 + 0.32 * len(intervals)), layout="constrained")
    for row, (low, high) in enumerate(intervals.values()):
        axis.plot((low, high), (row, row), color=OKABE_ITO[0], linewidth=3)
        axis.plot(rate, row, "o", color=OKABE_ITO[1], markersize=5)
    axis.axvline(0.5, color="black", linestyle="--")
    axis.annotate(" guessing", (0.5, len(intervals) - 0.6), fontsize=8)
    axis.set(yticks=range(len(intervals)), yticklabels=list(intervals), xlim=(0.45, 1))
    axis.set(ylim=(len(intervals) - 0.4, -0.6), xlabel="share of right answers, 95 % interval")
    axis.grid(axis="x", alpha=0.3)
    return figure


def plot_shares(
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    xlabel: str,
    ylabel: str,
    wanted: float | None = None,
) -> Figure:
    """Draw named curves of shares between 0 and 1; ``wanted`` is a dashed line."""
    figure, axis = plt.subplots(figsize=(6, 3), layout="constrained")
    styles = zip(OKABE_ITO, ("o", "s", "^", "D", "v"), strict=False)
    for (name, (x, y)), (color, marker) in zip(curves.items(), styles, strict=False):
        axis.plot(x, y, color=color, marker=marker, markersize=4, label=name)
    if wanted is not None:
        axis.axhline(wanted, color="black", linestyle="--", linewidth=1)
    axis.set(xlabel=xlabel, ylabel=ylabel, ylim=(0, 1.03))
    axis.grid(alpha=0.3)
    axis.legend(fontsize=8)
    return figure
