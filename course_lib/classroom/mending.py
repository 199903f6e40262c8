"""Cells of an assignment that a student deleted, put back where they were."""

import json
from pathlib import Path

from course_lib.files import replacing


def put_back(submitted: Path, release: Path) -> list[str]:
    """Insert the cells of ``release`` with a grading id that ``submitted`` lacks.

    nbgrader does so, too, but gives up where the cell before the missing one is missing as well.
    A file that is missing or is no notebook stays as it is: nbgrader says so.

    Returns:
        The ids of the cells that were put back.
    """
    try:
        notebook = json.loads(submitted.read_text(encoding="utf-8"))
        cells = list(notebook["cells"])
        present = {_grade_id(cell) for cell in cells}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []
    missing, before = [], ""
    for cell in json.loads(release.read_text(encoding="utf-8"))["cells"]:
        name = _grade_id(cell)
        if not name:
            continue
        if name not in present:
            missing.append(name)
            places = [k for k, other in enumerate(cells) if before and _grade_id(other) == before]
            cells.insert(places[0] + 1 if places else 0, cell)
        before = name
    if missing:
        with replacing(submitted) as temporary:
            temporary.write_text(json.dumps(notebook | {"cells": cells}), encoding="utf-8")
    return missing


def _grade_id(cell: dict) -> str:
    return cell.get("metadata", {}).get("nbgrader", {}).get("grade_id", "")
