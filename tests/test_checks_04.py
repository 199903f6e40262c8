"""The checks of lesson 04: right answers pass, and each mistake is called by its name."""

import json
import math
import re

import numpy as np
import pytest
import torch

from course_lib import REPOSITORY, checks
from course_lib.checks import (
    CheckFailed,
    check_diagnosis,
    check_epoch_means,
    check_moving_average,
)
from course_lib.checks.curves import EVIDENCE
from course_lib.experiments import RUNS
from course_lib.training.logs import epoch_losses

# --- epoch means ---


def spans(records):
    ends = [0, *(record["step"] for record in records)]
    return [b - a for a, b in zip(ends, ends[1:], strict=False)]


def means(records, number=lambda r: math.ceil(r["epoch"]), weight=None, warmup=False, value="loss"):
    sums = {}
    for record, span in zip(records, spans(records), strict=True):
        if record["phase"] != "adain" and not warmup:
            continue
        share = span if weight is None else weight(record)
        entry = sums.setdefault(max(number(record), 0), [0, 0])
        entry[0] += share * record[value]
        entry[1] += share
    return [total / count for total, count in sums.values()]


def course_means(records):
    return [epoch["loss"] for epoch in epoch_losses(records)]


@pytest.mark.parametrize(
    "answer",
    [
        course_means,
        means,
        lambda records: tuple(means(records)),
        lambda records: torch.tensor(means(records)),
        lambda records: np.array(means(records)),
    ],
)
def test_right_epoch_means_pass(answer, capsys):
    check_epoch_means(answer)
    assert "correct" in capsys.readouterr().out


def warmup_dropped_first(records):
    return means([r for r in records if r["phase"] == "adain"])


def with_warmup_as_epoch_one(records):
    return means(records, number=lambda r: max(1, math.ceil(r["epoch"])), warmup=True)


def sums_of_steps(records):
    return [epoch["loss"] * epoch["steps"] for epoch in epoch_losses(records)]


def last_values(records):
    return list(
        {math.ceil(r["epoch"]): r["loss"] for r in records if r["phase"] == "adain"}.values()
    )


WRONG_MEANS = {
    "equal weights": (lambda r: means(r, weight=lambda _: 1), "all records count alike"),
    "warm-up mixed in": (with_warmup_as_epoch_one, "warm-up is mixed in"),
    "floor": (lambda r: means(r, number=lambda x: int(x["epoch"])), "off by one epoch"),
    "round": (lambda r: means(r, number=lambda x: round(x["epoch"])), "rounded to the nearest"),
    "step as weight": (lambda r: means(r, weight=lambda x: x["step"]), "counts from the start"),
    "warm-up dropped first": (warmup_dropped_first, "first record after the warm-up"),
    "no last epoch": (lambda r: means(r)[:-1], "last epoch is missing"),
    "sums": (sums_of_steps, "sums over the steps"),
    "content alone": (lambda r: means(r, value="content_loss"), "content loss alone"),
    "last values": (last_values, "last value of each epoch"),
    "a dictionary": (lambda r: {1: 2.0}, "list of numbers"),
    "nonsense": (lambda r: [0.0] * len(means(r)), "of the values differ"),
}


@pytest.mark.parametrize("name", WRONG_MEANS)
def test_wrong_epoch_means_are_named(name):
    answer, diagnosis = WRONG_MEANS[name]
    with pytest.raises(CheckFailed, match=diagnosis):
        check_epoch_means(answer)


# --- moving average ---


def moving_average(values, window):
    half = window // 2
    parts = [values[max(0, i - half) : i + half + 1] for i in range(len(values))]
    return [sum(part) / len(part) for part in parts]


def by_convolution(values, window):
    kernel = np.ones(window)
    both = [
        np.convolve(x, kernel)[window // 2 :][: len(values)] for x in (values, np.ones(len(values)))
    ]
    return both[0] / both[1]


@pytest.mark.parametrize("answer", [moving_average, by_convolution])
def test_right_moving_averages_pass(answer, capsys):
    check_moving_average(answer)
    assert "correct" in capsys.readouterr().out


def windows(values, before, after):
    parts = [values[max(0, i - before) : i + after + 1] for i in range(len(values))]
    return [sum(part) / len(part) for part in parts]


def same_convolution(values, window):
    return list(np.convolve(values, np.ones(window) / window)[window // 2 :][: len(values)])


def copied_edges(values, window):
    padded = np.pad(values, window // 2, mode="edge")
    return np.convolve(padded, np.ones(window) / window, "valid")


def exponential(values, window):
    alpha, smooth = 2 / (window + 1), [values[0]]
    for value in values[1:]:
        smooth.append(alpha * value + (1 - alpha) * smooth[-1])
    return smooth


WRONG_AVERAGES = {
    "trailing": (lambda v, w: windows(v, w - 1, 0), "lags"),
    "leading": (lambda v, w: windows(v, 0, w - 1), "runs ahead"),
    "zeros": (same_convolution, "pulled to zero"),
    "copied edges": (copied_edges, "copies of the first"),
    "valid": (lambda v, w: np.convolve(v, np.ones(w) / w, "valid"), "shorter"),
    "twice as wide": (lambda v, w: windows(v, w, w), "too far"),
    "one short": (lambda v, w: windows(v, w // 2, w // 2 - 1), "one short"),
    "one long": (lambda v, w: windows(v, w // 2, w // 2 + 1), "one too long"),
    "exponential": (exponential, "exponential"),
    "cumulative": (lambda v, w: list(np.cumsum(v) / np.arange(1, len(v) + 1)), "so far"),
    "sums": (
        lambda v, w: [sum(v[max(0, i - w // 2) : i + w // 2 + 1]) for i in range(len(v))],
        "sums",
    ),
    "unchanged": (lambda v, w: v, "as they are"),
    "nothing like it": (lambda v, w: [1e3] * len(v), "of the values differ"),
    "a word": (lambda v, w: "smooth", "list of numbers"),
}


@pytest.mark.parametrize("name", WRONG_AVERAGES)
def test_wrong_moving_averages_are_named(name):
    answer, diagnosis = WRONG_AVERAGES[name]
    with pytest.raises(CheckFailed, match=diagnosis):
        check_moving_average(answer)


def test_smoothing_in_place_is_named():
    def smooth_in_place(values, window):
        for i in range(len(values)):
            values[i] = sum(values[max(0, i - 1) : i + 2]) / 3
        return values

    with pytest.raises(CheckFailed, match="in place"):
        check_moving_average(smooth_in_place)


# --- which is which ---


@pytest.fixture
def key(tmp_path):
    """A key of its own, so that no test here tells the answer."""
    letters = dict(zip("ABCDEF", RUNS, strict=True))
    path = tmp_path / "key.json"
    path.write_text(json.dumps({"results": {"letters": letters}}))
    return path, letters


def test_the_right_diagnosis_passes(key, capsys):
    path, letters = key
    check_diagnosis(letters, path)
    assert "correct, all six" in capsys.readouterr().out


def test_a_partly_right_diagnosis_is_counted(key, capsys):
    path, letters = key
    check_diagnosis(letters | {"A": None, "B": None}, path)
    assert "4 of 6 so far" in capsys.readouterr().out


def test_a_wrong_diagnosis_names_the_clue_and_not_the_answer(key):
    path, letters = key
    swapped = letters | {"A": letters["B"], "B": letters["A"]}
    with pytest.raises(CheckFailed) as caught:
        check_diagnosis(swapped, path)
    message = str(caught.value)
    assert message.startswith(f"4 of 6 are right. Run A is not '{letters['B']}'")
    assert EVIDENCE[letters["B"]] in message
    assert f"'{letters['A']}'" not in message


@pytest.mark.parametrize(
    ("answer", "diagnosis"),
    [
        ({"A": "too warm"}, "A: 'too warm' is not one of"),
        ({"G": "healthy"}, "there is no run G"),
        ({"A": "healthy", "B": "healthy"}, "A and B cannot both be 'healthy'"),
    ],
)
def test_slips_in_the_dictionary_are_named(key, answer, diagnosis):
    with pytest.raises(CheckFailed, match=diagnosis):
        check_diagnosis(answer, key[0])


def test_there_is_evidence_for_every_run():
    assert set(EVIDENCE) == set(RUNS)


# --- all ---


@pytest.mark.parametrize("check", [check_epoch_means, check_moving_average])
def test_a_stub_is_not_attempted_yet(check, capsys):
    check(lambda *inputs: None)
    assert "not attempted yet" in capsys.readouterr().out


def test_an_empty_diagnosis_is_not_attempted_yet(key, capsys):
    check_diagnosis(dict.fromkeys("ABCDEF"), key[0])
    assert "not attempted yet" in capsys.readouterr().out


def test_the_notebooks_own_solutions_pass(capsys):
    notebook = REPOSITORY / "notebooks" / "04_loss_plots.ipynb"
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    text = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    solutions = {"math": math}
    for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(code, solutions)
    checks.check_epoch_means(solutions["epoch_means"])
    checks.check_moving_average(solutions["moving_average"])
    checks.check_diagnosis(solutions["diagnosis"])
    assert capsys.readouterr().out.count("correct") == 3
