"""The command line: ``python -m course_lib COMMAND``."""

import argparse
import sys
from pathlib import Path

from course_lib import CourseError
from course_lib.cli import (
    ablation_commands,
    classroom_commands,
    course_commands,
    evaluation_commands,
    gatys_commands,
    measuring_commands,
    picture_commands,
    playground_commands,
    polish_commands,
    record_commands,
    sequence_commands,
    small_run_commands,
    survey_commands,
    training_commands,
)
from course_lib.cli.options import Formatter, Parser
from course_lib.system.files import check_place
from course_lib.system.printing import print_anything, printable

# What --out names where it is not one file.
OUT_KINDS = dict.fromkeys(
    ("train", "records", "faulty-runs", "style-weights", "fetch", "copy-lessons", "grade"), "folder"
) | dict.fromkeys(("stylize", "sequence"), "either")
NO_MEMORY = ("memoryerror", "out of memory", "allocate memory", "not enough memory")
LONGEST = 1000  # letters of a complaint
REPORT = (
    "This is a mistake in the course, not in what you asked for. Please report it, with all the "
    "lines above, to the people you have the course from."
)


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return the exit code: 0 fine, 1 a check failed, 2 bad input."""
    print_anything()
    options = build_parser().parse_args(arguments)
    try:
        check_outputs(options)
        return options.run(options) or 0
    except KeyboardInterrupt as stop:
        print(f"\n{stop}" if str(stop) else "\nstopped", file=sys.stderr)
        return 130
    except Exception as error:
        message = complaint(error)
        if message is None:
            error.add_note(REPORT)
            raise
        print(f"error: {printable(' '.join(message.split()), LONGEST)}", file=sys.stderr)
        return 2


def check_outputs(options: argparse.Namespace) -> None:
    """Raise CourseError if what a command will write has no place, before it computes anything."""
    for name in ("out", "pictures", "film", "log"):
        place = getattr(options, name, None)
        if isinstance(place, Path):
            kind = {"out": options.out_kind, "pictures": "folder"}.get(name, "file")
            check_place(place, kind)


def complaint(error: Exception) -> str | None:
    """What the user can do about an error in one sentence; None for a mistake of the course."""
    if isinstance(error, CourseError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:  # the system's: no such file, a full disk
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    # PyTorch has no kind of its own on the CPU.
    said = f"{error!r}".lower()
    if isinstance(error, MemoryError | RuntimeError) and any(w in said for w in NO_MEMORY):
        return (
            "not enough memory; choose a smaller --size (in training also a smaller --batch or "
            "--crop), or close other programs"
        )
    return None


def build_parser() -> Parser:
    """All commands with their options."""
    text = "Neural style transfer: the commands of the course."
    parser = Parser(prog="python -m course_lib", description=text)
    commands = parser.add_subparsers(title="commands", required=True, parser_class=Parser)

    def command(name: str, run: object, text: str) -> Parser:
        sub = commands.add_parser(name, help=text, description=text, formatter_class=Formatter)
        sub.set_defaults(run=run, out_kind=OUT_KINDS.get(name, "file"))
        return sub

    for theme in (
        picture_commands,
        sequence_commands,
        gatys_commands,
        training_commands,
        record_commands,
        ablation_commands,
        small_run_commands,
        measuring_commands,
        evaluation_commands,
        playground_commands,
        polish_commands,
        survey_commands,
        course_commands,
        classroom_commands,
    ):
        theme.add_commands(command)
    return parser


if __name__ == "__main__":
    sys.exit(main())
