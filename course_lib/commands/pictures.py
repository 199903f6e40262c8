"""``stylize`` and ``demo``: photographs in, paintings out."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from course_lib.commands.options import (
    Parser,
    add_compute_options,
    fraction,
    load_transfer,
    positive,
)


def add_commands(command: Callable[..., Parser]) -> None:
    add_stylize_options(command("stylize", stylize, "repaint photographs in a painter's style"))
    parser = command("demo", demo, "render the contact sheet of bundled photos and styles")
    parser.add_argument("-o", "--out", type=Path, default=Path("out/demo.png"), help="image file")
    parser.add_argument("--photos", nargs="+", metavar="NAME", help="only these photographs")
    parser.add_argument("--styles", nargs="+", metavar="NAME", help="only these styles")
    parser.add_argument("--size", type=positive, default=256, help="pixels per picture")
    add_compute_options(parser)


def add_stylize_options(parser: Parser) -> None:
    parser.add_argument("content", type=Path, help="a photograph, or a folder of them")
    parser.add_argument("style", type=Path, nargs="+", help="one painting, or several to mix")
    parser.add_argument("-o", "--out", type=Path, required=True, help="image file, or folder")
    parser.add_argument("--alpha", type=fraction, default=1.0, help="0 content ... 1 full style")
    parser.add_argument("--weights", type=float, nargs="+", help="one weight per style")
    parser.add_argument("--size", type=positive, help="shorter side of the output in pixels")
    parser.add_argument(
        "--style-size", type=positive, default=512, help="shorter side of the styles in pixels"
    )
    parser.add_argument("--decoder", type=Path, help="a checkpoint; the shipped one if not given")
    add_compute_options(parser)


def stylize(options: argparse.Namespace) -> None:
    from course_lib.batch import check_paths, read_styles, stylize_file, stylize_folder

    check_paths(options.content, options.style, options.out)
    transfer = load_transfer(options)
    style = read_styles(transfer, options.style, options.weights, options.style_size)
    if not options.content.is_dir():
        print(stylize_file(transfer, options.content, style, options.out, options.alpha,
                           options.size))  # fmt: skip
        return
    report = stylize_folder(
        transfer, options.content, style, options.out, options.alpha, options.size
    )
    for path, reason in report.skipped.items():
        print(f"skipped {path}: {reason}", file=sys.stderr)
    print(
        f"{len(report.saved)} images in {options.out}, {len(report.skipped)} skipped, "
        f"{report.seconds / max(1, len(report.saved)):.2f} s per image"
    )
    if not report.saved:
        raise ValueError(f"no image in {options.content} could be stylised")


def demo(options: argparse.Namespace) -> None:
    from course_lib.batch import demo_sheet
    from course_lib.images import check_output_path, save_image

    check_output_path(options.out)
    sheet, seconds = demo_sheet(
        load_transfer(options), options.photos, options.styles, options.size
    )
    save_image(sheet, options.out)
    print(f"{options.out}: {seconds:.2f} s per image")
