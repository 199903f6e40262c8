"""Figures of lesson 04: loss curves."""

from collections.abc import Callable, Mapping, Sequence

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course_lib.lessons.plotting import BESIDE, OKABE_ITO, panels

Records = Sequence[Mapping[str, object]]
LETTER = 1.7  # its height on the logarithmic axes of ``plot_judged``
PARTS = {"content_loss": "content", "style_loss": "style", "loss": "total"}


def moving_average(values: Sequence[float], window: int, trailing: bool = False) -> list[float]:
    """The mean of each value and its neighbours; near an end, of as many as there are.

    Args:
        window: values in a full mean; odd, so that as many come from either side.
        trailing: take them all from before, as a display of a running training must.
    """
    return windowed_means(values, *((window - 1, 0) if trailing else (window // 2, window // 2)))


def windowed_means(values: Sequence[float], before: int, after: int) -> list[float]:
    """The mean of each value and its neighbours, as many of them as there are.

    Args:
        before: neighbours in front of each value that count, at most.
        after: neighbours behind it.
    """
    return windowed(values, before, after, lambda part: sum(part) / len(part))


def windowed(
    values: Sequence[float], before: int, after: int, of: Callable[[Sequence[float]], float]
) -> list[float]:
    """``of`` each value and its neighbours, as ``windowed_means`` is their mean."""
    return [of(values[max(0, i - before) : i + after + 1]) for i in range(len(values))]


def plot_curves(
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    xlabel: str,
    ylabel: str,
    log: bool = False,
    axis: Axes | None = None,
) -> Figure:
    """Draw named curves into one plot: the first pale if there are several, as raw data is.

    Args:
        curves: label -> (x, y).
        log: draw y on a logarithmic scale.
        axis: to draw into; a new figure if not given.
    """
    if axis is None:
        _, axis = plt.subplots(figsize=(8, 3.2), layout="constrained")
    for i, (label, (x, y)) in enumerate(curves.items()):
        raw = i == 0 and len(curves) > 1
        style = {"color": "0.7", "linewidth": 1} if raw else {"color": OKABE_ITO[i], "linewidth": 2}
        axis.plot(x, y, label=label, **style)
    axis.set(xlabel=xlabel, ylabel=ylabel, yscale="log" if log else "linear")
    axis.grid(alpha=0.3)
    if len(curves) > 1:
        axis.legend(frameon=False)
    return axis.figure


def plot_epochs(epochs: Records, style_weight: float) -> Figure:
    """Draw the mean loss of each epoch: the total as reports do, and beside it its two terms.

    Args:
        epochs: as ``epoch_losses`` returns them.
        style_weight: lambda, by which the style term enters the total.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.4), layout="constrained")
    numbers = [epoch["epoch"] for epoch in epochs]
    total = [epoch["loss"] for epoch in epochs]
    left.plot(numbers, total, color=OKABE_ITO[6], marker=".", linewidth=1.5)
    left.set(title="total, from zero up", ylim=(0, 1.05 * max(total)))
    right.plot(numbers, total, color=OKABE_ITO[6], linewidth=1.5, label="total")
    weighted = [style_weight * epoch["style_loss"] for epoch in epochs]
    label = f"{style_weight:g} × style"
    right.plot(numbers, weighted, color=OKABE_ITO[4], linewidth=2, label=label)
    content = [epoch["content_loss"] for epoch in epochs]
    right.plot(numbers, content, color=OKABE_ITO[0], linewidth=2, label="content")
    right.set(title="the same and its two terms, logarithmic", yscale="log")
    right.legend(frameon=False, loc="center right")
    for axis in (left, right):
        axis.set(xlabel="epoch", ylabel="mean loss of the epoch")
        axis.grid(alpha=0.3, which="both")
    return figure


def plot_runs(
    runs: Mapping[str, Records], columns: int = 3, limits: tuple[float, float] = (0.1, 1000)
) -> Figure:
    """Draw the AdaIN phase of several runs, one small plot each, with the same axes for all.

    Args:
        runs: title -> records of a log.
        limits: losses outside are drawn at the edge, so that one run does not flatten the others.
    """
    rows = -(-len(runs) // columns)
    figure, axes = panels(rows, columns, (3.4 * columns, 2.5 * rows), sharex=True, sharey=True)
    for axis, (title, records) in zip(axes.flat, runs.items(), strict=False):
        kept = [record for record in records if record["phase"] == "adain"]
        steps = [record["step"] for record in kept]
        for part, colour, width in (("loss", 6, 1), ("style_loss", 4, 2), ("content_loss", 0, 2)):
            values = [min(max(record[part], limits[0]), limits[1]) for record in kept]
            axis.plot(steps, values, color=OKABE_ITO[colour], linewidth=width, label=PARTS[part])
        axis.set(title=title, yscale="log")
        axis.grid(alpha=0.3)
    for axis in axes[-1]:
        axis.set_xlabel("step")
    for axis in axes[:, 0]:
        axis.set_ylabel("loss")
    axes.flat[0].legend(frameon=False, fontsize=9)
    return figure


def plot_judged(runs: Mapping[str, Records], style_weight: float) -> Figure:
    """Draw each run's own loss beside the loss that the held-out pairs have by the right yardstick.

    Args:
        runs: label -> records; those with ``held_out_content_loss`` are drawn on the right.
        style_weight: the same for all on the right, whatever a run was trained with.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6), sharex=True, layout="constrained")
    ends = {left: [], right: []}
    for i, (label, records) in enumerate(runs.items()):
        style = {"color": OKABE_ITO[i % 7], "linewidth": 2, "linestyle": ("-", "--")[i % 2]}
        kept = [record for record in records if record["phase"] == "adain"]
        left.plot([r["step"] for r in kept], [r["loss"] for r in kept], **style)
        judged = [record for record in kept if "held_out_style_loss" in record]
        totals = [
            r["held_out_content_loss"] + style_weight * r["held_out_style_loss"] for r in judged
        ]
        right.plot([r["step"] for r in judged], totals, label=label, **style)
        for axis, last in ((left, kept[-1]["loss"]), (right, totals[-1])):
            ends[axis].append((last, kept[-1]["step"], label.split(":")[0], style["color"]))
    for axis, found in ends.items():
        height = 0.0
        for last, step, letter, colour in sorted(found):
            height = max(last, LETTER * height)  # so that no letter hides another
            place = {"xytext": (3, 0), "textcoords": "offset points", "va": "center"}
            axis.annotate(letter, (step, height), color=colour, annotation_clip=True, **place)
    left.set(title="what each run says of itself", ylabel="loss")
    right.set(title="unseen pairs, the same judge for all")
    for axis in (left, right):
        axis.margins(x=0.08)
        axis.set(xlabel="step", yscale="log", ylim=(0.4, 3000))
        axis.grid(alpha=0.3, which="both")
    right.legend(**BESIDE)
    return figure


def plot_trade_off(
    points: Mapping[str, tuple[float, float]], apart: Mapping[str, tuple[float, float]]
) -> Figure:
    """Draw (content loss, style loss) of several decoders as labelled points.

    Args:
        points: label -> (content loss, style loss), joined by a line in this order.
        apart: more points, which the line leaves out.
    """
    figure, axis = plt.subplots(figsize=(5.6, 3.8), layout="constrained")
    axis.plot(*zip(*points.values(), strict=True), color="0.7", zorder=0)
    for i, (label, (x, y)) in enumerate((*points.items(), *apart.items())):
        axis.scatter(x, y, s=60, color=OKABE_ITO[i % 7], marker="osD^vP"[i % 6])
        axis.annotate(label, (x, y), (7, 7), textcoords="offset points")
    axis.set(xlabel="content loss of unseen pairs", ylabel="style loss of unseen pairs")
    axis.margins(0.18)
    axis.grid(alpha=0.3)
    return figure


def plot_consecutive_runs(runs: Mapping[str, Records]) -> Figure:
    """Draw runs that went on where the one before stopped: above the total, below the two terms.

    Args:
        runs: label -> records of a log; the warm-up is left out.
    """
    figure, axes = plt.subplots(2, 1, figsize=(9, 4.8), sharex=True, layout="constrained")
    start = 0
    for i, (label, records) in enumerate(runs.items()):
        kept = [record for record in records if record["phase"] == "adain"]
        steps = [start + record["step"] for record in kept]
        axes[0].plot(steps, [r["loss"] for r in kept], color=OKABE_ITO[6])
        for part, colour in (("style_loss", 4), ("content_loss", 0)):
            name = PARTS[part] if i == 0 else None
            axes[1].plot(steps, [r[part] for r in kept], color=OKABE_ITO[colour], label=name)
        for axis in axes:
            axis.axvspan(start, start + records[-1]["step"], color="0.5", alpha=0.08 * (i % 2))
        middle = start + records[-1]["step"] / 2
        place = axes[0].get_xaxis_transform()
        axes[0].text(middle, 1.02, label, transform=place, ha="center", va="bottom", fontsize=9)
        start += records[-1]["step"]
    for axis in axes:
        axis.set(ylabel="loss", yscale="log")
        axis.grid(alpha=0.3, which="both")
    axes[1].set_xlabel("step, counted through all runs")
    axes[1].legend(frameon=False)
    return figure
