"""``records``, ``pack-images``, ``ablate``, ``faulty-runs``, ``style-weights``: training trials."""

import argparse
import dataclasses
from collections.abc import Callable
from pathlib import Path

from course_lib.cli.options import (
    Parser,
    add_compute_options,
    add_numbers,
    add_record_options,
    measured,
    positive,
    record_path,
    seed,
    tell_left_out,
    tell_made,
)
from course_lib.records import EXPERIMENT_NAMES


def add_commands(command: Callable[..., Parser]) -> None:
    text = "the experiments that want a GPU, in a row"
    line = "--pack pack.zip --toy --device cpu -o out/toy"
    add = command("records", records, text, line).add_argument
    add("--pack", type=Path, required=True, metavar="ZIP", help="written by pack-images")
    add("-o", "--out", type=Path, required=True, metavar="DIR", help="folder for the records")
    add("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    add("--minutes", type=float, default=9.0, help="for everything together")
    add(
        "--only",
        nargs="+",
        choices=EXPERIMENT_NAMES,
        default=EXPERIMENT_NAMES,
        metavar="NAME",
        help="some of: " + ", ".join(EXPERIMENT_NAMES),
    )
    add("--decoder-minutes", type=float, help="of these, for the decoder")
    add("--study-minutes", type=float, help="of these, for the recipe study")
    add("--arms", nargs="+", metavar="NAME", help="of the recipe study")
    add("--toy", action="store_true", help="tiny sizes, to try the whole series on a CPU")
    text = "reduce training images into one small file"
    line = "--content photos --style art -o out/pack.zip"
    add = command("pack-images", pack_images, text, line).add_argument
    add("--content", type=Path, nargs="+", required=True, metavar="DIR", help="photographs")
    add("--style", type=Path, nargs="+", required=True, metavar="DIR", help="paintings")
    add("--held-out", type=Path, metavar="FILE", help="names of images to judge by")
    add("--exclude", type=Path, metavar="FILE", help="names of images to leave out")
    add("--megabytes", type=float, default=60.0, help="largest size of the file")
    add("-o", "--out", type=Path, required=True, metavar="ZIP", help="the file")
    text = "train decoders with one choice undone, and test them"
    run = measured(train_variants, show_variants)
    parser = command("ablate", run, text, "--steps 20 -o out/ablation.json")
    add = parser.add_argument
    add("--content", nargs="+", default=["data/content"], metavar="DIR", help="photographs")
    add("--style", nargs="+", default=["data/style"], metavar="DIR", help="paintings")
    add_numbers(
        parser,
        steps=(800, "autoencoder steps of each"),
        batch=(4, "crops of each per step"),
        crop=(64, "side of the crops"),
    )
    add("--seed", type=seed, default=0, help="of the first weights and the crops")
    add_record_options(parser, "decoder_variants.json")
    add_compute_options(parser)
    text = "train a healthy decoder and five with a planted fault"
    parser = command("faulty-runs", faulty_runs, text, "--only A B --steps 50")
    add_record_options(parser, "faults")
    add = parser.add_argument
    add("--only", nargs="+", choices="ABCDEF", metavar="LETTER", help="do only these runs")
    add("--steps", type=positive, help="of each run; 240 if not given")
    text = "train on with several style weights and compare"
    parser = command("style-weights", style_weights, text, "--style-weights 0.2 2 --steps 20")
    add_record_options(parser, "style_weights")
    add, weights = parser.add_argument, [0.02, 0.2, 2.0, 20.0]
    add("--style-weights", type=float, nargs="+", default=weights, metavar="W", help="lambdas")
    add("--steps", type=positive, help="of each run; 250 if not given")


def records(options: argparse.Namespace) -> int:
    from course_lib.records.gpu_experiments import Series, run_series

    series = Series(
        options.pack, options.out, options.device, options.minutes, options.toy, options.arms
    )
    minutes = {"decoder": options.decoder_minutes, "recipe_study": options.study_minutes}
    seconds = {name: 60 * given for name, given in minutes.items() if given is not None}
    unfinished = run_series(series, options.only, seconds)
    tell_made([options.out])
    for name in unfinished:
        print(f"not finished: {name}; the same command goes on with it")
    return 1 if unfinished else 0


def pack_images(options: argparse.Namespace) -> int:
    from course_lib.records.packing import pack_images
    from course_lib.system.listings import read_names

    lists = options.held_out, options.exclude
    held_out, exclude = (set(read_names(path)) if path else set() for path in lists)
    skipped = {}
    counts = pack_images(
        options.content, options.style, options.out, held_out, exclude, options.megabytes, skipped
    )
    parts = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items())
    print(f"{options.out}: {options.out.stat().st_size / 1e6:.1f} MB: {parts}")
    return tell_left_out(skipped, {})


def train_variants(options: argparse.Namespace) -> tuple[dict, dict]:
    from course_lib import DATA_DIR
    from course_lib.images import save_image, square, to_tensor
    from course_lib.records.decoder_variants import train_variants
    from course_lib.training.config import TrainingConfig

    config = TrainingConfig(
        content=tuple(options.content),
        style=tuple(options.style),
        out="",  # nothing is written there
        images=None,
        steps=options.steps,
        warmup_steps=options.steps,  # all of them: the plain autoencoder loss
        batch=options.batch,
        size=max(256, options.crop),
        crop=options.crop,
        seed=options.seed,
        device=str(options.device),
        precision=options.precision,
    )
    photo = to_tensor(square(DATA_DIR / "content" / "astronaut.jpg", 192))
    settings, results, sheet = train_variants(config, photo)
    save_image(sheet, options.out.with_suffix(".png"))
    return settings, results


def show_variants(options: argparse.Namespace, settings: dict, results: dict) -> list[Path]:
    for name, row in results.items():
        print(f"{name}: pattern {row['after']['pattern']:.2f}, halo {row['after']['halo']:.2f}")
    return [options.out.with_suffix(".png")]


def faulty_runs(options: argparse.Namespace) -> None:
    from course_lib.records.small_training_runs import SMALL_RUN, run_faults

    def tell(letter: str, last: dict[str, object]) -> None:
        print(f"{letter}: loss {last['loss']:.3g} after {last['step']} steps", flush=True)

    run_faults(record_path(options), shorter(SMALL_RUN, options), only=options.only, on_done=tell)
    tell_made([record_path(options)])


def style_weights(options: argparse.Namespace) -> None:
    from course_lib.records.small_training_runs import FINE_TUNING, sweep_style_weights

    def tell(weight: float, losses: dict[str, float]) -> None:
        print(
            f"style weight {weight:g}: content loss {losses['held_out_content_loss']:.3f} and "
            f"style loss {losses['held_out_style_loss']:.3f} of unseen pairs",
            flush=True,
        )

    config = shorter(FINE_TUNING, options)
    sweep_style_weights(record_path(options), options.style_weights, config, on_done=tell)
    tell_made([record_path(options)])


def shorter(config: object, options: argparse.Namespace) -> object:
    """A run of so many steps as was asked for, or as planned."""
    return dataclasses.replace(config, steps=options.steps or config.steps)
