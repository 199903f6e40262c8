"""Saving a run, and going on from what was saved."""

import contextlib
import dataclasses
import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError

from course_lib import CourseError
from course_lib.decoder import DecoderError, read_metadata, save_decoder
from course_lib.images import ImageError
from course_lib.system.devices import machine
from course_lib.system.files import replacing
from course_lib.system.listings import plain_name
from course_lib.training.config import FREE_TO_CHANGE, TrainingConfig, TrainingError

if TYPE_CHECKING:
    from course_lib.training.trainer import Trainer


@contextlib.contextmanager
def saying_what_to_do(out: Path) -> Iterator[None]:
    """Turn a full or unwritable disk into a TrainingError that says so in one sentence."""
    try:
        yield
    except (OSError, SafetensorError, ImageError) as error:
        reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
    except RuntimeError as error:
        # torch.save's own kind hides the reason.
        if isinstance(error, CourseError) or not re.search("writ|unexpected pos", str(error)):
            raise
        reason = "the disk may be full"
    else:
        return
    raise TrainingError(
        f"{out} cannot be written ({reason}); what was saved before is kept: make room and run the "
        "same command again to go on"
    ) from None


def save_run(trainer: "Trainer") -> None:
    """Write the decoder for use, a preview, and the checkpoint; each is renamed into place.

    The checkpoint comes last: killed before it, a run goes on from the one before and writes
    all three again.

    Raises:
        TrainingError: the decoder's weights are no longer finite, or the disk is full; the
            last checkpoint is kept.
    """
    if not all(p.isfinite().all() for p in trainer.decoder.parameters()):
        raise not_finite(trainer)
    sums = trainer.processes.total(trainer.sums) / trainer.processes.count
    if not trainer.processes.first:
        return
    state = {
        "config": dataclasses.asdict(trainer.config),
        "completed": trainer.completed,
        "elapsed": trainer.elapsed,
        "decoder": trainer.decoder.state_dict(),
        "averaged": trainer.averaged.state_dict() if trainer.config.average else None,
        "optimizer": trainer.optimizer.state_dict(),
        "sums": sums,
        "summed": trainer.summed,
        "pictures": _pictures(trainer),
    }
    path = trainer.out / "decoder.safetensors"
    with saying_what_to_do(trainer.out):
        save_decoder(trainer.averaged, path, trainer.encoder, _notes(trainer))
        trainer.preview()
        with replacing(trainer.out / "checkpoint.pt") as temporary:
            torch.save(state, temporary)


def load_run(trainer: "Trainer", path: Path) -> None:
    """Go back to a checkpoint of the same configuration.

    Raises:
        TrainingError: it is damaged or belongs to a run with other settings.
    """
    try:
        state = torch.load(path, map_location=trainer.device, weights_only=True)
        _check_settings(trainer, path, dict(state["config"]))
        _check_pictures(trainer, path, state.get("pictures"))
        _restore(trainer, state)
    except TrainingError:
        raise
    except Exception as error:
        reason = (str(error) or type(error).__name__).partition("\n")[0]
        raise TrainingError(f"{path} is damaged ({reason}): delete it to start again") from None


def _notes(trainer: "Trainer") -> dict[str, object]:
    """What the decoder's metadata say about its training, earlier runs included."""
    hidden = ("content", "style", "out", "exclude", "initial_decoder")  # paths of one machine
    recipe = {k: v for k, v in dataclasses.asdict(trainer.config).items() if k not in hidden}
    recipe |= {
        "steps": trainer.completed,
        "content_images": len(trainer.content_pool),
        "style_images": len(trainer.style_pool),
        **machine(trainer.device, trainer.precision),
    }
    recipes = [*trainer.earlier_recipes, recipe]
    steps = sum(recipe["steps"] for recipe in recipes)
    return {"steps": steps, "recipe": recipes, "data": trainer.config.data_note}


def not_finite(trainer: "Trainer") -> TrainingError:
    return TrainingError(
        f"the loss is not finite at step {trainer.completed}; the last good checkpoint in "
        f"{trainer.out} is kept: try a lower learning rate"
    )


def _pictures(trainer: "Trainer") -> list[list[str]]:
    """The names of all pictures in the folders, to notice on resuming that some changed."""
    return [
        [str(path.name) for path in pool.files]
        for pool in (trainer.content_pool, trainer.style_pool)
    ]


def _check_settings(trainer: "Trainer", path: Path, its: dict[str, object]) -> None:
    """Raise TrainingError unless a checkpoint was made with this configuration."""
    usual = {field.name: field.default for field in dataclasses.fields(TrainingConfig)}
    its = usual | its
    mine = dataclasses.asdict(trainer.config)
    changed = [k for k in mine if k not in FREE_TO_CHANGE and _meant(k, mine) != _meant(k, its)]
    if changed:
        details = ", ".join(f"{k} {its[k]!r} -> {mine[k]!r}" for k in changed)
        raise TrainingError(f"{path} was made with other settings ({details}); use another out")


def _check_pictures(trainer: "Trainer", path: Path, its: list[list[str]] | None) -> None:
    """Raise TrainingError if pictures were added to the folders, or taken away."""
    for before, now in zip(its or (), _pictures(trainer), strict=False):
        changed = sorted(set(before) ^ set(now))
        if before and now and (changed or len(before) != len(now)):
            names = ", ".join(changed[:3]) or "some with equal names"
            raise TrainingError(
                f"{path} was made with {len(before)} pictures in the folders where {len(now)} "
                f"are now ({names}); put them back, or use another out"
            )


def _restore(trainer: "Trainer", state: dict) -> None:
    """Take a checkpoint's values over; raises something if they do not fit."""
    trainer.decoder.load_state_dict(state["decoder"])
    if trainer.config.average:
        trainer.averaged.load_state_dict(state["averaged"])
    trainer.optimizer.load_state_dict(state["optimizer"])
    for parameter, values in trainer.optimizer.state.items():
        if any(values[k].shape != parameter.shape for k in ("exp_avg", "exp_avg_sq")):
            raise CourseError("the optimiser's averages have other shapes")
    if state["sums"].shape != trainer.sums.shape:
        raise CourseError("the sums of losses have another shape")
    trainer.sums, trainer.summed = state["sums"], int(state.get("summed", 0))
    trainer.completed, trainer.elapsed = int(state["completed"]), float(state["elapsed"])
    counts = (trainer.completed, trainer.elapsed, trainer.summed)
    if min(counts) < 0 or not math.isfinite(trainer.elapsed):
        raise CourseError("its step or time is none")
    if not all(p.isfinite().all() for p in trainer.decoder.parameters()):
        raise CourseError("its weights are not finite")


def _meant(name: str, settings: dict[str, object]) -> object:
    """A setting as it is compared: paths as the files they lead to, names in one form."""
    value = settings[name]
    if name in ("content", "style"):
        return [str(Path(folder).expanduser().resolve()) for folder in value]
    if name == "initial_decoder" and value:
        return str(Path(value).expanduser().resolve())
    if name == "exclude":
        return sorted(set(filter(None, map(plain_name, value))))
    return value


def read_recipes(path: str) -> list[dict[str, object]]:
    """The recipes that a decoder's metadata name; raises DecoderError if they cannot be read."""
    text = read_metadata(path).get("recipe", "[]")
    try:
        recipes = json.loads(text)
        if not isinstance(recipes, list) or not all(int(r["steps"]) >= 0 for r in recipes):
            raise CourseError("not a list of recipes with steps")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DecoderError(f"{path} has a recipe that cannot be read ({error})") from None
    return recipes
