"""From process start to saved files: the real command, imports and all."""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from course_lib import DATA_DIR, REPOSITORY, CourseError
from course_lib.images import library
from course_lib.measuring.timing import summary

Say = Callable[[str], None]


class BenchmarkError(CourseError, RuntimeError):
    """The command that is timed failed."""


def stylize_command(
    content: Path, style: Path, out: Path, size: int, options: Sequence[str]
) -> list:
    """``python -m course_lib stylize`` for a folder of photographs."""
    command = [sys.executable, "-m", "course_lib", "stylize", str(content), str(style)]
    return [*command, "-o", str(out), "--size", str(size), *options]


def time_process(
    photographs: Sequence[str],
    style: str,
    size: int,
    options: Sequence[str],
    repeats: int,
    say: Say,
) -> dict[str, object]:
    """Seconds from the start of a fresh process to its end, with every picture saved.

    Args:
        photographs, style: names of bundled pictures.
        size: shorter side of the results.
        options: more options of ``stylize``, such as ``["--device", "cuda"]``.
        repeats: fresh processes; the first one may have to read files from the disk.

    Returns:
        The command, ``seconds`` and, for comparison, ``import_seconds`` of fresh processes that
        only import.

    Raises:
        BenchmarkError: the command failed, or did not save every picture.
    """
    imports = [time_import() for _ in range(repeats)]
    times = []
    with tempfile.TemporaryDirectory() as name:
        inputs = Path(name) / "content"
        inputs.mkdir()
        for photograph in photographs:
            shutil.copy(DATA_DIR / "content" / f"{photograph}.jpg", inputs)
        for repeat in range(repeats):
            out = Path(name) / f"out{repeat}"
            command = stylize_command(
                inputs, library("style")[style], out, size, options
            )
            started = time.perf_counter()
            done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
            times.append(time.perf_counter() - started)
            check_process(done, out, len(photographs))
            say(f"fresh process {repeat + 1}: {times[-1]:.2f} s")
    shown = ["python -m course_lib stylize FOLDER", f"{style}.jpg -o OUT --size {size}"]
    return {
        "command": " ".join([*shown, *options]),
        "photographs": list(photographs),
        "seconds": summary(times),
        "each_seconds": times,
        "import_seconds": summary(imports),
    }


def time_import() -> float:
    """Seconds of a fresh process that imports what ``stylize`` needs and ends."""
    started = time.perf_counter()
    command = [sys.executable, "-c", "import course_lib.stylize, course_lib.painting.batch"]
    subprocess.run(command, cwd=REPOSITORY, check=True)
    return time.perf_counter() - started


def check_process(done: subprocess.CompletedProcess, out: Path, count: int) -> None:
    """Raise BenchmarkError unless the command succeeded and saved ``count`` pictures."""
    saved = len(list(out.glob("*"))) if out.is_dir() else 0
    if done.returncode or saved != count:
        complaint = (done.stderr or done.stdout).strip().splitlines()
        reason = complaint[-1] if complaint else f"it saved {saved} of {count} pictures"
        raise BenchmarkError(f"the timed command 'stylize' failed: {json.dumps(reason)}")
