"""``ablate``: train the decoder with one of its choices undone."""

import argparse
from collections.abc import Callable
from pathlib import Path

from course_lib.cli.options import Parser, add_compute_options, positive, seed, tell_made


def add_commands(command: Callable[..., Parser]) -> None:
    parser = command(
        "ablate",
        ablate,
        "train decoders with one choice undone, and test them",
        "--steps 20 -o out/ablation.json",
    )
    parser.add_argument(
        "--content", nargs="+", default=["data/content"], metavar="DIR", help="photographs"
    )
    parser.add_argument(
        "--style", nargs="+", default=["data/style"], metavar="DIR", help="paintings"
    )
    parser.add_argument("--steps", type=positive, default=800, help="autoencoder steps of each")
    parser.add_argument("--batch", type=positive, default=4, help="crops of each per step")
    parser.add_argument("--crop", type=positive, default=64, help="side of the crops")
    parser.add_argument("--seed", type=seed, default=0, help="of the first weights and the crops")
    parser.add_argument(
        "-o",
        "--out",
        type=Path,
        required=True,
        metavar="JSON",
        help="result; the pictures go beside it, as .png",
    )
    add_compute_options(parser)


def ablate(options: argparse.Namespace) -> None:
    from course_lib import DATA_DIR
    from course_lib.images import save_image, square, to_tensor
    from course_lib.records.decoder_variants import train_variants
    from course_lib.system.devices import describe, pick_device, pick_precision
    from course_lib.system.files import save_record
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
        device=options.device,
        precision=options.precision,
    )
    photo = to_tensor(square(DATA_DIR / "content" / "astronaut.jpg", 192))
    results, sheet = train_variants(config, photo)
    device = pick_device(options.device)
    settings = {
        "steps": config.steps,
        "batch": config.batch,
        "size": config.size,
        "crop": config.crop,
        "learning_rate": config.warmup_learning_rate,
        "seed": config.seed,
        "device": describe(device),
        "precision": str(pick_precision(options.precision, device)).removeprefix("torch."),
    }
    save_record(options.out, settings, results)
    picture = save_image(sheet, options.out.with_suffix(".png"))
    for name, result in results.items():
        print(
            f"{name}: pattern {result['after']['pattern']:.2f}, halo {result['after']['halo']:.2f}"
        )
    tell_made([options.out, picture])
