"""Pictures in rows and grids, and how a notebook embeds its figures."""

import base64
import functools
import html
import io
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from course_lib.images import to_image

plt.rcParams["axes.formatter.min_exponent"] = 4  # on logarithmic axes 1000, not 10^3

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


@functools.cache
def alternative_texts() -> dict[str, dict[str, str]]:
    """Lesson ("04") -> figure -> what it shows, for readers who cannot see it."""
    text = Path(__file__).with_name("alternative_texts.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def show_described(figure: Figure, name: str, /, **values: object) -> None:
    """Show a figure in a notebook, with its alternative text where screen readers find it.

    Args:
        name: lesson and figure, as "04/six_runs" in ``alternative_texts.toml``.
        values: what stands in braces there; and the options of ``show_picture``.
    """
    encoded = {}
    for kind, options in (("png", {}), ("jpeg", {"quality": 80, "subsampling": 0})):
        buffer = io.BytesIO()
        figure.savefig(buffer, format=kind, dpi=figure.dpi, bbox_inches="tight", pil_kwargs=options)
        encoded[kind] = buffer.getvalue()
    plt.close(figure)  # or the notebook would show it twice
    # Lines and letters stay sharp in PNG; photographs take a quarter of the space in JPEG.
    kind = "jpeg" if 2 * len(encoded["jpeg"]) < len(encoded["png"]) else "png"
    show_picture(encoded[kind], kind, name, **values)


def show_picture(
    data: bytes,
    kind: str,
    name: str,
    /,
    width: int | None = None,
    update: bool | None = None,
    **values: object,
) -> None:
    """Show an encoded picture ("png", "jpeg" or "gif") with its alternative text; see the above.

    Args:
        width: in pixels of the page; its own if not given.
        update: False keeps the place for later pictures of this name; True takes that place.
    """
    from IPython.display import display

    lesson, _, key = name.partition("/")
    text = " ".join(alternative_texts()[lesson][key].split()).format(**values)
    source = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
    size = f' width="{width}"' if width else ""
    # Not as image/png or image/jpeg: JupyterLab gives those no alternative text.
    picture = f'<img src="{source}" alt="{html.escape(text)}"{size}>'
    place = {} if update is None else {"display_id": name, "update": update}
    display({"text/html": picture, "text/plain": text}, raw=True, **place)


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
