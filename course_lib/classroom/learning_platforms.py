"""Canvas and Moodle: their zips of submissions in, their grade tables and a zip of feedback out.

Both name students in files and folders of a download by a name and a number of their own. Such a
pair, ``Ada Lovelace_1234``, is the name of the student's folder here, and leads back to the row of
the table that the platform itself has exported.
"""

import re
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from course_lib.classroom.generating import ClassroomError
from course_lib.classroom.ledger import Entry, points, read_table, write_table
from course_lib.system.files import replacing

# Moodle: a folder per student, or that name in front of the file's.
MOODLE = re.compile(r"(?P<student>.+_\d+)_assignsubmission_file_?(?:/|_)?(?P<file>[^/]+)$")
# Canvas: lovelaceada_LATE_1234_5678_A2_adain-1.ipynb; -1 is the second time that it was handed in.
CANVAS = re.compile(r"(?P<name>[^_/]+)(?P<late>_LATE)?_(?P<id>\d+)_\d+_(?P<file>[^/]+)$")
AGAIN = re.compile(r"-(\d+)(?=\.ipynb$)")
LARGEST = 100_000_000  # bytes of one notebook
MOODLE_FOLDER = "{}_assignsubmission_file_"
IDENTITIES = (
    *("ID", "SIS User ID", "SIS Login ID"),
    *("Identifier", "Username", "ID number", "Email address", "Full name"),
)


def collect(archive: Path, assignment: str, out: Path) -> dict[str, list[str]]:
    """Unpack a platform's zip into ``out/STUDENT/ASSIGNMENT``; the last of several attempts counts.

    Returns:
        What was done with each file that is not simply there now: ``late``, ``left out``.

    Raises:
        ClassroomError: no zip, or no notebook of a known form in it.
    """
    notes: dict[str, list[str]] = {"late": [], "left out": []}
    chosen: dict[tuple[str, str], tuple[int, zipfile.ZipInfo]] = {}
    try:
        with zipfile.ZipFile(archive) as found:
            for entry in found.infolist():
                name = _place(entry, notes)
                if name is None:
                    continue
                student, file = name
                again = AGAIN.search(file)
                key, attempt = (student, AGAIN.sub("", file)), int(again[1]) if again else 0
                if key not in chosen or attempt > chosen[key][0]:
                    chosen[key] = attempt, entry
            for (student, file), (_, entry) in chosen.items():
                folder = out / student / assignment
                folder.mkdir(parents=True, exist_ok=True)
                with replacing(folder / file) as temporary:
                    temporary.write_bytes(found.read(entry))
    except (OSError, zipfile.BadZipFile, RuntimeError) as error:
        raise ClassroomError(f"{archive} cannot be unpacked: {error}") from None
    if not chosen:
        raise ClassroomError(
            f"{archive} holds no notebooks as Canvas (NAME_ID_NUMBER_FILE.ipynb) or Moodle "
            "(NAME_ID_assignsubmission_file_/FILE.ipynb) name them"
        )
    return notes | {"collected": sorted({student for student, _ in chosen})}


def _place(entry: zipfile.ZipInfo, notes: dict[str, list[str]]) -> tuple[str, str] | None:
    """Student and file name of an entry of the zip; None, and a note, if it is left out."""
    path = PurePosixPath(entry.filename.replace("\\", "/"))
    if entry.is_dir():
        return None
    match = MOODLE.search("/".join(path.parts[-2:])) or CANVAS.fullmatch(path.name)
    if match is None or not path.name.endswith(".ipynb") or entry.file_size > LARGEST:
        notes["left out"].append(entry.filename)
        return None
    if "student" in match.groupdict():
        student = match["student"].rpartition("/")[2]
    else:
        student = f"{match['name']}_{match['id']}"
        notes["late"] += [student] if match["late"] else []
    return student, match["file"]


def fill_canvas(exported: Path, entries: list[Entry], out: Path) -> list[str]:
    """Put totals into a copy of the gradebook that Canvas has exported, and nothing else.

    An assignment's column begins with its name, as in ``A2 (12345)``.

    Returns:
        Students of the ledger who are in no row.
    """
    rows = read_table(exported, ("ID",))
    for name in {entry.assignment for entry in entries}:
        if not any(re.match(rf"{name}\b", column) for column in rows[0] if column):
            raise ClassroomError(f"{exported} has no column that begins with {name}")
    return _fill(rows, entries, lambda name: rf"{name}\b", out)


def fill_moodle(worksheet: Path, entries: list[Entry], assignment: str, out: Path) -> list[str]:
    """Put one assignment's totals into a copy of Moodle's offline grading worksheet.

    Returns:
        Students of the ledger who are in no row.
    """
    rows = read_table(worksheet, ("Identifier", "Grade"))
    mine = [entry for entry in entries if entry.assignment == assignment]
    if not mine:
        raise ClassroomError(f"the gradebook holds no assignment {assignment}")
    return _fill(rows, mine, lambda name: "Grade$", out)


def _fill(
    rows: list[dict[str, str]], entries: list[Entry], column: Callable[[str], str], out: Path
) -> list[str]:
    if not rows:
        raise ClassroomError("the exported table has no rows")
    lost = []
    for entry in entries:
        mine = [row for row in rows if is_row_of(row, entry.student)]
        if len(mine) != 1:
            lost.append(entry.student)
            continue
        for name in mine[0]:
            if name and re.match(column(entry.assignment), name):
                mine[0][name] = points(entry.total)
    write_table(out, rows)
    return sorted(set(lost))


def is_row_of(row: dict[str, str], student: str) -> bool:
    """Whether a row of a platform's table is a student's: by a name, or by the number of it."""
    known = [row[name].strip().casefold() for name in IDENTITIES if row.get(name)]
    number = re.search(r"_(\d+)$", student)
    numbers = (f"participant {number[1]}", number[1]) if number else ()
    return student.casefold() in known or any(n in known for n in numbers)


def zip_feedback(folder: Path, assignment: str, out: Path) -> int:
    """All feedback of an assignment in one zip, as Moodle takes it; returns the number of files."""
    pages = sorted(path for path in folder.glob(f"*/{assignment}/*") if path.is_file())
    if not pages:
        return 0
    with replacing(out) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for page in pages:
            name = f"{MOODLE_FOLDER.format(page.parents[1].name)}/{page.name}"
            archive.write(page, name, zipfile.ZIP_DEFLATED)
    return len(pages)
