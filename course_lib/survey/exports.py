"""CSV exports of Google Forms and the like, scored with an answer key that is a table, too."""

import contextlib
import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from course_lib.survey.items import LARGEST_FILE, SurveyError
from course_lib.survey.results import Answers, first_reason
from course_lib.system.files import read_bytes
from course_lib.system.printing import printable


@dataclass(frozen=True)
class CsvQuestion:
    """A column of an export: its title, the right answer, and the wrong one if the key names it."""

    title: str
    right: str
    wrong: str | None


def read_csv_key(path: Path) -> list[CsvQuestion]:
    """Read an answer key with the columns ``question``, ``right`` and, optionally, ``wrong``.

    Raises:
        SurveyError: it is not such a file.
    """
    rows = _read_table(path, ("question", "right", "wrong"))
    titles = [_fold(cell) for cell in rows[0]]
    if not {"question", "right"} <= set(titles):
        raise SurveyError(f"{path}: an answer key needs the columns 'question' and 'right'")
    records = [dict(zip(titles, row, strict=False)) for row in rows[1:]]
    questions = [
        CsvQuestion(
            record.get("question", "").strip(),
            record.get("right", "").strip(),
            record.get("wrong", "").strip() or None,
        )
        for record in records
    ]
    if not questions or not all(q.title and q.right for q in questions):
        raise SurveyError(f"{path}: every line of an answer key needs a question and an answer")
    if len({_fold(q.title) for q in questions}) < len(questions):
        raise SurveyError(f"{path} names a question twice")
    return questions


def read_csv(path: Path, questions: Sequence[CsvQuestion]) -> Answers:
    """Read an export with one person a row.

    Columns that the key does not name (time, address) serve to notice duplicates, nothing else.

    Raises:
        SurveyError: no table, a question is missing, a question has more than two different
            answers, or no complete row is left.
    """
    rows = _read_table(path, [question.title for question in questions])
    titles = [_fold(cell) for cell in rows[0]]
    columns = []
    for question in questions:
        if titles.count(_fold(question.title)) != 1:
            count = "no column" if _fold(question.title) not in titles else "more than one column"
            raise SurveyError(f"{path} has {count} called '{printable(question.title)}'")
        columns.append(titles.index(_fold(question.title)))
    right, people, left_out = [], [], {}
    seen: list[set[str]] = [set() for _ in questions]
    lines: dict[tuple[str, ...], int] = {}
    for number, row in enumerate(rows[1:], 2):
        cells = [_fold(row[column]) if column < len(row) else "" for column in columns]
        reason = _csv_problem(cells, questions)
        # Two people may well answer alike, but not at the same second (the other columns).
        if len(row) > len(columns) and lines.setdefault(tuple(row), number) != number:
            reason = f"is a duplicate of row {lines[tuple(row)]}"
        if reason:
            left_out[f"{path}, row {number}"] = reason
            continue
        for k, cell in enumerate(cells):
            seen[k].add(cell)
        people.append(f"row {number}")
        right.append([c == _fold(q.right) for c, q in zip(cells, questions, strict=True)])
    for question, answers in zip(questions, seen, strict=True):
        if len(answers - {_fold(question.right)}) > 1:
            raise SurveyError(
                f"{path}: '{printable(question.title)}' has more than two different answers, so "
                "that chance is not one half; name the wrong one in the key's column 'wrong'"
            )
    if not right:
        raise SurveyError(f"no row can be used: {first_reason(left_out)}")
    return Answers(people, np.array(right), None, None, left_out=left_out)


def _csv_problem(cells: Sequence[str], questions: Sequence[CsvQuestion]) -> str | None:
    answered = sum(bool(cell) for cell in cells)
    if answered < len(cells):
        return f"is partial: {answered} of {len(cells)} questions are answered"
    for cell, question in zip(cells, questions, strict=True):
        if question.wrong and cell not in (_fold(question.right), _fold(question.wrong)):
            return f"answers '{printable(cell, 40)}', which the key does not know"
    return None


def _fold(text: str) -> str:
    return " ".join(text.split()).casefold()


def _read_table(path: Path, wanted: Sequence[str]) -> list[list[str]]:
    """The rows of a CSV file, UTF-8, UTF-16 or Windows-1252, with commas, semicolons or tabs.

    The delimiter is the one that finds most of the ``wanted`` titles in the first row; Excel's line
    ``sep=;`` before it names one. Cells are text and nothing else: what a spreadsheet would take
    for a formula stays text.
    """
    text = _decode(read_bytes(path, LARGEST_FILE, SurveyError))
    named = re.match(r"\s*\"?sep=(.)\"?\r?\n", text)
    if named:
        text = text[named.end() :]
    titles = set(map(_fold, wanted))
    best, rows = -1, []
    for delimiter in named[1] if named else ",;\t|":
        with contextlib.suppress(csv.Error, TypeError, ValueError):
            read = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
            table = [row for row in read if any(cell.strip() for cell in row)]
            found = len(titles & set(map(_fold, table[0]))) if table else 0
            if found > best:
                best, rows = found, table
    if len(rows) < 2:
        raise SurveyError(f"{path} is not a CSV file with a title row and at least one more")
    return rows


def _decode(data: bytes) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", errors="replace")
    if b"\0" in data[:2]:  # UTF-16 without its mark
        return data.decode("utf-16-be" if data[:1] == b"\0" else "utf-16-le", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")
