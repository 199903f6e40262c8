"""What often goes wrong with a notebook on its way to the grader, put right beforehand."""

import json
from pathlib import Path

from course_lib.system.files import replacing


def mend(folder: Path, release: Path) -> list[str]:
    """Give the submission in ``folder`` the name and the graded cells of the ``release``.

    nbgrader refuses a notebook with another name, fails on a graded cell that is there twice or
    belongs to another assignment, takes points and kinds of cells from the submission, and gives
    up putting back a deleted cell where the cell before it is missing as well. A file that is
    missing or is no notebook stays as it is: nbgrader says so.

    Returns:
        What was done, one sentence each.
    """
    path = folder / release.name
    notes = _rename(folder, path)
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        cells = list(notebook["cells"])
        wanted = json.loads(release.read_text(encoding="utf-8"))["cells"]
        foreign, changed = _restore_settings(cells, wanted)
        copies = _forget_copies(cells)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return notes
    missing = _put_back(cells, wanted)
    if foreign or changed or copies or missing:
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(notebook | {"cells": cells}), encoding="utf-8")
    notes += [f"{name}: this cell is of another assignment, and has no points" for name in foreign]
    notes += [f"{name}: the settings of this cell were changed, and put back" for name in changed]
    notes += [f"{name}: this cell was copied, and its first copy counts" for name in copies]
    return notes + [f"{name}: this cell was deleted, and put back" for name in missing]


def _rename(folder: Path, path: Path) -> list[str]:
    """A single notebook with another name gets the right one: many platforms rename."""
    others = [] if path.is_file() else sorted(folder.glob("*.ipynb"))
    if len(others) != 1:
        return []
    others[0].rename(path)
    return [f"the notebook was called {others[0].name}"]


def _restore_settings(cells: list[dict], wanted: list[dict]) -> tuple[list[str], list[str]]:
    """Give graded cells the release's settings; unknown ones become the student's own."""
    settings = {_grade_id(cell): cell["metadata"]["nbgrader"] for cell in wanted if _grade_id(cell)}
    foreign, changed = [], []
    for cell in cells:
        name = _grade_id(cell)
        if name and name not in settings:
            foreign.append(name)
            del cell["metadata"]["nbgrader"]
        elif name and cell["metadata"]["nbgrader"] != settings[name]:
            changed.append(name)
            cell["metadata"]["nbgrader"] = dict(settings[name])
    return foreign, changed


def _forget_copies(cells: list[dict]) -> list[str]:
    """Make the later ones of cells with the same grading id cells of the student's own."""
    seen, copies = set(), []
    for cell in cells:
        name = _grade_id(cell)
        if name in seen:
            copies.append(name)
            del cell["metadata"]["nbgrader"]
        elif name:
            seen.add(name)
    return copies


def _put_back(cells: list[dict], wanted: list[dict]) -> list[str]:
    """Insert cells of the release whose grading id is missing, each behind the one before it."""
    missing, before = [], ""
    for cell in wanted:
        present = [_grade_id(other) for other in cells]
        name = _grade_id(cell)
        if not name:
            continue
        if name not in present:
            missing.append(name)
            cells.insert(present.index(before) + 1 if before in present else 0, cell)
        before = name
    return missing


def _grade_id(cell: dict) -> str:
    return cell.get("metadata", {}).get("nbgrader", {}).get("grade_id", "")
