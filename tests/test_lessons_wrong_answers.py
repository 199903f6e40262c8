"""Every check against the bank of answers: right ones pass, wrong ones are called by their name.

After these tests pytest prints a table, diagnosis against mistake (see ``conftest.py``).
"""

import importlib
import pkgutil
import re

import pytest
import torch
from wrong_answers import BANK

from course_lib import lessons
from course_lib.lessons.checking import CheckFailed

EXAMPLE = re.compile(r"smallest case|expected|should", re.IGNORECASE)
RIGHT = [(kind, name) for kind, module in BANK.items() for name in module.RIGHT]


def mistaken(mistakes, text):
    """An answer that gives what the check itself expects of this mistake."""
    return lambda *inputs: mistakes(*inputs)[text]


# Mistakes that cannot be told from another one in the first case of the check that shows them.
ALIKE = {
    "the warm-up is mixed in, and all records count alike": "all records count alike",
    "means and deviations are averaged: add the two terms": "averaged over the layers",
}


def wrong_answers(module):
    """Name -> answer and diagnosis: the check's own mistakes, then those of the bank."""
    mistakes = getattr(module.check, "mistakes", None)
    texts = mistakes(*module.check.cases()[-1]) if mistakes else ()
    own = {t: (mistaken(mistakes, t), ALIKE.get(t, f"^{re.escape(t)}$")) for t in texts}
    return own | module.WRONG


ANSWERS = {kind: wrong_answers(module) for kind, module in BANK.items()}
WRONG = [(kind, name) for kind, answers in ANSWERS.items() for name in answers]


@pytest.fixture(autouse=True)
def _one_thread():
    """Tiny tensors: threads that wait for each other would take most of the time."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize(("kind", "name"), RIGHT)
def test_a_right_answer_passes(kind, name, capsys):
    BANK[kind].check(BANK[kind].RIGHT[name])
    out = capsys.readouterr().out
    assert "correct" in out and out.count("\n") == 1


@pytest.mark.filterwarnings("ignore:std")  # of one position
@pytest.mark.parametrize(("kind", "name"), WRONG)
def test_a_wrong_answer_is_named(kind, name, capsys, record_property):
    answer, diagnosis = ANSWERS[kind][name]
    with pytest.raises(CheckFailed) as caught:
        BANK[kind].check(answer)
    failure = caught.value
    assert re.search(diagnosis, failure.diagnosis), failure
    assert EXAMPLE.search(str(failure)), f"no example: {failure}"
    assert re.search(r"See lesson \d\d, section", str(failure)), f"no section: {failure}"
    assert "\n" not in str(failure)
    assert capsys.readouterr().out == ""
    record_property("diagnosis", (kind, name, failure.diagnosis))


@pytest.mark.parametrize("kind", BANK)
def test_the_bank_is_large_enough(kind):
    assert len(ANSWERS[kind]) >= 8 and len(BANK[kind].RIGHT) >= 2


ASKED = {
    "adain",
    "channel_statistics",
    "content_loss",
    "decoder",
    "gatys_loss",
    "gram_matrix",
    "style_loss",
    "survey_analysis",
    "timer",
    "training_step",
}


def test_the_checks_of_the_lessons_are_in_the_bank():
    assert set(BANK) >= ASKED
    checks = set()
    for found in pkgutil.walk_packages(lessons.__path__, f"{lessons.__name__}."):
        checks |= {name for name in vars(importlib.import_module(found.name)) if "check_" in name}
    for name in BANK:
        assert f"check_{name}" in checks
