"""Text for a terminal: printing never fails, and nothing that is printed steers the terminal."""

import sys


def print_anything() -> None:
    """Let stdout and stderr write what they cannot encode as ``\\xe9`` instead of raising."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def printable(text: str, longest: int = 80) -> str:
    """Text of unknown origin for a terminal: one line, no control characters, not too long."""
    clean = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text[:longest])
    return clean if len(text) <= longest >= len(clean) else clean[: longest - 1] + "…"
