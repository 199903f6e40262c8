"""The checks of notebook 03: right answers pass in any style, wrong ones are named."""

import pytest
import torch
from wrong_answers.mirror import RIGHT

from course_lib.decoder import AFTER_UPSAMPLING, LAYERS
from course_lib.lessons.lesson03.checks import (
    VGG_TO_RELU4_1,
    check_content_loss,
    check_mirror,
    check_style_loss,
)
from course_lib.lessons.lesson03.decoder_checks import check_decoder
from course_lib.lessons.step_checks import check_training_step

# The wrong and the right answers are in wrong_answers/.


def test_the_mirror_of_the_exercise_is_the_decoder_of_the_course():
    expected = []
    for name, into, out in LAYERS:
        if name in AFTER_UPSAMPLING:
            expected.append(("upsample", into, into))
        expected.append(("conv", into, out))
    assert RIGHT["comprehension"](VGG_TO_RELU4_1) == expected


def test_a_strange_error_is_passed_on():
    def step(*arguments):
        raise RuntimeError("the size of tensor a must match")

    with pytest.raises(RuntimeError, match="size of tensor a"):
        check_training_step(step)


# --- the lesson -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "check", [check_mirror, check_content_loss, check_style_loss, check_training_step]
)
def test_an_empty_answer_is_not_an_error(check, capsys):
    check(lambda *inputs: None)
    assert "not attempted" in capsys.readouterr().out


@pytest.mark.parametrize("decoder", [None, torch.nn.Identity()])
def test_a_decoder_may_be_left_open(decoder, capsys):
    if decoder is not None:
        decoder.forward = lambda features: None
    check_decoder(decoder)
    assert capsys.readouterr().out == "decoder: not attempted yet\n"
