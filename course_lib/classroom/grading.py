"""Grading all submissions of an assignment; one that misbehaves does not stop the others."""

import contextlib
import csv
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from course_lib.classroom import guard
from course_lib.classroom.generating import (
    ASSIGNMENTS_DIR,
    CONFIG,
    ClassroomError,
    generate,
    temporary_course,
)
from course_lib.classroom.mending import put_back
from course_lib.files import replacing

STARTUP = "from course_lib.classroom import guard\n\nguard.install()\ndel guard\n"


@dataclass(frozen=True)
class Grade:
    """Points of one submission. ``cells``: None where a person has to give the points."""

    student: str
    cells: dict[str, float | None] = field(default_factory=dict)
    most: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    failed: str = ""

    @property
    def points(self) -> float:
        """The sum of the points given by the autograder."""
        return sum(points for points in self.cells.values() if points is not None)

    @property
    def waiting(self) -> float:
        """The most that a person may add by hand."""
        return sum(self.most[name] for name, points in self.cells.items() if points is None)


def find_submissions(folder: Path, assignment: str) -> list[str]:
    """Students with a folder ``folder/STUDENT/assignment`` that holds a notebook.

    Raises:
        ClassroomError: there is none.
    """
    found = sorted(path.parents[1].name for path in folder.glob(f"*/{assignment}/*.ipynb"))
    if not found:
        raise ClassroomError(
            f"{folder}: no submissions of {assignment}; each belongs into "
            f"STUDENT/{assignment}/ with the file name of the release"
        )
    return sorted(set(found))


def grade_all(
    assignment: str,
    submitted: Path,
    out: Path,
    students: list[str] | None = None,
    cell_seconds: int = 120,
    submission_seconds: int = 900,
) -> Iterator[Grade]:
    """Grade submissions one after the other, and write ``grades_ASSIGNMENT.csv`` at the end.

    Args:
        submitted: folder with ``STUDENT/ASSIGNMENT/NOTEBOOK.ipynb``.
        out: gets ``gradebook.db``, ``autograded``, ``feedback`` and the table. It is a course
            folder without sources, so that submissions do not run beside the solutions.
        cell_seconds: a cell that runs longer is interrupted and fails; the next one runs.
        submission_seconds: a submission that takes longer in all is ended, with all its processes.

    Raises:
        ClassroomError: an unknown assignment, or no submissions.
    """
    if not (ASSIGNMENTS_DIR / "source" / assignment).is_dir():
        raise ClassroomError(f"there is no assignment {assignment}; see notebooks/assignments")
    students = students or find_submissions(submitted, assignment)
    prepare(out, assignment)
    grades = []
    for student in students:
        place = out / "submitted" / student / assignment
        if place.resolve() != (submitted / student / assignment).resolve():
            shutil.rmtree(place, ignore_errors=True)
            shutil.copytree(submitted / student / assignment, place)
        grades.append(grade_student(out, assignment, student, cell_seconds, submission_seconds))
        yield grades[-1]
    write_table(out / f"grades_{assignment}.csv", grades)


def prepare(out: Path, assignment: str) -> None:
    """Put settings and a gradebook that knows the assignment into ``out``."""
    out.mkdir(parents=True, exist_ok=True)
    shutil.copy(ASSIGNMENTS_DIR / CONFIG, out)
    startup = out / ".ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True, exist_ok=True)
    (startup / "00_guard.py").write_text(STARTUP, encoding="utf-8")
    with temporary_course() as course:
        book = out / "gradebook.db"
        if book.is_file():
            shutil.copy(book, course)
        generate(course, [assignment])
        with replacing(book) as temporary:
            shutil.copy(course / "gradebook.db", temporary)
        shutil.copytree(course / "release" / assignment, out / "release" / assignment,
                        dirs_exist_ok=True)  # fmt: skip


def grade_student(
    out: Path, assignment: str, student: str, cell_seconds: int, submission_seconds: int
) -> Grade:
    """Grade one submission in a process of its own."""
    log = out / f"guard_{student}_{assignment}.log"
    log.unlink(missing_ok=True)
    environment = os.environ | {
        "IPYTHONDIR": str((out / ".ipython").resolve()),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        guard.LOG: str(log.resolve()),
    }
    for kind in ("autograded", "feedback"):
        shutil.rmtree(out / kind / student / assignment, ignore_errors=True)
    command = [sys.executable, "-m", "course_lib.classroom.worker",
               str(out.resolve()), assignment, student, str(cell_seconds)]  # fmt: skip
    mended = []
    for release in sorted((out / "release" / assignment).glob("*.ipynb")):
        mended += put_back(out / "submitted" / student / assignment / release.name, release)
    result = run_limited(command, environment, submission_seconds)
    tried = sorted(set(log.read_text(errors="replace").split("\n")) - {""}) if log.is_file() else []
    log.unlink(missing_ok=True)
    notes = [f"{name}: this cell was deleted, and put back" for name in mended]
    notes += [f"tried to read while being graded: {name}" for name in tried[:5]]
    if "failed" in result:
        grade = Grade(student, notes=tuple(notes), failed=result["failed"])
        page = out / "feedback" / student / assignment / "not_graded.txt"
        page.parent.mkdir(parents=True, exist_ok=True)
        text = "\n".join([f"Not graded: {grade.failed}.", *notes])
        page.write_text(f"{text}\nMend the notebook and hand it in again.\n", encoding="utf-8")
        return grade
    return Grade(student, result["cells"], result["most"], (*notes, *result["notes"]))


def run_limited(command: list[str], environment: dict[str, str], seconds: float) -> dict:
    """Run a worker; its JSON, or ``{"failed": reason}``. Nothing that it started outlives it."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen(
        command, env=environment, encoding="utf-8", errors="replace", **pipes
    )
    watched = psutil.Process(process.pid)
    children: dict[int, psutil.Process] = {}
    deadline = time.monotonic() + seconds
    output = errors = ""
    failed = ""
    while True:
        with contextlib.suppress(psutil.NoSuchProcess):
            # A kernel that its parent lost is found again by what was seen here.
            children |= {child.pid: child for child in watched.children(recursive=True)}
        try:
            output, errors = process.communicate(timeout=0.5)
            break
        except subprocess.TimeoutExpired:
            if time.monotonic() > deadline:
                failed = f"ended after {seconds:.0f} s: it did not react to being interrupted"
                process.kill()
                for child in children.values():
                    end(child)
                process.communicate()
                break
    for child in children.values():
        end(child)
    if failed:
        return {"failed": failed}
    try:
        return json.loads(output.rstrip("\n").rpartition("\n")[2])
    except json.JSONDecodeError:
        said = " ".join((errors or "no reason given").strip().splitlines()[-1:])
        return {"failed": f"the grader ended with code {process.returncode}: {said[:300]}"}


def end(process: psutil.Process) -> None:
    """Kill a process, if it is still the one that was seen (psutil compares start times)."""
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return


def write_table(path: Path, grades: list[Grade]) -> None:
    """One line per student: points by cell, the sum, what is left for a person, notes."""
    names = sorted({name for grade in grades for name in grade.cells})
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["student", *names, "points", "by hand, at most", "notes"])
        for grade in grades:
            cells = ["" if grade.cells.get(name) is None else grade.cells[name] for name in names]
            said = "; ".join([grade.failed and f"NOT GRADED: {grade.failed}", *grade.notes])
            rows.writerow([grade.student, *cells, grade.points, grade.waiting, said.strip("; ")])
