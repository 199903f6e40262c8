"""Neural style transfer with adaptive instance normalisation: the library behind the course.

Nothing is imported here, so that ``python -m course_lib --help`` answers at once. Import the
module you need, for example ``from course_lib.stylize import StyleTransfer``.
"""

from pathlib import Path

__version__ = "0.1.0"


class CourseError(ValueError):
    """An error that the user can mend: its message is one sentence that says how.

    The command line shows it as that sentence; any other exception is a mistake of the course.
    """


REPOSITORY = Path(__file__).resolve().parents[1]
DATA_DIR = REPOSITORY / "data"
