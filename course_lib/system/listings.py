"""Folders of pictures and lists of their names: what is used, and what is left out and why."""

import os
import unicodedata
from collections import deque
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from course_lib import CourseError
from course_lib.system.files import read_bytes
from course_lib.system.picture_files import ImageError, extensions, is_picture, open_image

LARGEST_LIST = 50_000_000  # bytes


class Listing(list[Path]):
    """Pictures of a folder, and ``ignored``: what else lies there, with the reason."""

    def __init__(self, paths: Iterable[Path] = (), ignored: dict[Path, str] | None = None) -> None:
        super().__init__(paths)
        self.ignored = ignored or {}


def walk(folder: Path, ignored: dict[Path, str]) -> list[Path]:
    """All files under a folder, linked folders too, each folder once; sorted.

    Hidden names, broken links, pipes and folders that cannot be read go to ``ignored``.
    """
    files, seen = [], set()
    real, linked = deque([folder]), deque()
    while real or linked:  # a folder is listed under its own name rather than under a link's
        here = real.popleft() if real else linked.popleft()
        if here.resolve() in seen:
            ignored[here] = "a link to a folder that is listed already"
            continue
        seen.add(here.resolve())
        try:
            inside = sorted(here.iterdir())
        except OSError as error:
            ignored[here] = f"cannot be read: {error.strerror}"
            continue
        for path in inside:
            if path.name.startswith("."):
                ignored[path] = "hidden: its name begins with a dot"
            elif path.is_dir():
                (linked if path.is_symlink() else real).append(path)
            elif path.is_file():
                files.append(path)
            else:
                broken = path.is_symlink() and not path.exists()
                ignored[path] = "a link that leads nowhere" if broken else "a pipe or a device"
    return sorted(files)


def find_images(folder: str | os.PathLike) -> Listing:
    """List the picture files under ``folder``, nested and through links, sorted.

    A picture is what has an extension of Pillow's formats, or none and the first bytes of one.
    ``ignored`` names everything else.

    Raises:
        ImageError: the folder is missing or holds no image file.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ImageError(f"{folder}: no such folder")
    found = Listing()
    for path in walk(folder, found.ignored):
        if path.suffix.lower() in extensions() or (not path.suffix and is_picture(path)):
            found.append(path)
        else:
            found.ignored[path] = "not a picture, by its name"
    if not found:
        there = f": {len(found.ignored)} other files" if found.ignored else ""
        raise ImageError(f"{folder} holds no image files{there}")
    return found


def readable(paths: Iterable[Path], skipped: dict[Path, str]) -> list[Path]:
    """The pictures that can be read; the others go to ``skipped``, with the reason."""
    good = []
    for path in paths:
        try:
            open_image(path)
            good.append(path)
        except ImageError as error:
            skipped[path] = str(error)
    return good


def plain_name(text: str) -> str:
    """A file's name without blanks around it or folders before it, in one Unicode form (NFC)."""
    name = PurePosixPath(text.strip().replace("\\", "/")).name
    return unicodedata.normalize("NFC", name)


def read_names(*files: Path) -> tuple[str, ...]:
    """The file names in lists with one a line; paths, blanks and empty lines are understood.

    Raises:
        CourseError: a list is missing or is not text in UTF-8.
    """
    names = []
    for file in files:
        try:
            lines = read_bytes(file, LARGEST_LIST).decode("utf-8-sig").splitlines()
        except UnicodeDecodeError:
            raise CourseError(f"{file} is not a list of names in UTF-8") from None
        names += map(plain_name, lines)
    return tuple(dict.fromkeys(filter(None, names)))


def check_names(names: Iterable[str], paths: Iterable[Path]) -> None:
    """Raise CourseError for names that none of the files has; mistyped, they would do nothing."""
    there = {plain_name(path.name) for path in paths}
    missing = [name for name in dict.fromkeys(map(plain_name, names)) if name and name not in there]
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise CourseError(f"no file is called {', '.join(missing[:3])}{more}; correct the list")
