"""The settings of a run, and presets for three budgets."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch

from course_lib import CourseError
from course_lib.system.memory import free_memory

LARGEST = 10**9  # of any whole number


class TrainingError(CourseError, RuntimeError):
    """Training cannot start or go on; the message is one sentence for the user."""


@dataclass(frozen=True)
class TrainingConfig:
    """Everything that decides a run; the defaults are the recipe of the report.

    Sizes are in pixels, ``steps`` overrides ``epochs``, and an epoch is one pass over the content
    images. ``batch`` counts the crops of all processes together, so that a run is the same on one
    GPU and on four. ``learning_rate_decay`` is the authors' k: the rate is divided by 1 + k * step.
    The first ``warmup_steps`` train an autoencoder on pixels, photographs and paintings in turn,
    which gives the decoder its colours quickly. A ``shift_weight`` above 0 adds a loss that the
    paper does not have: it keeps lattices out of flat areas, see ``shifted_losses``.

    ``style_crop`` is the side of the paintings' crops, ``crop`` if not given: a style enters by its
    statistics alone, so both need not be equal. ``schedule`` is ``inverse`` (the authors': divided
    by 1 + k * step) or ``cosine`` (falls to zero at the end). ``minutes`` ends the run after that
    time instead of a number of steps, and is what ``cosine`` then falls along. ``average`` is the
    decay per step of a moving average of the weights, which is saved instead of the last ones; 0
    switches it off. ``relative`` divides the losses of each pair by the style loss of its
    untouched photograph, so that a few paintings with large activations do not steer everything.
    ``film`` paints the same two pairs after 0, 1, 2, 5, 10, 20, 50, ... steps, see ``film.py``.
    """

    content: tuple[str, ...]
    style: tuple[str, ...]
    out: str
    encoder: str = "original"
    padding: str = "reflect"
    images: int | None = 1200
    epochs: int = 54
    steps: int | None = None
    batch: int = 8
    size: int = 512
    crop: int = 256
    style_crop: int | None = None
    style_weight: float = 20.0
    shift_weight: float = 0.0
    learning_rate: float = 1e-4
    learning_rate_decay: float = 0.0
    schedule: str = "inverse"
    minutes: float | None = None
    average: float = 0.0
    relative: bool = False
    warmup_steps: int = 0
    warmup_learning_rate: float = 1e-3
    initial_decoder: str | None = None
    exclude: tuple[str, ...] = ()
    seed: int = 0
    device: str = "auto"
    precision: str = "auto"
    compile: bool = False
    log_every: int = 50
    checkpoint_every: int = 500
    film: bool = False
    data_note: str = "not stated"


# What may differ between a run and its resumption without changing what the run means.
FREE_TO_CHANGE = frozenset(
    {
        "out", "device", "precision", "compile", "epochs", "steps", "minutes", "log_every",
        "checkpoint_every", "film",
    }
)  # fmt: skip

PRESETS: Mapping[str, Mapping[str, object]] = MappingProxyType(
    {
        # About half an hour on two CPU cores with bfloat16, a minute or two on a GPU.
        "quick": {
            "size": 256, "crop": 128, "batch": 4, "style_weight": 5.0, "warmup_steps": 600,
            "steps": 3000, "learning_rate": 5e-4, "learning_rate_decay": 5e-4,
        },
        # The report's recipe is what the fields of TrainingConfig default to.
        "report": {},
        # For a GPU, with the decay of the authors' code; as many images as there are. Crops are 8
        # pixels larger than what the losses see, because of the shift loss.
        "long": {
            "images": None, "size": 288, "crop": 264, "style_weight": 1.0, "shift_weight": 300.0,
            "warmup_steps": 600, "steps": 60_000, "learning_rate_decay": 5e-5,
        },
    }
)  # fmt: skip


def check_config(config: TrainingConfig) -> None:
    """Raise TrainingError for numbers that cannot work, before anything is read."""
    positive = ("batch", "size", "crop", "epochs", "steps", "images", "log_every")
    positive += ("checkpoint_every", "learning_rate", "minutes", "style_crop")
    for name in positive:
        value = getattr(config, name)
        if value is not None and not 0 < value < (LARGEST if isinstance(value, int) else math.inf):
            raise TrainingError(f"{name} must be greater than 0 and not so large, got {value}")
    need, free = 12 * config.batch * config.crop**2, free_memory(torch.device("cpu"))
    if need > free:
        raise TrainingError(
            f"a batch of {config.batch} crops of {config.crop} pixels takes {need / 1e9:,.1f} GB "
            f"before any work and {free / 1e9:,.1f} GB are free; choose a smaller batch or crop"
        )
    if config.schedule not in ("inverse", "cosine"):
        raise TrainingError(f"unknown schedule '{config.schedule}'; choose inverse or cosine")
    if not 0 <= config.average < 1:
        raise TrainingError(f"average must be at least 0 and below 1, got {config.average}")
    if config.relative and config.shift_weight:
        raise TrainingError("relative losses do not work with a shift_weight; choose one of them")
    if config.crop % 8:
        raise TrainingError(f"crop must be a multiple of 8, got {config.crop}")
    if config.shift_weight and config.crop < 48:
        raise TrainingError(f"with a shift_weight, crop must be at least 48, got {config.crop}")
    for name in ("style_weight", "shift_weight", "warmup_steps", "learning_rate_decay", "seed"):
        value = getattr(config, name)
        if not 0 <= value < (2**32 if name == "seed" else math.inf):
            raise TrainingError(f"{name} must not be negative, nor so large, got {value}")
