"""Copies of lessons and assignments to work in, so that updating the course never collides.

What was copied is written down in ``.copied.json`` beside the copies. So a later version knows
which copies are still as they were, and may be replaced, and which a student has written into.
"""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

from course_lib import LESSONS_DIR, REPOSITORY, CourseError
from course_lib.system.files import check_writable, replacing

RECORD = ".copied.json"
NEWER = "{} (new version).ipynb"


@dataclass(frozen=True)
class Copies:
    """What ``copy_lessons`` did with each copy.

    Attributes:
        copied: was not there, and is now.
        kept: was there, and stays as it is.
        updated: nobody had written into it, and it is the new version now.
        outdated: the same, but nobody asked for an update.
        beside: somebody had written into it: it stays, and the new version lies beside it, or would
            with an update.
    """

    copied: list[Path] = field(default_factory=list)
    kept: list[Path] = field(default_factory=list)
    updated: list[Path] = field(default_factory=list)
    outdated: list[Path] = field(default_factory=list)
    beside: list[Path] = field(default_factory=list)


def originals() -> dict[str, Path]:
    """Name of a copy -> lesson or assignment; ``assignments/A1/A1_features.ipynb``, for example.

    Raises:
        CourseError: there are no lessons.
    """
    found = {path.name: path for path in sorted(LESSONS_DIR.glob("*.ipynb"))}
    if not found:
        raise CourseError(f"{LESSONS_DIR} holds no lessons; install the course again")
    for path in sorted((LESSONS_DIR / "assignments" / "release").glob("*/*.ipynb")):
        found[f"assignments/{path.parent.name}/{path.name}"] = path
    return found


def copy_lessons(folder: Path = REPOSITORY / "work", update: bool = False) -> Copies:
    """Copy what is not in ``folder`` yet; a copy that somebody has written into is never touched.

    Args:
        update: bring new versions, too: in place of copies that nobody has written into, and beside
            the others. A copy that was only run counts as not written into.

    Raises:
        CourseError: the folder cannot be written, as where a teacher shares the course, or there
            are no lessons to copy.
    """
    try:
        check_writable(folder)
    except OSError as error:
        raise CourseError(
            f"{folder} cannot be written ({error.strerror}); choose a folder of your own, for "
            "example copy-lessons --out ~/style-transfer-course"
        ) from None
    done, record = Copies(), read_record(folder / RECORD)
    for name, original in originals().items():
        copy, new = folder / name, fingerprint(original)
        if not copy.exists():
            put(original, copy)
            done.copied.append(copy)
            record[name] = new
        elif fingerprint(copy) == new:
            done.kept.append(copy)
            record[name] = new
        elif record.get(name) == new:  # only the student's copy has changed
            done.kept.append(copy)
        elif fingerprint(copy) != record.get(name):
            done.beside.append(copy)
            if update:
                put(original, copy.with_name(NEWER.format(copy.stem)))
                record[name] = new
        elif update:
            put(original, copy)
            done.updated.append(copy)
            record[name] = new
        else:
            done.outdated.append(copy)
    with replacing(folder / RECORD) as temporary:
        temporary.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return done


def put(original: Path, copy: Path) -> None:
    """Copy a notebook without its outputs, whole or not at all."""
    with replacing(copy) as temporary:
        temporary.write_bytes(without_outputs(original.read_bytes()))


def without_outputs(data: bytes) -> bytes:
    """A notebook as nobody has run it: what a student is to predict is not on the screen."""
    try:
        notebook = json.loads(data)
        code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError):
        return data  # no notebook
    for cell in code:
        cell |= {"outputs": [], "execution_count": None}
    return (json.dumps(notebook, indent=1, ensure_ascii=False) + "\n").encode()


def read_record(path: Path) -> dict[str, str]:
    """Name -> fingerprint of what was copied; nothing if there is no record or it is broken."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def fingerprint(path: Path) -> str:
    """A checksum of what is written in a notebook's cells: running them does not change it."""
    data = path.read_bytes()
    try:
        cells = json.loads(data)["cells"]
        data = json.dumps([[cell["cell_type"], "".join(cell["source"])] for cell in cells]).encode()
    except (ValueError, KeyError, TypeError):
        pass  # no notebook: every byte counts
    return hashlib.sha256(data).hexdigest()
