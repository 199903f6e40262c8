"""Figures of the lessons: pictures in a row, curves, maps, in colour-blind-safe palettes."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import torch
from IPython import get_ipython
from matplotlib.figure import Figure
from matplotlib_inline.config import InlineBackend
from PIL import Image
from torch import Tensor

from course_lib.adain import ChannelStatistics
from course_lib.images import to_image

Picture = Tensor | Image.Image
OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")


def figures_as_jpeg(dpi: int = 100, quality: int = 80) -> None:
    """Embed a notebook's figures as JPEG from now on: pictures take a quarter of PNG's space.

    Outside a notebook only the resolution is set.
    """
    plt.rcParams["figure.dpi"] = dpi
    shell = get_ipython()
    if shell is not None:
        backend = InlineBackend.instance(parent=shell)
        backend.print_figure_kwargs = {
            "bbox_inches": "tight",
            "pil_kwargs": {"quality": quality, "subsampling": 0},
        }
        backend.figure_formats = {"jpeg"}


def show_images(
    images: Sequence[Picture],
    titles: Sequence[str] | None = None,
    columns: int | None = None,
    height: float = 2.4,
    caption: str | None = None,
) -> Figure:
    """Draw pictures in a grid with titles above them.

    Args:
        images: tensors (3, H, W) or (1, 3, H, W) in [0, 1], or Pillow pictures.
        titles: one per picture.
        columns: pictures in a row; all in one row if not given.
        height: height of one row in inches.
        caption: a line above the whole figure.
    """
    images = [to_image(i) if isinstance(i, Tensor) else i for i in images]
    columns = columns or len(images)
    rows = -(-len(images) // columns)
    aspect = max(image.width / image.height for image in images)
    figure, axes = plt.subplots(
        rows,
        columns,
        figsize=(columns * height * aspect, rows * (height + 0.3)),
        squeeze=False,
        dpi=80,
        layout="constrained",
    )
    for axis in axes.flat:
        axis.axis("off")
    for i, (axis, image) in enumerate(zip(axes.flat, images, strict=False)):
        axis.imshow(image)
        if titles:
            axis.set_title(titles[i], fontsize=10)
    if caption:
        figure.suptitle(caption)
    return figure


def draw_encoder(shapes: Mapping[str, Sequence[int]]) -> Figure:
    """Draw the encoder as a row of boxes: tall means many positions, wide means many channels.

    Args:
        shapes: layer name such as ``relu2_1`` -> (channels, height, width), in order.
    """
    figure, axis = plt.subplots(figsize=(11, 3.4), layout="constrained")
    tallest = max(height for _, height, _ in shapes.values())
    left = 0.0
    for name, (channels, height, width) in shapes.items():
        block, tall, wide = int(name[4]), height / tallest, 0.02 + channels / 4000
        is_tap = name.endswith("_1")
        if is_tap and block > 1:
            arrow = {"arrowstyle": "-|>", "color": "0.4"}
            axis.annotate("", (left + 0.055, 0.5), (left - 0.005, 0.5), arrowprops=arrow)
            axis.text(left + 0.025, 0.54, "pool", ha="center", fontsize=9, color="0.4")
            left += 0.065
        axis.add_patch(
            plt.Rectangle(
                (left, (1 - tall) / 2),
                wide,
                tall,
                facecolor=OKABE_ITO[block - 1],
                edgecolor="black",
                alpha=1 if is_tap else 0.35,
            )
        )
        if is_tap:
            axis.text(left, -0.05, name, va="top", fontsize=11, weight="bold")
            label = f"{channels} maps\n{height} × {width}"
            axis.text(left, -0.14, label, va="top", fontsize=9)
        left += wide + 0.015
    axis.set(xlim=(-0.02, left + 0.02), ylim=(-0.32, 1.03))
    axis.axis("off")
    return figure


def show_feature_maps(features: Mapping[str, Tensor], count: int = 6) -> Figure:
    """Draw the ``count`` channels that vary most over the picture, one row per layer.

    Every map has its own colour scale: dark is zero, bright is the map's largest value.

    Args:
        features: layer name -> (1, C, h, w) activations after a ReLU.
    """
    height, width = next(iter(features.values())).shape[-2:]
    figure, axes = plt.subplots(
        len(features),
        count,
        figsize=(8, (8 / count * height / width + 0.2) * len(features)),
        squeeze=False,
        layout="constrained",
    )
    for row, (name, maps) in zip(axes, features.items(), strict=True):
        strongest = maps[0].std((1, 2)).topk(count).indices.tolist()
        row[0].set_ylabel(f"{name}\n{maps.shape[-2]} × {maps.shape[-1]}", fontsize=11)
        for axis, channel in zip(row, strongest, strict=True):
            axis.imshow(maps[0, channel].float().cpu(), cmap="viridis", interpolation="nearest")
            axis.set_title(f"map {channel}", fontsize=9, pad=3)
            axis.set(xticks=[], yticks=[])
    return figure


def show_maps(
    maps: Sequence[Tensor],
    titles: Sequence[str],
    columns: int | None = None,
    signed: bool = False,
    shared: bool = False,
    label: str = "",
    height: float = 2.4,
) -> Figure:
    """Draw single-channel maps (h, w) as heat maps, each with a colour bar.

    Args:
        signed: a blue-white-orange scale with white at zero, instead of viridis.
        shared: one scale for all maps, so that their sizes can be compared.
        label: what the numbers are, written beside the last colour bar.
    """
    maps = [m.detach().float().cpu() for m in maps]
    columns = columns or len(maps)
    rows = -(-len(maps) // columns)
    aspect = max(m.shape[1] / m.shape[0] for m in maps)
    figure, axes = plt.subplots(
        rows,
        columns,
        figsize=(columns * (height * aspect + 0.7), rows * (height + 0.3)),
        squeeze=False,
        layout="constrained",
    )
    for axis in axes.flat:
        axis.axis("off")
    limit = max(m.abs().max().item() for m in maps)
    for axis, values, title in zip(axes.flat, maps, titles, strict=False):
        top = limit if shared else values.abs().max().item()
        cmap, low = ("RdBu_r", -top) if signed else ("viridis", 0)
        image = axis.imshow(values, cmap=cmap, vmin=low, vmax=top, interpolation="nearest")
        axis.set_title(title, fontsize=10)
        bar = figure.colorbar(image, ax=axis, shrink=0.85, pad=0.02)
        bar.ax.tick_params(labelsize=8)
    bar.set_label(label, fontsize=9)
    return figure


def draw_boxes(photo: Tensor, boxes: Mapping[str, Sequence[int]]) -> Figure:
    """Draw named boxes on a photograph.

    Args:
        photo: (1, 3, H, W) in [0, 1].
        boxes: name -> (top, left, side) in pixels.
    """
    height, width = photo.shape[-2:]
    figure, axis = plt.subplots(figsize=(2.7 * width / height + 2.2, 2.7), layout="constrained")
    axis.imshow(to_image(photo))
    for colour, (name, (top, left, side)) in zip(OKABE_ITO, boxes.items(), strict=False):
        corner = (left - 0.5, top - 0.5)
        for line, edge in ((4, "white"), (2, colour)):
            axis.add_patch(
                plt.Rectangle(corner, side, side, fill=False, edgecolor=edge, linewidth=line)
            )
        axis.plot([], [], color=colour, linewidth=3, label=f"{name}: {side} px")
    axis.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, fontsize=11)
    axis.axis("off")
    return figure


def show_reconstructions(photos: Sequence[Tensor], decoded: Sequence[Tensor]) -> Figure:
    """Draw photographs, what the decoder makes of them, and the difference, in three rows.

    The difference is the mean over the three colours of the absolute difference, 0 to 0.3.
    """
    aspects = [photo.shape[-1] / photo.shape[-2] for photo in photos]
    figure, axes = plt.subplots(
        3,
        len(photos),
        figsize=(7, 7 / sum(aspects) * 3 + 0.4),
        gridspec_kw={"width_ratios": aspects},
        squeeze=False,
        layout="constrained",
    )
    labels = ("photograph", "decoded", "difference")
    for axis, label in zip(axes[:, 0], labels, strict=True):
        axis.set_ylabel(label, fontsize=11)
    for column, photo, image in zip(axes.T, photos, decoded, strict=True):
        difference = (photo - image).abs().mean(1)[0].cpu()
        column[0].imshow(to_image(photo))
        column[1].imshow(to_image(image))
        drawn = column[2].imshow(difference, cmap="cividis", vmin=0, vmax=0.3)
        for axis in column:
            axis.set(xticks=[], yticks=[])
    figure.colorbar(drawn, ax=axes[2].tolist(), shrink=0.9, pad=0.01)
    return figure


def plot_layer_curves(curves: Mapping[str, Mapping[str, float]], label: str) -> Figure:
    """Plot one line per variant over the layers, on a logarithmic scale.

    Args:
        curves: variant -> layer name -> positive value.
        label: what the values are.
    """
    figure, axis = plt.subplots(figsize=(9, 3.6), layout="constrained")
    for i, (name, values) in enumerate(curves.items()):
        style = {"color": OKABE_ITO[i], "marker": "osD^v<>"[i], "linewidth": 2.5 if i == 0 else 1.5}
        axis.plot(list(values), list(values.values()), label=name, **style)
    axis.set(yscale="log", ylabel=label)
    axis.tick_params("x", rotation=35)
    axis.grid(alpha=0.3)
    axis.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    return figure


def show_grid(
    rows: Sequence[Sequence[Picture | None]],
    column_titles: Sequence[str] | None = None,
    row_titles: Sequence[str] | None = None,
    tile: float = 1.25,
) -> Figure:
    """Draw square pictures as a table; ``None`` leaves a place empty.

    Args:
        tile: side of one picture in inches.
    """
    shape = (len(rows), max(map(len, rows)))
    size = (shape[1] * tile + 0.3, shape[0] * tile + 0.3)
    figure, axes = plt.subplots(*shape, figsize=size, squeeze=False, layout="constrained")
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02, wspace=0, hspace=0)
    for axis in axes.flat:
        axis.set(xticks=[], yticks=[], frame_on=False)
    for line, pictures in zip(axes, rows, strict=True):
        for axis, picture in zip(line, pictures, strict=False):
            if picture is not None:
                axis.imshow(to_image(picture) if isinstance(picture, Tensor) else picture)
    for axis, title in zip(axes[0], column_titles or [], strict=False):
        axis.set_title(title, fontsize=9, pad=3)
    for axis, title in zip(axes[:, 0], row_titles or [], strict=False):
        axis.set_ylabel(title, fontsize=9)
    return figure


def show_channel(maps: Mapping[str, Tensor]) -> Figure:
    """Draw one channel of several feature maps, and below each how its values are distributed.

    A line marks the mean, a band one standard deviation to either side. All share one scale.

    Args:
        maps: title -> (h, w).
    """
    maps = {title: values.detach().float().cpu() for title, values in maps.items()}
    low = min(0.0, *(values.min().item() for values in maps.values()))
    high = max(values.max().item() for values in maps.values())
    figure, axes = plt.subplots(
        2,
        len(maps),
        figsize=(2.7 * len(maps), 4.2),
        height_ratios=(2, 1),
        squeeze=False,
        sharey="row",
        layout="constrained",
    )
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
    figure, axes = plt.subplots(
        len(pictures),
        3,
        figsize=(8.2, 1.5 * len(pictures)),
        width_ratios=(1, 2, 2),
        squeeze=False,
        layout="constrained",
    )
    for line, (name, picture) in zip(axes, pictures.items(), strict=True):
        line[0].imshow(to_image(picture) if isinstance(picture, Tensor) else picture)
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
        picture = to_image(picture) if isinstance(picture, Tensor) else picture
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


def plot_filter_means(variants: Mapping[str, Mapping[str, Tensor]]) -> Figure:
    """Draw one dot per filter and layer: its mean activation, on a logarithmic scale.

    Args:
        variants: name -> layer name -> mean activation of every filter (C,); values below 0.01
            are drawn at 0.01.
    """
    figure, axes = plt.subplots(
        1, len(variants), figsize=(11, 3.6), sharey=True, squeeze=False, layout="constrained"
    )
    for i, (axis, (title, layers)) in enumerate(zip(axes[0], variants.items(), strict=True)):
        for position, means in enumerate(layers.values()):
            # Spread the dots of one layer sideways in channel order, so that they can be seen.
            x = position + (torch.arange(len(means)) / len(means) - 0.5) * 0.7
            y = means.detach().float().cpu().clamp(min=0.01)
            axis.scatter(x, y, s=5, color=OKABE_ITO[i], alpha=0.5, linewidths=0)
        axis.axhline(1, color="black", linewidth=1, linestyle="--")
        axis.set(yscale="log", title=title, xticks=range(len(layers)))
        axis.set_xticklabels(layers, rotation=35)
        axis.grid(axis="y", alpha=0.3)
    axes[0, 0].set_ylabel("mean activation of a filter")
    return figure
