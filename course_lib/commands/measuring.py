"""``quality``, ``benchmark`` and ``measure-activations``: numbers, written to files."""

import argparse
from collections.abc import Callable
from pathlib import Path

from course_lib import DATA_DIR
from course_lib.commands.options import (
    Formatter,
    Parser,
    add_compute_options,
    load_transfer,
    positive,
    read_names,
)


def add_commands(command: Callable[..., Parser]) -> None:
    quality = command("quality", quality_command, "score a decoder on pairs of images")
    quality.add_argument("--content", type=Path, required=True, metavar="DIR", help="photographs")
    quality.add_argument("--style", type=Path, required=True, metavar="DIR", help="paintings")
    quality.add_argument("--only", type=Path, metavar="FILE", help="use only the names in FILE")
    quality.add_argument("--size", type=positive, default=256, help="side of the square images")
    quality.add_argument("--decoder", type=Path, help="a checkpoint; the shipped one if not given")
    quality.add_argument("-o", "--out", type=Path, required=True, metavar="JSON", help="result")
    add_compute_options(quality)
    add_benchmarks(command("benchmark", None, "measure speed against a plain implementation"))
    measure = command(
        "measure-activations", measure_activations, "measure the encoder's mean activations"
    )
    measure.add_argument("--content", type=Path, required=True, metavar="DIR", help="photographs")
    measure.add_argument("--images", type=positive, default=300, help="at most so many")
    measure.add_argument("--size", type=positive, default=256, help="shorter side in pixels")
    measure.add_argument("-o", "--out", type=Path, required=True, help="safetensors file")


def add_benchmarks(bench: Parser) -> None:
    kinds = bench.add_subparsers(title="what is measured", required=True, parser_class=Parser)

    def kind(
        name: str, run: Callable[[argparse.Namespace], None], text: str, repeats: int
    ) -> Parser:
        sub = kinds.add_parser(name, help=text, description=text, formatter_class=Formatter)
        sub.set_defaults(run=run)
        sub.add_argument("-o", "--out", type=Path, default=None, help="JSON file for the result")
        sub.add_argument("--repeats", type=positive, default=repeats, help="rounds that count")
        add_compute_options(sub)
        return sub

    stylize = kind("stylize", benchmark_stylize_command, "seconds per picture", 3)
    stylize.add_argument("--sizes", nargs="+", type=positive, default=[256, 512], help="pixels")
    train = kind("train", benchmark_train_command, "seconds per training step", 5)
    train.add_argument("--batch", type=positive, default=8, help="crops of each per step")
    train.add_argument("--crop", type=positive, default=256, help="side of the square crops")


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


def benchmark_stylize_command(options: argparse.Namespace) -> None:
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


def benchmark_train_command(options: argparse.Namespace) -> None:
    from course_lib.benchmark import benchmark_training
    from course_lib.devices import pick_device
    from course_lib.files import save_record

    device = pick_device(options.device)
    out = options.out or DATA_DIR / "runs" / f"train_step_{device.type}.json"
    settings, results = benchmark_training(
        device, options.precision, options.batch, options.crop, options.repeats
    )
    save_record(out, settings, results)
    apart = results["float32_agreement"]["largest_relative_difference"]
    print(
        f"batch {settings['batch']}, {settings['crop']} px: plain {results['plain_seconds']:.3f} s,"
        f" ours {results['ours_seconds']:.3f} s per step, {results['ratio']:.2f}x, "
        f"{results['ours_share_of_bfloat16_rate']:.0%} of the bfloat16 matrix rate"
    )
    print(
        f"float32 losses differ by at most {apart['content_loss']:.2%} (content) and "
        f"{apart['style_loss']:.2%} (style)"
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
