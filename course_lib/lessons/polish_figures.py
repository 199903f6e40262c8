"""Figures of polishing, for the lessons that compare a learned network with an optimisation."""

from collections.abc import Mapping, Sequence
from itertools import accumulate

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from course_lib.lessons.plotting import OKABE_ITO

Record = Mapping[str, object]
JUDGES = {"adain": "AdaIN's loss", "gatys": "Gatys' loss"}
# name in the record -> colour, dash; the marker of the decoder stands alone.
METHODS = {
    "decoder + polish": (OKABE_ITO[0], "-"),
    "polish from the photograph": (OKABE_ITO[5], "--"),
    "Gatys from content": (OKABE_ITO[1], "-"),
    "Gatys from noise": (OKABE_ITO[1], "--"),
}


def plot_quality_against_time(curve: Record) -> Figure:
    """Draw five ways to one picture against seconds, judged by both losses; less is better.

    Rings mark where Gatys' optimisation overtakes the decoder's picture, filled discs where it
    overtakes what polishing has by then.

    Args:
        curve: one of ``curves`` of the record of ``polish-quality``.
    """
    figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for axis, (judge, title) in zip(axes, JUDGES.items(), strict=True):
        for name, (colour, dash) in METHODS.items():
            row = curve["methods"][name]
            best = list(accumulate(row[judge], min))
            axis.plot(row["seconds"], best, dash, color=colour, linewidth=2, label=name)
            overtaken = curve["overtaken"][judge].get(name, {})
            for rival, face in (("decoder", "white"), ("decoder + polish", colour)):
                if overtaken.get(rival) is not None:
                    at = row["seconds"].index(overtaken[rival])
                    axis.plot(
                        row["seconds"][at],
                        best[at],
                        "o",
                        markersize=10,
                        zorder=3,
                        markeredgecolor=colour,
                        markerfacecolor=face,
                    )
        first = curve["methods"]["decoder"]
        axis.plot(
            first["seconds"],
            first[judge],
            "*",
            color="black",
            markersize=14,
            label="decoder",
            zorder=4,
        )
        axis.set(xscale="log", yscale="log", xlabel="seconds", ylabel=title)
        axis.grid(alpha=0.3, which="both")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5, frameon=False, fontsize=9)
    return figure


def plot_ways_down(tried: Mapping[str, Mapping[str, Sequence[float]]]) -> Figure:
    """Draw the best total loss so far of every optimiser against seconds.

    Args:
        tried: label -> columns, from ``optimizers`` of the record of ``polish-quality``.
    """
    figure, axis = plt.subplots(figsize=(8, 3.6), layout="constrained")
    for i, (label, row) in enumerate(tried.items()):
        style = {"color": OKABE_ITO[i], "linestyle": ("-", "--", "-.", ":")[i % 4]}
        axis.plot(
            row["seconds"], list(accumulate(row["total"], min)), label=label, linewidth=2, **style
        )
    axis.set(yscale="log", xlabel="seconds", ylabel="best loss so far")
    axis.grid(alpha=0.3, which="both")
    axis.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    return figure


def plot_multiples(pairs: Sequence[Record], marks: Sequence[str] = ("0", "12", "50")) -> Figure:
    """Draw the losses of every pair as multiples of the optimum's, which is the line at 1.

    Args:
        pairs: ``pairs`` of the record of ``polish-quality``.
        marks: numbers of steps to show; 0 is the decoder's picture.
    """
    figure, axes = plt.subplots(
        1, 2, figsize=(10, 0.9 + 0.36 * len(pairs)), sharey=True, layout="constrained"
    )
    places = range(len(pairs))
    for axis, part in zip(axes, ("style", "content"), strict=True):
        for i, mark in enumerate(marks):
            values = [row["steps"][mark]["of_optimum"][part] for row in pairs]
            label = f"after {mark} steps" if int(mark) else "decoder"
            axis.scatter(
                values,
                places,
                s=45,
                marker="os^D"[i % 4],
                color=OKABE_ITO[i],
                label=label,
                zorder=2,
            )
        axis.axvline(1, color="0.3", linestyle="--", linewidth=1)
        axis.set(xscale="log", xlabel=f"{part} loss (optimum = 1)")
        axis.grid(alpha=0.3, axis="x", which="both")
    names = [f"{row['content']}, {row['style']}".replace("_", " ") for row in pairs]
    axes[0].set(yticks=list(places), yticklabels=names)
    axes[0].invert_yaxis()
    axes[1].legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    return figure
