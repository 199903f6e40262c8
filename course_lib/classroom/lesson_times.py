"""How long every lesson runs on this machine, for the instructor's guide."""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from course_lib import DATA_DIR, REPOSITORY
from course_lib.classroom.generating import ASSIGNMENTS_DIR, ClassroomError
from course_lib.system.files import replacing

GUIDE = ASSIGNMENTS_DIR / "INSTRUCTORS.md"
BEGIN, END = "<!-- lesson times: begin -->", "<!-- lesson times: end -->"


def lessons(only: Sequence[str] = ()) -> list[Path]:
    """The lessons, in order; with ``only``, those of these names (``03_decoder_training``).

    Raises:
        ClassroomError: there is no lesson of a name.
    """
    found = {path.stem: path for path in sorted((REPOSITORY / "notebooks").glob("*.ipynb"))}
    for name in only:
        if name not in found:
            raise ClassroomError(f"there is no lesson {name}; the lessons are {', '.join(found)}")
    return [path for name, path in found.items() if not only or name in only]


def time_lessons(paths: list[Path], seconds: int = 600) -> Iterator[tuple[str, float]]:
    """Execute each notebook in a folder of its own; its name and seconds, the kernel's start too.

    Raises:
        ClassroomError: a lesson fails, or takes longer than ``seconds``.
    """
    for path in paths:
        with tempfile.TemporaryDirectory() as folder:
            command = [
                sys.executable,
                "-m",
                "nbconvert",
                "--to",
                "notebook",
                "--execute",
                "--output-dir",
                folder,
                "--output",
                path.name,
                f"--ExecutePreprocessor.timeout={seconds}",
                str(path),
            ]
            began = time.perf_counter()
            done = subprocess.run(command, capture_output=True, text=True, env=os.environ)
            taken = time.perf_counter() - began
        if done.returncode:
            plain = re.sub(r"\x1b\[[0-9;]*m", "", done.stderr)
            said = (plain.strip().splitlines() or ["no reason given"])[-1]
            raise ClassroomError(f"{path.name} does not run: {said}")
        yield path.stem, round(taken, 1)


def record_path(kind: str) -> Path:
    return DATA_DIR / "runs" / f"lesson_times_{kind}.json"


def read_times(kind: str) -> dict[str, float]:
    """Lesson -> seconds of a record; empty where none was made."""
    path = record_path(kind)
    if not path.is_file():
        return {}
    return json.loads(path.read_text(encoding="utf-8"))["results"]["seconds"]


def table() -> str:
    """The guide's table of times, from the records."""
    cpu, gpu = read_times("cpu"), read_times("cuda")
    lines = ["| lesson | seconds on the CPU | seconds on a GPU |", "|---|---|---|"]
    for name in sorted(cpu | gpu):
        cells = [f"{times[name]:.0f}" if name in times else "not measured" for times in (cpu, gpu)]
        lines.append(f"| {name} | {cells[0]} | {cells[1]} |")
    return "\n".join(lines)


def fill_guide(path: Path | None = None) -> None:
    """Write the table into the guide (or another page), between its two marks."""
    path = path or GUIDE
    text = path.read_text(encoding="utf-8")
    pattern = re.escape(BEGIN) + ".*?" + re.escape(END)
    if not re.search(pattern, text, re.DOTALL):
        raise ClassroomError(f"{path.name} has lost the marks between which the table stands")
    filled = re.sub(pattern, lambda _: f"{BEGIN}\n{table()}\n{END}", text, flags=re.DOTALL)
    with replacing(path) as temporary:
        temporary.write_text(filled, encoding="utf-8")
