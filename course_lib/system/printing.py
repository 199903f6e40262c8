"""Text for a terminal: printing never fails, and nothing that is printed steers the terminal."""

import contextlib
import os
import sys
from collections.abc import Iterator


def print_anything() -> None:
    """Let stdout and stderr write what they cannot encode as ``\\xe9`` instead of raising."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def no_bar(progress: bool) -> bool | None:
    """tqdm's ``disable``: no bar if none is wanted, nor (None) where no terminal shows it."""
    return None if progress else True


@contextlib.contextmanager
def reader_may_leave() -> Iterator[None]:
    """Let whoever reads the output stop when they have enough, as ``head`` does."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at exit


def printable(text: str, longest: int = 80) -> str:
    """Text of unknown origin for a terminal: one line, no control characters, not too long."""
    clean = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text[:longest])
    return clean if len(text) <= longest >= len(clean) else clean[: longest - 1] + "…"
