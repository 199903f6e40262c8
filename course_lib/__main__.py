"""The command line: ``python -m course_lib COMMAND``. It parses, calls and prints; no maths.

Heavy imports happen inside the commands, so that ``--help`` answers at once.
"""

import argparse
import sys
from pathlib import Path

from course_lib import DATA_DIR, REPOSITORY, CourseError


class Parser(argparse.ArgumentParser):
    """A parser whose complaint is one line."""

    def error(self, message: str) -> None:
        self.exit(2, f"error: {message} (see '{self.prog} --help')\n")


class Formatter(argparse.ArgumentDefaultsHelpFormatter):
    """Help that shows the defaults of the options that have one."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return action.help if action.default in (None, False) else super()._get_help_string(action)


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return the exit code: 0 fine, 1 a check failed, 2 bad input."""
    options = build_parser().parse_args(arguments)
    try:
        return options.run(options) or 0
    except KeyboardInterrupt as stop:
        print(f"\n{stop}" if str(stop) else "\nstopped", file=sys.stderr)
        return 130
    except (CourseError, ValueError, OSError) as error:
        message = " ".join(str(error).split())
        if isinstance(error, OSError) and error.strerror and error.filename:
            message = f"{error.filename}: {error.strerror}"
        print(f"error: {message}", file=sys.stderr)
        return 2
    except (MemoryError, RuntimeError) as error:  # PyTorch has no kind of its own on the CPU
        if isinstance(error, RuntimeError) and "memory" not in str(error):
            raise
        print("error: not enough memory; choose a smaller --size (in training also a smaller "
              "--batch or --crop), or close other programs", file=sys.stderr)  # fmt: skip
        return 2


def build_parser() -> Parser:
    """All commands with their options."""
    text = "Neural style transfer: the commands of the course."
    parser = Parser(prog="python -m course_lib", description=text)
    commands = parser.add_subparsers(title="commands", required=True, parser_class=Parser)

    def command(name: str, run: object, text: str) -> Parser:
        sub = commands.add_parser(
            name,
            help=text,
            description=text,
            formatter_class=Formatter,
        )
        sub.set_defaults(run=run)
        return sub

    add_stylize_options(command("stylize", stylize, "repaint photographs in a painter's style"))
    demo_parser = command("demo", demo, "render the contact sheet of bundled photos and styles")
    demo_parser.add_argument(
        "-o", "--out", type=Path, default=Path("out/demo.png"), help="image file"
    )
    demo_parser.add_argument("--photos", nargs="+", metavar="NAME", help="only these photographs")
    demo_parser.add_argument("--styles", nargs="+", metavar="NAME", help="only these styles")
    demo_parser.add_argument("--size", type=positive, default=256, help="pixels per picture")
    add_compute_options(demo_parser)
    command("doctor", doctor, "check this machine and say how to mend what is missing")
    fetch_parser = command("fetch", fetch, "download famous public-domain paintings")
    fetch_parser.add_argument("what", choices=["paintings"])
    fetch_parser.add_argument("--out", type=Path, default=DATA_DIR / "paintings", help="folder")
    fetch_parser.add_argument("--names", nargs="+", metavar="NAME", help="only these paintings")
    add_train_options(command("train", train, "train a decoder, or go on with a stopped run"))
    quality = command("quality", quality_command, "score a decoder on pairs of images")
    quality.add_argument("--content", type=Path, required=True, metavar="DIR", help="photographs")
    quality.add_argument("--style", type=Path, required=True, metavar="DIR", help="paintings")
    quality.add_argument("--only", type=Path, metavar="FILE", help="use only the names in FILE")
    quality.add_argument("--size", type=positive, default=256, help="side of the square images")
    quality.add_argument("--decoder", type=Path, help="a checkpoint; the shipped one if not given")
    quality.add_argument("-o", "--out", type=Path, required=True, metavar="JSON", help="result")
    add_compute_options(quality)
    bench = command("benchmark", benchmark, "measure speed against a plain implementation")
    bench.add_argument("what", choices=["stylize"])
    bench.add_argument("-o", "--out", type=Path, default=None, help="JSON file for the result")
    bench.add_argument("--sizes", nargs="+", type=positive, default=[256, 512], help="pixels")
    bench.add_argument("--repeats", type=positive, default=3, help="rounds that count")
    add_compute_options(bench)
    measure = command(
        "measure-activations", measure_activations, "measure the encoder's mean activations"
    )
    measure.add_argument("--content", type=Path, required=True, metavar="DIR", help="photographs")
    measure.add_argument("--images", type=positive, default=300, help="at most so many")
    measure.add_argument("--size", type=positive, default=256, help="shorter side in pixels")
    measure.add_argument("-o", "--out", type=Path, required=True, help="safetensors file")
    work = command("copy-lessons", copy_lessons_command, "copy the notebooks to edit them")
    work.add_argument("--out", type=Path, default=REPOSITORY / "work", help="folder")
    return parser


def positive(text: str) -> int:
    """An argument that must be a whole number above 0."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number above 0")
    return int(text)


def fraction(text: str) -> float:
    """An argument that must lie in [0, 1]."""
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number between 0 and 1")
    return value


def add_compute_options(parser: Parser) -> None:
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")
    parser.add_argument(
        "--precision", default="auto", choices=["auto", "float32", "bfloat16", "float16"],
        help="of the convolutions",
    )  # fmt: skip


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


def add_train_options(parser: Parser) -> None:
    parser.add_argument("--content", nargs="+", required=True, metavar="DIR", help="photographs")
    parser.add_argument(
        "--style", nargs="+", required=True, metavar="DIR", help="paintings; drawn in turn"
    )
    parser.add_argument("--out", required=True, help="folder for log, checkpoint and decoder")
    parser.add_argument(
        "--encoder", default="original", choices=["original", "torchvision"], help="VGG-19 weights"
    )
    parser.add_argument("--images", type=positive, default=1200, help="at most so many of each")
    parser.add_argument("--all-images", action="store_true", help="use every image")
    parser.add_argument("--exclude", type=Path, metavar="FILE", help="file names to leave out")
    parser.add_argument("--epochs", type=positive, default=54, help="passes over the photographs")
    parser.add_argument("--steps", type=positive, help="steps in all, instead of epochs")
    parser.add_argument("--batch", type=positive, default=8, help="crops of each per step")
    parser.add_argument("--size", type=positive, default=512, help="shorter side after reading")
    parser.add_argument("--crop", type=positive, default=256, help="side of the square crops")
    parser.add_argument("--style-weight", type=float, default=20.0, help="lambda of equation 11")
    parser.add_argument("--learning-rate", type=float, default=1e-4, help="of Adam")
    parser.add_argument(
        "--learning-rate-decay", type=float, default=0.0, metavar="K",
        help="divide the learning rate by 1 + K * step",
    )  # fmt: skip
    parser.add_argument("--warmup-steps", type=int, default=0, help="autoencoder steps first")
    parser.add_argument("--initial-decoder", metavar="FILE", help="start from this checkpoint")
    parser.add_argument("--seed", type=int, default=0, help="of the first weights and the crops")
    parser.add_argument("--log-every", type=positive, default=50, help="steps per log line")
    parser.add_argument("--checkpoint-every", type=positive, default=500, help="steps per save")
    parser.add_argument("--data-note", default="not stated", help="data and terms, for metadata")
    add_compute_options(parser)


def load_transfer(options: argparse.Namespace) -> object:
    """The StyleTransfer that the options ask for."""
    from course_lib.stylize import DEFAULT_DECODER, StyleTransfer

    decoder = getattr(options, "decoder", None) or DEFAULT_DECODER
    return StyleTransfer.load(decoder, options.device, options.precision)


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


def train(options: argparse.Namespace) -> None:
    from course_lib.training import TrainingConfig
    from course_lib.training import train as run_training

    settings = vars(options).copy()
    settings.pop("run")
    if settings.pop("all_images"):
        settings["images"] = None
    exclude = settings.pop("exclude")
    config = TrainingConfig(
        **settings
        | {
            "content": tuple(options.content),
            "style": tuple(options.style),
            "exclude": read_names(exclude),
        }
    )
    print(run_training(config))


def read_names(path: Path | None) -> tuple[str, ...]:
    """File names, one per line."""
    return tuple(path.read_text(encoding="utf-8").split("\n")) if path else ()


def quality_command(options: argparse.Namespace) -> None:
    from course_lib.devices import describe
    from course_lib.evaluation import score_folders
    from course_lib.files import relative_name, save_record
    from course_lib.stylize import DEFAULT_DECODER

    transfer = load_transfer(options)
    results = score_folders(
        transfer, options.content, options.style, options.size, read_names(options.only)
    )
    settings = {
        "decoder": relative_name(str(options.decoder or DEFAULT_DECODER)),
        "size": options.size,
        "device": describe(transfer.device),
        "precision": str(transfer.dtype).removeprefix("torch."),
    }
    save_record(options.out, settings, results)
    print(
        f"{options.out}: style ratio {results['mean_style_ratio']:.3f}, "
        f"content ratio {results['mean_content_ratio']:.3f}, {results['pairs']} pairs"
    )


def benchmark(options: argparse.Namespace) -> None:
    from course_lib.benchmark import benchmark_stylize
    from course_lib.devices import pick_device
    from course_lib.files import save_record

    device = pick_device(options.device)
    out = options.out or DATA_DIR / "runs" / f"stylize_{device.type}.json"
    settings, results = benchmark_stylize(device, options.precision, options.sizes, options.repeats)
    save_record(out, settings, results)
    for size, row in results.items():
        print(
            f"{size} px: plain {row['plain_seconds']:.3f} s, ours {row['ours_seconds']:.3f} s "
            f"per image, {row['ratio']:.2f}x; mean difference {row['mean_difference_255']:.2f}/255"
        )
    print(out)


def measure_activations(options: argparse.Namespace) -> None:
    from safetensors.torch import save_file

    from course_lib.devices import keep_freed_memory
    from course_lib.files import replacing
    from course_lib.images import find_images, load_image
    from course_lib.vgg import measure_activation_means

    keep_freed_memory()
    paths = find_images(options.content)
    paths = paths[:: max(1, len(paths) // options.images)][: options.images]
    means = measure_activation_means(load_image(path, options.size) for path in paths)
    with replacing(options.out) as temporary:
        save_file(means, temporary, {"images": str(len(paths)), "size": str(options.size)})
    print(f"{options.out}: {len(means)} layers over {len(paths)} photographs")


def copy_lessons_command(options: argparse.Namespace) -> None:
    from course_lib.lessons import copy_lessons

    copied, kept = copy_lessons(options.out)
    print(f"{len(copied)} lessons copied to {options.out}, {len(kept)} were there and are kept")


if __name__ == "__main__":
    sys.exit(main())
