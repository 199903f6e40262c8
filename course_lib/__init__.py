"""Neural style transfer with adaptive instance normalisation: the library behind the course.

Nothing is imported here, so that ``python -m course_lib --help`` answers at once. Import the
module you need, for example ``from course_lib.stylize import StyleTransfer``.
"""

import os
from pathlib import Path

__version__ = "0.1.0"


# An operation that PyTorch lacks on Apple's GPUs runs on the CPU; it reads this when it starts.
os.environ.setdefault("PYTORCH_ENABLE_MPS_FALLBACK", "1")


class CourseError(ValueError):
    """An error that the user can mend: its message is one sentence that says how.

    The command line shows it as that sentence; any other exception is a mistake of the course.
    """


_PACKAGE = Path(__file__).resolve().parent
INSTALLED = (_PACKAGE / "data").is_dir()  # from a wheel, which carries pictures and lessons inside
"""Whether this is an installed copy; else it is a checkout, whose data lie beside the package."""
REPOSITORY = Path.cwd() if INSTALLED else _PACKAGE.parent
"""Where commands write by default: the checkout, or else the folder that Python started in."""
DATA_DIR = (_PACKAGE if INSTALLED else REPOSITORY) / "data"
LESSONS_DIR = (_PACKAGE if INSTALLED else REPOSITORY) / "notebooks"
STUDENT = "COURSE_GUARD_STUDENT"
"""The environment variable in which the grader names a student to the checks."""
