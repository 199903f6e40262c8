"""``quality``, ``benchmark`` and ``measure-activations``: numbers, written to files."""

import argparse
from collections.abc import Callable
from pathlib import Path

from course_lib import DATA_DIR
from course_lib.commands.options import (
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
