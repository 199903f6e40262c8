"""``sequence`` and ``export``: moving pictures, and the network as a file for other programs."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from course_lib import CourseError
from course_lib.cli.options import (
    Parser,
    add_compute_options,
    between,
    fraction,
    load_transfer,
    positive,
    tell_left_out,
)


def add_commands(command: Callable[..., Parser]) -> None:
    text = "repaint frames, an animation or a video"
    line = "film.gif painting.jpg -o out/new.gif"
    add_sequence_options(command("sequence", sequence, text, line))
    text = "write the network as ONNX, for other programs"
    export = command("export", export_command, text, "-o out/adain.onnx --check")
    export.add_argument("-o", "--out", type=Path, required=True, metavar="ONNX", help="the file")
    export.add_argument(
        "--split",
        action="store_true",
        help="two files: the painter, and beside it NAME_style.onnx that measures styles",
    )
    export.add_argument(
        "--check", action="store_true", help="run the file and compare it with PyTorch"
    )
    export.add_argument("--decoder", type=Path, help="a checkpoint; the shipped one if not given")


def add_sequence_options(parser: Parser) -> None:
    parser.add_argument("content", type=Path, help="a folder of frames, a GIF, or a video file")
    parser.add_argument("style", type=Path, nargs="+", help="one painting, or several to mix")
    parser.add_argument(
        "-o", "--out", type=Path, required=True, help="a folder, a .gif, or a video such as .mp4"
    )
    parser.add_argument("--alpha", type=fraction, default=1.0, help="0 content ... 1 full style")
    parser.add_argument("--weights", type=float, nargs="+", help="one weight per style")
    parser.add_argument(
        "--smooth",
        type=smoothing,
        default=0.0,
        metavar="S",
        help="0 ... below 1: how slowly colours may follow what comes into the picture",
    )
    parser.add_argument("--fps", type=frame_rate, help="frames per second instead of the file's")
    parser.add_argument("--size", type=positive, help="shorter side of the output in pixels")
    parser.add_argument(
        "--style-size", type=positive, default=512, help="shorter side of the styles in pixels"
    )
    parser.add_argument("--decoder", type=Path, help="a checkpoint; the shipped one if not given")
    add_compute_options(parser)


def smoothing(text: str) -> float:
    """An argument from 0 to below 1."""
    value = fraction(text)
    if value == 1:
        raise argparse.ArgumentTypeError("'1' would never let the first frame's colours go")
    return value


def frame_rate(text: str) -> float:
    """An argument from 0.01 up to 240."""
    return between(text, 0.01, 240, "of frames per second from 0.01 to 240")


def sequence(options: argparse.Namespace) -> int:
    from course_lib.painting.frames import is_video, open_frames
    from course_lib.painting.painter import measure_styles, open_styles
    from course_lib.painting.sequences import check_output, open_writer, stylize_sequence
    from course_lib.stylize import StyleStatistics

    check_output(options.content, options.style, options.out)
    source = open_frames(options.content, options.fps, options.out)
    writer = open_writer(source, options.out)
    if options.fps and source.sound and is_video(options.out) and options.fps != source.fps:
        print(
            f"the sound keeps its pace, {source.fps:g} frames per second: with --fps "
            f"{options.fps:g} picture and sound part ways",
            file=sys.stderr,
        )
    transfer = load_transfer(options)
    styles = measure_styles(transfer, open_styles(options.style, options.style_size))
    style = StyleStatistics.average(styles, options.weights)
    report = stylize_sequence(
        transfer, source, writer, style, options.alpha, options.smooth, options.size
    )
    code = tell_left_out(report.skipped, source.ignored)
    if not report.saved:
        raise CourseError(f"no frame of {options.content} could be stylised")
    print(
        f"{report.saved} frames in {options.out}, {len(report.skipped)} skipped, "
        f"{report.seconds / report.saved:.2f} s per frame"
    )
    return code


def export_command(options: argparse.Namespace) -> int:
    from course_lib.painting.onnx_export import TOLERANCE, check_exported, export_network
    from course_lib.system.files import relative_name
    from course_lib.system.optional_packages import need

    need("onnxscript", "onnxscript", "exporting")
    if options.check:
        need("onnxruntime", "onnxruntime", "--check")
    options.device, options.precision = "cpu", "float32"
    transfer = load_transfer(options)
    decoder = f"Decoder: {relative_name(str(options.decoder))}" if options.decoder else ""
    painter, style = options.out, None
    if options.split:
        style = options.out.with_name(f"{options.out.stem}_style{options.out.suffix}")
        print(export_network(transfer, style, "style", decoder))
    print(export_network(transfer, painter, "painter" if style else "network", decoder))
    if not options.check:
        return 0
    largest = check_exported(transfer, painter, style)
    fine = largest <= TOLERANCE
    print(f"ONNX Runtime and PyTorch differ by at most {largest:.1e}: {'ok' if fine else 'FAILED'}")
    return 0 if fine else 1
