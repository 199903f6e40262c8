"""``doctor``, ``fetch`` and ``copy-lessons``: the state of this machine and its files."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from course_lib import REPOSITORY, CourseError
from course_lib.cli.options import Parser, positive, program, tell_made


def add_commands(command: Callable[..., Parser]) -> None:
    command("doctor", doctor, "check this machine and say how to mend what is missing", "")
    parser = command(
        "fetch",
        fetch,
        "download famous paintings, or photographs to train on",
        "paintings --names great_wave starry_night",
    )
    parser.add_argument(
        "what",
        choices=["paintings", "coco"],
        help="public-domain paintings, or the 5,000 photographs of MS COCO val2017 (816 MB)",
    )
    parser.add_argument(
        "-o", "--out", type=Path, help="folder (default: data/paintings or data/coco)"
    )
    parser.add_argument("--names", nargs="+", metavar="NAME", help="only these paintings")
    parser.add_argument(
        "--images", type=positive, metavar="N", help="coco: only the first N photographs by name"
    )
    parser.add_argument(
        "--keep-archive", action="store_true", help="coco: keep the zip file after extraction"
    )
    work = command(
        "copy-lessons", copy_lessons_command, "copy the notebooks to edit them", "--out my_lessons"
    )
    work.add_argument("-o", "--out", type=Path, default=REPOSITORY / "work", help="folder")
    work.add_argument(
        "--update",
        action="store_true",
        help="bring new versions: in place of copies that nobody wrote into, beside the others",
    )


def doctor(options: argparse.Namespace) -> int:
    from course_lib.system.doctor import run_checks

    failures = 0
    for check in run_checks():
        print(check, flush=True)
        failures += not check.ok
    return 1 if failures else 0


def fetch(options: argparse.Namespace) -> int:
    folder = options.out or REPOSITORY / "data" / options.what
    if options.what == "coco":
        if options.names:
            raise CourseError("--names is for paintings; for coco, choose a number with --images")
        return fetch_coco(folder, options.images, options.keep_archive)
    if options.images or options.keep_archive:
        raise CourseError("--images and --keep-archive are for coco; paintings take --names")
    return fetch_famous_paintings(folder, options.names)


def fetch_famous_paintings(folder: Path, names: list[str] | None) -> int:
    from course_lib.system.downloads import fetch_paintings

    report = fetch_paintings(folder, names=names)
    print(
        f"{len(report.saved)} paintings downloaded to {folder}, "
        f"{len(report.present)} were there already, {len(report.failed)} failed"
    )
    if report.saved or report.present:
        painting = folder / f"{(report.saved + report.present)[0]}.jpg"
        line = f"{program()} stylize PHOTO {painting} -o out/picture.jpg"
        tell_made([folder], line)
    for name, reason in report.failed.items():
        print(f"{name}: {reason}", file=sys.stderr)
    return 1 if report.failed else 0


def fetch_coco(folder: Path, images: int | None, keep_archive: bool) -> int:
    from course_lib.system import archives

    source = archives.COCO
    report = archives.fetch_archive(source, folder, images=images, keep_archive=keep_archive)
    print(
        f"{len(report.saved)} photographs extracted to {folder}, "
        f"{len(report.present)} were there already"
    )
    archive = folder / source.name
    if archive.is_file():
        print(f"{archive} is kept; you may delete it")
    line = f"{program()} train --content {folder} --style PAINTINGS --out out/my_run"
    tell_made([folder], line)
    return 0


def copy_lessons_command(options: argparse.Namespace) -> None:
    from course_lib.classroom.lesson_copies import copy_lessons

    done = copy_lessons(options.out, options.update)
    for what, depth in (("lessons", 0), ("assignments", 2)):
        copied, there = (
            sum(len(path.relative_to(options.out).parts) == depth + 1 for path in paths)
            for paths in (done.copied, done.kept + done.outdated + done.beside)
        )
        if copied or there:
            print(f"{copied} {what} copied to {options.out}, {there} were there and are kept")
    for path in done.updated:
        print(f"{path.name} is the new version now: you had not changed it")
    for path in done.outdated:
        print(f"{path.name} has a new version: copy-lessons --update brings it")
    for path in done.beside:
        new = "lies beside it" if options.update else "comes beside it with copy-lessons --update"
        print(f"{path.name} is yours and stays; the course's new version {new}")
    tell_made([options.out], f"jupyter lab {options.out}")
