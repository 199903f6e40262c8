"""Copies of the lessons: made once, and from then on they belong to the student."""

import json
import subprocess
from pathlib import Path

import pytest

from course_lib import REPOSITORY
from course_lib.classroom import lesson_copies
from course_lib.classroom.lesson_copies import copy_lessons


def notebook(name, run=True):
    """One cell of text and one of code; ``run`` gives the code its output."""
    printed = {"output_type": "stream", "name": "stdout", "text": ["the answer: ä\n"]}
    code = {"execution_count": 1 if run else None, "outputs": [printed] if run else []}
    return {
        "cells": [
            {"cell_type": "markdown", "metadata": {}, "source": [name]},
            {"cell_type": "code", "metadata": {}, "source": ["print()"]} | code,
        ],
        "nbformat": 4,
    }


@pytest.fixture
def originals(tmp_path, monkeypatch):
    """A folder of two lessons that stands for the repository's."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    for name in ("00_start.ipynb", "01_next.ipynb"):
        (folder / name).write_text(json.dumps(notebook(name)))
    (folder / "settings.json").write_text("{}")
    monkeypatch.setattr(lesson_copies, "LESSONS_DIR", folder)
    return folder


def test_every_lesson_is_copied_and_nothing_else(originals, tmp_path):
    work = tmp_path / "deep" / "work"
    copied, kept = copy_lessons(work)
    assert copied == [work / "00_start.ipynb", work / "01_next.ipynb"]
    assert kept == []
    assert sorted(work.iterdir()) == copied
    assert json.loads(copied[1].read_text()) == notebook("01_next.ipynb", run=False)


def test_an_edited_copy_is_never_touched(originals, tmp_path):
    work = tmp_path / "work"
    copy_lessons(work)
    (work / "00_start.ipynb").write_text("my answers")
    (originals / "00_start.ipynb").write_text(json.dumps(notebook("newer")))
    copied, kept = copy_lessons(work)
    assert copied == []
    assert kept == [work / "00_start.ipynb", work / "01_next.ipynb"]
    assert (work / "00_start.ipynb").read_text() == "my answers"


def test_a_deleted_copy_and_a_new_lesson_are_brought(originals, tmp_path):
    work = tmp_path / "work"
    copy_lessons(work)
    (work / "01_next.ipynb").unlink()
    (originals / "02_new.ipynb").write_text(json.dumps(notebook("new")))
    copied, kept = copy_lessons(work)
    assert [path.name for path in copied] == ["01_next.ipynb", "02_new.ipynb"]
    assert [path.name for path in kept] == ["00_start.ipynb"]


def test_the_students_own_files_stay(originals, tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    (work / "notes.txt").write_text("mine")
    copy_lessons(work)
    assert (work / "notes.txt").read_text() == "mine"


def test_the_originals_do_not_change(originals, tmp_path):
    copied, _ = copy_lessons(tmp_path / "work")
    copied[0].write_text("my answers")
    assert json.loads((originals / copied[0].name).read_text()) == notebook(copied[0].name)


def test_a_copy_that_breaks_off_leaves_nothing_behind(originals, tmp_path, monkeypatch):
    def full_disk(path, text, **_):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full_disk)
    with pytest.raises(OSError, match="No space"):
        copy_lessons(tmp_path / "work")
    assert list((tmp_path / "work").iterdir()) == []


def test_the_courses_own_lessons_are_found(tmp_path):
    copied, _ = copy_lessons(tmp_path / "work")
    there = sorted(path.name for path in (REPOSITORY / "notebooks").glob("*.ipynb"))
    assert [path.name for path in copied] == there != []


def test_git_ignores_the_folder_of_copies():
    done = subprocess.run(["git", "check-ignore", "-q", "work/00_start_here.ipynb"], cwd=REPOSITORY)
    if done.returncode > 1:
        pytest.skip("not a git checkout")
    assert done.returncode == 0
