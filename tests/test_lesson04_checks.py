"""The checks of lesson 04: right answers pass, and each mistake is called by its name."""

import json
import math
import re

import pytest

from course_lib import REPOSITORY
from course_lib.lessons.answers import CheckFailed
from course_lib.lessons.lesson04 import build, checks
from course_lib.lessons.lesson04.checks import (
    EVIDENCE,
    check_diagnosis,
    check_epoch_means,
    check_moving_average,
)
from course_lib.lessons.lesson04.faults import RUNS
from course_lib.training.logs import read_log

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


# --- the build ---


def test_the_sick_runs_are_told_apart_by_their_signs():
    """Each illness raises a sign of its own above its limit, and health raises none."""
    key, alarms = build.shuffled_numbers(), {}
    for name, log in build.made_up_runs().items():
        signs = zip(build.LIMITS.items(), build.vital_signs(log, build.WINDOW), strict=True)
        alarms[key.get(name, name)] = [sign for (sign, limit), value in signs if value > limit]
    assert alarms == {
        "healthy": [],
        "nothing is learned": ["stuck"],
        "learning rate too high": ["stuck", "rebound", "relapse", "content"],
        "damaged images": ["spikes"],
        "never shuffled": ["rhythm"],
        "learned by heart": ["relapse"],
        "style weight too large": ["content"],
    }


def test_of_the_logged_runs_the_healthy_one_alone_raises_no_alarm():
    names = json.loads(checks.KEY_FILE.read_text(encoding="utf-8"))["results"]["letters"]
    quiet = []
    for letter, name in names.items():
        log = read_log(checks.KEY_FILE.with_name(f"{letter}.jsonl"))
        kept = [record for record in log if record["phase"] == "adain"]
        held_out = [
            record["held_out_content_loss"] + record["held_out_style_loss"]
            for record in kept
            if "held_out_style_loss" in record
        ]
        rows = {"loss": [r["loss"] for r in kept], "content": [r["content_loss"] for r in kept]}
        signs = build.vital_signs(rows | {"held_out": held_out}, 5)
        if all(sign <= limit for sign, limit in zip(signs, build.LIMITS.values(), strict=True)):
            quiet.append(name)
    assert quiet == ["healthy"]


def test_the_illnesses_have_a_key_and_clues(capsys):
    key = build.shuffled_numbers()
    build.check_illnesses(key)
    build.check_illnesses(dict.fromkeys(key))
    assert capsys.readouterr().out == (
        "six sick runs: correct, all six\nsix sick runs: not attempted yet\n"
    )
    with pytest.raises(
        CheckFailed, match=r"^4 of 6 are right\. Run 1 is not .*lesson 04, section 8"
    ):
        build.check_illnesses(key | {"1": key["2"], "2": key["1"]})


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
