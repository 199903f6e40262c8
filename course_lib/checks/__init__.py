"""Instant checks for the exercises: each says what is wrong, not only that it is."""

from course_lib.checks.adain import check_adain, check_channel_statistics, check_mix
from course_lib.checks.comparing import CheckFailed
from course_lib.checks.counting import check_job_seconds, check_macs
from course_lib.checks.curves import check_diagnosis, check_epoch_means, check_moving_average
from course_lib.checks.decoder import check_decoder
from course_lib.checks.encoder import check_normalize, check_rescale, check_tap
from course_lib.checks.gatys import check_gatys_loss, check_gram_matrix
from course_lib.checks.losses import check_content_loss, check_style_loss
from course_lib.checks.mirror import check_mirror
from course_lib.checks.proportions import check_wilson_interval
from course_lib.checks.survey import check_survey_analysis
from course_lib.checks.timing import check_timer
from course_lib.checks.training_step import check_training_step

__all__ = [
    "CheckFailed",
    "check_adain",
    "check_channel_statistics",
    "check_content_loss",
    "check_decoder",
    "check_diagnosis",
    "check_epoch_means",
    "check_gatys_loss",
    "check_gram_matrix",
    "check_job_seconds",
    "check_macs",
    "check_mirror",
    "check_mix",
    "check_moving_average",
    "check_normalize",
    "check_rescale",
    "check_style_loss",
    "check_survey_analysis",
    "check_tap",
    "check_timer",
    "check_training_step",
    "check_wilson_interval",
]
