"""Five questions at the end of every lesson, answered in plain letters."""

import functools
import tomllib
from pathlib import Path

from course_lib import CourseError


@functools.cache
def questions(lesson: str) -> list[dict]:
    """The questions of a lesson ("02"): ``question``, ``options``, ``right``, ``section``."""
    text = Path(__file__).with_name("self_tests.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)[lesson]


def self_test(lesson: str, answers: str = "") -> None:
    """Print the questions of a lesson, or what is right of answers such as "a c b b d".

    Raises:
        CourseError: there are not as many answers as questions, or one is no letter of an option.
    """
    asked = questions(lesson)
    letters = answers.lower().replace(",", " ").split()
    if not letters:
        for number, item in enumerate(asked, 1):
            print(f"{number}. {item['question']}")
            for letter, option in zip("abcd", item["options"], strict=True):
                print(f"   {letter}) {option}")
        return print(f'Answer with self_test("{lesson}", "a b c d a").')
    if len(letters) != len(asked) or not set(letters) <= set("abcd"):
        raise CourseError(f"give {len(asked)} letters from a to d, as in 'a b c d a'")
    found = [letter == item["right"] for letter, item in zip(letters, asked, strict=True)]
    for number, (right, item) in enumerate(zip(found, asked, strict=True), 1):
        verdict = "right" if right else "not yet; see " + item["section"]
        print(f"{number}. {verdict}")
    print(f"{sum(found)} of {len(asked)}")
