"""Grading all submissions of an assignment; one that misbehaves does not stop the others.

Each submission runs in a process of its own, in a course folder of its own, with a gradebook that
holds nobody else; where bubblewrap (``bwrap``) is installed it has no network either, and can write
nowhere but there. What is its student's is then taken over from that gradebook.
"""

import contextlib
import functools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import matplotlib
import psutil

from course_lib import DATA_DIR, REPOSITORY, STUDENT
from course_lib.classroom import kernel_guard
from course_lib.classroom.generating import (
    ASSIGNMENTS_DIR,
    CONFIG,
    ClassroomError,
    generate,
    temporary_course,
)
from course_lib.classroom.ledger import read_table, write_table
from course_lib.classroom.notebook_repair import mend
from course_lib.system.files import replacing

BOOK, EMPTY_BOOK = "gradebook.db", ".empty_{}.db"
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
    """Grade submissions one after the other; ``grades_ASSIGNMENT.csv`` is kept up to date.

    The rows of students who are not graded this time stay in the table.

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
    for student in students:
        place = out / "submitted" / student / assignment
        if place.resolve() != (submitted / student / assignment).resolve():
            shutil.rmtree(place, ignore_errors=True)
            copy_files(submitted / student / assignment, place)
        try:
            grade = grade_student(out, assignment, student, cell_seconds, submission_seconds)
        except OSError as error:  # whatever it is, the next one's turn comes
            grade = Grade(student, failed=f"{type(error).__name__}: {error}")
        update_table(out / f"grades_{assignment}.csv", grade)
        yield grade


def copy_files(source: Path, target: Path) -> None:
    """Copy a submission without its links, which may lead anywhere."""

    def links(folder: str, names: list[str]) -> list[str]:
        return [name for name in names if (Path(folder) / name).is_symlink()]

    shutil.copytree(source, target, ignore=links)


def prepare(out: Path, assignment: str) -> None:
    """Put settings, a gradebook that knows the assignment, and one without people into ``out``."""
    out.mkdir(parents=True, exist_ok=True)
    shutil.copy(ASSIGNMENTS_DIR / CONFIG, out)
    # formgrader lists assignments by these folders; solutions stay where they are.
    (out / "source" / assignment).mkdir(parents=True, exist_ok=True)
    with temporary_course() as course:
        book, empty = out / BOOK, out / EMPTY_BOOK.format(assignment)
        generate(course, [assignment])
        with replacing(empty) as temporary:
            shutil.copy(course / BOOK, temporary)
        if book.is_file():
            shutil.copy(book, course)
            generate(course, [assignment])
        with replacing(book) as temporary:
            shutil.copy(course / BOOK, temporary)
        shutil.copytree(
            course / "release" / assignment, out / "release" / assignment, dirs_exist_ok=True
        )


def grade_student(
    out: Path, assignment: str, student: str, cell_seconds: int, submission_seconds: int
) -> Grade:
    """Grade one submission: a process of its own in a course folder of its own.

    Only this student's points, the graded notebook and the feedback of a submission that was graded
    come back into ``out``: whatever else it changes or deletes around itself, the course's programs
    too, is gone with its folder.
    """
    place = Path(student) / assignment
    for kind in ("autograded", "feedback"):
        shutil.rmtree(out / kind / place, ignore_errors=True)
    notes, checks = [], ""
    for release in sorted((out / "release" / assignment).glob("*.ipynb")):
        notes += mend(out / "submitted" / place, release)
        found = re.search(r"from (course_lib[\w.]+) import homework", release.read_text("utf-8"))
        checks = f"{found[1]}.homework" if found else checks
    with tempfile.TemporaryDirectory(prefix="grading-", ignore_cleanup_errors=True) as name:
        folder, log = Path(name) / "course", Path(name) / f"{student}.log"
        copy_files(out / "submitted" / place, folder / "submitted" / place)
        startup = folder / ".ipython" / "profile_default" / "startup"
        startup.mkdir(parents=True)
        (startup / "00_guard.py").write_text(STARTUP, encoding="utf-8")
        shutil.copy(out / CONFIG, folder)
        own = folder / BOOK
        shutil.copy(out / EMPTY_BOOK.format(assignment), own)
        fonts = folder / ".matplotlib"  # found once, and not again in every kernel
        with contextlib.suppress(OSError):
            shutil.copytree(matplotlib.get_cachedir(), fonts)
        command = [
            *sandbox(Path(name)),
            sys.executable,
            "-m",
            "course_lib.classroom.worker",
            str(folder),
            assignment,
            student,
            str(cell_seconds),
        ]
        library = Path(name) / "library"
        copy_course(library)
        path = os.pathsep.join(filter(None, [str(library), os.environ.get("PYTHONPATH")]))
        environment = os.environ | {
            "PYTHONPATH": path,
            "IPYTHONDIR": str(folder / ".ipython"),
            "JUPYTER_RUNTIME_DIR": str(folder / ".runtime"),
            "MPLCONFIGDIR": str(fonts),
            "MPLBACKEND": "module://matplotlib_inline.backend_inline",
            kernel_guard.LOG: str(log),
            kernel_guard.CHECKS: checks,
            STUDENT: student,
        }
        result = run_limited(command, environment, submission_seconds)
        notes += tripped(log)
        if "failed" not in result:
            for kind in ("autograded", "feedback"):
                if (folder / kind / place).is_dir():
                    shutil.copytree(folder / kind / place, out / kind / place)
            with replacing(out / BOOK) as temporary:
                shutil.copy(out / BOOK, temporary)
                take_over(own, temporary, assignment, student)
            points = points_of(out / BOOK, assignment, student)
            return Grade(student, **points, notes=(*notes, *result["notes"]))
    page = out / "feedback" / place / "not_graded.txt"
    page.parent.mkdir(parents=True, exist_ok=True)
    text = "\n".join([f"Not graded: {result['failed']}.", *notes])
    page.write_text(f"{text}\nMend the notebook and hand it in again.\n", encoding="utf-8")
    return Grade(student, notes=tuple(notes), failed=result["failed"])


@functools.cache
def has_sandbox() -> bool:
    """Whether bubblewrap is installed and allowed here."""
    command = [*_BUBBLE, "true"]
    try:
        return subprocess.run(command, capture_output=True, timeout=30, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


_BUBBLE = (
    *("bwrap", "--unshare-net", "--unshare-pid", "--die-with-parent"),
    *("--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", tempfile.gettempdir()),
)


def sandbox(folder: Path) -> list[str]:
    """What to put before a command: no network, and only ``folder`` can be written; or nothing."""
    if not has_sandbox():
        return []
    temporary = Path(tempfile.gettempdir()).resolve()
    needed = {Path(place).resolve() for place in (REPOSITORY, sys.prefix, sys.base_prefix)}
    hidden = [str(place) for place in needed if place.is_relative_to(temporary)]
    shown = [word for place in hidden for word in ("--ro-bind", place, place)]
    return [*_BUBBLE, *shown, "--bind", str(folder), str(folder)]


def copy_course(folder: Path) -> None:
    """A course of one's own to import: what a submission writes into its programs stays there."""
    skip = shutil.ignore_patterns("__pycache__")
    shutil.copytree(REPOSITORY / "course_lib", folder / "course_lib", ignore=skip)
    (folder / "data").symlink_to(DATA_DIR, target_is_directory=True)


def take_over(source: Path, target: Path, assignment: str, student: str) -> None:
    """Copy what the autograder gave one student from one gradebook into another.

    Points are at least 0 and at most what ``target`` has for the cell. Marks and comments by hand
    are those of ``target``; if points change below a mark, a person has to look again.
    """
    from nbgrader.api import Gradebook, MissingEntry

    with Gradebook(f"sqlite:///{source}") as old, Gradebook(f"sqlite:///{target}") as new:
        try:
            theirs = old.find_submission(assignment, student)
        except MissingEntry:
            return
        new.update_or_create_student(student)
        with new.db.no_autoflush:
            new.update_or_create_submission(assignment, student, timestamp=theirs.timestamp)
        for notebook in theirs.notebooks:
            where = notebook.name, assignment, student
            for grade in notebook.grades:
                with contextlib.suppress(MissingEntry):
                    mine = new.find_grade(grade.name, *where)
                    score = grade.auto_score
                    score = score and min(max(score, 0), mine.max_score)
                    changed = mine.manual_score is not None and score != mine.auto_score
                    mine.needs_manual_grade = score is None or changed
                    mine.auto_score = score
            for comment in notebook.comments:
                with contextlib.suppress(MissingEntry):
                    new.find_comment(comment.name, *where).auto_comment = comment.auto_comment
        new.db.commit()


def points_of(book: Path, assignment: str, student: str) -> dict[str, dict]:
    """Points of each graded cell, and the most; None where a person has to give them."""
    from nbgrader.api import Gradebook

    cells, most = {}, {}
    with Gradebook(f"sqlite:///{book}") as found:
        for notebook in found.find_submission(assignment, student).notebooks:
            for grade in notebook.grades:
                cells[grade.name] = None if grade.needs_manual_grade else grade.score
                most[grade.name] = grade.max_score
    return {"cells": cells, "most": most}


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
                busy = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0
                if busy > 1.5 * (os.cpu_count() or 1):
                    failed += f"; this machine was busy (load {busy:.0f}), so grade it once more"
                process.kill()
                for child in children.values():
                    end(child)
                process.communicate()
                break
    log = environment[kernel_guard.LOG]
    for child in [*children.values(), *processes_with(log)]:
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


def processes_with(log: str) -> list[psutil.Process]:
    """Processes of a submission that nobody waits for any more: they know its guard's log."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(kernel_guard.LOG) == log and process.pid != os.getpid():
                found.append(process)
    return found


def end(process: psutil.Process) -> None:
    """Kill a process, if it is still the one that was seen (psutil compares start times)."""
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return


def update_table(path: Path, grade: Grade) -> None:
    """Put one student's row into the table: points by cell, the sum, what is left, notes.

    The other rows stay as they are.
    """
    rows = {}
    if path.is_file():
        rows = {row["student"]: row for row in read_table(path, ("student",))}
    said = "; ".join([grade.failed and f"NOT GRADED: {grade.failed}", *grade.notes]).strip("; ")
    last = {"points": grade.points, "by hand, at most": grade.waiting, "notes": said}
    cells = {name: "" if points is None else points for name, points in grade.cells.items()}
    rows[grade.student] = {"student": grade.student, **cells, **last}
    names = dict.fromkeys(name for row in rows.values() for name in row)
    columns = ["student", *sorted(set(names) - {"student", *last}), *last]
    blank = dict.fromkeys(columns, "")
    write_table(path, [blank | rows[student] for student in sorted(rows)])
