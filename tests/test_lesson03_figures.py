"""The figures of lesson 03 show the data that they are given."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import pytest

from course_lib.decoder import LAYERS
from course_lib.lessons.lesson03 import figures


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_the_mirror_draws_every_layer_of_both_networks():
    axis = figures.draw_mirror().axes[0]
    boxes = axis.patches
    texts = [text.get_text() for text in axis.texts]
    assert len(boxes) == 2 * len(LAYERS)
    assert texts.count("pool") == texts.count("x 2") == 3
    for name, _, _ in LAYERS:
        assert texts.count(name.removeprefix("conv")) == 2


def test_the_mirror_narrows_and_widens_again():
    boxes = figures.draw_mirror().axes[0].patches
    heights = [box.get_height() for box in boxes]
    assert heights == heights[::-1]  # as many positions on the way back as on the way there
    assert heights[0] == 8 * heights[len(LAYERS) - 1]
    widest = max(range(len(boxes)), key=lambda i: boxes[i].get_width())
    assert widest == len(LAYERS) - 1  # relu4_1
    assert min(range(len(boxes)), key=lambda i: boxes[i].get_width()) == len(boxes) - 1  # colours
    edges = [(box.get_x(), box.get_x() + box.get_width()) for box in boxes]
    assert all(a[1] < b[0] for a, b in zip(edges, edges[1:], strict=False))  # no box hides another


def test_losses_are_drawn_to_scale_and_stacked_by_layer():
    judged = {
        "decoded": {"content": 2.0, "relu1_1": 0.5, "relu2_1": 1.0},
        "grey": {"content": 3.0, "relu1_1": 4.0, "relu2_1": 8.0},
    }
    left, right = figures.plot_losses(judged).axes
    assert [bar.get_width() for bar in left.patches] == [3.0, 2.0]  # the first picture is on top
    assert [bar.get_width() for bar in right.patches] == [4.0, 0.5, 8.0, 1.0]
    assert [bar.get_x() for bar in right.patches] == [0.0, 0.0, 4.0, 0.5]
    assert [text.get_text() for text in left.get_yticklabels()] == ["grey", "decoded"]
    labels = [text.get_text() for text in right.get_legend().get_texts()]
    assert labels == ["relu1_1", "relu2_1"]


def test_a_run_is_drawn_in_two_phases():
    records = [
        {"step": 5, "phase": "autoencoder", "content_loss": 0.3, "style_loss": 0.0},
        {"step": 10, "phase": "autoencoder", "content_loss": 0.2, "style_loss": 0.0},
        {"step": 15, "phase": "adain", "content_loss": 4.0, "style_loss": 9.0},
    ]
    left, right = figures.plot_run(records).axes
    (pixels,) = left.lines
    assert (list(pixels.get_xdata()), list(pixels.get_ydata())) == ([5, 10], [0.3, 0.2])
    drawn = {line.get_label(): list(line.get_ydata()) for line in right.lines}
    assert drawn == {"content loss": [4.0], "style loss": [9.0]}
    assert right.get_yscale() == "log"
