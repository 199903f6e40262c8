"""``polish-quality``: the record of what polishing gains, and what a second of it is worth."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

from course_lib import DATA_DIR
from course_lib.cli.options import (
    Parser,
    add_compute_options,
    add_numbers,
    add_record_options,
    count,
    decoder_settings,
    load_transfer,
    measured,
    tell,
)
from course_lib.cli.result_pictures import save_curves


def add_commands(command: Callable[..., Parser]) -> None:
    text = "what polishing gains, and a second of it beside Gatys'"
    run = measured(measure, show)
    parser = command("polish-quality", run, text, "--pairs 2 --optimum-steps 50")
    add, some = parser.add_argument, {"type": Path, "nargs": "+", "metavar": "PATH"}
    text = "photographs, or folders of them"
    add("--content", default=[DATA_DIR / "content"], help=text, **some)
    text = "paintings, or folders of them; data/masterpieces if it is there, else data/style"
    add("--style", help=text, **some)
    add_numbers(
        parser,
        pairs=(8, "of a photograph and a painting"),
        size=(256, "side of the square pictures"),
        optimum_steps=(200, "of the longest run"),
        evaluations=(150, "of Gatys' optimisation"),
    )
    text = "pairs that are compared with Gatys' optimisation"
    add("--curves", type=count, default=2, metavar="N", help=text)
    text = "also measure anew what a new decoder does not change and --out already holds"
    add("--fresh", action="store_true", help=text)
    add("--decoder", type=Path, help="a checkpoint; the shipped one if not given")
    add_record_options(parser, "polish_DEVICE.json")
    add_compute_options(parser)


def measure(options: argparse.Namespace) -> tuple[dict, dict]:
    from course_lib.records.polish_quality import measure_polish
    from course_lib.system.files import save_record

    masterpieces = DATA_DIR / "masterpieces"
    folder = masterpieces if masterpieces.is_dir() else DATA_DIR / "style"
    photographs, paintings = (collect(p) for p in (options.content, options.style or [folder]))
    pairs = [
        (photographs[i % len(photographs)], paintings[i * len(paintings) // options.pairs])
        for i in range(options.pairs)
    ]
    transfer = load_transfer(options)
    settings = decoder_settings(options, transfer)
    unfinished = unfinished_beside(options.out)
    older: dict[str, list] = {"pairs": [], "curves": []}
    for path in (options.out, unfinished):
        if path.is_file() and not options.fresh:
            known = json.loads(path.read_text(encoding="utf-8"))["results"]
            older = {part: rows + known[part] for part, rows in older.items()}
    results = measure_polish(
        transfer,
        pairs,
        options.size,
        options.optimum_steps,
        options.curves,
        options.evaluations,
        older,
        lambda done: save_record(unfinished, settings, done),
        tell,
    )
    return settings, results


def unfinished_beside(out: Path) -> Path:
    """What a run that was cut off has done."""
    return out.with_suffix(".unfinished.json")


def show(options: argparse.Namespace, settings: dict, results: dict) -> list[Path]:
    unfinished_beside(options.out).unlink(missing_ok=True)
    for steps, row in results["medians"].items():
        multiples = ", ".join(f"{name} {x:.2f}x" for name, x in row["of_optimum"].items())
        print(f"{steps} steps, {row['seconds']:.1f} s: {multiples} of the optimum's")
    names = next(iter(results["medians"].values()), {"of_optimum": {}})["of_optimum"]
    steps = [int(number) for number in results["medians"]]
    curves = {
        name: (steps, [row["of_optimum"][name] for row in results["medians"].values()])
        for name in names
    }
    picture = options.out.with_suffix(".png")
    return [save_curves(curves, picture, "steps of polishing", "times the optimum's")]


def collect(paths: list[Path]) -> list[Path]:
    """Image files, from files and folders."""
    from course_lib.images import find_images

    return [file for path in paths for file in (find_images(path) if path.is_dir() else [path])]
