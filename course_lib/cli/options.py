"""Parts that several commands share: the parser, kinds of numbers, device and decoder."""

import argparse
import dataclasses
import difflib
import sys
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from course_lib import DATA_DIR, INSTALLED, CourseError
from course_lib.system.printing import printable


class Formatter(argparse.ArgumentDefaultsHelpFormatter):
    """Help that shows the defaults of the options that have one."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return action.help if action.default in (None, False) else super()._get_help_string(action)


class Parser(argparse.ArgumentParser):
    """A parser whose complaint is one line, and whose paths (``type=Path``) are ``file_path``s.

    Args:
        ending: what the help ends with as it is: an example, or the list of commands.
    """

    def __init__(self, *arguments: object, ending: str = "", **options: object) -> None:
        super().__init__(*arguments, **{"formatter_class": Formatter} | options)
        self.ending = ending
        self.register("type", Path, file_path)

    def format_help(self) -> str:
        return super().format_help() + self.ending

    def error(self, message: str) -> None:
        self.exit(2, f"error: {message} (see '{self.prog} --help')\n")

    def parse_known_args(
        self, arguments: list[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        namespace, unknown = super().parse_known_args(arguments, namespace)
        if unknown:
            hint = did_you_mean(unknown[0].partition("=")[0], self._option_string_actions)
            self.error(f"unrecognized arguments: {printable(' '.join(unknown), 300)}{hint}")
        return namespace, unknown

    def _check_value(self, action: argparse.Action, value: object) -> None:
        if action.choices is None or value in action.choices:
            return
        known = [str(choice) for choice in action.choices]
        hint = did_you_mean(str(value), known)
        if len(known) < 9:
            hint = f", choose from {', '.join(known)}{hint}"
        raise argparse.ArgumentError(action, f"invalid choice: '{printable(str(value))}'{hint}")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint at the known word that is spelt most alike, or nothing."""
    close = difflib.get_close_matches(word, list(known), 1)
    return f"; did you mean '{close[0]}'?" if close else ""


def program() -> str:
    """How the command line was called, for messages: ``style-course``, or Python's module."""
    script = Path(sys.argv[0]).stem
    return script if script == "style-course" else "python -m course_lib"


def example(name: str, arguments: str) -> str:
    """The end of a command's help: one line to copy."""
    return f"\nexample:\n  {' '.join([program(), name, arguments]).strip()}\n"


def file_path(text: str) -> Path:
    """An argument that is a path; ``~`` is the home folder, and ``./p/`` is ``p``."""
    if not text:
        raise argparse.ArgumentTypeError("a path must not be empty")
    try:
        return Path(text).expanduser()
    except RuntimeError as error:  # no such user
        raise argparse.ArgumentTypeError(f"'{text}': {error}") from None


def positive(text: str) -> int:
    """An argument that must be a whole number above 0."""
    return whole(text, 1, 10**9)


def seed(text: str) -> int:
    """An argument that every random generator takes: a whole number from 0 to 2**32 - 1."""
    return whole(text, 0, 2**32 - 1)


def people(text: str) -> int:
    """An argument that is a number of participants, or of frames: 1 to 20,000."""
    return whole(text, 1, 20_000)


def whole(text: str, least: int, most: int) -> int:
    """A whole number in a range, from text."""
    if not text.isdecimal() or len(text) > 20 or not least <= int(text) <= most:
        shown = printable(text, 30)
        raise argparse.ArgumentTypeError(
            f"'{shown}' is not a whole number "
            f"{'above 0' if least else 'from 0 up'}, at most {most:,}"
        )
    return int(text)


def any_whole(text: str) -> int:
    """An argument that must be a whole number; its range is the configuration's business."""
    if not text.removeprefix("-").isdecimal() or len(text) > 20:
        raise argparse.ArgumentTypeError(f"'{printable(text, 30)}' is not a whole number")
    return int(text)


def count(text: str) -> int:
    """An argument that must be a whole number from 0 up."""
    return whole(text, 0, 10**9)


def between(text: str, least: float, most: float, what: str) -> float:
    """A number from ``least`` to ``most``, from text; the complaint calls it ``what``."""
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not least <= value <= most:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number {what}")
    return value


def fraction(text: str) -> float:
    """An argument that must lie in [0, 1]."""
    return between(text, 0, 1, "between 0 and 1")


def percentage(text: str) -> float:
    """An argument that must lie in [0, 100]."""
    return between(text, 0, 100, "from 0 to 100")


class YesByDefault(argparse.BooleanOptionalAction):
    """``--x`` and ``--no-x``, of which the usage line shows the one that changes something."""

    def format_usage(self) -> str:
        return self.option_strings[-1]


def add_config_options(parser: Parser, config: type) -> None:
    """An option for each field of a configuration made by ``system.fields.option``.

    Only what was typed reaches the namespace, so that a preset can be told from a wish.
    """
    hints = typing.get_type_hints(config)
    for field in dataclasses.fields(config):
        if "help" not in field.metadata:
            continue
        flag, default, text = f"--{field.name.replace('_', '-')}", field.default, field.metadata
        kind = hints[field.name]
        if isinstance(kind, types.UnionType):
            kind = next(part for part in typing.get_args(kind) if part is not types.NoneType)
        note = "" if default in (None, False) else f" (default: {_shown(default)})"
        settings: dict[str, object] = {"help": text["help"] + note, "default": argparse.SUPPRESS}
        if kind is bool:
            settings["action"] = YesByDefault if default else "store_true"
        else:
            if typing.get_origin(kind) is tuple:
                settings["nargs"], kind = "*", typing.get_args(kind)[0]
            named = kind is str and not (text["choices"] or text["metavar"])
            kinds = {int: any_whole, str: (lambda t: str(file_path(t))) if named else str}
            settings |= {"type": kinds.get(kind, kind), "choices": text["choices"]}
        if kind is not bool and not text["choices"]:
            settings["metavar"] = text["metavar"] or {int: "N", float: "X"}.get(kind, "FILE")
        parser.add_argument(flag, **settings)


def _shown(default: object) -> str:
    if isinstance(default, bool):
        return "yes"
    return " ".join(map(str, default)) if isinstance(default, tuple) else f"{default}"


def chosen(options: argparse.Namespace, config: type) -> dict[str, object]:
    """The options that are fields of a configuration, lists as tuples, None left out."""
    names = {field.name for field in dataclasses.fields(config)}
    return {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in vars(options).items()
        if key in names and value is not None
    }


def add_compute_options(parser: Parser) -> None:
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")
    parser.add_argument(
        "--precision",
        default="auto",
        choices=["auto", "float32", "bfloat16", "float16"],
        metavar="KIND",
        help="of the convolutions: auto, float32, bfloat16 or float16",
    )


def add_record_options(parser: Parser, name: str, pictures: str = "") -> None:
    """``--out`` and ``--record`` of a command that can write the record ``data/runs/NAME``.

    ``DEVICE`` in the name stands for ``cpu``, ``cuda`` or ``mps``; ``pictures`` is the folder
    beside the record that ``--pictures`` replaces.
    """
    group = parser.add_mutually_exclusive_group()
    kind = "JSON file" if name.endswith(".json") else "folder"
    group.add_argument(
        "-o", "--out", type=Path, help=f"{kind} for the result; out/runs/{name} if not given"
    )
    group.add_argument(
        "--record", action="store_true", help=f"write data/runs/{name}, the record of the course"
    )
    parser.set_defaults(record_name=name, folder=pictures)
    if pictures:
        text = f"folder; '{pictures}' beside the result if not given"
        parser.add_argument("--pictures", type=Path, metavar="DIR", help=text)


def record_path(options: argparse.Namespace, device: str = "cpu") -> Path:
    """Where the result goes: as ``--out`` says, and into the course's records only if asked."""
    if options.record and INSTALLED:
        raise CourseError("--record is for a checkout of the course; give --out instead")
    folder = DATA_DIR / "runs" if options.record else Path("out") / "runs"
    return options.out or folder / options.record_name.replace("DEVICE", device)


def add_numbers(parser: Parser, **numbers: tuple[int, str]) -> None:
    """Options that are whole numbers above 0: name -> default, and what it is."""
    for name, (default, text) in numbers.items():
        flag = f"--{name.replace('_', '-')}"
        parser.add_argument(flag, type=positive, default=default, metavar="N", help=text)


def measured(
    measure: Callable[[argparse.Namespace], tuple[dict, dict]],
    show: Callable[[argparse.Namespace, dict, dict], Iterable[Path]],
) -> Callable[[argparse.Namespace], None]:
    """A command that measures, writes its record, and then prints and draws what it found.

    Args:
        measure: gives the settings and the results; ``options.device`` is a device that is there,
            ``options.out`` the record's place, ``options.pictures`` the folder beside it.
        show: gives the pictures that it drew.
    """

    def run(options: argparse.Namespace) -> None:
        from course_lib.system.devices import pick_device
        from course_lib.system.files import save_record

        options.device = pick_device(getattr(options, "device", "cpu"))
        options.out = record_path(options, options.device.type)
        if hasattr(options, "pictures"):
            options.pictures = options.pictures or options.out.with_name(options.folder)
        settings, results = measure(options)
        save_record(options.out, settings, results)
        tell_made([options.out, *show(options, settings, results)])

    return run


def tell(line: str) -> None:
    """How far a long command is, on stderr."""
    print(line, file=sys.stderr, flush=True)


def tell_made(paths: Iterable[Path], next_step: str = "") -> None:
    """The last lines of a long command: what it made, and what to do with it."""
    for path in paths:
        print(f"made {path}")
    if next_step:
        print(f"next {next_step}")


def load_transfer(options: argparse.Namespace) -> object:
    """The StyleTransfer that the options ask for."""
    from course_lib.stylize import DEFAULT_DECODER, StyleTransfer

    decoder = getattr(options, "decoder", None) or DEFAULT_DECODER
    return StyleTransfer.load(decoder, options.device, options.precision)


def decoder_settings(options: argparse.Namespace, transfer: object) -> dict[str, object]:
    """What a record says about the decoder it judges, the pictures' size and the machine."""
    from course_lib.stylize import DEFAULT_DECODER
    from course_lib.system.devices import machine
    from course_lib.system.files import relative_name

    decoder = relative_name(str(options.decoder or DEFAULT_DECODER))
    size = {"decoder": decoder, "size": options.size}
    return size | machine(transfer.device, transfer.dtype)


def tell_left_out(skipped: Mapping[object, str], ignored: Mapping[object, str]) -> int:
    """Name every file that was left out and why; the exit code is 1 if a picture was."""
    for word, files in (("ignored", ignored), ("skipped", skipped)):
        for name, reason in files.items():
            name, reason = printable(str(name), 300), printable(reason, 1000)
            print(f"{word} {name}: {reason}", file=sys.stderr)
    return 1 if skipped else 0
