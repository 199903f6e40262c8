"""Self-tests: five questions a lesson, sections that exist, and honest answers."""

import json
import re

import pytest

from course_lib import LESSONS_DIR, CourseError
from course_lib.lessons.self_test import questions, self_test

LESSONS = {path.stem[:2]: path for path in sorted(LESSONS_DIR.glob("0*.ipynb"))}

each_lesson = pytest.mark.parametrize("lesson", LESSONS)


@each_lesson
def test_there_are_five_questions_with_one_right_answer_each(lesson):
    asked = questions(lesson)
    assert len(asked) == 5
    for item in asked:
        assert item["right"] in "abcd" and len(set(item["options"])) == 4
    assert len({item["right"] for item in asked}) >= 3  # no letter is always right


@each_lesson
def test_the_sections_are_those_of_the_lesson(lesson):
    cells = json.loads(LESSONS[lesson].read_text(encoding="utf-8"))["cells"]
    text = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    headings = re.findall(r"^#+ +(.*)$", text, re.MULTILINE)
    for item in questions(lesson):
        assert any(heading.startswith(item["section"]) for heading in headings), item["section"]


@each_lesson
def test_right_letters_are_right_and_others_are_not(lesson, capsys):
    right = " ".join(item["right"] for item in questions(lesson))
    self_test(lesson, right.upper().replace(" ", ", "))
    assert capsys.readouterr().out.endswith("5 of 5\n")
    self_test(lesson, right.translate(str.maketrans("abcd", "bcda")))
    out = capsys.readouterr().out
    assert out.endswith("0 of 5\n") and questions(lesson)[0]["section"] in out


def test_the_questions_are_printed_without_their_answers(capsys):
    self_test("02")
    out = capsys.readouterr().out
    assert out.count("\n") == 5 * 5 + 1 and "What is adain(c, c)?" in out
    assert "right" not in out


@pytest.mark.parametrize("answers", ["a", "a b c d e", "a b c d a b"])
def test_bad_answers_get_one_sentence(answers):
    with pytest.raises(CourseError, match="give 5 letters from a to d"):
        self_test("02", answers)
