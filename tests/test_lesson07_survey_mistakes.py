"""Simulated mistakes: each one shows in the numbers, and goes away when it is not made."""

import base64
import io

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from course_lib.lessons.lesson07 import build
from course_lib.lessons.lesson07.figures import (
    plot_intervals,
    plot_rates,
    plot_shares,
    show_question,
)
from course_lib.lessons.lesson07.survey_mistakes import (
    chance_of_success,
    false_alarms,
    fixed_side,
    leading_question,
    power,
    simulated_answers,
)
from course_lib.survey.items import Page
from course_lib.survey.simulating import true_rate


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_answers_have_the_rate_that_was_chosen(rng):
    right = simulated_answers(4000, 5, 0.75, 0.0, rng)
    assert right.shape == (4000, 5) and right.dtype == bool
    assert right.mean() == pytest.approx(0.75, abs=0.01)
    pushed = simulated_answers(4000, 5, 0.5, 0.0, rng, pushed=0.4)
    assert pushed.mean() == pytest.approx(0.4 + 0.6 * 0.5, abs=0.01)


def test_people_differ_by_the_spread(rng):
    alike = simulated_answers(2000, 20, 0.5, 0.0, rng).mean(1).std()
    unlike = simulated_answers(2000, 20, 0.5, 2.0, rng).mean(1).std()
    assert alike == pytest.approx((0.25 / 20) ** 0.5, rel=0.05)
    assert unlike > 2.5 * alike


@pytest.mark.parametrize("pushed", [-0.1, 1.1])
def test_a_push_is_a_probability(rng, pushed):
    with pytest.raises(ValueError, match="between 0 and 1"):
        simulated_answers(3, 3, 0.5, 0.0, rng, pushed)


def test_a_fixed_side_lifts_guessers_above_chance_and_a_drawn_one_does_not(rng):
    fixed, drawn = fixed_side(300, 65, 5, 0.5, 0.3, rng)
    assert fixed.mean() == pytest.approx(0.65, abs=0.01)
    assert drawn.mean() == pytest.approx(0.5, abs=0.01)


def test_a_drawn_side_dilutes_what_people_know(rng):
    _, drawn = fixed_side(300, 65, 5, 0.9, 0.3, rng)
    assert drawn.mean() == pytest.approx(0.7 * 0.9 + 0.3 * 0.5, abs=0.01)


def test_a_leading_question_is_agreed_to_whatever_the_style(rng):
    right, other = leading_question(300, 65, 5, 0.5, 0.4, rng)
    assert right.mean() == pytest.approx(0.7, abs=0.01)
    assert other.mean() == pytest.approx(right.mean(), abs=0.01)


def test_an_observer_without_a_difference_guesses_and_with_a_large_one_is_right():
    assert chance_of_success([0.3, 0.2], [0.3, 0.2], 0.1) == pytest.approx(0.5)
    assert chance_of_success([0.0], [1.0], 0.01) == pytest.approx(1.0)
    assert chance_of_success([0.5], [0.6], 0.1) == pytest.approx(0.7602, abs=1e-4)  # Phi(1 / 1.414)
    with pytest.raises(ValueError, match="above 0"):
        chance_of_success([0.1], [0.2], 0.0)
    with pytest.raises(ValueError):
        chance_of_success([0.1, 0.2], [0.2], 0.1)


def test_false_alarms_grow_with_the_spread_only_if_answers_count_as_independent(rng):
    independent, over_people = false_alarms(400, 65, 5, 0.0, rng)
    assert independent < 0.09 and over_people < 0.09
    independent, over_people = false_alarms(400, 65, 5, 2.0, rng)
    assert independent > 0.15
    assert over_people < 0.09


def test_power_grows_with_people_and_skill(rng):
    weak = power(200, 10, 5, 0.6, 0.5, rng)
    assert weak < power(200, 80, 5, 0.6, 0.5, rng)
    assert weak < power(200, 10, 5, 0.8, 0.5, rng)


# --- figures ---


def test_figures_draw_what_they_are_given():
    figure = plot_rates({"a": [0.4, 0.5], "b": [0.6]}, [0.5, 0.6], "rate")
    legend = {text.get_text() for text in figure.axes[0].get_legend().get_texts()}
    assert legend == {"truth, 50%", "truth, 60%", "a", "b"}
    figure = plot_intervals({"one": (0.6, 0.8), "two": (0.5, 0.9)}, 0.7)
    lines = [line.get_xdata() for line in figure.axes[0].lines]
    assert [0.6, 0.8] in [list(x) for x in lines] and [0.5, 0.9] in [list(x) for x in lines]
    figure = plot_shares({"p": ([1, 2], [0.1, 0.9])}, "people", "power", wanted=0.8)
    assert list(figure.axes[0].lines[0].get_ydata()) == [0.1, 0.9]
    plt.close("all")


def test_a_question_shows_its_three_pictures():
    def source(color):
        buffer = io.BytesIO()
        Image.new("RGB", (8, 8), color).save(buffer, "PNG")
        return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()

    item = {
        "id": "i",
        "picture": source("red"),
        "options": [{"id": "a", "picture": source("blue")}, {"id": "b", "picture": source("lime")}],
    }
    figure = show_question(Page("s", "style", "t", "Which?", (item,), None))
    pixels = [tuple(axis.images[0].get_array()[0, 0][:3]) for axis in figure.axes]
    assert pixels == [(0, 0, 255), (255, 0, 0), (0, 255, 0)]
    plt.close(figure)


# --- the build: answers that come in clusters ---


def _intervals(rows):
    rate, *errors = build.errors(build.tally(rows))
    return [(rate - 1.96 * error, rate + 1.96 * error) for error in errors]


def test_only_the_naive_interval_of_the_export_excludes_guessing():
    naive, clustered = _intervals(build.simulated_rows(40, 0.65, 1.5, 9))
    assert 0.5 < naive[0] < 0.51 and clustered[0] < 0.5


@pytest.mark.parametrize(("spread", "misses"), [(0, (0.5, 1.6)), (1, (2, 4)), (2, (5, 7))])
def test_the_naive_interval_misses_more_often_than_it_promises(spread, misses):
    truth, missed = true_rate(0.65, spread), [0, 0]
    for seed in range(200):
        found = _intervals(build.simulated_rows(40, 0.65, spread, 1000 + seed))
        missed = [
            m + (not low <= truth <= high) for m, (low, high) in zip(missed, found, strict=True)
        ]
    naive, clustered = (m / (0.05 * 200) for m in missed)
    assert misses[0] < naive < misses[1] and 0.5 < clustered < 1.6
