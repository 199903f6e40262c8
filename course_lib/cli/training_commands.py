"""``train``: train a decoder, or go on with a stopped run."""

import argparse
import os
from collections.abc import Callable
from pathlib import Path

from course_lib.cli.options import (
    Parser,
    add_compute_options,
    add_config_options,
    chosen,
    program,
    tell_made,
)
from course_lib.cli.result_pictures import save_curves
from course_lib.training.config import PRESETS, TrainingConfig


def add_commands(command: Callable[..., Parser]) -> None:
    text = "train a decoder, or go on with a stopped run"
    line = "--content photos --style art -o run --preset quick"
    add_train_options(command("train", train, text, line))


def add_train_options(parser: Parser) -> None:
    parser.add_argument(
        "--content", type=Path, nargs="+", required=True, metavar="DIR", help="photographs"
    )
    parser.add_argument(
        "--style",
        type=Path,
        nargs="+",
        required=True,
        metavar="DIR",
        help="paintings; drawn in turn",
    )
    parser.add_argument(
        "-o", "--out", type=Path, required=True, help="folder for log, checkpoint and decoder"
    )
    parser.add_argument(
        "--preset",
        choices=list(PRESETS),
        help="a recipe for a laptop, the report's (the defaults below, with torchvision's "
        "encoder), or one for a GPU; options given here go before it",
    )
    parser.add_argument(
        "--exclude",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE",
        help="lists of file names to leave out",
    )
    parser.add_argument("--all-images", action="store_true", help="use every image")

    add_config_options(parser, TrainingConfig)
    add_compute_options(parser)


def train(options: argparse.Namespace) -> int:
    from course_lib.system.listings import read_names
    from course_lib.training.loop import train as run_training

    settings = chosen(options, TrainingConfig) | {
        "content": tuple(map(str, options.content)),
        "style": tuple(map(str, options.style)),
        "out": str(options.out),
        "exclude": read_names(*options.exclude),
    }
    recipe = dict(PRESETS[options.preset] if options.preset else {})
    if options.all_images:
        settings["images"] = None
    if "epochs" in settings and "steps" not in settings:
        recipe.pop("steps", None)  # epochs that were asked for go before a preset's steps
    skipped: dict[Path, str] = {}
    path = run_training(TrainingConfig(**recipe | settings), skipped=skipped)
    if os.environ.get("RANK", "0") == "0":  # of the processes that torchrun starts, the first
        tell_trained(path)
    # torchrun takes any other code for a crash, and ends the other processes.
    return 1 if skipped and "RANK" not in os.environ else 0


def tell_trained(decoder: Path) -> None:
    """Draw the run's losses, and say where everything is."""
    from course_lib.training.film import finish_film
    from course_lib.training.logs import read_log

    folder = decoder.parent
    records = read_log(folder / "log.jsonl")
    kept = [record for record in records if record["phase"] == "adain"] or records
    steps = [record["step"] for record in kept]
    curves = {
        f"{part} loss": (steps, [record[f"{part}_loss"] for record in kept])
        for part in ("content", "style")
    }
    picture = save_curves(curves, folder / "loss.png", "step", "loss")
    line = f"{program()} stylize PHOTO PAINTING -o out/picture.jpg --decoder {decoder}"
    film = finish_film(folder / "film.png") if (folder / "film.png").is_file() else []
    tell_made([picture, folder / "preview.jpg", *film, decoder], line)
