"""``quality``, ``benchmark`` and ``measure-activations``: numbers, written to files."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from course_lib.cli.options import (
    Parser,
    add_compute_options,
    add_record_options,
    count,
    example,
    load_transfer,
    positive,
    record_path,
    tell_left_out,
    tell_made,
)
from course_lib.cli.result_pictures import save_bars


def add_commands(command: Callable[..., Parser]) -> None:
    quality = command(
        "quality",
        quality_command,
        "score a decoder on pairs of images",
        "--content photos --style art -o out/quality.json",
    )
    quality.add_argument("--content", type=Path, required=True, metavar="DIR", help="photographs")
    quality.add_argument("--style", type=Path, required=True, metavar="DIR", help="paintings")
    quality.add_argument("--only", type=Path, metavar="FILE", help="use only the names in FILE")
    quality.add_argument("--size", type=positive, default=256, help="side of the square images")
    quality.add_argument("--decoder", type=Path, help="a checkpoint; the shipped one if not given")
    quality.add_argument(
        "--every",
        type=positive,
        default=1,
        metavar="N",
        help="use every Nth photograph and painting",
    )
    text = "also count the evaluations that Gatys' optimisation needs to get ahead, for N pairs"
    quality.add_argument("--overtaken", type=count, default=0, metavar="N", help=text)
    quality.add_argument(
        "--evaluations", type=positive, default=100, metavar="N", help="the most that are counted"
    )
    quality.add_argument("-o", "--out", type=Path, required=True, metavar="JSON", help="result")
    add_compute_options(quality)
    add_benchmarks(
        command(
            "benchmark",
            None,
            "measure speed, side by side in one process",
            "stylize --sizes 128 256",
        )
    )
    text = "measure the encoder's mean activations"
    line = "--content photos -o a.safetensors"
    measure = command("measure-activations", measure_activations, text, line)
    measure.add_argument("--content", type=Path, required=True, metavar="DIR", help="photographs")
    measure.add_argument("--images", type=positive, default=300, help="at most so many")
    measure.add_argument("--size", type=positive, default=256, help="shorter side in pixels")
    measure.add_argument("-o", "--out", type=Path, required=True, help="safetensors file")


def add_benchmarks(bench: Parser) -> None:
    kinds = bench.add_subparsers(
        title="what is measured", metavar="WHAT", required=True, parser_class=Parser
    )

    def kind(
        name: str, run: Callable[[argparse.Namespace], None], text: str, repeats: int, line: str
    ) -> Parser:
        ending = example(f"benchmark {name}", line)
        sub = kinds.add_parser(name, help=text, description=text, ending=ending)
        sub.set_defaults(run=run)
        stem = {"train": "train_step"}.get(name, name)
        add_record_options(sub, f"{stem}_DEVICE.json")
        sub.add_argument("--repeats", type=positive, default=repeats, help="rounds that count")
        add_compute_options(sub)
        return sub

    stylize = kind(
        "stylize", benchmark_stylize_command, "seconds per picture", 3, "--sizes 128 256"
    )
    stylize.add_argument("--sizes", nargs="+", type=positive, default=[256, 512], help="pixels")
    train = kind(
        "train", benchmark_train_command, "seconds per training step", 5, "--batch 2 --crop 128"
    )
    train.add_argument("--batch", type=positive, default=8, help="crops of each per step")
    train.add_argument("--crop", type=positive, default=256, help="side of the square crops")
    text = "AdaIN against Gatys' optimisation, on equal terms"
    add_runtime_options(
        kind(
            "runtime", benchmark_runtime_command, text, 3, "--images 2 --size 256 --evaluations 20"
        )
    )
    tiling = kind(
        "tiling",
        benchmark_tiling_command,
        "memory for a very large photograph",
        1,
        "--width 3000 --height 2000",
    )
    tiling.add_argument("--width", type=positive, default=6000, help="of the photograph, pixels")
    tiling.add_argument("--height", type=positive, default=4000, help="of the photograph, pixels")


def add_runtime_options(parser: Parser) -> None:
    add = parser.add_argument
    add("--images", type=positive, default=5, help="pictures")
    add("--size", type=positive, default=512, help="side of the square pictures")
    add(
        "--evaluations",
        type=positive,
        default=80,
        metavar="N",
        help="of the first picture's optimisation, the rest is extrapolated; "
        "1000 runs the whole recipe for every picture",
    )
    add(
        "--sizes",
        nargs="+",
        type=positive,
        default=[128, 256, 512, 1024],
        help="sides for the scaling with size",
    )
    add(
        "--quality-size",
        type=positive,
        default=256,
        metavar="SIZE",
        help="side for quality at equal time",
    )
    add(
        "--quality-evaluations",
        type=positive,
        default=100,
        metavar="N",
        help="of each optimisation there",
    )
    add(
        "--pictures",
        type=Path,
        metavar="DIR",
        help="folder for the pictures of quality at equal "
        "time; 'runtime' beside the result if not given",
    )


def quality_command(options: argparse.Namespace) -> int:
    from course_lib.gatys.config import GatysConfig
    from course_lib.measuring.comparison import spread_pairs
    from course_lib.measuring.decoder_scores import pictures_of, score_folders
    from course_lib.records.overtaking import count_evaluations
    from course_lib.stylize import DEFAULT_DECODER
    from course_lib.system.devices import describe
    from course_lib.system.files import relative_name, save_record
    from course_lib.system.listings import read_names

    only = read_names(options.only) if options.only else ()
    transfer = load_transfer(options)
    skipped, ignored = {}, {}
    results = score_folders(
        transfer,
        options.content,
        options.style,
        options.size,
        only,
        skipped,
        ignored,
        options.every,
    )
    if options.overtaken:
        folders = pictures_of(options.content, options.style, only)
        config = GatysConfig(
            init="content", max_evaluations=options.evaluations, device=str(transfer.device)
        )
        results["overtaken"] = count_evaluations(
            transfer, spread_pairs(*folders, options.overtaken), options.size, config
        )
    code = tell_left_out(skipped, ignored)
    settings = {
        "decoder": relative_name(str(options.decoder or DEFAULT_DECODER)),
        "size": options.size,
        "device": describe(transfer.device),
        "precision": str(transfer.dtype).removeprefix("torch."),
    }
    save_record(options.out, settings, results)
    print(
        f"{options.out}: style ratio {results['mean_style_ratio']:.3f}, "
        f"content ratio {results['mean_content_ratio']:.3f}, {results['pairs']} pairs; the right "
        f"photograph is found by features for {results['found_by_features']:.1%}, by edges for "
        f"{results['found_by_edges']:.1%}"
    )
    if options.overtaken:
        race = results["overtaken"]
        middle = race["median_evaluations"] or f"more than {race['most_evaluations']}"
        print(f"Gatys' optimisation is ahead after {middle} evaluations in the median")
    return code


def benchmark_stylize_command(options: argparse.Namespace) -> None:
    from course_lib.records.stylize_speed import benchmark_stylize
    from course_lib.system.devices import pick_device
    from course_lib.system.files import save_record

    device = pick_device(options.device)
    out = record_path(options, device.type)
    settings, results = benchmark_stylize(device, options.precision, options.sizes, options.repeats)
    save_record(out, settings, results)
    for size, row in results.items():
        print(
            f"{size} px: plain {row['plain_seconds']:.3f} s, ours {row['ours_seconds']:.3f} s "
            f"per image, {row['ratio']:.2f}x; mean difference {row['mean_difference_255']:.2f}/255"
        )
    bars = {
        f"{size} px, {name}": row[f"{name}_seconds"]
        for size, row in results.items()
        for name in ("plain", "ours")
    }
    tell_made([out, save_bars(bars, out.with_suffix(".png"), "seconds per picture")])


def benchmark_train_command(options: argparse.Namespace) -> None:
    from course_lib.records.train_step_speed import benchmark_training
    from course_lib.system.devices import pick_device
    from course_lib.system.files import save_record

    device = pick_device(options.device)
    out = record_path(options, device.type)
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
    bars = {name: results[f"{name}_seconds"] for name in ("plain", "ours")}
    tell_made([out, save_bars(bars, out.with_suffix(".png"), "seconds per step")])


def benchmark_runtime_command(options: argparse.Namespace) -> None:
    from course_lib.lessons.lesson06.report_table import in_words, table_in_words
    from course_lib.records.runtime import RuntimeConfig, benchmark_runtime
    from course_lib.system.devices import pick_device
    from course_lib.system.files import save_record

    device = pick_device(options.device)
    out = record_path(options, device.type)
    pictures = options.pictures or out.with_name("runtime")
    config = RuntimeConfig(
        images=options.images,
        size=options.size,
        evaluations=options.evaluations,
        sizes=tuple(options.sizes),
        quality_size=options.quality_size,
        quality_evaluations=options.quality_evaluations,
        repeats=options.repeats,
        device=str(device),
        precision=options.precision,
    )
    settings, results = benchmark_runtime(
        config, pictures, lambda line: print(line, file=sys.stderr, flush=True)
    )
    save_record(out, settings, results)
    process, limit = results["process"]["seconds"]["median"], results["report"]["adain_seconds"]
    print(f"process start to {config.images} saved pictures: {process:.2f} s (report: {limit} s)")
    print("\n".join(table_in_words(results["table"])))
    for line in (*results["differences"], *map(in_words, results["equal_quality"])):
        print(line)
    bars = {row["method"]: row["our_seconds"] for row in results["table"]}
    label = f"seconds for {config.images} pictures"
    tell_made([out, pictures, save_bars(bars, out.with_suffix(".png"), label)])


def benchmark_tiling_command(options: argparse.Namespace) -> None:
    from course_lib.records.tiling_speed import benchmark_tiling
    from course_lib.system.devices import pick_device
    from course_lib.system.files import save_record

    device = pick_device(options.device)
    out = record_path(options, device.type)
    settings, results = benchmark_tiling(device, options.precision, options.width, options.height)
    save_record(out, settings, results)
    print(
        f"{options.width} x {options.height} in tiles of {settings['tile']}: "
        f"{results['seconds']:.1f} s, {results['peak_memory_bytes'] / 1e9:.2f} GB at the peak"
    )
    for precision, row in results["agreement"].items():
        print(f"{precision}: tiled and whole differ by at most {row['largest']:.1e}")
    bars = {"seconds": results["seconds"], "GB at the peak": results["peak_memory_bytes"] / 1e9}
    tell_made([out, save_bars(bars, out.with_suffix(".png"), "")])


def measure_activations(options: argparse.Namespace) -> int:
    from safetensors.torch import save_file

    from course_lib.images import load_image
    from course_lib.system.devices import keep_freed_memory
    from course_lib.system.files import replacing
    from course_lib.system.listings import find_images, readable
    from course_lib.vgg import measure_activation_means

    keep_freed_memory()
    found, skipped = find_images(options.content), {}
    paths = readable(found, skipped)
    paths = paths[:: max(1, len(paths) // options.images)][: options.images]
    means = measure_activation_means(load_image(path, options.size) for path in paths)
    with replacing(options.out) as temporary:
        save_file(means, temporary, {"images": str(len(paths)), "size": str(options.size)})
    print(f"{options.out}: {len(means)} layers over {len(paths)} photographs")
    return tell_left_out(skipped, found.ignored)
