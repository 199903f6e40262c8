"""The students' bundle: the course in one zip, lessons without outputs, no solutions."""

import zipfile
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
    "CONTRIBUTING.md",
    "Makefile",
    "pyproject.toml",
    "environment.yml",
    "uv.lock",
    ".gitignore",
)
FOLDERS = ("course_lib", "data")
DOWNLOADED = ("coco", "paintings", "datasets")  # folders of data/ that git ignores
HIDDEN = ("__pycache__", ".ipynb_checkpoints")
DATE = (2020, 1, 1, 0, 0, 0)  # the same content gives the same file


def bundle_files() -> dict[str, Path]:
    """Name in the zip -> file. Assignments come from ``release``, as ``assignments/A1/...``.

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
    found |= {f"assignments/{path.parent.name}/{path.name}": path for path in releases}
    if (ASSIGNMENTS_DIR / "PROJECT.md").is_file():
        found["assignments/PROJECT.md"] = ASSIGNMENTS_DIR / "PROJECT.md"
    return found


def make_bundle(out: Path) -> tuple[Path, int]:
    """Write the zip; returns its path and the number of files."""
    files = bundle_files()
    with replacing(out) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, path in sorted(files.items()):
            entry = zipfile.ZipInfo(f"{NAME}/{name}", DATE)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            lesson = name.startswith("notebooks/") and path.suffix == ".ipynb"
            archive.writestr(entry, without_outputs(path) if lesson else path.read_bytes())
    return out, len(files)
