"""Instant checks for the exercises: each says what is wrong, not only that it is."""

from course_lib.checks.adain import check_adain, check_channel_statistics, check_mix
from course_lib.checks.comparing import CheckFailed
from course_lib.checks.encoder import check_normalize, check_rescale, check_tap

__all__ = [
    "CheckFailed",
    "check_adain",
    "check_channel_statistics",
    "check_mix",
    "check_normalize",
    "check_rescale",
    "check_tap",
]
