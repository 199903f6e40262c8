"""``train``: train a decoder, or go on with a stopped run."""

import argparse
import os
from collections.abc import Callable
from pathlib import Path

from course_lib.cli.options import Parser, add_compute_options, positive, seed


def add_commands(command: Callable[..., Parser]) -> None:
    add_train_options(command("train", train, "train a decoder, or go on with a stopped run"))


def add_train_options(parser: Parser) -> None:
    parser.add_argument("--content", type=Path, nargs="+", required=True, metavar="DIR",
                        help="photographs")  # fmt: skip
    parser.add_argument("--style", type=Path, nargs="+", required=True, metavar="DIR",
                        help="paintings; drawn in turn")  # fmt: skip
    parser.add_argument("--out", type=Path, required=True,
                        help="folder for log, checkpoint and decoder")  # fmt: skip
    parser.add_argument(
        "--preset", default="report", choices=["quick", "report", "long"],
        help="a recipe for a laptop, the report's (the defaults below), or one for a GPU; options "
        "given here go before it",
    )  # fmt: skip
    parser.add_argument("--exclude", type=Path, nargs="+", default=[], metavar="FILE",
                        help="lists of file names to leave out")  # fmt: skip
    parser.add_argument("--all-images", action="store_true", help="use every image")

    def recipe(flag: str, kind: Callable[[str], object], default: object, text: str) -> None:
        # Only what was typed reaches the recipe, so that a preset can be told from a wish.
        note = "" if default is None else f" (report: {default})"
        metavar = kind.__name__.upper() if kind is not positive else "N"
        parser.add_argument(
            flag, type=kind, default=argparse.SUPPRESS, help=text + note, metavar=metavar
        )

    recipe("--images", positive, 1200, "at most so many of each")
    recipe("--epochs", positive, 54, "passes over the photographs")
    recipe("--steps", positive, None, "steps in all, instead of epochs")
    recipe("--batch", positive, 8, "crops of each per step, of all processes together")
    recipe("--size", positive, 512, "shorter side after reading")
    recipe("--crop", positive, 256, "side of the square crops")
    recipe("--style-weight", float, 20.0, "lambda of equation 11")
    recipe("--shift-weight", float, 0.0, "of a loss against lattices in flat areas")
    recipe("--learning-rate", float, 1e-4, "of Adam")
    recipe("--learning-rate-decay", float, 0.0, "K: divide the learning rate by 1 + K * step")
    recipe("--warmup-steps", int, 0, "autoencoder steps first")
    parser.add_argument(
        "--encoder", default="original", choices=["original", "torchvision"], help="VGG-19 weights"
    )
    parser.add_argument("--initial-decoder", type=Path, metavar="FILE",
                        help="start from this checkpoint")  # fmt: skip
    parser.add_argument("--seed", type=seed, default=0, help="of the first weights and the crops")
    parser.add_argument("--compile", action="store_true", help="use torch.compile")
    parser.add_argument("--log-every", type=positive, default=50, help="steps per log line")
    parser.add_argument("--checkpoint-every", type=positive, default=500, help="steps per save")
    parser.add_argument("--data-note", default="not stated", help="data and terms, for metadata")
    add_compute_options(parser)


def train(options: argparse.Namespace) -> None:
    from course_lib.system.listings import read_names
    from course_lib.training.config import PRESETS, TrainingConfig
    from course_lib.training.loop import train as run_training

    settings = vars(options).copy()
    settings.pop("run")
    recipe = dict(PRESETS[settings.pop("preset")])
    if settings.pop("all_images"):
        settings["images"] = None
    if "epochs" in settings and "steps" not in settings:
        recipe.pop("steps", None)  # epochs that were asked for go before a preset's steps
    settings |= {
        "content": tuple(map(str, options.content)),
        "style": tuple(map(str, options.style)),
        "out": str(options.out),
        "initial_decoder": options.initial_decoder and str(options.initial_decoder),
        "exclude": read_names(*options.exclude),
    }
    path = run_training(TrainingConfig(**recipe | settings))
    if os.environ.get("RANK", "0") == "0":  # of the processes that torchrun starts, the first
        print(path)
