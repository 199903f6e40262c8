"""The figures of lesson 05 show the pictures, matrices and histories that they are given."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from PIL import Image

from course_lib.gatys.loop import HistoryRow
from course_lib.lessons.lesson05 import figures

COLOURS = (
    (200, 30, 30),
    (30, 200, 30),
    (30, 30, 200),
    (200, 200, 30),
    (30, 200, 200),
    (90, 90, 90),
)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture
def sheet(tmp_path):
    """Two rows of three plain squares of 16 pixels, without gaps."""
    picture = Image.new("RGB", (48, 32))
    for i, colour in enumerate(COLOURS):
        picture.paste(colour, (16 * (i % 3), 16 * (i // 3), 16 * (i % 3) + 16, 16 * (i // 3) + 16))
    path = tmp_path / "sheet.png"
    picture.save(path)
    return path


def test_a_history_is_drawn_as_a_sum_of_its_terms():
    rows = [
        HistoryRow(i, 1, 0.1 * i, 0.1 * i, 0.5 / i, 0, 2.5 / i + 0.1 * i, 8, 8) for i in (1, 2, 4)
    ]
    (axis,) = figures.plot_history(rows, style_weight=5.0).axes
    drawn = {line.get_label(): list(line.get_ydata()) for line in axis.lines}
    assert list(drawn) == ["total", "5 x style", "content"]
    assert drawn["5 x style"] == pytest.approx([2.5, 1.25, 0.625])
    assert drawn["total"] == pytest.approx(np.add(drawn["5 x style"], drawn["content"]))


def test_a_sheet_is_cut_into_its_tiles_in_order(sheet):
    figure = figures.show_sheet(sheet, ["a", "b", "c"], ["above", "below"])
    tiles = [axis.images[0].get_array() for axis in figure.axes]
    assert all(tile.shape == (16, 16, 3) for tile in tiles)
    assert [tuple(np.unique(tile.reshape(-1, 3), axis=0)[0].tolist()) for tile in tiles] == [
        *COLOURS
    ]
    assert all((tile == tile[0, 0]).all() for tile in tiles)  # nothing of a neighbour
    assert [axis.get_title() for axis in figure.axes] == ["a", "b", "c", "", "", ""]
    assert [axis.get_ylabel() for axis in figure.axes] == ["above", "", "", "below", "", ""]


@pytest.mark.parametrize("columns, rows", [("ab", "xy"), ("abc", "x"), ("abc", "xyz")])
def test_a_sheet_with_other_titles_than_tiles_is_refused(sheet, columns, rows):
    with pytest.raises(ValueError, match="48 x 32 pixels is no grid"):
        figures.show_sheet(sheet, columns, rows)


def test_gram_matrices_share_one_scale_around_zero():
    grams = {"a": torch.tensor([[4.0, -1], [-1, 2]]), "b": torch.tensor([[0.5, 0], [0, 0.25]])}
    pictures = {title: torch.full((1, 3, 8, 8), 0.5) for title in grams}
    figure = figures.show_grams(pictures, grams)
    above, below = figure.axes[:2], figure.axes[2:4]
    assert [axis.get_title() for axis in above] == ["a", "b"]
    assert all(axis.images[0].get_array().shape == (8, 8, 3) for axis in above)
    for axis, gram in zip(below, grams.values(), strict=True):
        assert np.array_equal(axis.images[0].get_array(), gram.numpy())
    low, high = below[0].images[0].get_clim()
    assert low == -high and 2 < high <= 4
    assert below[1].images[0].get_clim() == (low, high)


def test_gram_matrices_of_other_pictures_are_refused():
    with pytest.raises(KeyError):
        figures.show_grams({"a": torch.zeros(1, 3, 8, 8)}, {"b": torch.eye(2)})


def test_optimisers_are_drawn_with_their_best_loss_so_far():
    history = {"evaluation": [1, 2, 3], "seconds": [0.5, 1.0, 2.0], "total": [4.0, 9.0, 1.0]}
    other = {"evaluation": [1, 2], "seconds": [0.1, 0.2], "total": [3.0, 2.0]}
    figure = figures.plot_optimizers({"lbfgs": {"history": history}, "adam": {"history": other}})
    by_evaluation, by_seconds = figure.axes
    for axis, key in ((by_evaluation, "evaluation"), (by_seconds, "seconds")):
        first, second = axis.lines
        assert list(first.get_xdata()) == history[key] and list(second.get_xdata()) == other[key]
        assert list(first.get_ydata()) == [4.0, 4.0, 1.0]  # the leap to 9 is no progress
        assert list(second.get_ydata()) == [3.0, 2.0]
        assert axis.get_yscale() == "log"
        assert len({(line.get_color(), line.get_linestyle()) for line in axis.lines}) == 2
    labels = [text.get_text() for text in by_seconds.get_legend().get_texts()]
    assert labels == ["lbfgs", "adam"]
