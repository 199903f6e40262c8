"""Hints at submissions that are alike: after renaming, and not where anybody would write it."""

import json

import pytest
from command_kit import complains
from grading_kit import solution, submit

from course_lib.classroom.similarity import find_hints, shape

MINE = """def pooled(means, stds, counts):
    \"\"\"Mine.\"\"\"
    total = counts.sum()
    mean = (counts[:, None] * means).sum(0) / total  # weigh
    squares = (counts[:, None] * (stds * stds + means * means)).sum(0) / total
    return mean, (squares - mean * mean).clamp(min=0).sqrt()
"""
RENAMED = MINE.replace("Mine.", "Written by me alone.").replace("  # weigh", "")
for old, new in (
    ("total", "n"),
    ("mean ", "m "),
    (" mean,", " m,"),
    ("mean)", "m)"),
    ("squares", "q"),
):
    RENAMED = RENAMED.replace(old, new)
OTHER = """def pooled(means, stds, counts):
    share = counts / counts.sum()
    mean = torch.einsum("t,tc->c", share, means)
    spread = torch.einsum("t,tc->c", share, stds**2)
    spread += torch.einsum("t,tc->c", share, (means - mean) ** 2)
    return [mean, spread.sqrt()]
"""


def hand_in(folder, student, code, more=()):
    notebook = solution("A2")
    notebook["cells"] += [
        {"cell_type": "code", "id": name, "metadata": {}, "source": "1", "outputs": []}
        for name in more
    ]
    return submit(folder, student, "A2", notebook, changes={"a2-tiles": code})


def test_renamed_code_is_found_and_other_code_is_not(tmp_path):
    for student, code in (("ada", MINE), ("ben", RENAMED), ("cem", OTHER), ("dan", MINE)):
        hand_in(tmp_path, student, code)
    found = {hint.students: hint for hint in find_hints(tmp_path, "A2")}
    assert set(found) == {("ada", "ben"), ("ada", "dan"), ("ben", "dan")}
    assert found["ada", "ben"].same_code == ("a2-tiles",)
    assert found["ada", "ben"].same_text == () and found["ada", "dan"].same_text == ("a2-tiles",)
    assert "the same code but for names in a2-tiles" in str(found["ada", "ben"])


def test_what_many_write_and_the_published_solution_are_no_hint(tmp_path):
    for student in ("ada", "ben"):
        submit(tmp_path, student, "A2")
    assert find_hints(tmp_path, "A2") == []
    for student in "pqrs":
        hand_in(tmp_path, student, MINE)
    assert find_hints(tmp_path, "A2") == []


def test_cells_with_the_same_id_are_a_hint_whatever_is_in_them(tmp_path):
    hand_in(tmp_path, "ada", MINE, more=("1f2e3d", "a0b1c2"))
    hand_in(tmp_path, "ben", OTHER, more=("1f2e3d",))
    hand_in(tmp_path, "cem", "def pooled(", more=("ffffff",))
    (hint,) = find_hints(tmp_path, "A2")
    assert hint.students == ("ada", "ben") and hint.same_cells == 1 and hint.same_code == ()


def test_what_is_no_notebook_is_left_out(tmp_path):
    hand_in(tmp_path, "ada", MINE)
    hand_in(tmp_path, "ben", MINE).write_text("no notebook")
    hand_in(tmp_path, "cem", MINE).write_text(json.dumps({"cells": [3]}))
    assert find_hints(tmp_path, "A2") == []


def test_short_answers_and_broken_ones_have_no_shape():
    assert shape("def f(x):\n    return x") == "" == shape("def f(") == shape("\0")
    assert shape(MINE) == shape(RENAMED) != shape(OTHER)


def test_the_command_words_it_as_a_hint(tmp_path, run):
    complains(run("similarity", "A2", tmp_path), "no submissions of A2")
    for student in ("ada", "ben"):
        hand_in(tmp_path, student, MINE)
    code, out, _ = run("similarity", "A2", tmp_path)
    assert code == 0 and "ada and ben: the same code" in out and "no proof" in out
    assert not any(word in out.lower() for word in ("plagiar", "cheat", "copied from"))
    complains(run("similarity", "A9", tmp_path), "there is no assignment A9")


@pytest.mark.parametrize("folder", ["nowhere", "."])
def test_a_folder_without_submissions_is_told(tmp_path, run, folder):
    complains(run("similarity", "A2", tmp_path / folder), "no submissions")
