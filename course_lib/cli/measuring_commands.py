"""``quality``, ``benchmark``, ``playground-speed``, ``measure-activations``: numbers in files."""

import argparse
from collections.abc import Callable
from pathlib import Path

from course_lib.cli.options import (
    Parser,
    add_compute_options,
    add_config_options,
    add_numbers,
    add_record_options,
    chosen,
    count,
    decoder_settings,
    example,
    load_transfer,
    measured,
    positive,
    tell,
    tell_left_out,
    tell_made,
)
from course_lib.cli.result_pictures import save_bars
from course_lib.records.runtime_config import RuntimeConfig

MOST_BARS = 40  # of paintings in the picture of ``quality``; the record holds all

Show = Callable[[argparse.Namespace, dict, dict], list[Path]]


def add_commands(command: Callable[..., Parser]) -> None:
    text = "score a decoder on pairs of images"
    line = "--content photos --style art -o out/quality.json"
    add_quality_options(command("quality", quality, text, line))
    text = "measure speed, side by side in one process"
    add_benchmarks(command("benchmark", None, text, "stylize --sizes 128 256"))
    run = measured(measure_playground, show_playground)
    text = "measure how fast sliders are followed"
    speed = command("playground-speed", run, text, "--size 128 --moves 20")
    sizes = {"size": (256, "pixels of the square picture"), "moves": (60, "moves of each slider")}
    add_numbers(speed, **sizes)
    add_record_options(speed, "playground_DEVICE.json")
    add_compute_options(speed)
    text = "measure the encoder's mean activations"
    line = "--content photos -o a.safetensors"
    measure = command("measure-activations", measure_activations, text, line)
    measure.add_argument("--content", type=Path, required=True, metavar="DIR", help="photographs")
    add_numbers(measure, images=(300, "at most so many"), size=(256, "shorter side in pixels"))
    measure.add_argument("-o", "--out", type=Path, required=True, help="safetensors file")


def add_quality_options(parser: Parser) -> None:
    add = parser.add_argument
    add("--content", type=Path, required=True, metavar="DIR", help="photographs")
    add("--style", type=Path, required=True, metavar="DIR", help="paintings")
    add("--only", type=Path, metavar="FILE", help="use only the names in FILE")
    add("--decoder", type=Path, help="a checkpoint; the shipped one if not given")
    text = "also count the evaluations that Gatys' optimisation needs to get ahead, for N pairs"
    add("--overtaken", type=count, default=0, metavar="N", help=text)
    add_numbers(
        parser,
        size=(256, "side of the square images"),
        every=(1, "use every Nth photograph and painting"),
        evaluations=(100, "the most that are counted"),
    )
    add("-o", "--out", type=Path, required=True, metavar="JSON", help="result")
    add_compute_options(parser)


def add_benchmarks(bench: Parser) -> None:
    kinds = bench.add_subparsers(
        title="what is measured", metavar="WHAT", required=True, parser_class=Parser
    )

    def kind(
        name: str, measure: Callable, show: Show, text: str, line: str, pictures: str = ""
    ) -> Parser:
        ending = example(f"benchmark {name}", line)
        sub = kinds.add_parser(name, help=text, description=text, ending=ending)
        sub.set_defaults(run=measured(measure, show))
        stem = {"train": "train_step"}.get(name, name)
        add_record_options(sub, f"{stem}_DEVICE.json", pictures)
        add_compute_options(sub)
        return sub

    text = "seconds per picture"
    sub = kind("stylize", measure_stylize, show_stylize, text, "--sizes 128 256")
    sub.add_argument("--sizes", nargs="+", type=positive, default=[256, 512], help="pixels")
    add_numbers(sub, repeats=(3, "rounds that count"))
    text = "seconds per training step"
    sub = kind("train", measure_train, show_train, text, "--batch 2 --crop 128")
    sizes = {"batch": (8, "crops of each per step"), "crop": (256, "side of the square crops")}
    add_numbers(sub, **sizes, repeats=(5, "rounds that count"))
    text = "AdaIN against Gatys' optimisation, on equal terms"
    line = "--images 2 --size 256 --evaluations 20"
    sub = kind("runtime", measure_runtime, show_runtime, text, line, "runtime")
    add_config_options(sub, RuntimeConfig)
    text = "memory for a very large photograph"
    sub = kind("tiling", measure_tiling, show_tiling, text, "--width 3000 --height 2000")
    side = "of the photograph, pixels"
    add_numbers(sub, width=(6000, side), height=(4000, side))


def quality(options: argparse.Namespace) -> int:
    from course_lib.gatys.config import GatysConfig
    from course_lib.measuring.comparison import spread_pairs
    from course_lib.measuring.decoder_scores import list_folders, score_folders
    from course_lib.records.overtaking import count_evaluations
    from course_lib.system.files import save_record
    from course_lib.system.listings import read_names

    only = read_names(options.only) if options.only else ()
    transfer = load_transfer(options)
    folders = list_folders(options.content, options.style, only, options.every)
    results = score_folders(transfer, folders, options.size)
    if options.overtaken:
        config = GatysConfig(
            init="content", max_evaluations=options.evaluations, device=str(transfer.device)
        )
        pairs = spread_pairs(folders.photographs, folders.paintings, options.overtaken)
        results["overtaken"] = count_evaluations(transfer, pairs, options.size, config)
    code = tell_left_out(folders.skipped, folders.ignored)
    save_record(options.out, decoder_settings(options, transfer), results)
    sharp, enlarged = results["mean_style_ratio_without_enlarged"], results["enlarged_paintings"]
    known = enlarged and sharp is not None
    aside = f" ({sharp:.3f} without the {len(enlarged)} paintings enlarged)" if known else ""
    print(
        f"{options.out}: style ratio {results['mean_style_ratio']:.3f}{aside}, "
        f"content ratio {results['mean_content_ratio']:.3f}, {results['pairs']} pairs; the right "
        f"photograph is found by features for {results['found_by_features']:.1%}, by edges for "
        f"{results['found_by_edges']:.1%}"
    )
    if options.overtaken:
        race = results["overtaken"]
        middle = race["median_evaluations"] or f"more than {race['most_evaluations']}"
        print(f"Gatys' optimisation is ahead after {middle} evaluations in the median")
    worst_first = sorted(results["by_style"].items(), key=lambda item: -item[1])
    label = "style ratio (the untouched photograph: 1)"
    tell_made([options.out, bars(options, dict(worst_first[:MOST_BARS]), label)])
    return code


def bars(options: argparse.Namespace, values: dict[str, float], label: str) -> Path:
    """Draw numbers beside the record, under its name."""
    return save_bars(values, options.out.with_suffix(".png"), label)


def measure_stylize(options: argparse.Namespace) -> tuple[dict, dict]:
    from course_lib.records.stylize_speed import benchmark_stylize

    return benchmark_stylize(options.device, options.precision, options.sizes, options.repeats)


def show_stylize(options: argparse.Namespace, settings: dict, results: dict) -> list[Path]:
    seconds = {}
    for size, row in results.items():
        print(
            f"{size} px: plain {row['plain_seconds']:.3f} s, ours {row['ours_seconds']:.3f} s "
            f"per image, {row['ratio']:.2f}x; mean difference {row['mean_difference_255']:.2f}/255"
        )
        seconds |= {f"{size} px, {name}": row[f"{name}_seconds"] for name in ("plain", "ours")}
    return [bars(options, seconds, "seconds per picture")]


def measure_train(options: argparse.Namespace) -> tuple[dict, dict]:
    from course_lib.records.train_step_speed import benchmark_training

    sizes = options.batch, options.crop, options.repeats
    return benchmark_training(options.device, options.precision, *sizes)


def show_train(options: argparse.Namespace, settings: dict, results: dict) -> list[Path]:
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
    seconds = {name: results[f"{name}_seconds"] for name in ("plain", "ours")}
    return [bars(options, seconds, "seconds per step")]


def measure_runtime(options: argparse.Namespace) -> tuple[dict, dict]:
    from course_lib.records.runtime import benchmark_runtime

    config = RuntimeConfig(**chosen(options, RuntimeConfig) | {"device": str(options.device)})
    return benchmark_runtime(config, options.pictures, tell)


def show_runtime(options: argparse.Namespace, settings: dict, results: dict) -> list[Path]:
    from course_lib.lessons.lesson06.report_table import in_words, table_in_words

    process, limit = results["process"]["seconds"]["median"], results["report"]["adain_seconds"]
    print(
        f"process start to {settings['images']} saved pictures: {process:.2f} s (report: {limit} s)"
    )
    print("\n".join(table_in_words(results["table"])))
    for line in (*results["differences"], *map(in_words, results["equal_quality"])):
        print(line)
    seconds = {row["method"]: row["our_seconds"] for row in results["table"]}
    label = f"seconds for {settings['images']} pictures"
    return [options.pictures, bars(options, seconds, label)]


def measure_tiling(options: argparse.Namespace) -> tuple[dict, dict]:
    from course_lib.records.tiling_speed import benchmark_tiling

    return benchmark_tiling(options.device, options.precision, options.width, options.height)


def show_tiling(options: argparse.Namespace, settings: dict, results: dict) -> list[Path]:
    peak = results["peak_memory_bytes"] / 1e9
    print(
        f"{options.width} x {options.height} in tiles of {settings['tile']}: "
        f"{results['seconds']:.1f} s, {peak:.2f} GB at the peak"
    )
    for precision, row in results["agreement"].items():
        print(f"{precision}: tiled and whole differ by at most {row['largest']:.1e}")
    return [bars(options, {"seconds": results["seconds"], "GB at the peak": peak}, "")]


def measure_playground(options: argparse.Namespace) -> tuple[dict, dict]:
    from course_lib.records.playground_speed import measure_playground

    return measure_playground(str(options.device), options.precision, options.size, options.moves)


def show_playground(options: argparse.Namespace, settings: dict, results: dict) -> list[Path]:
    for name, times in results["move_ms"].items():
        print(f"{name}: {times['median']:.0f} ms per move ({times['slowest']:.0f} at worst)")
    print(
        f"floor: {results['decoder_gflop']:.1f} GFLOP at {results['matrix_tflops']:.2f} TFLOP/s "
        f"are {results['floor_ms']:.0f} ms, {results['share_of_floor']:.0%} of a move of alpha"
    )
    drag = results["drag"]
    print(
        f"drag: {drag['moves']} moves, {drag['pictures']} pictures, {drag['dropped']} dropped, "
        f"the last one {drag['last_picture_after_ms']:.0f} ms after the last move"
    )
    medians = {name: times["median"] for name, times in results["move_ms"].items()}
    return [bars(options, medians, "milliseconds per move, median")]


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
