"""Copies of the lessons: made once, and from then on they belong to the student."""

import json
import subprocess
from pathlib import Path

import pytest

from course_lib import REPOSITORY
from course_lib.classroom import lesson_copies
from course_lib.classroom.lesson_copies import Copies, copy_lessons


@pytest.fixture
def originals(tmp_path, monkeypatch):
    """A folder of two lessons that stands for the repository's."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    for name in ("00_start.ipynb", "01_next.ipynb"):
        (folder / name).write_text(f"original {name}")
    (folder / "settings.json").write_text("{}")
    monkeypatch.setattr(lesson_copies, "LESSONS_DIR", folder)
    return folder


def names(folder):
    """Files that one sees in a folder, those in folders within it included."""
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(path.as_posix() for path in found if path.name != ".copied.json")


def notebook(*sources, outputs=()):
    cells = [
        {"cell_type": "code", "source": source, "outputs": list(outputs), "metadata": {}}
        for source in sources
    ]
    return json.dumps({"cells": cells, "metadata": {}})


def test_every_lesson_and_assignment_is_copied_and_nothing_else(originals, tmp_path):
    release = originals / "assignments" / "release" / "A1" / "A1_features.ipynb"
    release.parent.mkdir(parents=True)
    release.write_text("homework")
    work = tmp_path / "deep" / "work"
    done = copy_lessons(work)
    assert names(work) == ["00_start.ipynb", "01_next.ipynb", "assignments/A1/A1_features.ipynb"]
    assert done.copied == [work / name for name in names(work)]
    assert done == Copies(copied=done.copied)
    assert (work / "01_next.ipynb").read_bytes() == (originals / "01_next.ipynb").read_bytes()


def test_copies_come_without_outputs(originals, tmp_path):
    printed = {"output_type": "stream", "name": "stdout", "text": ["the answer: ä\n"]}
    (originals / "00_start.ipynb").write_text(notebook("1 + 1", outputs=[printed]))
    copy_lessons(tmp_path)
    (cell,) = json.loads((tmp_path / "00_start.ipynb").read_text())["cells"]
    assert cell["outputs"] == [] and cell["source"] == "1 + 1"
    assert copy_lessons(tmp_path).kept[0] == tmp_path / "00_start.ipynb"


@pytest.mark.parametrize("update", [False, True])
def test_an_edited_copy_is_never_touched(originals, tmp_path, update):
    work = tmp_path / "work"
    copy_lessons(work)
    mine = work / "00_start.ipynb"
    mine.write_text("my answers")
    assert copy_lessons(work, update).kept == [mine, work / "01_next.ipynb"]
    (originals / "00_start.ipynb").write_text("a newer original")
    done = copy_lessons(work, update)
    assert done == Copies(kept=[work / "01_next.ipynb"], beside=[mine])
    assert mine.read_text() == "my answers"
    beside = work / "00_start (new version).ipynb"
    assert beside.exists() == update
    if update:
        assert beside.read_text() == "a newer original"
        assert copy_lessons(work, update).beside == []  # told once
        assert mine.read_text() == "my answers"


def test_a_copy_that_was_only_run_gets_the_new_version_when_asked(originals, tmp_path):
    work, lesson = tmp_path / "work", originals / "00_start.ipynb"
    lesson.write_text(notebook("1 + 1"))
    copy_lessons(work)
    mine = work / "00_start.ipynb"
    mine.write_text(notebook("1 + 1", outputs=[{"output_type": "stream", "text": "2"}]))
    lesson.write_text(notebook("1 + 2"))
    assert copy_lessons(work).outdated == [mine]
    assert "1 + 1" in mine.read_text()
    assert copy_lessons(work, update=True).updated == [mine]
    assert "1 + 2" in mine.read_text()
    assert copy_lessons(work, update=True) == Copies(kept=[mine, work / "01_next.ipynb"])


@pytest.mark.parametrize("record", [None, "broken", "[]"])
def test_without_a_record_every_copy_that_differs_counts_as_the_students(
    originals, tmp_path, record
):
    work = tmp_path / "work"
    copy_lessons(work)
    (work / ".copied.json").unlink()
    if record:
        (work / ".copied.json").write_text(record)
    (originals / "00_start.ipynb").write_text("a newer original")
    copy_lessons(work, update=True)
    assert (work / "00_start.ipynb").read_text() == "original 00_start.ipynb"


def test_the_command_says_what_it_brought_and_what_it_left(originals, tmp_path, run):
    work = tmp_path / "work"
    code, out, _ = run("copy-lessons", "--out", work)
    assert code == 0 and "assignments" not in out
    (work / "00_start.ipynb").write_text("my answers")
    for name in ("00_start.ipynb", "01_next.ipynb"):
        (originals / name).write_text("newer")
    _, out, _ = run("copy-lessons", "--out", work)
    assert "01_next.ipynb has a new version: copy-lessons --update brings it" in out
    assert "00_start.ipynb is yours and stays" in out and "with copy-lessons --update" in out
    _, out, _ = run("copy-lessons", "--out", work, "--update")
    assert "01_next.ipynb is the new version now" in out and "lies beside it" in out
    assert names(work) == ["00_start (new version).ipynb", "00_start.ipynb", "01_next.ipynb"]


def test_a_deleted_copy_and_a_new_lesson_are_brought(originals, tmp_path):
    work = tmp_path / "work"
    copy_lessons(work)
    (work / "01_next.ipynb").unlink()
    (originals / "02_new.ipynb").write_text("new")
    done = copy_lessons(work)
    assert [path.name for path in done.copied] == ["01_next.ipynb", "02_new.ipynb"]
    assert [path.name for path in done.kept] == ["00_start.ipynb"]


def test_the_students_own_files_stay(originals, tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    (work / "notes.txt").write_text("mine")
    copy_lessons(work)
    assert (work / "notes.txt").read_text() == "mine"


def test_the_originals_do_not_change(originals, tmp_path):
    copied = copy_lessons(tmp_path / "work").copied
    copied[0].write_text("my answers")
    assert (originals / copied[0].name).read_text() == "original 00_start.ipynb"


def test_a_copy_that_breaks_off_leaves_nothing_behind(originals, tmp_path, monkeypatch):
    def full_disk(path, data):
        path.write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full_disk)
    with pytest.raises(OSError, match="No space"):
        copy_lessons(tmp_path / "work")
    assert list((tmp_path / "work").iterdir()) == []


def test_the_courses_own_lessons_are_found(tmp_path):
    copied = copy_lessons(tmp_path / "work").copied
    there = sorted(path.name for path in (REPOSITORY / "notebooks").glob("*.ipynb"))
    assert [path.name for path in copied if path.parent == tmp_path / "work"] == there != []
    assert len(copied) == len(there) + 7  # and the assignments


def test_git_ignores_the_folder_of_copies():
    done = subprocess.run(["git", "check-ignore", "-q", "work/00_start_here.ipynb"], cwd=REPOSITORY)
    if done.returncode > 1:
        pytest.skip("not a git checkout")
    assert done.returncode == 0
