"""Figures of lesson 06: seconds against pixels, pictures, evaluations and arithmetic."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course_lib.lessons.plotting import OKABE_ITO, panels

ADAIN, GATYS = OKABE_ITO[0], OKABE_ITO[1]
Record = Mapping[str, object]


def plot_timers(costs: Mapping[str, Sequence[float]], truth: float) -> Figure:
    """Draw what several timers say about the same work, and the truth as a line.

    Args:
        costs: name of a timer -> what it said, in seconds, in repeated trials.
        truth: seconds that the work takes.
    """
    figure, axis = plt.subplots(figsize=(8, 0.5 + 0.45 * len(costs)), layout="constrained")
    for i, (name, values) in enumerate(costs.items()):
        axis.scatter(values, [i] * len(values), s=36, color=OKABE_ITO[i % 7], label=name, zorder=2)
    axis.axvline(truth, color="0.3", linewidth=1.5, linestyle="--")
    axis.text(truth, 1.01, "truth", transform=axis.get_xaxis_transform(), ha="center", fontsize=9)
    axis.set(yticks=range(len(costs)), yticklabels=list(costs), xlabel="seconds per call")
    axis.set(xscale="log")
    lowest, highest = (pick(map(pick, costs.values())) for pick in (min, max))
    ticks = [
        t
        for t in (1e-5, 1e-4, 1e-3, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1)
        if lowest / 2 < t < 2 * highest
    ]
    axis.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axis.minorticks_off()
    axis.invert_yaxis()
    axis.grid(alpha=0.3, axis="x")
    axis.margins(y=0.15)
    return figure


def plot_evaluations(seconds: Sequence[float], steady_from: int, median: float) -> Figure:
    """Draw the seconds of each evaluation of an optimisation, and where they become steady.

    Args:
        seconds: one per evaluation, from the first.
        steady_from: number of the first evaluation that counts as steady.
        median: of the steady ones; the line that is extrapolated.
    """
    figure, axis = plt.subplots(figsize=(8, 3.2), layout="constrained")
    numbers = range(1, len(seconds) + 1)
    axis.plot(numbers, seconds, ".", color=GATYS, label="measured")
    axis.axvspan(steady_from - 0.5, len(seconds) + 0.5, color="0.5", alpha=0.15, label="steady")
    axis.axhline(median, color="0.2", linewidth=1, linestyle="--", label="median of the steady")
    axis.set(xlabel="evaluation", ylabel="seconds", ylim=(0, None))
    axis.grid(alpha=0.3)
    axis.legend(frameon=False, ncols=3, loc="lower center")
    return figure


def plot_images(adain: Sequence[float], gatys: Sequence[float], limit: float) -> Figure:
    """Draw the seconds until the n-th picture is ready, loading included, on a log axis.

    Args:
        adain, gatys: cumulative seconds, one per picture.
        limit: a level to compare with, in seconds: the report's.
    """
    figure, axis = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
    for label, values, colour, marker in (
        ("optimisation", gatys, GATYS, "s"),
        ("AdaIN", adain, ADAIN, "o"),
    ):
        axis.plot(range(1, len(values) + 1), values, marker=marker, color=colour, label=label)
    axis.axhline(limit, color="0.4", linewidth=1, linestyle=":")
    text = "the report's AdaIN, 5 pictures"
    axis.text(1, limit * 1.15, text, color="0.3", fontsize=9, ha="left")
    axis.set(yscale="log", xlabel="pictures", ylabel="seconds until the last is ready")
    axis.set_xticks(range(1, len(adain) + 1))
    axis.grid(alpha=0.3, which="both")
    axis.legend(frameon=False)
    return figure


def plot_sizes(sizes: Mapping[str, Record]) -> Figure:
    """Draw seconds and added memory of both methods against the side of the picture.

    Args:
        sizes: side -> ``adain`` and ``gatys``, as ``benchmark runtime`` records them.
    """
    figure, axes = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
    sides = [int(side) for side in sizes]
    for name, label, colour, marker in (
        ("gatys", "optimisation, one evaluation", GATYS, "s"),
        ("adain", "AdaIN, one picture and style", ADAIN, "o"),
    ):
        rows = [row[name] for row in sizes.values()]
        seconds = [row["seconds"]["median"] for row in rows]
        memory = [max(row["memory"]["added_mb"], 0.1) for row in rows]
        axes[0].plot(sides, seconds, marker=marker, color=colour, label=label)
        axes[1].plot(sides, memory, marker=marker, color=colour, label=label)
    first = sizes[str(sides[-1])]["adain"]["seconds"]["median"]
    by_pixels = [first * (side / sides[-1]) ** 2 for side in sides]
    axes[0].plot(sides, by_pixels, color="0.5", linestyle=":", label="in proportion to pixels")
    for axis, label in zip(
        axes, ("seconds", "megabytes at the peak, network left out"), strict=True
    ):
        axis.set(xscale="log", yscale="log", xlabel="side of the picture in pixels", ylabel=label)
        axis.set_xticks(sides, [str(side) for side in sides])
        axis.minorticks_off()
        axis.grid(alpha=0.3)
    axes[0].legend(frameon=False, fontsize=9)
    return figure


def plot_equal_quality(rows: Sequence[Record]) -> Figure:
    """Draw the optimisation's loss against time for several pairs, and AdaIN's as one point each.

    Args:
        rows: ``equal_quality`` of ``benchmark runtime``.
    """
    figure, axes = panels(1, len(rows), (2.3 * len(rows), 3.2), sharex=True, sharey=True)
    for axis, row in zip(axes[0], rows, strict=True):
        for start, dash in (("noise", "-"), ("content", "--")):
            history = row["gatys"][start]["history"]
            axis.plot(
                history["seconds"], history["total"], dash, color=GATYS, label=f"Gatys from {start}"
            )
        point = (row["adain_seconds"], row["adain_loss"])
        axis.plot(*point, "o", color=ADAIN, markersize=9, label="AdaIN")
        axis.axhline(row["adain_loss"], color=ADAIN, linewidth=1, linestyle=":")
        title = f"{row['content']},\n{row['style']}".replace("_", " ")
        axis.set_title(title, fontsize=9)
        axis.set(xscale="log", yscale="log")
        axis.grid(alpha=0.3)
    figure.supxlabel("seconds", fontsize=10)
    axes[0, 0].set_ylabel("loss of the optimisation")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower right", ncols=3, frameon=False, fontsize=9)
    return figure


def plot_layers(layers: Sequence[Record], whole: float) -> Figure:
    """Draw each convolution's share of the arithmetic and of the time, encoder above decoder.

    Args:
        layers: rows with ``part``, ``layer``, ``macs`` and ``seconds``; the style's passes through
            the encoder are added to the content's.
        whole: seconds of the whole stylisation.
    """
    rows = [row for row in layers if row["part"] != "style encoder"]
    times = [2 if row["part"] == "content encoder" else 1 for row in rows]
    macs = [n * row["macs"] for n, row in zip(times, rows, strict=True)]
    seconds = [n * row["seconds"] for n, row in zip(times, rows, strict=True)]
    figure, axis = plt.subplots(figsize=(8, 5), layout="constrained")
    places = range(len(rows))
    shares = [100 * value / sum(macs) for value in macs]
    _bars(axis, [p - 0.2 for p in places], shares, "share of the arithmetic", OKABE_ITO[5])
    shares = [100 * value / whole for value in seconds]
    _bars(axis, [p + 0.2 for p in places], shares, "share of the measured time", OKABE_ITO[4])
    kinds = {"content encoder": "encoder (twice)", "decoder": "decoder"}
    names = [f"{kinds[row['part']]} {row['layer']}" for row in rows]
    axis.set(yticks=list(places), yticklabels=names, xlabel="per cent")
    axis.invert_yaxis()
    axis.grid(alpha=0.3, axis="x")
    axis.legend(frameon=False, loc="lower right")
    return figure


def _bars(
    axis: Axes, places: Sequence[float], values: Sequence[float], label: str, colour: str
) -> None:
    axis.barh(places, values, height=0.38, label=label, color=colour)
