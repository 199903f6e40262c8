"""Packages that only some commands need: asked for when needed, with the command that installs."""

import importlib
import importlib.util
from types import ModuleType

from course_lib import CourseError


class MissingPackageError(CourseError, ImportError):
    """A package that is not part of the course is needed; the message says how to install it."""


def need(module: str, package: str, purpose: str) -> ModuleType:
    """Import a module of an optional package.

    Args:
        module: its name in Python, such as ``imageio_ffmpeg``.
        package: its name for pip, such as ``imageio-ffmpeg``.
        purpose: what it is needed for, the beginning of the message.

    Raises:
        MissingPackageError: it is not installed.
    """
    if importlib.util.find_spec(module) is None:
        raise MissingPackageError(
            f"{purpose} needs the package {package}: run 'pip install {package}'"
        )
    return importlib.import_module(module)
