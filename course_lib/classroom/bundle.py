"""The students' bundle: the course in one zip, lessons without outputs, no solutions.

Files lie where they lie in the repository. Links to what the bundle lacks become plain words, and
the Makefile has only the targets that work in it.
"""

import posixpath
import re
import zipfile
from collections.abc import Collection
from pathlib import Path

from course_lib import REPOSITORY
from course_lib.classroom.generating import ASSIGNMENTS_DIR, ClassroomError
from course_lib.classroom.lesson_copies import without_outputs
from course_lib.system.files import replacing

NAME = "style-transfer-course"
FILES = (
    "README.md",
    "LICENSE",
    "CHANGELOG.md",
    "Makefile",
    "pyproject.toml",
    "environment.yml",
    "uv.lock",
    ".gitignore",
)
FOLDERS = ("course_lib", "data")
DOWNLOADED = ("coco", "paintings", "datasets")  # folders of data/ that git ignores
# Targets that need tests, sources of assignments or of the site, which the bundle has not.
NOT_FOR_STUDENTS = (
    *("test", "fuzz", "browser-test", "lint", "site"),
    *("assignments", "release", "instructor-check"),
)
HIDDEN = ("__pycache__", ".ipynb_checkpoints")
DATE = (2020, 1, 1, 0, 0, 0)  # the same content gives the same file


def bundle_files() -> dict[str, Path]:
    """Name in the zip -> file; of the assignments only ``release`` and the project's brief.

    Raises:
        ClassroomError: no releases have been generated.
    """
    found = {name: REPOSITORY / name for name in FILES if (REPOSITORY / name).is_file()}
    for folder in FOLDERS:
        for path in sorted((REPOSITORY / folder).rglob("*")):
            parts = path.relative_to(REPOSITORY).parts
            if not path.is_file() or set(parts) & set(HIDDEN):
                continue
            if parts[0] == "data" and parts[1] in DOWNLOADED:
                continue
            found["/".join(parts)] = path
    for path in sorted((REPOSITORY / "notebooks").glob("*")) + sorted(
        (REPOSITORY / "notebooks" / "jupyter").rglob("*.json")
    ):
        if path.is_file() and not path.name.startswith("."):
            found[path.relative_to(REPOSITORY).as_posix()] = path
    releases = sorted((ASSIGNMENTS_DIR / "release").glob("*/*.ipynb"))
    if not releases:
        raise ClassroomError("there are no releases; run 'make assignments' first")
    for path in [*releases, ASSIGNMENTS_DIR / "PROJECT.md"]:
        if path.is_file():
            found[path.relative_to(REPOSITORY).as_posix()] = path
    return found


def bundled(name: str, data: bytes, files: Collection[str]) -> bytes:
    """What a file holds in the bundle: as it is, but for links and targets that lead nowhere."""
    if name == "Makefile":
        return without_targets(data.decode()).encode()
    if name.endswith((".md", ".ipynb")):
        text = without_links(name, data.decode(), files)
        lines = rf"^make (?:{'|'.join(NOT_FOR_STUDENTS)})(?![\w-]).*\n"
        return re.sub(lines, "", text, flags=re.MULTILINE).encode()
    return data


def without_links(name: str, text: str, files: Collection[str]) -> str:
    """Markdown whose links to files that are not among ``files`` are their words alone."""
    known = {*files, *(folder for file in files for folder in folders_of(file))}

    def plain(match: re.Match) -> str:
        place = match["place"].partition("#")[0]
        target = posixpath.normpath(posixpath.join(posixpath.dirname(name), place))
        return match[0] if not place or ":" in place or target in known else match["words"]

    return re.sub(r"(?<!!)\[(?P<words>[^\]\[]*)\]\((?P<place>[^)\s]+)\)", plain, text)


def folders_of(file: str) -> list[str]:
    parts = file.split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts))]


def without_targets(makefile: str) -> str:
    """The Makefile without the paragraphs of ``NOT_FOR_STUDENTS``."""
    paragraphs = [
        part
        for part in makefile.split("\n\n")
        if not any(re.search(rf"^{name}:", part, re.MULTILINE) for name in NOT_FOR_STUDENTS)
    ]
    words = r"\s(?:" + "|".join(NOT_FOR_STUDENTS) + r")\b(?!-)"
    return "\n\n".join(
        re.sub(words, "", part) if part.startswith(".PHONY") else part for part in paragraphs
    )


def make_bundle(out: Path) -> tuple[Path, int]:
    """Write the zip; returns its path and the number of files."""
    files = bundle_files()
    with replacing(out) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, path in sorted(files.items()):
            entry = zipfile.ZipInfo(f"{NAME}/{name}", DATE)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            data = path.read_bytes()
            if name.startswith("notebooks/") and path.suffix == ".ipynb":
                data = without_outputs(data)
            archive.writestr(entry, bundled(name, data, files))
    return out, len(files)
