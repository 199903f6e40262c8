"""``polish-quality``: the record of what polishing gains, and what a second of it is worth."""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

from course_lib import DATA_DIR
from course_lib.cli.options import (
    Parser,
    add_compute_options,
    add_record_options,
    count,
    load_transfer,
    positive,
    record_path,
    tell_made,
)
from course_lib.cli.result_pictures import save_curves


def add_commands(command: Callable[..., Parser]) -> None:
    text = "what polishing gains, and a second of it beside Gatys'"
    parser = command("polish-quality", polish_quality, text, "--pairs 2 --optimum-steps 50")
    add = parser.add_argument
    add(
        "--content",
        type=Path,
        nargs="+",
        metavar="PATH",
        default=[DATA_DIR / "content"],
        help="photographs, or folders of them",
    )
    add(
        "--style",
        type=Path,
        nargs="+",
        metavar="PATH",
        help="paintings, or folders of them; data/masterpieces if it is there, else data/style",
    )
    add("--pairs", type=positive, default=8, help="of a photograph and a painting")
    add("--size", type=positive, default=256, help="side of the square pictures")
    add("--optimum-steps", type=positive, default=200, metavar="N", help="of the longest run")
    add(
        "--curves",
        type=count,
        default=2,
        metavar="N",
        help="pairs that are compared with Gatys' optimisation",
    )
    add("--evaluations", type=positive, default=150, metavar="N", help="of Gatys' optimisation")
    add(
        "--fresh",
        action="store_true",
        help="also measure anew what a new decoder does not change and --out already holds",
    )
    add("--decoder", type=Path, help="a checkpoint; the shipped one if not given")
    add_record_options(parser, "polish_DEVICE.json")
    add_compute_options(parser)


def polish_quality(options: argparse.Namespace) -> None:
    from course_lib.records.polish_quality import measure_polish
    from course_lib.stylize import DEFAULT_DECODER
    from course_lib.system.devices import describe
    from course_lib.system.files import relative_name, save_record

    masterpieces = DATA_DIR / "masterpieces"
    folder = masterpieces if masterpieces.is_dir() else DATA_DIR / "style"
    photographs, paintings = (collect(p) for p in (options.content, options.style or [folder]))
    pairs = [
        (photographs[i % len(photographs)], paintings[i * len(paintings) // options.pairs])
        for i in range(options.pairs)
    ]
    transfer = load_transfer(options)
    out = record_path(options, transfer.device.type)
    settings = {
        "decoder": relative_name(str(options.decoder or DEFAULT_DECODER)),
        "size": options.size,
        "device": describe(transfer.device),
        "precision": str(transfer.dtype).removeprefix("torch."),
    }
    unfinished = out.with_suffix(".unfinished.json")  # what a run that was cut off has done
    older: dict[str, list] = {"pairs": [], "curves": []}
    for path in (out, unfinished):
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
        lambda line: print(line, file=sys.stderr, flush=True),
    )
    save_record(out, settings, results)
    unfinished.unlink(missing_ok=True)
    for steps, row in results["medians"].items():
        multiples = ", ".join(f"{name} {x:.2f}x" for name, x in row["of_optimum"].items())
        print(f"{steps} steps, {row['seconds']:.1f} s: {multiples} of the optimum's")
    names = next(iter(results["medians"].values()), {"of_optimum": {}})["of_optimum"]
    steps = [int(number) for number in results["medians"]]
    curves = {
        name: (steps, [row["of_optimum"][name] for row in results["medians"].values()])
        for name in names
    }
    picture = out.with_suffix(".png")
    tell_made([out, save_curves(curves, picture, "steps of polishing", "times the optimum's")])


def collect(paths: list[Path]) -> list[Path]:
    """Image files, from files and folders."""
    from course_lib.images import find_images

    return [file for path in paths for file in (find_images(path) if path.is_dir() else [path])]
