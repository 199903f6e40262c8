"""The film strips of the controls show what their titles say."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from course_lib.images import save_image, to_image
from course_lib.lessons.lesson08 import figures
from course_lib.painting.colour import coral
from course_lib.stylize import StyleTransfer


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def transfer():
    return StyleTransfer.load(device="cpu", precision="float32")


def image(height=16, width=24):
    return (torch.rand(1, 3, 1, 1) + 0.2 * torch.randn(1, 3, height, width)).clamp(0, 1)


def frames(figure):
    """Title -> picture, in the order drawn."""
    return {
        axis.get_title(): np.asarray(axis.images[0].get_array(), int)
        for axis in figure.axes
        if axis.images
    }


def same(array, tensor):
    return np.array_equal(array, np.asarray(to_image(tensor)))


def test_alpha_strip(transfer):
    content, style = image(), image()
    drawn = frames(figures.strip_alpha(transfer, content, style, (0, 0.5, 2)))
    assert list(drawn) == ["alpha 0", "alpha 0.5", "alpha 2"]
    assert same(drawn["alpha 0.5"], transfer.stylize(content, style, 0.5))
    assert same(drawn["alpha 2"], transfer.stylize(content, style, 2, exaggerate=True))


def test_interpolation_strip(transfer):
    content, styles = image(), [image(), image()]
    drawn = frames(figures.strip_interpolation(transfer, content, *styles, steps=3))
    assert list(drawn) == ["100 : 0", "50 : 50", "0 : 100"]
    assert same(drawn["100 : 0"], transfer.stylize(content, styles[0]))
    assert same(drawn["0 : 100"], transfer.stylize(content, styles[1]))


def test_style_scale_strip(transfer, tmp_path):
    content, style = image(), save_image(image(32, 32), tmp_path / "style.png")
    drawn = frames(figures.strip_style_scale(transfer, content, style, (0.5, 1), size=32))
    assert list(drawn) == ["style scale 0.5", "style scale 1"]
    assert not np.array_equal(*drawn.values())


def test_colour_strip(transfer):
    content, style = image(), image()
    drawn = frames(figures.strip_colours(transfer, content, style))
    assert list(drawn) == [
        "photograph",
        "style",
        "colour: style",
        "colour: luminance",
        "colour: coral",
    ]
    assert same(drawn["photograph"], content)
    assert same(drawn["colour: style"], transfer.stylize(content, style))
    assert same(drawn["colour: coral"], transfer.stylize(content, coral(style, content)))
