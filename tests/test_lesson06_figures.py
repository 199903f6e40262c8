"""The figures of lesson 06 hold the numbers of the record."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from course_lib.lessons import plotting
from course_lib.lessons.lesson06 import figures


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def row(median, memory):
    return {"seconds": {"median": median}, "memory": {"added_mb": memory}}


def test_timers_are_one_line_each():
    figure = figures.plot_timers({"right": [0.05, 0.051], "wrong": [0.001]}, truth=0.05)
    (axis,) = figure.axes
    assert [label.get_text() for label in axis.get_yticklabels()] == ["right", "wrong"]
    assert axis.collections[0].get_offsets()[:, 0].tolist() == pytest.approx([0.05, 0.051])
    assert axis.get_xlim()[0] < 0.001 < 0.051 < axis.get_xlim()[1]


def test_evaluations_are_drawn_one_by_one():
    (axis,) = figures.plot_evaluations([0.4, 0.5, 0.6], steady_from=2, median=0.55).axes
    assert axis.lines[0].get_xdata().tolist() == [1, 2, 3]
    assert axis.lines[0].get_ydata().tolist() == [0.4, 0.5, 0.6]
    assert axis.get_ylim()[0] == 0


def test_both_methods_are_drawn_over_pictures():
    (axis,) = figures.plot_images([1, 2], [100, 200], limit=26.46).axes
    lines = {line.get_label(): list(line.get_ydata()) for line in axis.lines}
    assert lines["AdaIN"] == [1, 2] and lines["optimisation"] == [100, 200]
    assert axis.get_yscale() == "log"


def test_sizes_show_seconds_and_memory():
    sizes = {
        "64": {"adain": row(1, 10), "gatys": row(2, 30)},
        "128": {"adain": row(4, 40), "gatys": row(8, 120)},
    }
    time, memory = figures.plot_sizes(sizes).axes
    lines = {line.get_label(): list(line.get_ydata()) for line in time.lines}
    assert lines["AdaIN, one picture and style"] == [1, 4]
    assert lines["in proportion to pixels"] == [1, 4]
    assert list(memory.lines[0].get_ydata()) == [30, 120]


def test_equal_quality_draws_the_histories_and_one_point_per_pair():
    history = {"history": {"seconds": [1, 2], "total": [3, 1]}}
    pair = {
        "content": "cat",
        "style": "ink_wash",
        "adain_seconds": 0.1,
        "adain_loss": 1.5,
        "gatys": {"noise": history, "content": history},
    }
    figure = figures.plot_equal_quality([pair, pair])
    assert len(figure.axes) == 2
    lines = figure.axes[0].lines
    assert list(lines[0].get_ydata()) == [3, 1]
    assert (lines[2].get_xdata()[0], lines[2].get_ydata()[0]) == (0.1, 1.5)
    assert figure.axes[0].get_title() == "cat,\nink wash"


def test_layers_share_the_whole():
    layers = [
        {"part": "content encoder", "layer": "conv1_1", "macs": 1, "seconds": 0.1},
        {"part": "style encoder", "layer": "conv1_1", "macs": 1, "seconds": 0.1},
        {"part": "decoder", "layer": "conv1_1", "macs": 2, "seconds": 0.2},
    ]
    (axis,) = figures.plot_layers(layers, whole=0.8).axes
    widths = [bar.get_width() for bar in axis.patches]
    assert widths == pytest.approx([50, 50, 25, 25])
    names = [label.get_text() for label in axis.get_yticklabels()]
    assert names == ["encoder (twice) conv1_1", "decoder conv1_1"]


def test_a_described_figure_carries_its_text(monkeypatch):
    shown, places = [], []

    def display(data, raw, **place):
        shown.append(data)
        places.append(place)

    monkeypatch.setattr("IPython.display.display", display)
    texts = {"06": {"two": '"two" lines\nof {kind}\n'}}
    monkeypatch.setattr(plotting, "alternative_texts", lambda: texts)
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3), np.uint8)
    for figure, update in (
        (figures.plot_images([1, 2], [3, 4], 5), None),
        (plotting.show_images([Image.fromarray(noise)]), True),
    ):
        plotting.show_described(figure, "06/two", kind="text", update=update)
        assert not plt.fignum_exists(figure.number)  # or the notebook would show it twice
    assert [data["text/plain"] for data in shown] == ['"two" lines of text'] * 2
    assert all(' alt="&quot;two&quot; lines of text">' in data["text/html"] for data in shown)
    assert places == [{}, {"display_id": "06/two", "update": True}]  # two of a name are two
    plot, picture = (data["text/html"].split("base64,")[0] for data in shown)
    assert plot.endswith("image/png;") and picture.endswith("image/jpeg;")
