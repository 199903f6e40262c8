"""Figures of lesson 01: what the encoder sees."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure
from torch import Tensor

from course_lib.images import to_image
from course_lib.lessons.plotting import BESIDE, OKABE_ITO, panels, show_described


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
    size = (8, (8 / count * height / width + 0.2) * len(features))
    figure, axes = panels(len(features), count, size)
    for row, (name, maps) in zip(axes, features.items(), strict=True):
        strongest = maps[0].std((1, 2)).topk(count).indices.tolist()
        row[0].set_ylabel(f"{name}\n{maps.shape[-2]} × {maps.shape[-1]}", fontsize=11)
        for axis, channel in zip(row, strongest, strict=True):
            axis.imshow(maps[0, channel].float().cpu(), cmap="viridis", interpolation="nearest")
            axis.set_title(f"map {channel}", fontsize=9, pad=3)
            axis.set(xticks=[], yticks=[])
    return figure


# The slider's name and value for screen readers: ipywidgets names nothing and counts from 0.
SPEAK = """
const box = this.closest('.widget-vbox');
const speak = () => {
  const handle = box.querySelector('.noUi-handle');
  handle?.setAttribute('aria-label', 'layer');
  handle?.setAttribute('aria-valuetext', box.querySelector('.widget-readout').textContent);
};
const changes = {childList: true, subtree: true, attributeFilter: ['aria-valuenow']};
new MutationObserver(speak).observe(box, changes);
speak();"""


def walk_through_layers(features: Mapping[str, Tensor], name: str) -> None:
    """Show five maps of the first layer, and a slider that a running kernel follows to the others.

    Args:
        features: layer name -> (1, C, h, w) activations after a ReLU.
        name: of the picture's alternative text, as ``show_described`` takes it.
    """
    import ipywidgets as widgets
    from IPython.display import display

    def draw(layer: str, update: bool = True) -> None:
        figure = show_feature_maps({layer: features[layer]}, count=5)
        show_described(figure, name, layer=layer, update=update)

    draw(next(iter(features)), update=False)
    wide = widgets.Layout(width="480px")
    slider = widgets.SelectionSlider(options=list(features), description="layer", layout=wide)
    slider.observe(lambda change: draw(change["new"]), "value")
    voice = widgets.HTML(f'<style onload="{SPEAK}"></style>', tooltip="")
    view = widgets.VBox([slider, voice])._repr_mimebundle_()
    words = "Where the lesson runs, a slider stands here and moves the picture from layer to layer."
    display(view | {"text/plain": words}, raw=True)


def show_maps(
    maps: Sequence[Tensor],
    titles: Sequence[str],
    signed: bool = False,
    shared: bool = False,
    label: str = "",
    height: float = 2.4,
) -> Figure:
    """Draw single-channel maps (h, w) as heat maps, each with a colour bar.

    Args:
        signed: a blue-white-red scale with white at zero, instead of viridis.
        shared: one scale for all maps, so that their sizes can be compared.
        label: what the numbers are, written beside the last colour bar.
    """
    maps = [m.detach().float().cpu() for m in maps]
    aspect = max(m.shape[1] / m.shape[0] for m in maps)
    size = (len(maps) * (height * aspect + 0.7), height + 0.3)
    figure, axes = panels(1, len(maps), size)
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
    axis.legend(**BESIDE, fontsize=11)
    axis.axis("off")
    return figure


def show_reconstructions(photos: Sequence[Tensor], decoded: Sequence[Tensor]) -> Figure:
    """Draw photographs, what the decoder makes of them, and the difference, in three rows.

    The difference is the mean over the three colours of the absolute difference, 0 to 0.3.
    """
    aspects = [photo.shape[-1] / photo.shape[-2] for photo in photos]
    size = (7, 7 / sum(aspects) * 3 + 0.4)
    figure, axes = panels(3, len(photos), size, width_ratios=aspects)
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


def plot_filter_means(variants: Mapping[str, Mapping[str, Tensor]]) -> Figure:
    """Draw one dot per filter and layer: its mean activation, on a logarithmic scale.

    Args:
        variants: name -> layer name -> mean activation of every filter (C,); values below 0.01
            are drawn at 0.01.
    """
    figure, axes = panels(1, len(variants), (11, 3.6), sharey=True)
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
