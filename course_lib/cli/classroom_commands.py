"""Teaching: ``assignments``, ``collect``, ``grade``, ``ledger``, ``bundle`` and three more."""

import argparse
from collections.abc import Callable
from pathlib import Path

from course_lib import REPOSITORY, CourseError
from course_lib.cli.options import (
    Parser,
    add_record_options,
    percentage,
    positive,
    program,
    record_path,
    tell_made,
)
from course_lib.cli.result_pictures import save_bars


def add_commands(command: Callable[..., Parser]) -> None:
    command("assignments", assignments, "generate the students' notebooks of the assignments", "")
    parser = command(
        "grade",
        grade,
        "grade submissions of one assignment (needs nbgrader)",
        "A2 submitted --students ada",
    )
    parser.add_argument("assignment", help="A1, A2, ...")
    parser.add_argument("submitted", type=Path, help="folder of STUDENT/ASSIGNMENT/NOTEBOOK.ipynb")
    parser.add_argument(
        "-o",
        "--out",
        type=Path,
        default=REPOSITORY / "grading",
        help="folder for gradebook, feedback and the table",
    )
    parser.add_argument("--students", nargs="+", metavar="NAME", help="only these")
    parser.add_argument("--cell-seconds", type=positive, default=120, help="limit of one cell")
    parser.add_argument("--seconds", type=positive, default=900, help="limit of one submission")
    parser = command(
        "collect",
        collect,
        "unpack a zip of submissions from Canvas or Moodle",
        "A2 submissions.zip",
    )
    parser.add_argument("assignment", help="A1, A2, ...")
    parser.add_argument("archive", type=Path, help="the platform's zip")
    parser.add_argument("-o", "--out", type=Path, default=REPOSITORY / "submitted", help="folder")
    parser = command(
        "ledger",
        ledger,
        "write the class's table of points, tables for Canvas and Moodle, and zips of feedback",
        "--late late.csv --percent-per-day 10",
    )
    parser.add_argument(
        "folder",
        type=Path,
        nargs="?",
        default=REPOSITORY / "grading",
        help="where 'grade' has written, and this does, too",
    )
    parser.add_argument("--late", type=Path, help="table with columns student, assignment, days")
    parser.add_argument(
        "--percent-per-day",
        type=percentage,
        default=0.0,
        metavar="P",
        help="of the points reached, taken off per late day",
    )
    parser.add_argument("--canvas", type=Path, help="the gradebook as Canvas exports it")
    parser.add_argument(
        "--moodle",
        nargs=2,
        action="append",
        default=[],
        metavar=("ASSIGNMENT", "WORKSHEET"),
        help="an assignment, and its offline grading worksheet",
    )
    parser = command(
        "similarity",
        similarity,
        "name submissions that are alike, as a hint to look at them",
        "A2 submitted",
    )
    parser.add_argument("assignment", help="A1, A2, ...")
    parser.add_argument("submitted", type=Path, help="folder of STUDENT/ASSIGNMENT/NOTEBOOK.ipynb")
    parser = command("bundle", bundle, "make the students' zip", "-o out/course.zip")
    parser.add_argument(
        "-o",
        "--out",
        type=Path,
        help="zip file",
        default=REPOSITORY / "out" / "style-transfer-course.zip",
    )
    command(
        "instructor-check", instructor_check, "check that this machine is ready to teach on", ""
    )
    text = "run every lesson and say how long it takes"
    parser = command("lesson-times", lesson_times, text, "--only 00_start_here")
    parser.add_argument("--only", nargs="+", metavar="LESSON", default=[], help="these lessons")
    add_record_options(parser, "lesson_times_DEVICE.json")


def assignments(options: argparse.Namespace) -> None:
    from course_lib.classroom.generating import make_releases

    for path in make_releases():
        print(path.relative_to(REPOSITORY))


def grade(options: argparse.Namespace) -> int:
    from course_lib.classroom.grading import grade_all, has_sandbox

    failures = 0
    limits = options.cell_seconds, options.seconds
    grades = grade_all(
        options.assignment, options.submitted, options.out, options.students, *limits
    )
    for result in grades:
        if result.failed:
            print(f"{result.student}: NOT GRADED: {result.failed}", flush=True)
            failures += 1
        else:
            by_hand = f", up to {result.waiting:g} more by hand" if result.waiting else ""
            best = sum(result.most.values())
            print(f"{result.student}: {result.points:g} of {best:g} points{by_hand}", flush=True)
        for note in result.notes:
            print(f"    {note}", flush=True)
    print(
        "each ran in a sandbox: no network, and only its own folder to write to"
        if has_sandbox()
        else "bubblewrap (bwrap) is not installed here: each ran with time limits only"
    )
    print(f"feedback pages and grades_{options.assignment}.csv are in {options.out}")
    return 1 if failures else 0


def collect(options: argparse.Namespace) -> None:
    from course_lib.classroom import learning_platforms

    found = learning_platforms.collect(options.archive, options.assignment, options.out)
    print(f"{len(found['collected'])} students' notebooks of {options.assignment}")
    for what in ("late", "left out"):
        if found[what]:
            print(f"{what}: {', '.join(found[what])}")
    tell_made([options.out], f"{program()} grade {options.assignment} {options.out}")


def ledger(options: argparse.Namespace) -> None:
    from course_lib.classroom import learning_platforms as platforms
    from course_lib.classroom.grading import BOOK
    from course_lib.classroom.ledger import read_entries, read_late_days, write_ledger

    folder = options.folder
    late = read_late_days(options.late) if options.late else {}
    entries = read_entries(folder / BOOK, late, options.percent_per_day)
    made, lost = [folder / "ledger.csv"], []
    write_ledger(made[0], entries)
    if options.canvas:
        made.append(folder / "canvas.csv")
        lost += platforms.fill_canvas(options.canvas, entries, made[-1])
    for name, worksheet in options.moodle:
        made.append(folder / f"moodle_{name}.csv")
        lost += platforms.fill_moodle(Path(worksheet), entries, name, made[-1])
    for name in sorted({entry.assignment for entry in entries}):
        pages = folder / f"feedback_{name}.zip"
        if platforms.zip_feedback(folder / "feedback", name, pages):
            made.append(pages)
    if waiting := sum(entry.waiting > 0 for entry in entries):
        print(f"{waiting} submissions have questions that nobody has marked yet")
    for student in sorted(set(lost)):
        print(f"{student} is in no row of the platform's table, or in several: fill it in by hand")
    tell_made(made)


def similarity(options: argparse.Namespace) -> None:
    from course_lib.classroom.similarity import find_hints

    hints = find_hints(options.submitted, options.assignment)
    for hint in hints:
        print(hint)
    print(
        "These are hints, and no proof of anything: look at both notebooks, and ask both students "
        "to explain what they wrote."
        if hints
        else "No two submissions share more than short or ordinary answers."
    )


def bundle(options: argparse.Namespace) -> None:
    from course_lib.classroom.bundle import make_bundle

    path, count = make_bundle(options.out)
    print(f"{path}: {count} files, {path.stat().st_size / 1e6:.0f} MB")


def instructor_check(options: argparse.Namespace) -> int:
    from course_lib.classroom.readiness import run_readiness

    failures = 0
    for check in run_readiness():
        print(check, flush=True)
        failures += not check.ok
    print("ready to teach" if not failures else f"not ready: {failures} failed")
    return 1 if failures else 0


def lesson_times(options: argparse.Namespace) -> None:
    from course_lib.classroom import lesson_times
    from course_lib.system.devices import machine, pick_device, pick_precision
    from course_lib.system.files import save_record

    if options.only and options.record:
        raise CourseError("a record is of all lessons; leave out --only or --record")
    paths = lesson_times.lessons(options.only)
    seconds = {}
    for name, taken in lesson_times.time_lessons(paths):
        print(f"{name}: {taken:.1f} s", flush=True)
        seconds[name] = taken
    device = pick_device("auto")
    out = record_path(options, device.type)
    save_record(out, machine(device, pick_precision("auto", device)), {"seconds": seconds})
    if options.record:
        lesson_times.fill_guide()
        print("written into the instructor's guide, too")
    tell_made([out, save_bars(seconds, out.with_suffix(".png"), "seconds")])
