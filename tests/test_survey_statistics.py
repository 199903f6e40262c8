"""The numbers: against values worked out by hand or by simulation, and against swapped sides."""

import json
import math
from fractions import Fraction

import numpy as np
import pytest
from scipy import stats
from survey_kit import answer, save, write_preference_survey, write_style_survey

from course_lib.records.survey_coverage import coverage
from course_lib.survey.intervals import (
    agreement,
    answers_of,
    binomial_test,
    cluster_bootstrap,
    design_effect,
    intraclass_correlation,
    normal_quantile,
    people_interval,
    people_needed,
    spread_limits,
    student_quantile,
    wilson,
)
from course_lib.survey.items import make_result, present
from course_lib.survey.preference import fit_bradley_terry, score_preference, votes
from course_lib.survey.reporting import table
from course_lib.survey.results import read_results
from course_lib.survey.scoring import right_answers, score_style, score_totals
from course_lib.survey.simulating import draw_skills, simulate_results, true_rate


@pytest.fixture(scope="module")
def key(tmp_path_factory, make_images):
    return write_style_survey(tmp_path_factory.mktemp("survey") / "s.html", make_images)


@pytest.fixture(scope="module")
def preference_key(tmp_path_factory, make_images):
    return write_preference_survey(tmp_path_factory.mktemp("survey") / "p.html", make_images)


def read(results, key, path):
    save("\n".join(map(json.dumps, results)), path)
    return read_results([path], key)


# --- intervals and tests ---


def test_wilson_solves_its_equation():
    z = normal_quantile(0.95)
    assert z == pytest.approx(1.959964, abs=1e-6)
    for successes, answers in [(250, 325), (1, 10), (7, 7), (0, 3), (12.5, 20.25)]:
        for bound in wilson(successes, answers):
            p = successes / answers
            if 0 < bound < 1:  # the bounds are where (p - bound)^2 = z^2 bound (1 - bound) / n
                assert (p - bound) ** 2 == pytest.approx(z**2 * bound * (1 - bound) / answers)
    assert wilson(250, 325) == pytest.approx((0.7204, 0.8118), abs=1e-4)
    assert wilson(0, 3)[0] == 0 and wilson(3, 3)[1] == 1
    assert wilson(0, 3)[1] == pytest.approx(1 - wilson(3, 3)[0])


def test_the_binomial_test_counts_every_outcome():
    for answers in range(1, 13):
        weights = [math.comb(answers, k) for k in range(answers + 1)]
        for successes in range(answers + 1):
            far = abs(2 * successes - answers)
            tail = sum(w for k, w in enumerate(weights) if abs(2 * k - answers) >= far)
            assert binomial_test(successes, answers) == pytest.approx(tail / 2**answers)
    exact = 2 * sum(Fraction(math.comb(325, k), 2**325) for k in range(250, 326))
    assert binomial_test(250, 325) == pytest.approx(float(exact), rel=1e-12)
    assert binomial_test(75, 325) == binomial_test(250, 325)
    assert binomial_test(1000, 1000) == 2.0**-999


@pytest.mark.parametrize("function", [wilson, binomial_test])
@pytest.mark.parametrize("numbers", [(5, 4), (-1, 4)])
def test_impossible_counts_are_refused(function, numbers):
    with pytest.raises(ValueError, match="impossible"):
        function(*numbers)


@pytest.mark.parametrize("level", [0.8, 0.95, 0.99])
def test_quantiles_are_those_of_scipy(level):
    assert normal_quantile(level) == pytest.approx(stats.norm.ppf((1 + level) / 2), rel=1e-9)
    for freedom in (1, 2, 3, 4, 5, 10, 30, 64, 1000):
        expected = stats.t.ppf((1 + level) / 2, freedom)
        assert student_quantile(level, freedom) == pytest.approx(expected, rel=1e-9)
    assert student_quantile(level, 10**9) == pytest.approx(normal_quantile(level))


def test_students_quantile_is_that_of_the_tables():
    for freedom, value in [(1, 12.706), (2, 4.303), (4, 2.776), (10, 2.228), (64, 1.998)]:
        assert student_quantile(0.95, freedom) == pytest.approx(value, abs=5e-4)
    for level in (0, 1, -0.5):
        with pytest.raises(ValueError, match="level of confidence"):
            student_quantile(level, 4)


def test_an_interval_over_two_people_is_as_wide_as_one_degree_of_freedom_asks():
    right = answers_of([4, 3], 5)
    effective = 10 / design_effect(right) * (1.959964 / 12.706205) ** 2
    expected = wilson(0.7 * effective, effective)
    assert people_interval(right) == pytest.approx(expected, rel=1e-5)


def test_the_design_effect_of_extremes():
    alike = np.repeat([[True], [False], [True], [True]], 5, axis=1)  # all answers of a person agree
    assert design_effect(alike) == 5
    assert intraclass_correlation(alike) == 1
    assert people_interval(alike) != wilson(15, 20)
    rng = np.random.default_rng(0)
    independent = rng.random((4000, 5)) < 0.7
    assert design_effect(independent) == pytest.approx(1, abs=0.08)
    assert intraclass_correlation(independent) == pytest.approx(0, abs=0.03)
    equal = np.array([[True, False], [False, True]] * 3)  # more alike than chance: no bonus
    assert design_effect(equal) == 1
    for same in (np.ones((6, 5)), np.zeros((6, 5)), np.array([[True, False, True]])):
        assert design_effect(same) == same.shape[1]  # nothing can be known: the most cautious
        low, high = people_interval(same)
        assert high - low > 0.3
    assert intraclass_correlation(np.ones((6, 5))) is None


def test_the_bootstrap_draws_people_and_not_answers():
    right = answers_of([5] * 50 + [0] * 15, 5)
    low, high = cluster_bootstrap(right)
    error = math.sqrt(250 / 325 * 75 / 325 / 65)
    assert (high - low) / (2 * 1.96 * error) == pytest.approx(1, abs=0.06)
    assert cluster_bootstrap(right) == (low, high)
    assert cluster_bootstrap(np.ones((4, 5))) == (1, 1)


def test_agreement_is_that_of_pairs_of_people():
    assert agreement(np.array([[1, 0], [1, 0], [1, 0]])) == (1, 1)
    # Question 1 has 2:1, question 2 has 3:0: of the three pairs 1 and 3 agree, (1/3 + 1) / 2.
    choices = np.array([[1, 1], [1, 1], [0, 1]])
    assert agreement(choices) == (pytest.approx(2 / 3), pytest.approx(1 / 3))
    # Which option is called the first is arbitrary, question by question.
    assert agreement(choices ^ np.array([1, 0])) == agreement(choices)
    observed, kappa = agreement(np.random.default_rng(0).random((400, 20)) < 0.5)
    assert (observed, kappa) == (pytest.approx(0.5, abs=0.01), pytest.approx(0, abs=0.02))
    assert agreement(np.ones((1, 2))) == (None, None)


def test_planning_reaches_the_precision_it_promises():
    rng = np.random.default_rng(2)
    right = rng.random((65, 5)) < draw_skills(65, 0.75, 1.0, rng)[:, None]
    needed = people_needed(right, 0.04)
    more = right[rng.integers(0, 65, needed)]  # as many people, who vary as these do
    low, high = people_interval(more)
    assert (high - low) / 2 == pytest.approx(0.04, rel=0.12)
    assert people_needed(np.ones((10, 5)), 0.05) > 0
    for precision in (0, 0.5, -1, math.nan):
        with pytest.raises(ValueError, match="precision"):
            people_needed(right, precision)


# --- coverage: do the intervals hold the truth as often as they say? ---


@pytest.mark.parametrize("rate", [0.6, 0.75, 0.9])
@pytest.mark.parametrize("spread", [0.0, 1.0, 2.0])
def test_intervals_over_people_cover_at_their_stated_rate(rate, spread):
    found = coverage(40, 5, rate, spread, surveys=1500)
    assert 0.93 <= found["people"] <= 0.975  # the standard error of 1500 surveys is 0.006
    if spread == 0:
        assert 0.93 <= found["independent"] <= 0.97
    if spread == 2:  # what goes wrong when 5 answers of one person are taken for 5 people
        assert found["independent"] < 0.88


def test_other_levels_cover_at_their_rate():
    assert coverage(40, 5, 0.75, 1.0, 1500, level=0.8)["people"] == pytest.approx(0.8, abs=0.04)


def test_the_true_rate_is_the_mean_of_the_skills():
    skills = draw_skills(400_000, 0.8, 1.5, np.random.default_rng(0))
    assert true_rate(0.8, 1.5) == pytest.approx(skills.mean(), abs=0.002)
    assert true_rate(0.8, 0) == pytest.approx(0.8)


# --- whole surveys ---


def test_every_number_of_a_small_survey_by_hand(key, tmp_path):
    results = [
        answer(key, "0000000000000001", lambda k: True, time=1000),
        answer(key, "0000000000000002", lambda k: k < 2, time=3000),
        answer(key, "0000000000000003", lambda k: k != 4, time=2000),
    ]
    numbers = score_style(read(results, key, tmp_path / "r.jsonl"), key)
    assert (numbers["people"], numbers["questions"], numbers["answers"]) == (3, 5, 15)
    assert numbers["successes"] == 11 and numbers["rate"] == pytest.approx(11 / 15)
    assert numbers["p_value"] == pytest.approx(2 * (1365 + 455 + 105 + 15 + 1) / 2**15)
    assert [row["successes"] for row in numbers["by_person"]] == [5, 2, 4]
    assert [row["seconds"] for row in numbers["by_person"]] == [1, 3, 2]
    assert sum(row["successes"] for row in numbers["by_question"]) == 11
    for row, item in zip(numbers["by_question"], key.questions, strict=True):
        found = 0
        for k, result in enumerate(results):
            place = [a["item"] for a in result["answers"]].index(item.id)
            found += [True, place < 2, place != 4][k]
        assert row["successes"] == found and row["painting"] == item.labels[item.right]
    position = numbers["position"]
    assert position["chosen_first"] == sum(
        a["position"] == 1 for r in results for a in r["answers"]
    )
    parts = [position["right_first"], position["right_second"]]
    assert sum(part["answers"] for part in parts) == 15
    assert sum(part["successes"] for part in parts) == 11


def test_swapping_left_and_right_changes_nothing_but_the_position(key, tmp_path):
    results = simulate_results(key, 40, 0.7, 1.0, seed=3)
    answers = read(results, key, tmp_path / "r.jsonl")
    before = score_style(answers, key)
    answers.position = 3 - answers.position
    after = score_style(answers, key)
    assert after["position"]["chosen_first"] == 200 - before["position"]["chosen_first"]
    assert after["position"]["right_first"] == before["position"]["right_second"]
    for numbers in (before, after):
        del numbers["position"]
    assert before == after


def test_who_always_takes_one_side_is_right_half_of_the_time_and_seen(key, tmp_path):
    results = simulate_results(key, 200, 0.9, habit=1.0, seed=1)
    numbers = score_style(read(results, key, tmp_path / "r.jsonl"), key)
    assert numbers["position"]["chosen_first"] == 1000
    assert numbers["position"]["p_value"] < 1e-100
    assert numbers["rate"] == pytest.approx(0.5, abs=0.06)
    assert numbers["position"]["right_first"]["successes"] == numbers["successes"]


def test_guessers_pass_the_test_against_chance_as_often_as_it_says(key, tmp_path):
    significant = 0
    for seed in range(60):
        results = simulate_results(key, 20, 0.5, seed=2 * seed)
        numbers = score_style(read(results, key, tmp_path / "r.jsonl"), key, seed=seed)
        significant += numbers["p_value"] < 0.05
    assert significant <= 9  # 3 expected; 10 or more have probability 0.001


def test_simulated_participants_are_marked_checked_and_reproducible(key, tmp_path):
    results = simulate_results(key, 30, 0.8, seed=5)
    assert all(result["simulated"] is True for result in results)
    assert results == simulate_results(key, 30, 0.8, seed=5)
    assert results != simulate_results(key, 30, 0.8, seed=6)
    answers = read(results, key, tmp_path / "r.jsonl")
    assert answers.simulated and len(answers.people) == 30 and not answers.left_out
    rate = right_answers(read(simulate_results(key, 600, 0.8), key, tmp_path / "b.jsonl"), key)
    assert rate.mean() == pytest.approx(0.8, abs=0.03)
    for bad in (
        {"people": 0},
        {"rate": 1},
        {"rate": 0},
        {"spread": -1},
        {"spread": math.inf},
        {"habit": 2},
        {"seed": -1},
    ):
        with pytest.raises(ValueError):
            simulate_results(key, **{"people": 3} | bad)


# --- the report's totals ---


def test_the_reports_totals():
    numbers = score_totals(250, 65, 5)
    assert numbers["rate"] == pytest.approx(0.769, abs=5e-4)
    assert numbers["p_value"] < 1e-20
    assert sum(1 for _ in numbers["by_correlation"]) == 7
    assert numbers["by_correlation"][0]["interval"] == numbers["interval_if_independent"]
    assert numbers["by_correlation"][-1]["effective_answers"] == 65
    widths = [b - a for a, b in (row["interval"] for row in numbers["by_correlation"])]
    assert widths == sorted(widths)
    assert numbers["most_unequal"]["design_effect"] == 5
    assert numbers["most_unequal"]["interval_over_people"][0] > 0.5  # so it was above chance


def test_the_limits_of_what_totals_allow():
    equal, unequal = spread_limits(250, 65, 5)
    assert sorted(equal) == [3] * 10 + [4] * 55
    assert sorted(unequal) == [0] * 15 + [5] * 50
    # No division of 7 successes among 4 people with 3 questions has a smaller or larger spread.
    equal, unequal = (np.var(x) for x in spread_limits(7, 4, 3))
    grid = np.stack(np.meshgrid(*[range(4)] * 4), -1).reshape(-1, 4)
    variances = grid[grid.sum(1) == 7].var(1)
    assert (equal, unequal) == (pytest.approx(variances.min()), pytest.approx(variances.max()))
    assert spread_limits(15, 3, 5) == ([5, 5, 5], [5, 5, 5])
    assert spread_limits(0, 3, 5) == ([0, 0, 0], [0, 0, 0])
    for bad in (-1, 16):
        with pytest.raises(ValueError, match="cannot have"):
            spread_limits(bad, 3, 5)
    with pytest.raises(ValueError, match="at least two people"):
        score_totals(1, 1, 5)


# --- Bradley-Terry ---


def duels(strengths, bonus, count, rng):
    """Simulated votes between random pairs of methods."""
    methods = len(strengths)
    first = rng.integers(0, methods, count)
    second = (first + rng.integers(1, methods, count)) % methods
    odds = np.asarray(strengths)[first] - np.asarray(strengths)[second] + bonus
    return first, second, rng.random(count) < 1 / (1 + np.exp(-odds))


def test_strengths_and_bonus_are_recovered():
    truth = np.array([0.8, 0.1, -0.9])
    first, second, won = duels(truth, 0.5, 40_000, np.random.default_rng(0))
    model = fit_bradley_terry(first, second, won, np.arange(40_000), ["a", "b", "c"])
    assert model.strengths == pytest.approx(truth, abs=0.05)
    assert model.strengths.sum() == pytest.approx(0, abs=1e-9)
    assert model.first_bonus == pytest.approx(0.5, abs=0.05)
    middle, low, high = model.preference("a", "c")
    assert middle == pytest.approx(1 / (1 + math.exp(-1.7)), abs=0.01)
    assert low < middle < high
    assert model.preference("c", "a")[0] == pytest.approx(1 - middle)
    assert model.preference("c", "a")[1] == pytest.approx(1 - high)


def test_two_methods_without_bonus_are_the_share_of_votes():
    first = np.tile([0, 1], 500)
    won = np.concatenate([np.tile([True, False], 350), np.tile([False, True], 150)])
    model = fit_bradley_terry(first, 1 - first, won, np.arange(1000), ["a", "b"])
    assert model.preference("a", "b")[0] == pytest.approx(0.7, abs=0.002)
    low, high = wilson(700, 1000)
    assert model.preference("a", "b")[1:] == pytest.approx((low, high), abs=0.003)
    assert model.first_bonus == pytest.approx(0, abs=1e-6)


def test_exchanging_positions_flips_the_bonus_alone():
    first, second, won = duels([0.5, 0, -0.5], 0.7, 600, np.random.default_rng(1))
    person = np.repeat(np.arange(60), 10)
    model = fit_bradley_terry(first, second, won, person, ["a", "b", "c"])
    other = fit_bradley_terry(second, first, ~won, person, ["a", "b", "c"])
    assert other.strengths == pytest.approx(model.strengths)
    assert other.first_bonus == pytest.approx(-model.first_bonus)
    assert other.preference("a", "b") == pytest.approx(model.preference("a", "b"))


def test_a_method_that_always_wins_stays_finite():
    first = np.tile([0, 1], 20)
    model = fit_bradley_terry(first, 1 - first, first == 0, np.repeat(range(8), 5), ["a", "b"])
    middle, low, high = model.preference("a", "b")
    assert 0.5 < low < middle < high < 1


def test_methods_that_never_meet_cannot_be_ranked():
    first, second = np.array([0, 2, 0, 2]), np.array([1, 3, 1, 3])
    with pytest.raises(ValueError, match="do not connect"):
        fit_bradley_terry(first, second, first == 0, np.arange(4), list("abcd"))


@pytest.mark.parametrize("spread", [0.0, 1.5])
def test_bradley_terry_intervals_cover_at_their_stated_rate(spread):
    rng = np.random.default_rng(7)
    truth, hits, surveys = true_rate(0.7, spread), 0, 400
    first = np.tile([0, 1], 120)
    person = np.repeat(np.arange(40), 6)
    for _ in range(surveys):
        prefers = rng.random(240) < draw_skills(40, 0.7, spread, rng)[person]
        model = fit_bradley_terry(first, 1 - first, prefers == (first == 0), person, ["a", "b"])
        _, low, high = model.preference("a", "b")
        hits += low <= truth <= high
    assert 0.92 <= hits / surveys <= 0.98  # the standard error is 0.011


def test_votes_are_read_from_choices_and_positions(preference_key, tmp_path):
    key = preference_key
    result = answer(key, "00000000000000aa", lambda k: k != 0)  # "adain" but for the first shown
    answers = read([result], key, tmp_path / "r.jsonl")
    first, second, won, person, methods = votes(answers, key)
    assert methods == ["adain", "gatys"] and set(person) == {0}
    by_item = {a["item"]: a for a in result["answers"]}
    for k, item in enumerate(key.questions):
        entry = by_item[item.id]
        winner = first[k] if won[k] else second[k]
        assert item.labels[entry["choice"]] == methods[winner]
        assert won[k] == (entry["position"] == 1)
    assert sorted(first.tolist()) == [0, 0, 0, 1, 1, 1]  # counterbalanced


def test_a_preference_survey_is_scored(preference_key, tmp_path):
    results = simulate_results(preference_key, 50, 0.7, 0.5, seed=2)
    numbers = score_preference(read(results, preference_key, tmp_path / "r.jsonl"), preference_key)
    [duel] = numbers["duels"]
    assert (duel["a"], duel["b"], duel["votes"]) == ("adain", "gatys", 300)
    chosen = {option: label for i in preference_key.items for option, label in i.labels.items()}
    wins = sum(chosen[a["choice"]] == "adain" for r in results for a in r["answers"])
    assert duel["a_wins"] == wins == numbers["votes"]["successes"]
    assert sum(row["votes"]["adain"] for row in numbers["by_question"]) == wins
    assert duel["probability"] == pytest.approx(wins / 300, abs=0.01)
    assert duel["interval"] == pytest.approx(numbers["votes"]["interval_over_people"], abs=0.02)


def test_always_choosing_position_one_is_a_bonus_and_no_preference(preference_key, tmp_path):
    items = {item.id: item for item in preference_key.items}
    results = []
    for k in range(20):
        seed = f"{k:016x}"
        shown = present(preference_key.survey, preference_key.kind, list(items), seed)
        answers = [(n, items[n].options[int(s)], 1, 999) for n, s in shown.items]
        results.append(make_result(preference_key.survey, seed, answers, simulated=True))
    numbers = score_preference(read(results, preference_key, tmp_path / "r.jsonl"), preference_key)
    assert numbers["duels"][0]["a_wins"] == 60
    assert numbers["duels"][0]["probability"] == pytest.approx(0.5)
    assert numbers["first_bonus"] > 2


def test_tables_of_long_names_fit_into_80_columns():
    names = ["x" * 200, "y" * 50]
    title, head, *lines = table("title", ["photograph", "painting", "right"], [[*names, 1]] * 2)
    assert (title, head.split()) == ("title", ["photograph", "painting", "right"])
    assert max(map(len, [head, *lines])) <= 80
    assert all(line.split()[2] == "1" and line.count("…") == 2 for line in lines)
