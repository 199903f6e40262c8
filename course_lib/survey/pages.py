"""A survey's page and key: what is drafted, and how it is written.

The page holds pictures and meaningless ids only. Which painting is which, and which answer is
right, is in the key, a file of its own that stays with whoever asks.
"""

import base64
import hashlib
import html
import io
import json
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from course_lib.survey.items import (
    PAGE_FORMAT,
    QUESTIONS,
    STYLE,
    Item,
    Key,
    SurveyError,
    key_path,
    key_to_json,
)
from course_lib.system.files import replacing
from course_lib.system.listings import find_images, readable

FOLDER = Path(__file__).parent


@dataclass
class Draft:
    """Items as they are made: what goes into the page, and what into the key.

    ``skipped`` are pictures that cannot be read, ``ignored`` other files, each with the reason.
    """

    kind: str
    rng: random.Random
    page: list[dict] = field(default_factory=list)
    key: list[Item] = field(default_factory=list)
    practice: dict | None = None
    skipped: dict[Path, str] = field(default_factory=dict)
    ignored: dict[Path, str] = field(default_factory=dict)

    def pictures(self, folder: Path) -> list[Path]:
        """The pictures of a folder that can be read; the rest is noted."""
        found = find_images(folder)
        self.ignored |= found.ignored
        return readable(found, self.skipped)

    def new_id(self) -> str:
        return f"{self.rng.getrandbits(32):08x}"

    def add(
        self,
        picture: Image.Image | None,
        options: Sequence[tuple[str, Image.Image]],
        about: Mapping[str, str],
        role: str = "question",
    ) -> None:
        """Add an item whose first option is the right one, if there is a right one.

        Raises:
            SurveyError: both options are the same picture.
        """
        ids = [self.new_id() for _ in options]
        shown = [
            {"id": id_, "picture": encode(image)}
            for id_, (_, image) in zip(ids, options, strict=True)
        ]
        if shown[0]["picture"] == shown[1]["picture"]:
            names = " and ".join(label for label, _ in options)
            raise SurveyError(f"{names} hold the same picture; a question needs two different ones")
        if self.kind == STYLE and self.rng.random() < 0.5:
            shown.reverse()
        item = {"id": self.new_id(), "picture": encode(picture) if picture else None}
        item["options"] = shown
        if role == "practice":
            self.practice = item
            return
        self.page.append(item)
        first, second = (option["id"] for option in shown)
        labels = {id_: label for id_, (label, _) in zip(ids, options, strict=True)}
        right = ids[0] if self.kind == STYLE else None
        self.key.append(
            Item(item["id"], (first, second), labels, right, about, role == "attention")
        )


def encode(image: Image.Image) -> str:
    """A picture as a data address: JPEG without metadata."""
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "JPEG", quality=88, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def write_survey(
    draft: Draft,
    out: Path,
    title: str,
    send: str = "",
    settings: Mapping[str, object] | None = None,
) -> Key:
    """Write the page, and its key beside it (``survey.html``, ``survey.key.json``).

    Args:
        title: shown at the top.
        send: shown at the end: what the participant should do with the answers.
        settings: recorded in the key.

    Raises:
        SurveyError: ``out`` is not the name of an HTML file, or a text is none.
        OSError: it cannot be written.
    """
    if out.suffix.lower() not in (".html", ".htm"):
        raise SurveyError(f"{out}: a survey is a web page; give a name that ends in .html")
    if any("\ud800" <= c <= "\udfff" for c in title + send):
        raise SurveyError("the title, or what is said on sending, holds bytes that are no text")
    content = {
        "kind": draft.kind,
        "title": title,
        "question": QUESTIONS[draft.kind],
        "send": send,
        "items": draft.page,
        "practice": draft.practice,
    }
    survey = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:12]
    key = Key(survey, draft.kind, tuple(draft.key), dict(settings or {}))
    page = fill_page(title, {"format": PAGE_FORMAT, "survey": survey} | content)
    with replacing(out) as temporary, replacing(key_path(out)) as temporary_key:
        temporary.write_text(page, encoding="utf-8")
        temporary_key.write_text(key_to_json(key), encoding="utf-8")
    return key


def fill_page(title: str, survey: Mapping[str, object]) -> str:
    """The page as one self-contained text.

    Its security policy allows exactly our own script and style, by their hashes, and pictures
    inside the page: whatever a title may hold, nothing else runs and nothing is loaded.
    """
    style = (FOLDER / "page.css").read_text(encoding="utf-8")
    script = (FOLDER / "page.js").read_text(encoding="utf-8")
    policy = (
        f"default-src 'none'; img-src data:; style-src '{_hash(style)}'; "
        f"script-src '{_hash(script)}'; base-uri 'none'; form-action 'none'"
    )
    # "<" could end the script element, or begin a comment in it.
    data = json.dumps(survey).replace("<", "\\u003c")
    parts = {
        "title": html.escape(title),
        "policy": policy,
        "style": style,
        "script": script,
        "survey": data,
    }
    template = (FOLDER / "page.html").read_text(encoding="utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], template)


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
