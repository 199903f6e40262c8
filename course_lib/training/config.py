"""The settings of a run, and presets for three budgets."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from course_lib import CourseError
from course_lib.system.fields import ENCODER_SOURCES, PADDINGS, check_fields, option


class TrainingError(CourseError, RuntimeError):
    """Training cannot start or go on; the message is one sentence for the user."""


@dataclass(frozen=True)
class TrainingConfig:
    """Everything that decides a run; the defaults are the recipe of the report.

    Sizes are in pixels. ``batch`` counts the crops of all processes together, so that a run is the
    same on one GPU and on four. A style enters by its statistics alone, so ``style_crop`` need not
    be ``crop``. The first ``warmup_steps`` train an autoencoder on pixels, photographs and
    paintings in turn, which gives the decoder its colours quickly. With ``relative``, a few
    paintings with large activations do not steer everything. A ``shift_weight`` above 0 adds a
    loss that the paper does not have, see ``shifted_losses``.
    """

    content: tuple[str, ...]
    style: tuple[str, ...]
    out: str
    encoder: str = option("original", "VGG-19 weights", choices=ENCODER_SOURCES)
    padding: str = option("reflect", "of the encoder's convolutions", choices=PADDINGS)
    images: int | None = option(1200, "at most so many photographs and paintings each", at_least=1)
    epochs: int = option(54, "passes over the photographs", at_least=1)
    steps: int | None = option(None, "steps in all, instead of epochs", at_least=1)
    minutes: float | None = option(None, "end after this time instead", above=0)
    batch: int = option(8, "crops of each per step", at_least=1)
    size: int = option(512, "shorter side after reading, in pixels", at_least=1)
    crop: int = option(256, "side of the square crops of photographs", at_least=1)
    style_crop: int | None = option(
        None, "side of the paintings' crops; crop if not given", at_least=1
    )
    style_weight: float = option(20.0, "lambda of equation 11", at_least=0)
    relative: bool = option(False, "divide the losses of each pair by its photograph's style loss")
    shift_weight: float = option(0.0, "of a loss against lattices in flat areas", at_least=0)
    learning_rate: float = option(1e-4, "of Adam", above=0)
    learning_rate_decay: float = option(0.0, "k: divide the rate by 1 + k * step", at_least=0)
    schedule: str = option(
        "inverse", "how the rate falls: by k, or to zero at the end", choices=("inverse", "cosine")
    )
    average: float = option(
        0.0, "decay per step of the averaged weights, which are saved", at_least=0, below=1
    )
    warmup_steps: int = option(0, "autoencoder steps first", at_least=0)
    warmup_learning_rate: float = option(1e-3, "of the autoencoder steps", above=0)
    initial_decoder: str | None = option(None, "start from this checkpoint")
    exclude: tuple[str, ...] = ()
    seed: int = option(0, "of the first weights and the crops", at_least=0, below=2**32)
    device: str = "auto"
    precision: str = "auto"
    compile: bool = option(False, "use torch.compile")
    film: bool = option(False, "paint two pairs after 0, 1, 2, 5, 10, ... steps into film.png")
    log_every: int = option(50, "steps per log line", at_least=1)
    checkpoint_every: int = option(500, "steps per save", at_least=1)
    data_note: str = option("not stated", "data and terms, for the decoder's metadata", name="TEXT")


# What may differ between a run and its resumption without changing what the run means.
FREE_TO_CHANGE = frozenset(
    {
        "out",
        "device",
        "precision",
        "compile",
        "epochs",
        "steps",
        "minutes",
        "log_every",
        "checkpoint_every",
        "film",
    }
)

PRESETS: Mapping[str, Mapping[str, object]] = MappingProxyType(
    {
        # About half an hour on two CPU cores with bfloat16, a minute or two on a GPU.
        "quick": {
            "size": 256,
            "crop": 128,
            "batch": 4,
            "style_weight": 5.0,
            "warmup_steps": 600,
            "steps": 3000,
            "learning_rate": 5e-4,
            "learning_rate_decay": 5e-4,
        },
        # The fields of TrainingConfig default to the report's recipe but for the encoder: section 4
        # of the report names torchvision's VGG-19, which is a download of 548 MB.
        "report": {"encoder": "torchvision"},
        # For a GPU: what did best in the recipe study, data/runs/recipe_study_longer_gpu.json.
        "long": {
            "images": None,
            "size": 288,
            "crop": 224,
            "style_crop": 224,
            "style_weight": 10.0,
            "warmup_steps": 300,
            "steps": 60_000,
            "learning_rate": 4e-4,
            "schedule": "cosine",
            "average": 0.999,
        },
    }
)


def check_config(config: TrainingConfig) -> None:
    """Raise TrainingError for numbers that cannot work, before anything is read."""
    check_fields(config, TrainingError)
    import torch  # here, so that --help does without

    from course_lib.system.memory import free_memory

    need, free = 12 * config.batch * config.crop**2, free_memory(torch.device("cpu"))
    if need > free:
        raise TrainingError(
            f"a batch of {config.batch} crops of {config.crop} pixels takes {need / 1e9:,.1f} GB "
            f"before any work and {free / 1e9:,.1f} GB are free; choose a smaller batch or crop"
        )
    if config.relative and config.shift_weight:
        raise TrainingError("relative losses do not work with a shift_weight; choose one of them")
    if config.crop % 8:
        raise TrainingError(f"crop must be a multiple of 8, got {config.crop}")
    if config.shift_weight and config.crop < 48:
        raise TrainingError(f"with a shift_weight, crop must be at least 48, got {config.crop}")
