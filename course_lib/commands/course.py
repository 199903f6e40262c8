"""``doctor``, ``fetch`` and ``copy-lessons``: the state of this machine and its files."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from course_lib import DATA_DIR, REPOSITORY
from course_lib.commands.options import Parser


def add_commands(command: Callable[..., Parser]) -> None:
    command("doctor", doctor, "check this machine and say how to mend what is missing")
    parser = command("fetch", fetch, "download famous public-domain paintings")
    parser.add_argument("what", choices=["paintings"])
    parser.add_argument("--out", type=Path, default=DATA_DIR / "paintings", help="folder")
    parser.add_argument("--names", nargs="+", metavar="NAME", help="only these paintings")
    work = command("copy-lessons", copy_lessons_command, "copy the notebooks to edit them")
    work.add_argument("--out", type=Path, default=REPOSITORY / "work", help="folder")


def doctor(options: argparse.Namespace) -> int:
    from course_lib.doctor import run_checks

    failures = 0
    for check in run_checks():
        print(check, flush=True)
        failures += not check.ok
    return 1 if failures else 0


def fetch(options: argparse.Namespace) -> int:
    from course_lib.downloads import fetch_paintings

    report = fetch_paintings(options.out, names=options.names)
    print(
        f"{len(report.saved)} paintings downloaded to {options.out}, "
        f"{len(report.present)} were there already, {len(report.failed)} failed"
    )
    for name, reason in report.failed.items():
        print(f"{name}: {reason}", file=sys.stderr)
    return 2 if report.failed else 0


def copy_lessons_command(options: argparse.Namespace) -> None:
    from course_lib.lessons import copy_lessons

    copied, kept = copy_lessons(options.out)
    print(f"{len(copied)} lessons copied to {options.out}, {len(kept)} were there and are kept")
