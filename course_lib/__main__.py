"""The command line: ``python -m course_lib COMMAND``."""

import argparse
import sys
from pathlib import Path

from course_lib import CourseError
from course_lib.cli import (
    classroom_commands,
    course_commands,
    evaluation_commands,
    gatys_commands,
    measuring_commands,
    picture_commands,
    polish_commands,
    record_commands,
    sequence_commands,
    survey_commands,
    training_commands,
    web_commands,
)
from course_lib.cli.options import Parser, example, program
from course_lib.system.files import check_place
from course_lib.system.printing import print_anything, printable, reader_may_leave

# What --out names where it is not one file.
OUT_KINDS = dict.fromkeys(
    ("train", "records", "faulty-runs", "style-weights", "fetch", "copy-lessons", "grade", "web")
    + ("collect",),
    "folder",
) | dict.fromkeys(("stylize", "sequence"), "either")
NO_MEMORY = ("memoryerror", "out of memory", "allocate memory", "not enough memory")
LONGEST = 1000  # letters of a complaint
REPORT = (
    "This is a mistake in the course, not in what you asked for. Please report it, with all the "
    "lines above, to the people you have the course from."
)
THEMES = (
    picture_commands,
    sequence_commands,
    gatys_commands,
    training_commands,
    record_commands,
    measuring_commands,
    evaluation_commands,
    web_commands,
    polish_commands,
    survey_commands,
    course_commands,
    classroom_commands,
)
GROUPS = {
    "your own pictures": ("stylize", "demo", "sequence", "gatys", "export", "web"),
    "a decoder of your own": ("train", "quality", "fetch", "pack-images"),
    "asking people": ("survey",),
    "the course": ("doctor", "copy-lessons"),
    "teaching": (
        *("assignments", "collect", "grade", "ledger", "similarity"),
        *("bundle", "instructor-check", "lesson-times"),
    ),
}
OTHERS = "how the numbers of the course were measured"


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return the exit code: 0 fine, 1 a check failed, 2 bad input."""
    print_anything()
    code = 0
    with reader_may_leave():
        code = run(arguments)
    return code


def run(arguments: list[str] | None) -> int:
    """``main`` without the care for the streams."""
    try:
        options = build_parser().parse_args(arguments)
        check_outputs(options)
        return options.run(options) or 0
    except BrokenPipeError:
        raise
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
    name = program()
    text = "Neural style transfer: the commands of the course."
    parser = Parser(prog=name, description=text, usage=f"{name} [-h] COMMAND ...")
    commands = parser.add_subparsers(
        metavar="COMMAND", required=True, parser_class=Parser, prog=name, help=argparse.SUPPRESS
    )
    texts: dict[str, str] = {}

    def command(name: str, run: object, text: str, arguments: str | None = None) -> Parser:
        ending = "" if arguments is None else example(name, arguments)
        sub = commands.add_parser(name, description=text, ending=ending)
        sub.set_defaults(run=run, out_kind=OUT_KINDS.get(name, "file"))
        texts[name] = text
        return sub

    for theme in THEMES:
        theme.add_commands(command)
    parser.ending = list_commands(texts)
    return parser


def list_commands(texts: dict[str, str]) -> str:
    """The commands by group, for the help; one that no group names is in the last."""
    grouped = [name for names in GROUPS.values() for name in names]
    others = tuple(name for name in texts if name not in grouped)
    lines = []
    for title, names in (GROUPS | {OTHERS: others}).items():
        lines += ["", f"{title}:", *(f"  {name:20}{texts[name]}" for name in names)]
    return "\n".join([*lines, "", f"'{program()} COMMAND --help' explains one, with an example.\n"])


if __name__ == "__main__":
    sys.exit(main())
