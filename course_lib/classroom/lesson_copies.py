"""Copies of the lessons for a student to work in, so that updating the course never collides."""

import json
from pathlib import Path

from course_lib import LESSONS_DIR, REPOSITORY, CourseError
from course_lib.system.files import check_writable, replacing


def without_outputs(lesson: Path) -> str:
    """The text of a notebook as nobody has run it: what a student predicts is not on the screen."""
    notebook = json.loads(lesson.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell |= {"outputs": [], "execution_count": None}
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def copy_lessons(folder: Path = REPOSITORY / "work") -> tuple[list[Path], list[Path]]:
    """Copy every lesson, without outputs, that is not in ``folder`` yet; other copies stay.

    Returns:
        The copies made, and those that were there already.

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
    lessons = sorted(LESSONS_DIR.glob("*.ipynb"))
    if not lessons:
        raise CourseError(f"{LESSONS_DIR} holds no lessons; install the course again")
    copied, kept = [], []
    for lesson in lessons:
        copy = folder / lesson.name
        if copy.exists():
            kept.append(copy)
            continue
        with replacing(copy) as temporary:
            temporary.write_text(without_outputs(lesson), encoding="utf-8", newline="\n")
        copied.append(copy)
    return copied, kept
