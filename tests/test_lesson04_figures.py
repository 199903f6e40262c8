"""The figures of lesson 04 show the numbers that they are given."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import pytest

from course_lib.lessons.lesson04 import figures


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def log(scale=1.0, steps=(10, 20, 30, 40)):
    """Two records of a warm-up and the rest of AdaIN; every second one was judged."""
    records = []
    for i, step in enumerate(steps):
        content, style = scale * (2 + 1 / step), scale * (1 + 5 / step)
        record = {"step": step, "phase": "adain" if i > 1 else "autoencoder", "epoch": i / 2}
        record |= {"content_loss": content, "style_loss": style, "loss": content + 2 * style}
        if i % 2:
            record |= {"held_out_content_loss": 3.0 * scale, "held_out_style_loss": 4.0 * scale}
        records.append(record)
    return records


def lines(axis):
    return {line.get_label(): line.get_xydata().tolist() for line in axis.lines}


def test_a_centred_average_does_not_shift_and_a_trailing_one_lags():
    step = [0.0] * 5 + [1.0] * 5
    assert figures.moving_average(step, 3)[3:7] == [0, 1 / 3, 2 / 3, 1]
    assert figures.moving_average(step, 3, trailing=True)[4:8] == [0, 1 / 3, 2 / 3, 1]
    assert figures.moving_average([1.0, 2.0, 6.0], 3) == [1.5, 3.0, 4.0]
    assert figures.moving_average([5.0, 7.0], 1) == [5.0, 7.0]


def test_plot_curves_draws_every_curve_and_names_it():
    figure = figures.plot_curves({"raw": ([1, 2], [3, 4]), "smooth": ([1, 2], [5, 6])}, "x", "y")
    (axis,) = figure.axes
    assert lines(axis) == {"raw": [[1, 3], [2, 4]], "smooth": [[1, 5], [2, 6]]}
    assert axis.get_yscale() == "linear"
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["raw", "smooth"]
    assert axis.lines[0].get_linewidth() < axis.lines[1].get_linewidth()


def test_plot_curves_uses_the_axis_that_it_is_given():
    figure, axes = plt.subplots(1, 2)
    assert figures.plot_curves({"a": ([1], [2])}, "x", "y", log=True, axis=axes[1]) is figure
    assert len(axes[1].lines) == 1 and not axes[0].lines
    assert axes[1].get_yscale() == "log" and axes[1].get_legend() is None


def test_plot_epochs_shows_the_total_and_the_terms_as_they_enter_it():
    epochs = [
        {"epoch": 1, "content_loss": 3.0, "style_loss": 2.0, "loss": 43.0},
        {"epoch": 2, "content_loss": 2.0, "style_loss": 1.0, "loss": 22.0},
    ]
    left, right = figures.plot_epochs(epochs, 20).axes
    assert left.lines[0].get_ydata().tolist() == [43, 22]
    assert left.get_ylim()[0] == 0
    drawn = {name: [y for _, y in points] for name, points in lines(right).items()}
    assert drawn == {"total": [43, 22], "20 × style": [40, 20], "content": [3, 2]}


def test_plot_runs_leaves_the_warm_up_out_and_shares_the_axes():
    runs = {"A": log(), "B": log(5), "C": log(2), "D": log(3)}
    axes = figures.plot_runs(runs).axes
    assert [axis.get_title() for axis in axes[:4]] == list("ABCD")
    assert lines(axes[1])["style"] == [[r["step"], r["style_loss"]] for r in runs["B"][2:]]
    assert set(lines(axes[0])) == {"content", "style", "total"}
    assert len({axis.get_ylim() for axis in axes[:4]}) == 1


@pytest.mark.parametrize(("scale", "edge"), [(1e-9, 0.5), (1e9, 50)])
def test_plot_runs_draws_what_vanishes_or_explodes_at_the_edge(scale, edge):
    (axis,) = figures.plot_runs({"A": log(scale)}, columns=1, limits=(0.5, 50)).axes
    assert {y for points in lines(axis).values() for _, y in points} == {edge}


def test_plot_judged_sets_own_loss_beside_the_judges():
    left, right = figures.plot_judged({"A": log(), "B": log(2)}, 10).axes
    assert left.lines[0].get_ydata().tolist() == [r["loss"] for r in log()[2:]]
    assert lines(right) == {"A": [[40, 43]], "B": [[40, 86]]}


def test_plot_trade_off_labels_every_point():
    points, apart = {"0.1": (1, 4), "1": (2, 3), "10": (3, 1)}, {"start": (0.5, 0.5)}
    (axis,) = figures.plot_trade_off(points, apart).axes
    assert [text.get_text() for text in axis.texts] == ["0.1", "1", "10", "start"]
    assert axis.lines[0].get_xydata().tolist() == [[1, 4], [2, 3], [3, 1]]


def test_plot_consecutive_runs_goes_on_where_the_run_before_stopped():
    above, below = figures.plot_consecutive_runs({"first": log(), "second": log(2)}).axes
    assert [line.get_xdata().tolist() for line in above.lines] == [[30, 40], [70, 80]]
    assert [line.get_label() for line in below.lines[:2]] == ["style", "content"]
    assert len(below.lines) == 4
    assert {text.get_text() for text in above.texts} == {"first", "second"}
