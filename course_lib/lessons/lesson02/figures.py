"""Figures of lesson 02: channel statistics and AdaIN."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure
from torch import Tensor

from course_lib.adain import ChannelStatistics
from course_lib.lessons.plotting import OKABE_ITO, Picture, as_image, panels


def show_channel(maps: Mapping[str, Tensor]) -> Figure:
    """Draw one channel of several feature maps, and below each how its values are distributed.

    A line marks the mean, a band one standard deviation to either side. All share one scale.

    Args:
        maps: title -> (h, w).
    """
    maps = {title: values.detach().float().cpu() for title, values in maps.items()}
    low = min(0.0, *(values.min().item() for values in maps.values()))
    high = max(values.max().item() for values in maps.values())
    figure, axes = panels(2, len(maps), (2.7 * len(maps), 4.2), height_ratios=(2, 1), sharey="row")
    for (top, bottom), (title, values) in zip(axes.T, maps.items(), strict=True):
        image = top.imshow(values, cmap="viridis", vmin=low, vmax=high, interpolation="nearest")
        top.set_title(title, fontsize=10)
        top.axis("off")
        mean, std = values.mean().item(), values.std(correction=0).item()
        bottom.hist(values.flatten().numpy(), bins=40, range=(low, high), color="0.6", log=True)
        bottom.axvspan(mean - std, mean + std, color=OKABE_ITO[0], alpha=0.25)
        bottom.axvline(mean, color=OKABE_ITO[0], linewidth=2)
        bottom.set(xlabel=f"mean {mean:.1f}, std {std:.1f}", xlim=(low, high))
    axes[1, 0].set_ylabel("positions")
    figure.colorbar(image, ax=axes[0].tolist(), shrink=0.8, label="activation")
    return figure


def show_fingerprints(
    pictures: Mapping[str, Picture], statistics: Mapping[str, ChannelStatistics]
) -> Figure:
    """Draw each picture beside its 512 means and 512 standard deviations, 16 rows of 32 each.

    One colour scale for all; the few values above the 99th percentile are drawn like it.
    """
    values = {n: [p.reshape(16, 32).float().cpu() for p in s] for n, s in statistics.items()}
    top = torch.cat([part for pair in values.values() for part in pair]).quantile(0.99).item()
    size = (8.2, 1.5 * len(pictures))
    figure, axes = panels(len(pictures), 3, size, width_ratios=(1, 2, 2))
    for line, (name, picture) in zip(axes, pictures.items(), strict=True):
        line[0].imshow(as_image(picture))
        line[0].set_ylabel(name.replace("_", "\n"), fontsize=9)
        for axis, part in zip(line[1:], values[name], strict=True):
            image = axis.imshow(part, cmap="viridis", vmin=0, vmax=top, interpolation="nearest")
        for axis in line:
            axis.set(xticks=[], yticks=[])
    axes[0, 1].set_title("512 means", fontsize=10)
    axes[0, 2].set_title("512 standard deviations", fontsize=10)
    figure.colorbar(image, ax=axes.ravel().tolist(), shrink=0.6, pad=0.01)
    return figure


def show_distances(distances: Tensor, pictures: Sequence[Picture]) -> Figure:
    """Draw a square matrix of distances with the pictures that it compares along two sides."""
    count = len(pictures)
    figure, axis = plt.subplots(figsize=(6.6, 5.6), layout="constrained")
    image = axis.imshow(distances.float().cpu(), cmap="viridis")
    axis.set(xlim=(-1.6, count - 0.5), ylim=(count - 0.5, -1.6))
    axis.axis("off")
    for i, picture in enumerate(pictures):
        picture = as_image(picture)
        for x, y in ((i, -1.05), (-1.05, i)):
            axis.imshow(picture, extent=(x - 0.46, x + 0.46, y + 0.46, y - 0.46))
    axis.set(xlim=(-1.6, count - 0.5), ylim=(count - 0.5, -1.6))
    figure.colorbar(image, ax=axis, shrink=0.8, label="distance of the statistics")
    return figure


def plot_against_style(wanted: Tensor, obtained: Mapping[str, Tensor], label: str) -> Figure:
    """Scatter what each channel of a result has against what the style asks for, in log scale.

    Args:
        wanted: one positive number per channel, the style's.
        obtained: name -> the result's numbers, as many.
        label: what the numbers are.
    """
    figure, axis = plt.subplots(figsize=(5.2, 4.6), layout="constrained")
    x = wanted.flatten().float().cpu()
    axis.axline((1, 1), slope=1, color="0.5", linewidth=1, zorder=0)
    for i, (name, values) in enumerate(obtained.items()):
        style = {"color": OKABE_ITO[i], "marker": "os^"[i], "alpha": 0.6}
        axis.scatter(x, values.flatten().float().cpu(), s=10, label=name, linewidths=0, **style)
    axis.set(xscale="log", yscale="log")
    axis.set(xlabel=f"{label}: the style's", ylabel=f"{label}: the result's")
    axis.legend(frameon=False)
    return figure
