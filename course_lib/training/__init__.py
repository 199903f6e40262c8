"""Train the decoder: the loss of Huang & Belongie 2017, logged, interruptible and resumable.

``train(TrainingConfig(...))`` and ``python -m course_lib train`` are the same thing. To read it in
one sitting: ``losses.py`` (what a step minimises), ``trainer.py`` (the state of a run and one
step), ``loop.py`` (the run: log, checkpoints, Ctrl-C), ``config.py`` (settings and presets),
``processes.py`` (several GPUs).
"""

from course_lib.training.config import (
    FREE_TO_CHANGE,
    PRESETS,
    TrainingConfig,
    TrainingError,
)
from course_lib.training.loop import train
from course_lib.training.losses import adain_losses, autoencoder_loss, shifted_losses
from course_lib.training.trainer import Trainer

__all__ = [
    "FREE_TO_CHANGE",
    "PRESETS",
    "Trainer",
    "TrainingConfig",
    "TrainingError",
    "adain_losses",
    "autoencoder_loss",
    "shifted_losses",
    "train",
]
