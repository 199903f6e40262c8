"""Copies of the lessons for a student to work in, so that updating the course never collides."""

import shutil
from pathlib import Path

from course_lib import REPOSITORY, CourseError
from course_lib.system.files import check_writable, replacing

LESSONS_DIR = REPOSITORY / "notebooks"


def copy_lessons(folder: Path = REPOSITORY / "work") -> tuple[list[Path], list[Path]]:
    """Copy every lesson that is not in ``folder`` yet; a copy that is there is never touched.

    Returns:
        The copies made, and those that were there already.

    Raises:
        CourseError: the folder cannot be written, as where a teacher shares the course.
    """
    try:
        check_writable(folder)
    except OSError as error:
        raise CourseError(
            f"{folder} cannot be written ({error.strerror}); choose a folder of your own, for "
            "example copy-lessons --out ~/style-transfer-course"
        ) from None
    copied, kept = [], []
    for lesson in sorted(LESSONS_DIR.glob("*.ipynb")):
        copy = folder / lesson.name
        if copy.exists():
            kept.append(copy)
            continue
        with replacing(copy) as temporary:
            shutil.copyfile(lesson, temporary)
        copied.append(copy)
    return copied, kept
