"""What the checks of lesson 05 promise beside the bank of answers (``wrong_answers/``)."""

import pytest
import torch

from course_lib.gatys.config import GatysConfig
from course_lib.gatys.objective import GatysObjective
from course_lib.lessons.answers import CheckFailed
from course_lib.lessons.lesson05.checks import check_gatys_loss, check_gram_matrix, gatys_loss
from course_lib.losses import gram_matrix


def test_the_smallest_case_shows_numbers():
    with pytest.raises(CheckFailed, match="Smallest case: for features = .* expected .*, got"):
        check_gram_matrix(lambda x: gram_matrix(x) / 2)


def test_the_loss_of_the_exercise_is_that_of_the_objective():
    torch.manual_seed(0)
    image, content, style = torch.rand(3, 1, 3, 24, 32)
    config = GatysConfig(relative=False, precision="float32", device="cpu", style_weight=3.0)
    objective = GatysObjective(content, style, config)
    network = objective.network
    mine = gatys_loss(
        network(image, config.layers),
        network(content, config.content_layers),
        network(style, config.style_layers),
        3.0,
    )
    assert mine.item() == pytest.approx(objective.measure(image).total, rel=1e-3)


@pytest.mark.parametrize("check", [check_gram_matrix, check_gatys_loss])
def test_an_answer_that_is_not_there_yet_is_no_failure(check, capsys):
    check(lambda *inputs: None)
    assert "not attempted yet" in capsys.readouterr().out
