"""Releases for students, generated from the sources with solutions by nbgrader itself."""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from course_lib import REPOSITORY, CourseError
from course_lib.system.files import replacing

ASSIGNMENTS_DIR = REPOSITORY / "notebooks" / "assignments"
CONFIG = "nbgrader_config.py"
INSTALL = "run 'pip install -e .[grading]' in the repository's folder"


class ClassroomError(CourseError, RuntimeError):
    """Something an instructor can mend; the message is one sentence."""


def assignment_names(source: Path = ASSIGNMENTS_DIR / "source") -> list[str]:
    """The assignments of a course folder, in order: A1, A2, ..."""
    return sorted(path.name for path in source.iterdir() if any(path.glob("*.ipynb")))


def open_course(folder: Path) -> object:
    """nbgrader's interface to the course folder ``folder``, with this course's settings.

    Raises:
        ClassroomError: nbgrader is not installed.
    """
    try:
        from nbgrader.apps import NbGraderAPI
    except ImportError:
        raise ClassroomError(f"nbgrader is not installed; {INSTALL}") from None
    from traitlets.config import PyFileConfigLoader

    find_programs()
    config = PyFileConfigLoader(CONFIG, path=str(folder)).load_config()
    config.CourseDirectory.root = str(folder)
    return NbGraderAPI(config=config)


def find_programs() -> None:
    """Put the folder of this Python on the path: nbgrader calls alembic, which lies there."""
    programs = str(Path(sys.executable).parent)
    if programs not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = programs + os.pathsep + os.environ.get("PATH", "")


@contextmanager
def temporary_course(source: Path = ASSIGNMENTS_DIR) -> Iterator[Path]:
    """A copy of the sources and settings, to generate in: nothing changes in the repository."""
    with tempfile.TemporaryDirectory(prefix="assignments-") as name:
        folder = Path(name)
        shutil.copytree(
            source / "source", folder / "source", ignore=shutil.ignore_patterns(".*", "__pycache__")
        )
        shutil.copy(source / CONFIG, folder)
        yield folder


def generate(folder: Path, names: list[str] | None = None) -> None:
    """Make ``release`` and ``gradebook.db`` of a course folder from its ``source``.

    Raises:
        ClassroomError: nbgrader refused, with its reason.
    """
    course = open_course(folder)
    for name in names or assignment_names(folder / "source"):
        outcome = course.generate_assignment(name)
        if not outcome["success"]:
            raise ClassroomError(f"{name} could not be generated: {last_line(outcome)}")


def last_line(outcome: dict) -> str:
    """Why nbgrader failed: the last line of its error or of its log that says something."""
    text = outcome.get("error") or outcome.get("log") or "nbgrader gave no reason"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "nbgrader gave no reason"


def make_releases(out: Path = ASSIGNMENTS_DIR / "release") -> list[Path]:
    """Generate the students' notebooks of all assignments, and write those that changed.

    Returns:
        All notebooks of ``out``. Those of assignments that exist no more are removed.
    """
    with temporary_course() as folder:
        generate(folder)
        fresh = {
            path.relative_to(folder / "release"): tidy(path.read_text(encoding="utf-8"))
            for path in sorted((folder / "release").rglob("*.ipynb"))
        }
    for name, text in fresh.items():
        path = out / name
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    for path in out.rglob("*.ipynb"):
        if path.relative_to(out) not in fresh:
            path.unlink()
    return [out / name for name in fresh]


def tidy(text: str) -> str:
    """A notebook in the form in which the repository keeps them, for small differences."""
    return json.dumps(json.loads(text), indent=1, ensure_ascii=False) + "\n"
