"""``gatys`` and its two experiments: style transfer by optimising the pixels."""

import argparse
import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path

from course_lib.cli.options import (
    Parser,
    add_compute_options,
    add_config_options,
    add_record_options,
    chosen,
    people,
    positive,
    program,
    record_path,
    tell_made,
)
from course_lib.cli.result_pictures import save_curves
from course_lib.gatys.config import GatysConfig


def add_commands(command: Callable[..., Parser]) -> None:
    text = "repaint one photograph by optimising its pixels"
    line = "photo.jpg painting.jpg -o out/slow.png --size 256"
    add_gatys_options(command("gatys", gatys, text, line))
    text = "optimisers side by side, for the record"
    sweep = command("gatys-optimizers", sweep_command, text, "--evaluations 50")
    sweep.add_argument("--size", type=positive, default=256, help="side of the pictures")
    sweep.add_argument("--sweep-size", type=positive, default=96, help="side while rates are tried")
    sweep.add_argument("--evaluations", type=positive, default=300, help="of each optimiser")
    sweep.add_argument(
        "--sweep-evaluations", type=positive, default=100, metavar="N", help="of each rate"
    )
    figures = command(
        "gatys-figures",
        figures_command,
        "the heavy pictures of lesson 05",
        "--size 128 --evaluations 20",
    )
    figures.add_argument("--size", type=positive, default=192, help="side of the pictures")
    figures.add_argument("--evaluations", type=positive, default=100, help="of a short run")
    text = "the report's optimisation to its end, pair by pair; stopped, it goes on with the next"
    full = command("gatys-full", full_command, text, "--pairs 1 --size 64 --steps 2")
    full.add_argument("--pairs", type=people, default=5, metavar="N", help="pictures")
    full.add_argument("--size", type=positive, default=512, help="side of the pictures")
    full.add_argument("--steps", type=positive, default=50, metavar="N", help="of L-BFGS")
    add_compute_options(full)
    contest = command(
        "gatys-pastiche",
        contest_command,
        "race against the pastiche package",
        "--content cat --style ink_wash --size 128",
    )
    contest.add_argument("--size", type=positive, default=256, help="side of the pictures")
    contest.add_argument("--evaluations", type=positive, default=300, help="of both")
    text = "instead: N pairs, one run each, and the range of the results"
    contest.add_argument("--pairs", type=people, metavar="N", help=text)
    for parser in (sweep, contest):
        parser.add_argument("--content", default="cat", help="a bundled photograph's name")
        parser.add_argument("--style", default="impasto_night", help="a bundled style's name")
    outs = (
        (sweep, "gatys_optimizers.json"),
        (figures, "gatys_figures.json"),
        (full, "gatys_full.json"),
        (contest, "gatys_vs_pastiche.json"),
    )
    for parser, name in outs:
        add_record_options(parser, name)
        parser.add_argument(
            "--pictures",
            type=Path,
            metavar="DIR",
            help="folder; 'gatys' beside the result if not given",
        )


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
    from course_lib.system.devices import describe, pick_device
    from course_lib.system.files import relative_name, save_record

    settings = dataclasses.asdict(config) | {
        "learning_rate": config.rate,
        "content": relative_name(str(options.content)),
        "style": relative_name(str(options.style)),
        "on": describe(pick_device(config.device)),
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


def sweep_command(options: argparse.Namespace) -> None:
    from course_lib.records.gatys_optimizers import compare_optimizers
    from course_lib.system.files import save_record

    out, pictures = result_places(options)
    settings, results = compare_optimizers(
        options.content,
        options.style,
        options.size,
        options.evaluations,
        options.sweep_size,
        options.sweep_evaluations,
        pictures,
        lambda line: print(line, file=sys.stderr, flush=True),
    )
    save_record(out, settings, results)
    for name, run in results["runs"].items():
        print(
            f"{name}: rate {run['learning_rate']:g}, saved loss {run['saved_loss']:.4g}, "
            f"{run['seconds']:.1f} s"
        )
    tell_made([out, pictures])


def result_places(options: argparse.Namespace) -> tuple[Path, Path]:
    """The file of the result, and the folder of the pictures that go with it."""
    out = record_path(options)
    return out, options.pictures or out.with_name("gatys")


def full_command(options: argparse.Namespace) -> None:
    from course_lib.records.gatys_full import finish_pairs

    out = record_path(options)
    pictures = options.pictures or out.with_name("gatys_full")
    config = GatysConfig(steps=options.steps, device=options.device, precision=options.precision)
    finish_pairs(
        out,
        pictures,
        options.pairs,
        options.size,
        config,
        lambda line: print(line, file=sys.stderr, flush=True),
    )
    tell_made([out, pictures])


def figures_command(options: argparse.Namespace) -> None:
    from course_lib.records.gatys_figures import draw_figures
    from course_lib.system.files import save_record

    out, pictures = result_places(options)
    settings, results = draw_figures(
        options.size,
        options.evaluations,
        pictures,
        lambda line: print(line, file=sys.stderr, flush=True),
    )
    save_record(out, settings, results)
    tell_made([*(pictures / f"{name}.jpg" for name in results), out])


def contest_command(options: argparse.Namespace) -> None:
    from course_lib.records.gatys_vs_pastiche import race, race_pairs
    from course_lib.system.files import save_record

    out, pictures = result_places(options)
    if options.pairs:
        settings, results = race_pairs(
            options.pairs,
            options.size,
            options.evaluations,
            lambda line: print(line, file=sys.stderr, flush=True),
        )
        save_record(out, settings, results)
        for key, row in results["ranges"].items():
            print(f"{key}: {row['lowest']:.3f} to {row['highest']:.3f}, median {row['median']:.3f}")
        tell_made([out])
        return
    settings, results = race(
        options.content,
        options.style,
        options.size,
        options.evaluations,
        pictures,
        lambda line: print(line, file=sys.stderr, flush=True),
    )
    save_record(out, settings, results)
    for key in ("time_ratio", "time_ratio_of_loops", "loss_ratio"):
        print(f"{key}: {results[key]:.3f}" if results[key] is not None else f"{key}: not reached")
    tell_made([out, pictures])
