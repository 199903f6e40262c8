"""Submissions for tests: an assignment with some cells changed, as students hand them in."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from course_lib.classroom import grading
from course_lib.classroom.generating import ASSIGNMENTS_DIR

SOURCE, RELEASE = ASSIGNMENTS_DIR / "source", ASSIGNMENTS_DIR / "release"


def notebook_of(assignment: str, folder: Path = SOURCE) -> Path:
    """The one notebook of an assignment."""
    (path,) = (folder / assignment).glob("*.ipynb")
    return path


def read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def text_of(cell: dict) -> str:
    return "".join(cell["source"])


def solution(assignment: str) -> dict:
    """The release with the source's answers in it: what a perfect student hands in."""
    notebook, full = read(notebook_of(assignment, RELEASE)), read(notebook_of(assignment))
    answers = {
        cell["id"]: cell["source"]
        for cell in full["cells"]
        if cell["metadata"].get("nbgrader", {}).get("solution")
    }
    for cell in notebook["cells"]:
        if cell["id"] in answers:
            lines = "".join(answers[cell["id"]]).splitlines(keepends=True)
            cell["source"] = [line for line in lines if "### " not in line]
    return notebook


def submit(
    folder: Path,
    student: str,
    assignment: str,
    notebook: dict | None = None,
    changes: dict[str, str] | None = None,
    delete: tuple[str, ...] = (),
    replace: dict[str, tuple[str, str]] | None = None,
) -> Path:
    """Write ``folder/STUDENT/ASSIGNMENT/NOTEBOOK.ipynb``.

    Args:
        notebook: what is handed in; the full solution if not given.
        changes: cell id -> new source.
        replace: cell id -> (text, other text); the text must be there.
        delete: cells to leave out.
    """
    notebook = notebook or solution(assignment)
    for cell in notebook["cells"]:
        # Numbers of their own are those of the student's name.
        cell["source"] = text_of(cell).replace('name = "ada"', f'name = "{student}"')
        if cell["id"] in (changes or {}):
            cell["source"] = changes[cell["id"]]
        if cell["id"] in (replace or {}):
            old, new = replace[cell["id"]]
            assert old in text_of(cell), (cell["id"], old)
            cell["source"] = text_of(cell).replace(old, new)
    missing = set(changes or {}) | set(replace or {}) | set(delete)
    assert missing <= {cell["id"] for cell in notebook["cells"]}
    notebook["cells"] = [cell for cell in notebook["cells"] if cell["id"] not in delete]
    path = folder / student / assignment / notebook_of(assignment).name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return path


def submit_untouched(folder: Path, student: str, assignment: str) -> None:
    target = folder / student / assignment
    target.mkdir(parents=True)
    shutil.copy(notebook_of(assignment, RELEASE), target)


def grade(assignment: str, folder: Path, **options: int) -> dict[str, grading.Grade]:
    """Grade ``folder/in`` into ``folder/out``; grades by student."""
    grades = grading.grade_all(assignment, folder / "in", folder / "out", **options)
    return {grade.student: grade for grade in grades}


def instructor_check() -> tuple[int, str]:
    """Exit code and output of the command."""
    command = [sys.executable, "-m", "course_lib", "instructor-check"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=1800)
    return done.returncode, done.stdout
