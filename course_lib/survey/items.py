"""What a survey is: its items, its key, and the order in which a participant meets them.

``page.js`` draws order and positions with the same few lines of arithmetic, so that a result can
be checked against the seed that it carries.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from course_lib import CourseError
from course_lib.system.files import read_bytes

PAGE_FORMAT = "style-survey-1"
KEY_FORMAT = "style-survey-key-1"
RESULT_FORMAT = "style-survey-result-1"
STYLE, PREFERENCE = "style", "preference"
QUESTIONS = {
    STYLE: "Which painting’s style does the image most resemble?",
    PREFERENCE: "Which picture do you prefer?",
}
LARGEST_FILE = 20_000_000  # bytes; a page has about one million, a key a few thousand


class SurveyError(CourseError):
    """A survey, key or result that cannot be used; the message is one sentence for the user."""


@dataclass(frozen=True)
class Item:
    """One question, as the key knows it.

    ``options`` are the two option ids in the order of the page's source, ``labels`` say which
    painting or method an option is, ``right`` is the right option (None: a matter of taste), and
    ``about`` names the files. An ``attention`` item has an obvious answer and is not scored.
    """

    id: str
    options: tuple[str, str]
    labels: Mapping[str, str]
    right: str | None = None
    about: Mapping[str, str] = field(default_factory=dict)
    attention: bool = False


@dataclass(frozen=True)
class Key:
    """What scoring needs and participants must not see."""

    survey: str
    kind: str
    items: tuple[Item, ...]
    settings: Mapping[str, object] = field(default_factory=dict)

    @property
    def questions(self) -> tuple[Item, ...]:
        """The items that count."""
        return tuple(item for item in self.items if not item.attention)


# --- order and positions, the same in page.js ---


def fingerprint(text: str) -> int:
    """FNV-1a, 32 bits: a fast hash that guards against accidents, not against forgery."""
    value = 2166136261
    for byte in text.encode():
        value = ((value ^ byte) * 16777619) & 0xFFFFFFFF
    return value


def random_numbers(seed: int) -> Iterator[float]:
    """Mulberry32: numbers in [0, 1), the same in Python and in the browser."""
    mask = 0xFFFFFFFF
    while True:
        seed = (seed + 0x6D2B79F5) & mask
        t = ((seed ^ (seed >> 15)) * (seed | 1)) & mask
        t ^= (t + ((t ^ (t >> 7)) * (t | 61))) & mask
        yield ((t ^ (t >> 14)) & mask) / 2**32


def shuffled(things: Sequence, numbers: Iterator[float]) -> list:
    """Fisher and Yates: every order is equally likely."""
    things = list(things)
    for i in range(len(things) - 1, 0, -1):
        j = int(next(numbers) * (i + 1))
        things[i], things[j] = things[j], things[i]
    return things


@dataclass(frozen=True)
class Presentation:
    """How one participant meets the survey: items in order, and whose options are exchanged."""

    practice_swapped: bool
    items: tuple[tuple[str, bool], ...]  # item id, exchanged?


def present(survey: str, kind: str, items: Sequence[str], seed: str) -> Presentation:
    """Draw order and positions for a participant.

    In a style survey every item is exchanged by its own fair coin: somebody who sees nothing is
    then right with probability 1/2 in each question, independently, whatever their habits. In a
    preference survey exactly half of the items are exchanged (of an odd number, half rounded up or
    down by a coin), so that each method stands in each position equally often.

    Args:
        survey: the survey's id.
        kind: ``style`` or ``preference``.
        items: item ids in the order of the page's source.
        seed: the participant's seed, 16 hexadecimal digits.
    """
    numbers = random_numbers(fingerprint(f"{survey}:{seed}"))
    practice = next(numbers) < 0.5
    order = shuffled(items, numbers)
    if kind == PREFERENCE:
        half = int(len(order) / 2 + next(numbers) * (len(order) % 2))
        swaps = shuffled([k < half for k in range(len(order))], numbers)
    else:
        swaps = [next(numbers) < 0.5 for _ in order]
    return Presentation(practice, tuple(zip(order, swaps, strict=True)))


def make_result(
    survey: str, seed: str, answers: Sequence[tuple[str, str, int, int]], simulated: bool
) -> dict[str, object]:
    """A result as the page writes it, from (item, choice, position 1 or 2, milliseconds)."""
    result: dict[str, object] = {
        "format": RESULT_FORMAT,
        "survey": survey,
        "seed": seed,
        "simulated": simulated,
        "answers": [
            {"item": item, "choice": choice, "position": position, "milliseconds": time}
            for item, choice, position, time in answers
        ],
    }
    return result | {"checksum": checksum(result)}


def checksum(result: Mapping) -> str:
    """Eight digits over everything a result says, to notice a slip of an editor or a cut line."""
    lines = [result["format"], result["survey"], result["seed"], str(int(result["simulated"]))]
    for answer in result["answers"]:
        fields = ("item", "choice", "position", "milliseconds")
        lines.append(" ".join(str(answer[name]) for name in fields))
    return f"{fingerprint(chr(10).join(lines)):08x}"


# --- the key and the page as files ---


def key_path(page: str | os.PathLike) -> Path:
    """Where the key of a page lies: ``survey.html`` has ``survey.key.json`` beside it."""
    return Path(page).with_suffix(".key.json")


def key_to_json(key: Key) -> str:
    record = {
        "format": KEY_FORMAT,
        "survey": key.survey,
        "kind": key.kind,
        "settings": dict(key.settings),
        "items": [
            {
                "id": item.id,
                "options": list(item.options),
                "labels": dict(item.labels),
                "right": item.right,
                "about": dict(item.about),
                "attention": item.attention,
            }
            for item in key.items
        ],
    }
    return json.dumps(record, indent=1) + "\n"


def read_key(path: str | os.PathLike) -> Key:
    """Read a key that ``survey build`` wrote.

    Raises:
        SurveyError: the file is missing, too large, or not such a key.
    """
    text = read_text(path)
    try:
        record = json.loads(text)
        if record["format"] != KEY_FORMAT or record["kind"] not in QUESTIONS:
            raise KeyError("format")
        items = tuple(_read_item(item) for item in record["items"])
        key = Key(_text(record["survey"]), record["kind"], items, dict(record["settings"]))
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        raise SurveyError(f"{path} is not a key that 'survey build' wrote") from None
    if not key.questions or len({item.id for item in items}) < len(items):
        raise SurveyError(f"{path} is not a key that 'survey build' wrote")
    return key


def _read_item(record: Mapping) -> Item:
    first, second = record["options"]
    labels = {_text(option): _text(label) for option, label in record["labels"].items()}
    about = {_text(name): _text(value) for name, value in record["about"].items()}
    item = Item(
        _text(record["id"]),
        (_text(first), _text(second)),
        labels,
        record["right"],
        about,
        record["attention"] is True,
    )
    if set(labels) != set(item.options) or first == second:
        raise ValueError("labels")
    if item.right is not None and item.right not in item.options:
        raise ValueError("right")
    return item


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("text expected")
    return value


@dataclass(frozen=True)
class Page:
    """A survey as a participant gets it: no names, no answers.

    Every item of ``items``, and ``practice``, is a dictionary with ``id``, ``picture`` (a data
    address, or None) and ``options``: two dictionaries with ``id`` and ``picture``.
    """

    survey: str
    kind: str
    title: str
    question: str
    items: tuple[Mapping, ...]
    practice: Mapping | None


def read_page(path: str | os.PathLike) -> Page:
    """Read the survey out of the HTML file that ``survey build`` wrote.

    Raises:
        SurveyError: the file is missing, too large, or not such a page.
    """
    text = read_text(path)
    match = re.search(r'<script type="application/json" id="survey">(.*?)</script>', text, re.S)
    try:
        record = json.loads(match[1])
        if record["format"] != PAGE_FORMAT:
            raise KeyError("format")
        return Page(
            record["survey"],
            record["kind"],
            record["title"],
            record["question"],
            tuple(record["items"]),
            record["practice"],
        )
    except (KeyError, TypeError, ValueError, RecursionError):
        raise SurveyError(f"{path} is not a page that 'survey build' wrote") from None


def read_text(path: str | os.PathLike) -> str:
    """Read a UTF-8 file of at most ``LARGEST_FILE`` bytes.

    Raises:
        SurveyError: it is missing, a folder, larger, or not UTF-8.
    """
    try:
        return read_bytes(path, LARGEST_FILE, SurveyError).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SurveyError(f"{path} is not a UTF-8 text file") from None
