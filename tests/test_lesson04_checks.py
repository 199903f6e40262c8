"""The checks of lesson 04: right answers pass, and each mistake is called by its name."""

import json
import math
import re

import pytest

from course_lib import REPOSITORY
from course_lib.lessons.checking import CheckFailed
from course_lib.lessons.lesson04 import checks
from course_lib.lessons.lesson04.checks import (
    EVIDENCE,
    check_diagnosis,
    check_epoch_means,
    check_moving_average,
)
from course_lib.lessons.lesson04.faults import RUNS

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
