"""Every check against the bank of answers: right ones pass, wrong ones are called by their name.

After these tests pytest prints a table, diagnosis against mistake (see ``conftest.py``).
"""

import functools
import importlib
import pkgutil
import re

import pytest
import torch
from grading_kit import ASSIGNMENTS_DIR, read, text_of
from wrong_answers import BANK, HOMEWORK

from course_lib import lessons
from course_lib.lessons.answers import CheckFailed, NotAttempted
from course_lib.lessons.lesson02.checks import check_channel_statistics
from course_lib.lessons.smallest_case import contrast

EXAMPLE = re.compile(r"smallest case|expected|should", re.IGNORECASE)
GRADED = (17, 1204)  # seeds
RIGHT = [(kind, name) for kind, module in BANK.items() for name in module.RIGHT]


def mistaken(mistakes, text):
    """An answer that gives what the check itself expects of this mistake."""
    return lambda *inputs: mistakes(*inputs)[text]


def wrong_answers(module):
    """Name -> answer and diagnosis: the check's own mistakes, then those of the bank."""
    mistakes = getattr(module.check, "mistakes", None)
    texts = mistakes(*module.check.cases()[-1]) if mistakes else ()
    own = {t: (mistaken(mistakes, t), f"^{re.escape(t)}$") for t in texts}
    return own | module.WRONG


ANSWERS = {kind: wrong_answers(module) for kind, module in BANK.items()}
WRONG = [(kind, name) for kind, answers in ANSWERS.items() for name in answers]


@functools.cache
def failure_of(kind, name):
    """What the check raises; None if it takes the answer for right."""
    answer, _ = ANSWERS[kind][name]
    try:
        BANK[kind].check(answer)
    except Exception as error:
        return error
    return None


@pytest.fixture(autouse=True)
def _one_thread():
    """Tiny tensors: threads that wait for each other would take most of the time."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize(("kind", "name"), RIGHT)
def test_a_right_answer_passes(kind, name, capsys):
    seeds = (0, *GRADED) if kind in HOMEWORK else (0,)
    for seed in seeds:
        options = {"seed": seed} if seed else {}
        BANK[kind].check(BANK[kind].RIGHT[name], **options)
        out = capsys.readouterr().out
        assert "correct" in out and out.count("\n") == 1


@pytest.mark.filterwarnings("ignore:std")  # of one position
@pytest.mark.parametrize(("kind", "name"), WRONG)
def test_a_wrong_answer_is_named(kind, name, capsys, record_property):
    answer, diagnosis = ANSWERS[kind][name]
    failure = failure_of(kind, name)
    assert isinstance(failure, CheckFailed), failure
    assert re.search(diagnosis, failure.diagnosis), failure
    assert EXAMPLE.search(str(failure)), f"no example: {failure}"
    assert re.search(r"See lesson \d\d, section", str(failure)), f"no section: {failure}"
    assert "\n" not in str(failure)
    expected = re.findall(r"expected (.+?), got (.+?)(?: s)?\.?(?= See |$)", str(failure))
    assert not [pair for pair in expected if pair[0] == pair[1]], failure
    assert capsys.readouterr().out == ""
    record_property("diagnosis", (kind, name, failure.diagnosis))
    for seed in GRADED[:1] if kind in HOMEWORK else ():
        with pytest.raises(CheckFailed):
            BANK[kind].check(answer, seed=seed)


@pytest.mark.parametrize("kind", BANK)
def test_the_bank_is_large_enough(kind):
    assert len(ANSWERS[kind]) >= 8 and len(BANK[kind].RIGHT) >= (3 if kind in HOMEWORK else 2)


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


SAME = {"wilson", "step"}  # the lessons' own checks, under another name
SAME |= {"losses"}  # two of them, one after the other


def test_the_checks_of_the_assignments_are_in_the_bank():
    checks = set()
    for number in range(1, 8):
        module = importlib.import_module(f"{lessons.__name__}.lesson0{number}.homework")
        checks |= {name for name in vars(module) if name.startswith("check_")}
    assert checks == {f"check_{name}" for name in SAME | set(HOMEWORK)}


@pytest.mark.parametrize("kind", sorted(HOMEWORK))
def test_nothing_written_is_told_and_fails_when_graded(kind, capsys):
    HOMEWORK[kind].check(lambda *inputs: None)
    assert capsys.readouterr().out.endswith(": not attempted yet\n")
    with pytest.raises(NotAttempted, match=r"^\w+: not attempted$"):
        HOMEWORK[kind].check(lambda *inputs: None, seed=17)


def messages():
    """What checks say to wrong answers, as far as it is read; what was not asked yet, last."""
    yield from (text for answers in ANSWERS.values() for text in answers)
    yield from (f"{kind}: {failure_of(kind, name)}" for kind, name in WRONG)
    for kind, module in BANK.items():
        for answer in getattr(module, "crashes", {}).values():
            with pytest.raises(Exception) as caught:
                module.check(answer)
            yield f"{kind}: {caught.value}"


@pytest.mark.filterwarnings("ignore")
def test_the_hints_of_the_assignments_quote_messages_that_there_are():
    quoted = []
    for path in sorted((ASSIGNMENTS_DIR / "source").glob("*/*.ipynb")):
        for cell in read(path)["cells"]:
            for summary in re.findall(r"<summary>I get (.*?)</summary>", text_of(cell)):
                quoted += re.findall(r'"([^"]+)"', summary)
    assert len(quoted) >= 25
    for said in messages():
        quoted = [words for words in quoted if words not in said]
        if not quoted:
            break
    assert quoted == []


def test_a_mistake_is_named_only_if_it_explains_every_case():
    by_case = iter(range(1000))

    def sometimes_unbiased(x):
        return x.float().mean((2, 3), True), (
            x.float().var((2, 3), correction=next(by_case) % 2, keepdim=True) + 1e-5
        ).sqrt()

    with pytest.raises(CheckFailed) as caught:
        check_channel_statistics(sometimes_unbiased)
    assert caught.value.diagnosis.startswith("std: ") and "values differ" in str(caught.value)


@pytest.mark.parametrize(
    ("expected", "given", "words"),
    [
        (torch.tensor([1.0, 2.0]), [1.0, 2.0], "expected [1, 2] (a tensor of float32, shape (2,))"),
        (1.0, 1.00001, "expected 1.0, got 1.00001"),
        (torch.zeros(30), torch.zeros(30).index_fill(0, torch.tensor(7), 1), "got 1 at [7]"),
        (3, "3", "expected 3, got '3'"),
    ],
)
def test_an_expected_value_never_looks_like_the_given_one(expected, given, words):
    said = contrast(expected, given)
    assert words in said
    first, second = said.removeprefix("expected ").split(", got ")
    assert first != second
