"""``records`` and ``pack-images``: the experiments that want a GPU, and the images they need."""

import argparse
from collections.abc import Callable
from pathlib import Path

from course_lib.cli.options import Parser, tell_left_out, tell_made
from course_lib.records import EXPERIMENT_NAMES


def add_commands(command: Callable[..., Parser]) -> None:
    records = command(
        "records",
        records_command,
        "the experiments that want a GPU, in a row",
        "--pack pack.zip --toy --device cpu -o out/toy",
    )
    add = records.add_argument
    add("--pack", type=Path, required=True, metavar="ZIP", help="written by pack-images")
    add("-o", "--out", type=Path, required=True, metavar="DIR", help="folder for the records")
    add("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    add("--minutes", type=float, default=9.0, help="for everything together")
    add(
        "--only",
        nargs="+",
        choices=EXPERIMENT_NAMES,
        default=EXPERIMENT_NAMES,
        metavar="NAME",
        help="some of: " + ", ".join(EXPERIMENT_NAMES),
    )
    add("--decoder-minutes", type=float, default=None, help="of these, for the decoder")
    add("--study-minutes", type=float, default=None, help="of these, for the recipe study")
    add("--arms", nargs="+", default=None, metavar="NAME", help="of the recipe study")
    add("--toy", action="store_true", help="tiny sizes, to try the whole series on a CPU")
    pack = command(
        "pack-images",
        pack_command,
        "reduce training images into one small file",
        "--content photos --style art -o out/pack.zip",
    )
    add = pack.add_argument
    add("--content", type=Path, nargs="+", required=True, metavar="DIR", help="photographs")
    add("--style", type=Path, nargs="+", required=True, metavar="DIR", help="paintings")
    add("--held-out", type=Path, metavar="FILE", help="names of images to judge by")
    add("--exclude", type=Path, metavar="FILE", help="names of images to leave out")
    add("--megabytes", type=float, default=60.0, help="largest size of the file")
    add("-o", "--out", type=Path, required=True, metavar="ZIP", help="the file")


def records_command(options: argparse.Namespace) -> int:
    from course_lib.records.series import Series, run_series

    series = Series(
        options.pack, options.out, options.device, options.minutes, options.toy, options.arms
    )
    seconds = {
        name: 60 * minutes
        for name, minutes in (
            ("decoder", options.decoder_minutes),
            ("recipe_study", options.study_minutes),
        )
        if minutes is not None
    }
    unfinished = run_series(series, options.only, seconds)
    tell_made([options.out])
    for name in unfinished:
        print(f"not finished: {name}; the same command goes on with it")
    return 1 if unfinished else 0


def pack_command(options: argparse.Namespace) -> int:
    from course_lib.records.packing import pack_images
    from course_lib.system.listings import read_names

    held_out, exclude = (
        set(read_names(path)) if path else set() for path in (options.held_out, options.exclude)
    )
    skipped = {}
    counts = pack_images(
        options.content, options.style, options.out, held_out, exclude, options.megabytes, skipped
    )
    parts = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items())
    print(f"{options.out}: {options.out.stat().st_size / 1e6:.1f} MB: {parts}")
    return tell_left_out(skipped, {})
