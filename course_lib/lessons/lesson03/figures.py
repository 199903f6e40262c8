"""Figures of lesson 03: the mirrored decoder, its losses, a run."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from course_lib.decoder import AFTER_UPSAMPLING, LAYERS
from course_lib.lessons.plotting import OKABE_ITO


def draw_mirror() -> Figure:
    """Draw encoder and decoder face to face: tall is many positions, wide is many channels.

    Every box is what a convolution gives: the number of channels above, the layer below. Blocks
    have the same colour on both sides.
    """
    figure, axis = plt.subplots(figsize=(11, 3.6), layout="constrained")
    left, tall = 0.0, 1.0
    for name, channels, _ in reversed(LAYERS):
        left = _box(axis, left, tall, channels, name)
        if name in AFTER_UPSAMPLING:  # where the decoder enlarges, the encoder pools
            left, tall = _resize(axis, left, "pool"), tall / 2
    axis.text(left / 2, -0.2, "encoder: VGG-19, frozen", ha="center", fontsize=11)
    axis.annotate("", (left + 0.11, 0.5), (left, 0.5), arrowprops={"arrowstyle": "-|>", "lw": 2})
    axis.text(left + 0.05, 0.56, "AdaIN", ha="center", fontsize=11, weight="bold")
    left = start = left + 0.125
    for name, _, channels in LAYERS:
        if name in AFTER_UPSAMPLING:
            left, tall = _resize(axis, left, "x 2"), tall * 2
        left = _box(axis, left, tall, channels, name)
    axis.text((start + left) / 2, -0.2, "decoder: trained here", ha="center", fontsize=11)
    axis.set(xlim=(-0.02, left + 0.01), ylim=(-0.23, 1.09))
    axis.axis("off")
    return figure


def _box(axis: Axes, left: float, tall: float, channels: int, name: str) -> float:
    """One layer's maps; returns where the next may begin."""
    wide = 0.012 + channels / 8000
    colour = OKABE_ITO[int(name[4]) - 1]
    axis.add_patch(
        plt.Rectangle((left, (1 - tall) / 2), wide, tall, facecolor=colour, edgecolor="black")
    )
    axis.text(left + wide / 2, (1 + tall) / 2 + 0.02, channels, ha="center", fontsize=8)
    axis.text(left + wide / 2, (1 - tall) / 2 - 0.02, name[4:], ha="center", va="top", fontsize=8)
    return left + wide + 0.02


def _resize(axis: Axes, left: float, text: str) -> float:
    axis.text(
        left + 0.012, 0.5, text, ha="center", va="center", fontsize=8, color="0.3", rotation=90
    )
    return left + 0.035


def plot_losses(pictures: Mapping[str, Mapping[str, float]]) -> Figure:
    """Draw the content loss of several pictures, and their style losses layer by layer.

    Args:
        pictures: title -> ``content`` and one entry per style layer.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 2.8), layout="constrained", sharey=True)
    titles = list(pictures)[::-1]  # the first on top
    left.barh(titles, [pictures[title]["content"] for title in titles], color="0.4")
    start = [0.0] * len(titles)
    for i, layer in enumerate(name for name in pictures[titles[0]] if name != "content"):
        values = [pictures[title][layer] for title in titles]
        right.barh(titles, values, left=start, color=OKABE_ITO[i], label=layer)
        start = [a + b for a, b in zip(start, values, strict=True)]
    left.set_title("content loss", fontsize=10)
    right.set_title("style loss", fontsize=10)
    right.legend(frameon=False, fontsize=8)
    for axis in (left, right):
        axis.grid(axis="x", alpha=0.3)
    return figure


def plot_run(records: Sequence[Mapping[str, object]]) -> Figure:
    """Draw the log of a run: pixel error of the warm-up, then content and style loss.

    Args:
        records: as ``read_log`` returns them; a run without warm-up leaves the left plot empty.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
    parts = (
        (left, "autoencoder", "content_loss", "mean absolute pixel error", "0.4"),
        (right, "adain", "content_loss", "content loss", OKABE_ITO[0]),
        (right, "adain", "style_loss", "style loss", OKABE_ITO[4]),
    )
    for axis, phase, key, label, colour in parts:
        chosen = [record for record in records if record["phase"] == phase]
        steps = [record["step"] for record in chosen]
        axis.plot(steps, [r[key] for r in chosen], color=colour, marker=".", label=label)
    left.set_title("warm-up: an autoencoder", fontsize=10)
    right.set_title("the losses of the paper", fontsize=10)
    right.set_yscale("log")
    left.set_ylim(bottom=0)
    for axis in (left, right):
        axis.set_xlabel("step")
        axis.grid(alpha=0.3)
        axis.legend(frameon=False)
    return figure


def draw_film(
    film: Sequence[tuple[int, Image.Image]], records: Sequence[Mapping[str, object]]
) -> Figure:
    """Draw a training from random weights: its pictures, and under each the losses of its step.

    Args:
        film: steps and frames, as ``read_film`` returns them.
        records: of the same run, as ``read_log`` returns them.
    """
    count, (first, _) = len(film), film[0]
    figure, axes = plt.subplot_mosaic(
        [[str(i) for i in range(count)], ["losses"] * count],
        figsize=(13, 4.4),
        height_ratios=(film[0][1].height / film[0][1].width, 1.6),
        layout="constrained",
    )
    for i, (step, frame) in enumerate(film):
        axes[str(i)].imshow(frame)
        axes[str(i)].set_title("random" if step == first else f"{step:,}", fontsize=9)
        axes[str(i)].axis("off")
    axis = axes["losses"]
    parts = (
        ("autoencoder", "content_loss", "warm-up: pixel error", "0.4"),
        ("adain", "content_loss", "content loss", OKABE_ITO[0]),
        ("adain", "style_loss", "style loss", OKABE_ITO[4]),
    )
    for phase, key, label, colour in parts:
        chosen = [record for record in records if record["phase"] == phase]
        # A step stands below the frame that shows it: the axis is stretched from frame to frame.
        places = np.interp([r["step"] for r in chosen], [s for s, _ in film], range(count))
        axis.plot(places, [r[key] for r in chosen], color=colour, label=label)
    axis.set(xlim=(-0.5, count - 0.5), yscale="log", xlabel="steps of training")
    axis.set_xticks(range(count), ["0", *(f"{step:,}" for step, _ in film[1:])])
    axis.grid(alpha=0.3)
    axis.legend(frameon=False, loc="upper center")
    return figure
