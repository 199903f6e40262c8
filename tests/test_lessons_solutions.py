"""The solutions that lessons 03 to 08 fold away pass the checks of their own exercises."""

import dataclasses
import json
import math
import re
import statistics
import time

import ipywidgets as widgets
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from course_lib import REPOSITORY
from course_lib.adain import channel_statistics
from course_lib.lessons import step_checks
from course_lib.lessons.lesson03 import build as build03
from course_lib.lessons.lesson03 import checks as checks03
from course_lib.lessons.lesson04 import build as build04
from course_lib.lessons.lesson04 import checks as checks04
from course_lib.lessons.lesson05 import build as build05
from course_lib.lessons.lesson05 import checks as checks05
from course_lib.lessons.lesson06 import build as build06
from course_lib.lessons.lesson06 import checks as checks06
from course_lib.lessons.lesson06 import timer_checks
from course_lib.lessons.lesson07 import build as build07
from course_lib.lessons.lesson07 import checks as checks07
from course_lib.lessons.lesson08 import build as build08
from course_lib.lessons.lesson08.checks import check_corner_weights, check_keep_colours
from course_lib.losses import gram_matrix
from course_lib.playground.picture_store import PictureStore
from course_lib.survey.intervals import binomial_test
from course_lib.system.devices import synchronize
from course_lib.training.objective import adain_losses

# What a reader has imported by then, and the answers of each lesson with their checks.
NAMES = {
    "F": F,
    "adain_losses": adain_losses,
    "PictureStore": PictureStore,
    "channel_statistics": channel_statistics,
    "binomial_test": binomial_test,
    "dataclasses": dataclasses,
    "device": None,
    "gram_matrix": gram_matrix,
    "math": math,
    "np": np,
    "plt": plt,
    "statistics": statistics,
    "synchronize": synchronize,
    "time": time,
    "torch": torch,
    "widgets": widgets,
}
BUILDS = {"03_decoder_training": build03, "04_loss_plots": build04}
LESSONS = {
    "03_decoder_training": {
        "my_mirror": checks03.check_mirror,
        "my_style_loss": checks03.check_style_loss,
        "my_training_step": step_checks.check_training_step,
        "my_crops": build03.check_crops,
        "my_rate": build03.check_rate,
        "my_average": build03.check_average,
        "my_train": build03.check_train,
    },
    "04_loss_plots": {
        "epoch_means": checks04.check_epoch_means,
        "moving_average": checks04.check_moving_average,
        "diagnosis": checks04.check_diagnosis,
        "trend": build04.check_trend,
        "rhythm": build04.check_rhythm,
        "vital_signs": build04.check_vital_signs,
        "chart": build04.check_chart,
        "illness": build04.check_illnesses,
    },
    "05_gatys_optimization": {
        "my_gram": checks05.check_gram_matrix,
        "my_loss": checks05.check_gatys_loss,
        "my_lbfgs": build05.check_lbfgs,
    },
    "06_runtime_benchmark": {
        "measure": timer_checks.check_timer,
        "job_seconds": checks06.check_job_seconds,
        "conv_macs": checks06.check_macs,
        "my_race": build06.check_race,
    },
    "07_ab_survey": {
        "wilson_interval": checks07.check_wilson_interval,
        "analyse": checks07.check_survey_analysis,
        "tally": build07.check_tally,
        "errors": build07.check_errors,
        "alike": build07.check_alike,
        "bootstrap": build07.check_bootstrap,
    },
    "08_style_playground": {
        "corner_weights": check_corner_weights,
        "keep_colours": check_keep_colours,
        "between": build08.check_between,
        "MyStore": build08.check_store,
        "add_sliders": build08.check_sliders,
    },
}


@pytest.mark.parametrize("lesson", LESSONS)
def test_the_lessons_own_solutions_pass(lesson, capsys):
    path = REPOSITORY / "notebooks" / f"{lesson}.ipynb"
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    text = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    names = NAMES | {"build": BUILDS.get(lesson)}
    for code in re.findall(
        r"<summary>Exercise [^<]*</summary>\s*```python\n(.*?)```", text, re.DOTALL
    ):
        exec(code, names)
    for name, check in LESSONS[lesson].items():
        check(names[name])
    assert capsys.readouterr().out.count("correct") == len(LESSONS[lesson])
