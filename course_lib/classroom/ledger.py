"""The ledger of a class: one row per student, with automatic points, marks by hand, and late days.

It is read from nbgrader's gradebook, which holds all assignments, and from a list of late days.
``learning_platforms`` brings it to Canvas and Moodle.
"""

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from course_lib.classroom.generating import ClassroomError, find_programs
from course_lib.system.files import replacing

LateDays = Mapping[tuple[str, str], float]


@dataclass(frozen=True)
class Entry:
    """Points of one student in one assignment; all zero where nothing was handed in.

    Attributes:
        waiting: the most that a person has still to give.
        penalty: points taken off, for late days and by nbgrader's own rule.
        most: the same for everybody.
    """

    student: str
    assignment: str
    automatic: float
    by_hand: float
    waiting: float
    late_days: float
    penalty: float
    most: float

    @property
    def total(self) -> float:
        return self.automatic + self.by_hand - self.penalty


def read_entries(book: Path, late: LateDays | None = None, percent: float = 0) -> list[Entry]:
    """Entries of all students and assignments of a gradebook, in order.

    Args:
        late: (student, assignment) -> days; a day that has begun counts.
        percent: of the points reached, taken off for each late day.

    Raises:
        ClassroomError: there is no such book, or it does not know somebody who is late.
    """
    from nbgrader.api import Gradebook

    if not book.is_file():
        raise ClassroomError(f"{book} is not there; grade submissions first")
    find_programs()
    late = dict(late or {})
    entries = []
    with Gradebook(f"sqlite:///{book}") as found:
        students = sorted(student.id for student in found.students)
        for assignment in sorted(found.assignments, key=lambda row: row.name):
            for student in students:
                days = late.pop((student, assignment.name), 0.0)
                entries.append(_entry(found, assignment, student, days, percent))
    if late:
        student, assignment = next(iter(late))
        raise ClassroomError(f"late days: the gradebook holds no {student} with {assignment}")
    return entries


def _entry(book: object, assignment: object, student: str, days: float, percent: float) -> Entry:
    from nbgrader.api import MissingEntry

    name, most = assignment.name, float(assignment.max_score)
    try:
        submission = book.find_submission(name, student)
    except MissingEntry:
        return Entry(student, name, 0, 0, 0, days, 0, most)
    automatic = by_hand = waiting = 0.0
    for grade in (grade for notebook in submission.notebooks for grade in notebook.grades):
        if grade.manual_score is None:
            automatic += grade.auto_score or 0
        else:
            by_hand += grade.manual_score
        by_hand += grade.extra_credit or 0
        waiting += grade.max_score if grade.needs_manual_grade else 0
    reached = automatic + by_hand
    lost = (submission.late_submission_penalty or 0) + reached * percent / 100 * math.ceil(days)
    return Entry(student, name, automatic, by_hand, waiting, days, min(lost, reached), most)


def read_late_days(path: Path) -> dict[tuple[str, str], float]:
    """Late days from a table with the columns student, assignment, days.

    Raises:
        ClassroomError: another file, or days that are no number from 0 up.
    """
    late = {}
    for number, row in enumerate(read_table(path, ("student", "assignment", "days")), 2):
        try:
            days = float(row["days"])
        except ValueError:
            days = -1
        if not 0 <= days < math.inf:
            raise ClassroomError(f"{path}, line {number}: {row['days']!r} is no number of days")
        late[row["student"], row["assignment"]] = days
    return late


def read_table(path: Path, needed: tuple[str, ...]) -> list[dict[str, str]]:
    """Rows of a CSV file with a header.

    Raises:
        ClassroomError: it cannot be read, or lacks one of the ``needed`` columns.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            table = csv.DictReader(file, restval="")
            rows, columns = list(table), table.fieldnames or []
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ClassroomError(f"{path} cannot be read as a table: {error}") from None
    if missing := [name for name in needed if name not in columns]:
        raise ClassroomError(f"{path} has no column {missing[0]!r}; its columns are {columns}")
    return rows


def write_table(path: Path, rows: list[dict[str, object]]) -> None:
    """Write rows with the columns of the first one."""
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)


def write_ledger(path: Path, entries: list[Entry]) -> None:
    """One row per student: the parts of each assignment, the total, of how many, what waits."""
    rows: dict[str, dict[str, object]] = {}
    for entry in entries:
        row, name = rows.setdefault(entry.student, {"student": entry.student}), entry.assignment
        row |= {
            f"{name} automatic": points(entry.automatic),
            f"{name} by hand": points(entry.by_hand),
            f"{name} late days": points(entry.late_days),
            f"{name} penalty": points(entry.penalty),
            name: points(entry.total),
        }
    for student, row in rows.items():
        mine = [entry for entry in entries if entry.student == student]
        row["total"] = points(sum(entry.total for entry in mine))
        row["of"] = points(sum(entry.most for entry in mine))
        row["not yet marked, at most"] = points(sum(entry.waiting for entry in mine))
    if not rows:
        raise ClassroomError("nobody has been graded yet")
    write_table(path, list(rows.values()))


def points(value: float) -> str:
    """Points with at most two digits behind the point."""
    return f"{round(value, 2):g}"
