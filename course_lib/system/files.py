"""Writing files so that nothing already saved is lost, and results with their origin."""

import contextlib
import errno
import json
import os
import re
import secrets
import stat
import sys
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from course_lib import REPOSITORY, CourseError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None
    import msvcrt


@contextlib.contextmanager
def replacing(path: str | os.PathLike) -> Iterator[Path]:
    """Write to a temporary name beside ``path`` that takes its place only if all went well.

    Folders are made as needed. If the block raises, or the process dies in it, an older file of
    that name is still whole; after an exception the temporary file is gone, too. The file's
    permissions are those of the older one, or what the umask leaves of 0666.

    Raises:
        OSError: ``path`` is a folder, or the folder it should be in cannot be made or written.
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "this is a folder; give a file name", str(path))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        message = "a file is where its folder should be"
        raise NotADirectoryError(errno.ENOTDIR, message, str(path)) from None
    # The extension stays last, because Pillow chooses the format by it.
    stem = os.fsencode(path.stem)[:100].decode(errors="ignore")
    temporary = path.with_name(f".{stem}.{secrets.token_hex(4)}{path.suffix[:40]}")
    try:
        try:
            temporary.touch(exist_ok=False)
            mode = stat.S_IMODE((path if path.exists() else temporary).stat().st_mode)
            temporary.unlink()
        except OSError as error:
            raise type(error)(error.errno, error.strerror, str(path)) from None
        yield temporary
        with contextlib.suppress(PermissionError, NotImplementedError):  # some disks have none
            temporary.chmod(mode)  # safetensors makes files that only their owner can read
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def remove_leftovers(folder: Path, names: Collection[str]) -> None:
    """Remove what ``replacing`` left of files with these names in a process that was killed."""
    for path in folder.glob(".*"):
        parts = re.fullmatch(r"\.(.+)\.[0-9a-f]{8}(\.\w+)", path.name)
        if parts and parts[1] + parts[2] in names:
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes that ask for it out of a folder; the lock ends with the process.

    Raises:
        CourseError: another process has the folder.
    """
    with (folder / ".lock").open("ab") as file:
        try:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            else:
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except (BlockingIOError, PermissionError):
            raise CourseError(
                f"another run is writing into {folder}; wait for it, or give another --out"
            ) from None
        except OSError:
            pass  # a network drive without locks
        try:
            yield
        finally:
            with contextlib.suppress(OSError):  # Windows keeps a file that is open
                Path(file.name).unlink()


def read_bytes(
    path: str | os.PathLike, largest: int, kind: type[CourseError] = CourseError
) -> bytes:
    """A file that people hand over; raises ``kind`` unless it is one of at most ``largest``."""
    path = Path(path)
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise kind(f"{path} cannot be read: not a regular file")
        if found.st_size > largest:
            size = f"{found.st_size / 1e6:.0f} MB, more than the {largest / 1e6:g} MB"
            raise kind(f"{path} has {size} that such a file can have")
        return path.read_bytes()
    except FileNotFoundError:
        raise kind(f"{path}: no such file") from None
    except OSError as error:
        raise kind(f"{path} cannot be read: {error.strerror}") from None


def write_text(path: str | os.PathLike, text: str) -> Path:
    """Write text as UTF-8, the way of ``replacing``."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return Path(path)


def json_lines(records: Iterable[object]) -> str:
    """Records as text, one to a line."""
    return "".join(json.dumps(record) + "\n" for record in records)


def check_place(path: str | os.PathLike, kind: str = "file") -> None:
    """Find out before any work whether a result can be written there; nothing is made.

    Args:
        kind: ``file``, ``folder``, or ``either``.

    Raises:
        CourseError: something of another kind is there, or a file where a folder should be, or
            there is no right to write.
    """
    path = Path(path)
    if kind == "file" and path.is_dir():
        raise CourseError(f"{path} is a folder; give a file name")
    whole = path.absolute()
    above = next(
        p for p in (whole if kind == "folder" else whole.parent, *whole.parents) if p.exists()
    )
    if not above.is_dir():
        what = "a file is where its folder should be; use another folder"
        raise CourseError(f"{path} cannot be written: {what}")
    if not os.access(above, os.W_OK | os.X_OK):
        raise CourseError(f"{path} cannot be written: permission denied in {above}")


def check_writable(folder: str | os.PathLike) -> None:
    """Make a folder and try to write into it; raises OSError where that fails."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    tempfile.TemporaryFile(dir=folder).close()


def save_record(
    path: str | os.PathLike, settings: Mapping[str, object], results: Mapping[str, object]
) -> Path:
    """Write the results of an experiment as JSON, with all that is needed to judge them.

    Added to ``settings`` and ``results``: the command, the date, the versions of Python and
    PyTorch, and the CPU with its threads and matrix units. What was measured on which device and
    in which precision, ``devices.machine`` says for the settings.
    """
    import torch

    from course_lib.system.devices import describe, matrix_units

    script, arguments = relative_name(sys.argv[0]), sys.argv[1:]
    if Path(script).stem in ("__main__", "style-course"):
        script = "-m course_lib"
    elif len(Path(script).parts) < 2:  # not of the course: a notebook's kernel, a test runner
        script, arguments = "-m course_lib", ["..."]
    record = {
        "command": " ".join([f"python {script}", *map(relative_name, arguments)]),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "python": sys.version.split()[0],
        "torch": torch.__version__,
        "cpu": f"{describe(torch.device('cpu'))}; {matrix_units()}",
        "settings": dict(settings),
        "results": dict(results),
    }
    return write_text(path, json.dumps(record, indent=1) + "\n")


def rounded(value: object, digits: int = 4) -> object:
    """A number of a record, or all numbers of a dictionary or list, with so many digits."""
    if isinstance(value, float):
        return float(f"{value:.{digits}g}")
    if isinstance(value, Mapping):
        return {key: rounded(part, digits) for key, part in value.items()}
    return [rounded(part, digits) for part in value] if isinstance(value, list) else value


def relative_name(argument: str) -> str:
    """Shorten an absolute path: it tells about one machine, not about the experiment."""
    path = Path(argument)
    if not path.is_absolute():
        return argument
    inside = path.is_relative_to(REPOSITORY)
    return str(path.relative_to(REPOSITORY)) if inside else path.name
