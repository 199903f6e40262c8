"""``gatys-full``: the report's optimisation to its end, one pair after the other.

A pair takes from half an hour to an hour on one core of a CPU. So every finished pair is written
at once, and the next call goes on with the first one that is missing.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import torch
from PIL import Image

from course_lib import CourseError
from course_lib.gatys.config import GatysConfig
from course_lib.gatys.film import same_size
from course_lib.gatys.loop import optimize, snapshot_schedule
from course_lib.gatys.objective import GatysObjective, build_encoder
from course_lib.images import (
    contact_sheet,
    eight_bit,
    library,
    open_image,
    save_animation,
    save_small,
    square,
    to_image,
)
from course_lib.records.runtime import PAIRS, paired
from course_lib.records.runtime_methods import run_losses
from course_lib.stylize import StyleTransfer
from course_lib.system.devices import machine, pick_device
from course_lib.system.files import save_record

FRAMES = 14
FRAME_SIDE = 224
SHEET_TILE = 256
POLISH_STEPS = 50
PICTURE_BYTES, FILM_BYTES, SHEET_BYTES = 120_000, 400_000, 400_000


def finish_pairs(
    out: Path, folder: Path, count: int, size: int, config: GatysConfig, say: Callable[[str], None]
) -> tuple[dict[str, object], dict[str, dict[str, object]]]:
    """Run the recipe for the first ``count`` pairs that ``out`` does not hold yet.

    Args:
        out: the record, rewritten after each pair.
        folder: for ``CONTENT_STYLE_gatys.jpg``, ``_adain.jpg`` and ``_polished.jpg``, and for
            ``_gatys.gif``, from the first picture to the last. All pairs on one sheet lie
            beside ``out``.
        size: side of the square pictures in pixels.
        say: called with a line per pair.

    Returns:
        The settings; and pair -> how the run went, and the losses of the decoder's picture and of
        the polished one by the same objective. These are made anew each time: they take seconds.

    Raises:
        CourseError: ``out`` is of other settings.
        KeyboardInterrupt: Ctrl-C; finished pairs are kept, and the one under way is not.
    """
    device = pick_device(config.device)
    settings = {"size": size} | {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in asdict(config).items()
        if name not in ("device", "precision", "snapshots")
    }
    results: dict[str, dict[str, object]] = {}
    if out.is_file():
        record = json.loads(out.read_text(encoding="utf-8"))
        if record["settings"] != settings:
            raise CourseError(f"{out} is of other settings; give another file with -o")
        results = record["results"]
    network = build_encoder(config)
    transfer = StyleTransfer.load(device=str(device), precision=config.precision)
    for names in PAIRS[:count]:
        name = "_".join(names)
        content, style = paired(names, size, device)
        objective = GatysObjective(content, style, config, network)
        quick: dict[str, object] = {"content": names[0], "style": names[1]}
        pictures = {
            "adain": transfer.stylize(content, style),
            "polished": transfer.polish(content, style, steps=POLISH_STEPS),
        }
        for kind, picture in pictures.items():  # each counts as its file of 8 bits
            quick[kind] = objective.measure(eight_bit(picture))._asdict()
            save_small(to_image(picture), folder / f"{name}_{kind}.jpg", PICTURE_BYTES)
        if name in results:
            results[name] |= quick
            save_record(out, settings, results)
            continue
        frames: list[torch.Tensor] = []
        planned = snapshot_schedule(config.planned_evaluations, FRAMES)
        run = optimize(
            content,
            style,
            replace(config, snapshots=planned),
            lambda image, _, frames=frames: frames.append(image.cpu()),
            progress=True,
            network=network,
        )
        if run.stopped == "interrupted":
            raise KeyboardInterrupt
        save_small(to_image(run.image), folder / f"{name}_gatys.jpg", PICTURE_BYTES)
        film = same_size([*frames, run.image], FRAME_SIDE)
        save_animation(film, folder / f"{name}_gatys.gif", FILM_BYTES)
        results[name] = run_losses(run) | {
            "evaluations": run.evaluations,
            "seconds": run.seconds,
            **machine(device, transfer.dtype),
            **quick,
        }
        save_record(out, settings, results)
        say(f"{name}: loss {run.saved_loss:.4g} after {run.evaluations} evaluations")
    sheet = [figure_row(names, folder, SHEET_TILE) for names in PAIRS[:count]]
    save_small(contact_sheet(sheet, SHEET_TILE), out.with_suffix(".jpg"), SHEET_BYTES)
    return settings, results


def figure_row(names: tuple[str, str], folder: Path, size: int) -> list[Image.Image]:
    """The report's Figure 3 for one pair: photograph, painting, AdaIN, AdaIN polished, Gatys."""
    inputs = [
        square(library(kind)[name], size)
        for kind, name in zip(("content", "style"), names, strict=True)
    ]
    kinds = ("adain", "polished", "gatys")
    return inputs + [open_image(folder / f"{'_'.join(names)}_{kind}.jpg") for kind in kinds]
