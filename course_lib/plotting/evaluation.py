"""Figures of an evaluation: every score of every pair, and the pictures behind some of them."""

from collections.abc import Callable, Mapping, Sequence
from statistics import mean, median

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course_lib.evaluation.comparison import Comparison
from course_lib.evaluation.controls import CONTROLS, TRICKS
from course_lib.evaluation.tables import label
from course_lib.plotting.pictures import OKABE_ITO, show_grid

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
    axis.scatter(values, heights, s=9, alpha=alpha, linewidths=0.8 * (look["marker"] == "x"),
                 **look)  # fmt: skip
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


def show_compared(found: Comparison, tile: float = 1.05) -> Figure:
    """Draw the pictures of the few pairs: a row per pair, a column per control, method and trick.

    Args:
        tile: side of one picture in inches.
    """
    methods = [name for name in found.pictures if name not in CONTROLS and name not in TRICKS]
    names = [*CONTROLS, *methods, *TRICKS]
    rows = [[found.pictures[name][pair] for name in names] for pair in found.few]
    titles = [label(name).replace(": ", ":\n").replace("-", "-\n") for name in names]
    return show_grid(rows, titles, tile=tile)
