"""Grading all submissions of an assignment; one that misbehaves does not stop the others."""

import contextlib
import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from course_lib.classroom import kernel_guard
from course_lib.classroom.generating import (
    ASSIGNMENTS_DIR,
    CONFIG,
    ClassroomError,
    generate,
    temporary_course,
)
from course_lib.classroom.notebook_repair import mend
from course_lib.system.files import replacing

BOOK = "gradebook.db"
STARTUP = (
    "from course_lib.classroom import kernel_guard\n\nkernel_guard.install()\ndel kernel_guard\n"
)


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
            copy_files(submitted / student / assignment, place)
        try:
            grade = grade_student(out, assignment, student, cell_seconds, submission_seconds)
        except OSError as error:  # whatever it is, the next one's turn comes
            grade = Grade(student, failed=f"{type(error).__name__}: {error}")
        grades.append(grade)
        yield grades[-1]
    write_table(out / f"grades_{assignment}.csv", grades)


def copy_files(source: Path, target: Path) -> None:
    """Copy a submission without its links, which may lead anywhere."""

    def links(folder: str, names: list[str]) -> list[str]:
        return [name for name in names if (Path(folder) / name).is_symlink()]

    shutil.copytree(source, target, ignore=links)


def prepare(out: Path, assignment: str) -> None:
    """Put settings and a gradebook that knows the assignment into ``out``."""
    out.mkdir(parents=True, exist_ok=True)
    shutil.copy(ASSIGNMENTS_DIR / CONFIG, out)
    # formgrader lists assignments by these folders; solutions stay where they are.
    (out / "source" / assignment).mkdir(parents=True, exist_ok=True)
    with temporary_course() as course:
        book = out / BOOK
        if book.is_file():
            shutil.copy(book, course)
        generate(course, [assignment])
        with replacing(book) as temporary:
            shutil.copy(course / BOOK, temporary)
        shutil.copytree(course / "release" / assignment, out / "release" / assignment,
                        dirs_exist_ok=True)  # fmt: skip


def grade_student(
    out: Path, assignment: str, student: str, cell_seconds: int, submission_seconds: int
) -> Grade:
    """Grade one submission: a process of its own in a course folder of its own.

    Only the gradebook, the graded notebook and the feedback of a submission that was graded come
    back into ``out``: whatever else it changes or deletes around itself is gone with its folder.
    """
    place = Path(student) / assignment
    for kind in ("autograded", "feedback"):
        shutil.rmtree(out / kind / place, ignore_errors=True)
    notes = []
    for release in sorted((out / "release" / assignment).glob("*.ipynb")):
        notes += mend(out / "submitted" / place, release)
    with tempfile.TemporaryDirectory(prefix="grading-", ignore_cleanup_errors=True) as name:
        folder, log = Path(name) / "course", Path(name) / f"{student}.log"
        copy_files(out / "submitted" / place, folder / "submitted" / place)
        startup = folder / ".ipython" / "profile_default" / "startup"
        startup.mkdir(parents=True)
        (startup / "00_guard.py").write_text(STARTUP, encoding="utf-8")
        for needed in (CONFIG, BOOK):
            shutil.copy(out / needed, folder)
        command = [sys.executable, "-m", "course_lib.classroom.worker",
                   str(folder), assignment, student, str(cell_seconds)]  # fmt: skip
        environment = os.environ | {
            "IPYTHONDIR": str(folder / ".ipython"),
            "MPLBACKEND": "module://matplotlib_inline.backend_inline",
            kernel_guard.LOG: str(log),
        }
        result = run_limited(command, environment, submission_seconds)
        notes += tripped(log)
        if "failed" not in result:
            for kind in ("autograded", "feedback"):
                if (folder / kind / place).is_dir():
                    shutil.copytree(folder / kind / place, out / kind / place)
            with replacing(out / BOOK) as temporary:
                shutil.copy(folder / BOOK, temporary)
            return Grade(student, result["cells"], result["most"], (*notes, *result["notes"]))
    page = out / "feedback" / place / "not_graded.txt"
    page.parent.mkdir(parents=True, exist_ok=True)
    text = "\n".join([f"Not graded: {result['failed']}.", *notes])
    page.write_text(f"{text}\nMend the notebook and hand it in again.\n", encoding="utf-8")
    return Grade(student, notes=tuple(notes), failed=result["failed"])


def tripped(log: Path) -> list[str]:
    """What the submission tried to read or change, from the guard's log."""
    if not log.is_file():
        return []
    tried = sorted(set(log.read_text(errors="replace").split("\n")) - {""})
    return [f"tried to read or change while being graded: {name}" for name in tried[:5]]


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
                failed = f"ended after {seconds:.0f} s: that is the limit for a whole submission"
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
        if process.returncode < 0:
            return {"failed": f"the grader was killed (signal {-process.returncode})"}
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
