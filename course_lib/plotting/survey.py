"""Figures of lesson 07: a question as people see it, rates, intervals and power."""

import base64
import io
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from course_lib.plotting.pictures import OKABE_ITO
from course_lib.survey.items import Page


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
    rates: Mapping[str, Sequence[float]], truth: float, xlabel: str, axis: Axes | None = None
) -> Figure:
    """Draw how the rates of many surveys scatter, one histogram per way of asking.

    Args:
        rates: name -> the rate of each survey, 0 to 1.
        truth: what they should scatter around: a dashed line.
    """
    figure = axis.figure if axis else plt.figure(figsize=(6, 2.8), layout="constrained")
    axis = axis or figure.subplots()
    everything = np.concatenate([np.asarray(values) for values in rates.values()])
    bins = np.linspace(everything.min() - 0.01, everything.max() + 0.01, 40)
    for (name, values), color in zip(rates.items(), OKABE_ITO, strict=False):
        axis.hist(values, bins, alpha=0.65, color=color, label=name)
    axis.axvline(truth, color="black", linestyle="--", label="truth")
    axis.set(xlabel=xlabel, ylabel="simulated surveys")
    axis.set_ylim(top=1.45 * axis.get_ylim()[1])  # room for the legend
    axis.legend(fontsize=8, ncols=3, loc="upper center")
    return figure


def plot_intervals(
    intervals: Mapping[str, tuple[float, float]], rate: float, chance: float = 0.5
) -> Figure:
    """Draw named intervals of one rate below each other, and where guessing lies."""
    figure, axis = plt.subplots(figsize=(7, 0.8 + 0.32 * len(intervals)), layout="constrained")
    for row, (low, high) in enumerate(intervals.values()):
        axis.plot((low, high), (row, row), color=OKABE_ITO[0], linewidth=3)
        axis.plot(rate, row, "o", color=OKABE_ITO[1], markersize=5)
    axis.axvline(chance, color="black", linestyle="--")
    axis.annotate(" guessing", (chance, len(intervals) - 0.6), fontsize=8)
    axis.set(yticks=range(len(intervals)), yticklabels=list(intervals), xlim=(0.45, 1))
    axis.set(ylim=(len(intervals) - 0.4, -0.6), xlabel="share of right answers, 95 % interval")
    axis.grid(axis="x", alpha=0.3)
    return figure


def plot_shares(
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    xlabel: str,
    ylabel: str,
    wanted: float | None = None,
    axis: Axes | None = None,
) -> Figure:
    """Draw named curves of shares between 0 and 1; ``wanted`` is a dashed line."""
    figure = axis.figure if axis else plt.figure(figsize=(6, 3), layout="constrained")
    axis = axis or figure.subplots()
    styles = zip(OKABE_ITO, ("o", "s", "^", "D", "v"), strict=False)
    for (name, (x, y)), (color, marker) in zip(curves.items(), styles, strict=False):
        axis.plot(x, y, color=color, marker=marker, markersize=4, label=name)
    if wanted is not None:
        axis.axhline(wanted, color="black", linestyle="--", linewidth=1)
    axis.set(xlabel=xlabel, ylabel=ylabel, ylim=(0, 1.03))
    axis.grid(alpha=0.3)
    axis.legend(fontsize=8)
    return figure
