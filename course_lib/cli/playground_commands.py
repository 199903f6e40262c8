"""``playground-speed``: how fast the playground of lesson 08 follows its sliders."""

import argparse
from collections.abc import Callable

from course_lib.cli.options import (
    Parser,
    add_compute_options,
    add_record_options,
    positive,
    record_path,
    tell_made,
)
from course_lib.cli.result_pictures import save_bars


def add_commands(command: Callable[..., Parser]) -> None:
    speed = command(
        "playground-speed",
        playground_speed,
        "measure how fast sliders are followed",
        "--size 128 --moves 20",
    )
    speed.add_argument("--size", type=positive, default=256, help="pixels of the square picture")
    speed.add_argument("--moves", type=positive, default=60, help="moves of each slider")
    add_record_options(speed, "playground_DEVICE.json")
    add_compute_options(speed)


def playground_speed(options: argparse.Namespace) -> None:
    from course_lib.records.playground_speed import measure_playground
    from course_lib.system.devices import pick_device
    from course_lib.system.files import save_record

    device = pick_device(options.device)
    out = record_path(options, device.type)
    settings, results = measure_playground(
        str(device), options.precision, options.size, options.moves
    )
    save_record(out, settings, results)
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
    tell_made([out, save_bars(medians, out.with_suffix(".png"), "milliseconds per move, median")])
