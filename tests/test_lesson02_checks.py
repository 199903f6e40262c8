"""The checks of notebook 02: right answers pass in any style, wrong ones are named."""

import json
import re

import pytest
import torch

from course_lib import REPOSITORY
from course_lib import adain as course
from course_lib.lessons.lesson02 import build
from course_lib.lessons.lesson02.checks import check_adain, check_channel_statistics, check_mix

# --- all ------------------------------------------------------------------------------------


@pytest.mark.parametrize("check", [check_channel_statistics, check_adain, check_mix])
def test_a_stub_is_not_attempted_yet(check, capsys):
    check(lambda *inputs: None)
    assert "not attempted yet" in capsys.readouterr().out


@pytest.mark.parametrize("check", [check_channel_statistics, check_adain, check_mix])
def test_an_exception_of_the_student_tells_the_shapes(check):
    def broken(*inputs):
        raise RuntimeError("my own mistake")

    with pytest.raises(RuntimeError, match="my own mistake") as caught:
        check(broken)
    assert "inputs of shape" in caught.value.__notes__[0]


def test_the_notebooks_own_solutions_pass(capsys):
    notebook = REPOSITORY / "notebooks" / "02_adain_statistics.ipynb"
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    text = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    solutions = {"adain": course.adain, "channel_statistics": course.channel_statistics}
    solutions["torch"] = torch
    for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(code, solutions)
    check_channel_statistics(solutions["my_channel_statistics"])
    check_adain(solutions["my_adain"])
    check_mix(solutions["my_mix"])
    build.check_covariance(solutions["my_covariance"])
    build.check_matrix_power(solutions["my_matrix_power"])
    build.check_wct(solutions["my_wct"])
    assert capsys.readouterr().out.count("correct") == 6
