"""Instant checks for the exercises: each says what is wrong, not only that it is."""

from course_lib.checks.adain import check_adain, check_channel_statistics, check_mix
from course_lib.checks.comparing import CheckFailed
from course_lib.checks.curves import check_diagnosis, check_epoch_means, check_moving_average
from course_lib.checks.encoder import check_normalize, check_rescale, check_tap
from course_lib.checks.training import check_mirror, check_style_loss
from course_lib.checks.training_step import check_training_step

__all__ = [
    "CheckFailed",
    "check_adain",
    "check_channel_statistics",
    "check_diagnosis",
    "check_epoch_means",
    "check_mirror",
    "check_mix",
    "check_moving_average",
    "check_normalize",
    "check_rescale",
    "check_style_loss",
    "check_tap",
    "check_training_step",
]
