"""Pictures in rows and grids, and how a notebook embeds its figures."""

import sys
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from course_lib.images import to_image

Picture = Tensor | Image.Image
# Okabe and Ito's palette, which people with any kind of colour vision can tell apart.
OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")


# A legend to the right of its plot.
BESIDE = {"loc": "center left", "bbox_to_anchor": (1, 0.5), "frameon": False}


def panels(
    rows: int, columns: int, size: tuple[float, float], **options: object
) -> tuple[Figure, np.ndarray]:
    """A figure of ``size`` inches with its axes, an array (rows, columns) of them."""
    return plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained", **options)


def as_image(picture: Picture) -> Image.Image:
    """A tensor (3, H, W) or (1, 3, H, W) in [0, 1] as a Pillow picture; a picture as it is."""
    return to_image(picture) if isinstance(picture, Tensor) else picture


def figures_as_jpeg() -> None:
    """Embed a notebook's figures as JPEG from now on: pictures take a quarter of PNG's space.

    Outside a notebook only the resolution is set.
    """
    plt.rcParams["figure.dpi"] = 100
    ipython = sys.modules.get("IPython")  # it is there where a notebook runs
    shell = ipython.get_ipython() if ipython else None
    if shell is not None:
        from matplotlib_inline.config import InlineBackend

        backend = InlineBackend.instance(parent=shell)
        backend.print_figure_kwargs = {
            "bbox_inches": "tight",
            "pil_kwargs": {"quality": 80, "subsampling": 0},
        }
        backend.figure_formats = {"jpeg"}


def show_described(figure: Figure, alt: str) -> None:
    """Show a figure in a notebook with a description for those who cannot see it.

    Pages made from the notebook carry ``alt`` as the picture's text.
    """
    from IPython.display import display

    kinds = ("image/jpeg", "image/png")
    display(figure, metadata={kind: {"alt": " ".join(alt.split())} for kind in kinds})
    plt.close(figure)


def show_images(
    images: Sequence[Picture],
    titles: Sequence[str] | None = None,
    columns: int | None = None,
    height: float = 2.4,
) -> Figure:
    """Draw pictures in a grid with titles above them.

    Args:
        images: tensors (3, H, W) or (1, 3, H, W) in [0, 1], or Pillow pictures.
        titles: one per picture.
        columns: pictures in a row; all in one row if not given.
        height: height of one row in inches.
    """
    images = [as_image(image) for image in images]
    columns = columns or len(images)
    rows = -(-len(images) // columns)
    aspect = max(image.width / image.height for image in images)
    size = (columns * height * aspect, rows * (height + 0.3))
    figure, axes = panels(rows, columns, size, dpi=80)
    for axis in axes.flat:
        axis.axis("off")
    for i, (axis, image) in enumerate(zip(axes.flat, images, strict=False)):
        axis.imshow(image)
        if titles:
            axis.set_title(titles[i], fontsize=10)
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
    figure, axes = panels(*shape, size)
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02, wspace=0, hspace=0)
    for axis in axes.flat:
        axis.set(xticks=[], yticks=[], frame_on=False)
    for line, pictures in zip(axes, rows, strict=True):
        for axis, picture in zip(line, pictures, strict=False):
            if picture is not None:
                axis.imshow(as_image(picture))
    for axis, title in zip(axes[0], column_titles or [], strict=False):
        axis.set_title(title, fontsize=9, pad=3)
    for axis, title in zip(axes[:, 0], row_titles or [], strict=False):
        axis.set_ylabel(title, fontsize=9)
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
    axis.legend(**BESIDE)
    return figure
