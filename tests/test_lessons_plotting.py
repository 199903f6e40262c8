"""The lessons' figures show the data that they are given."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from course_lib.adain import channel_statistics
from course_lib.lessons import plotting
from course_lib.lessons.lesson00 import figures as figures00
from course_lib.lessons.lesson01 import figures as figures01
from course_lib.lessons.lesson02 import figures as figures02


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def pictures(count: int, height: int = 12, width: int = 16) -> list[torch.Tensor]:
    return list(torch.rand(count, 1, 3, height, width))


def shown(figure) -> list[np.ndarray]:
    return [image.get_array() for axis in figure.axes for image in axis.images]


def test_show_images_draws_every_picture_with_its_title():
    images = pictures(5)
    figure = plotting.show_images(images, [f"no. {i}" for i in range(5)], columns=3)
    drawn = shown(figure)
    assert len(drawn) == 5
    for image, array in zip(images, drawn, strict=True):
        expected = (image[0].permute(1, 2, 0).numpy() * 255).round()
        assert np.abs(np.asarray(array, float) - expected).max() <= 1
    titles = [axis.get_title() for axis in figure.axes]
    assert titles[:5] == [f"no. {i}" for i in range(5)]


def test_show_grid_leaves_empty_places_and_keeps_titles():
    a, b, c = pictures(3)
    figure = plotting.show_grid([[a, b], [None, c]], ["left", "right"], ["top", "bottom"])
    assert len(shown(figure)) == 3
    text = {axis.get_title() for axis in figure.axes} | {a.get_ylabel() for a in figure.axes}
    text |= {t.get_text() for axis in figure.axes for t in axis.texts}
    assert {"left", "right", "top", "bottom"} <= text


def test_show_maps_and_feature_maps_draw_the_activations():
    maps = {"a": torch.rand(6, 7), "b": torch.rand(3, 3)}
    assert len(shown(figures02.show_channel(maps))) == 2
    features = {"relu1_1": torch.rand(1, 64, 8, 8), "relu2_1": torch.rand(1, 128, 4, 4)}
    assert len(shown(figures01.show_feature_maps(features, count=4))) == 8


def test_fingerprints_show_means_and_deviations_of_each_style():
    styles = dict(zip("ab", pictures(2), strict=True))
    statistics = {name: channel_statistics(torch.rand(1, 512, 4, 4)) for name in styles}
    assert len(shown(figures02.show_fingerprints(styles, statistics))) >= 6


def test_distance_matrix_is_the_given_one():
    distances = torch.rand(3, 3)
    arrays = shown(figures02.show_distances(distances, pictures(3)))
    assert any(a.shape == (3, 3) and np.allclose(np.asarray(a), distances.numpy()) for a in arrays)


def test_layer_curves_hold_the_given_numbers():
    figure = plotting.plot_layer_curves({"one": {"relu1_1": 1.0, "relu2_1": 3.0}}, "activation")
    values = [list(line.get_ydata()) for axis in figure.axes for line in axis.lines]
    assert [1.0, 3.0] in values


def test_pipeline_shows_three_pictures():
    assert len(shown(figures00.draw_pipeline(*pictures(3)))) == 3


def test_figures_can_be_saved_as_png(tmp_path):
    figure = figures00.draw_pipeline(*pictures(3))
    figure.savefig(tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 1000


def test_colours_are_distinct():
    assert len(set(plotting.OKABE_ITO)) == len(plotting.OKABE_ITO) >= 7
