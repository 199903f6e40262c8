"""``train``: train a decoder, or go on with a stopped run."""

import argparse
from collections.abc import Callable
from pathlib import Path

from course_lib.commands.options import Parser, add_compute_options, positive, read_names


def add_commands(command: Callable[..., Parser]) -> None:
    add_train_options(command("train", train, "train a decoder, or go on with a stopped run"))


def add_train_options(parser: Parser) -> None:
    parser.add_argument("--content", nargs="+", required=True, metavar="DIR", help="photographs")
    parser.add_argument(
        "--style", nargs="+", required=True, metavar="DIR", help="paintings; drawn in turn"
    )
    parser.add_argument("--out", required=True, help="folder for log, checkpoint and decoder")
    parser.add_argument(
        "--encoder", default="original", choices=["original", "torchvision"], help="VGG-19 weights"
    )
    parser.add_argument("--images", type=positive, default=1200, help="at most so many of each")
    parser.add_argument("--all-images", action="store_true", help="use every image")
    parser.add_argument("--exclude", type=Path, metavar="FILE", help="file names to leave out")
    parser.add_argument("--epochs", type=positive, default=54, help="passes over the photographs")
    parser.add_argument("--steps", type=positive, help="steps in all, instead of epochs")
    parser.add_argument("--batch", type=positive, default=8, help="crops of each per step")
    parser.add_argument("--size", type=positive, default=512, help="shorter side after reading")
    parser.add_argument("--crop", type=positive, default=256, help="side of the square crops")
    parser.add_argument("--style-weight", type=float, default=20.0, help="lambda of equation 11")
    parser.add_argument("--learning-rate", type=float, default=1e-4, help="of Adam")
    parser.add_argument(
        "--learning-rate-decay", type=float, default=0.0, metavar="K",
        help="divide the learning rate by 1 + K * step",
    )  # fmt: skip
    parser.add_argument("--warmup-steps", type=int, default=0, help="autoencoder steps first")
    parser.add_argument("--initial-decoder", metavar="FILE", help="start from this checkpoint")
    parser.add_argument("--seed", type=int, default=0, help="of the first weights and the crops")
    parser.add_argument("--log-every", type=positive, default=50, help="steps per log line")
    parser.add_argument("--checkpoint-every", type=positive, default=500, help="steps per save")
    parser.add_argument("--data-note", default="not stated", help="data and terms, for metadata")
    add_compute_options(parser)


def train(options: argparse.Namespace) -> None:
    from course_lib.training import TrainingConfig
    from course_lib.training import train as run_training

    settings = vars(options).copy()
    settings.pop("run")
    if settings.pop("all_images"):
        settings["images"] = None
    exclude = settings.pop("exclude")
    config = TrainingConfig(
        **settings
        | {
            "content": tuple(options.content),
            "style": tuple(options.style),
            "exclude": read_names(exclude),
        }
    )
    print(run_training(config))
