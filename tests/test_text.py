"""What is written: spelling, links and anchors in pages and notebooks, texts of pictures."""

import json
import re
import shutil
import subprocess
import sys
import urllib.parse
from pathlib import Path

import pytest

from course_lib import REPOSITORY

LEFT_OUT = {"out", "work", "release", "submitted", "autograded", "feedback"}
PAGES = sorted(
    path
    for pattern in ("*.md", "course_lib/*.md", "data/**/*.md", "notebooks/**/*.md")
    for path in REPOSITORY.glob(pattern)
    if not set(path.relative_to(REPOSITORY).parts) & LEFT_OUT
)
LESSONS = sorted((REPOSITORY / "notebooks").glob("*.ipynb"))
ASSIGNMENTS = sorted((REPOSITORY / "notebooks" / "assignments").glob("source/*/*.ipynb"))
RELEASES = sorted((REPOSITORY / "notebooks" / "assignments").glob("release/*/*.ipynb"))
# Right as they are: names, symbols, and words of other fields.
WORDS = "fro,nd,te,ans,als,ue,mor,ot,hist,unparseable,trys,foto,sise"

name = pytest.mark.parametrize


def title(path):
    return path.relative_to(REPOSITORY).as_posix()


def cells(path, kind):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    return [cell for cell in notebook["cells"] if cell["cell_type"] == kind]


def prose(path):
    """The text of a page, or the Markdown and code of a notebook, without outputs."""
    if path.suffix != ".ipynb":
        return path.read_text(encoding="utf-8")
    notebook = json.loads(path.read_text(encoding="utf-8"))
    return "\n\n".join("".join(cell["source"]) for cell in notebook["cells"])


def markdown(path):
    if path.suffix != ".ipynb":
        return path.read_text(encoding="utf-8")
    return "\n\n".join("".join(cell["source"]) for cell in cells(path, "markdown"))


def without_code(text):
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))


# --- spelling ---


def misspelt(texts):
    """Lines of codespell's report on texts by title."""
    pytest.importorskip("codespell_lib", reason="pip install -e .[dev]")
    joined = "\n".join(
        f"{title}: {line}" for title, text in texts.items() for line in text.splitlines()
    )
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "codespell_lib",
            "--builtin",
            "clear,rare",
            "--ignore-words-list",
            WORDS,
            "--stdin-single-line",
            "-",
        ],
        input=joined,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )
    assert done.returncode in (0, 65) and not done.stderr.strip(), done.stderr
    lines = joined.splitlines()
    found = [line.split(": ", 1) for line in done.stdout.splitlines() if "==>" in line]
    return [f"{what} in {lines[int(number) - 1][:120]}" for number, what in found]


def test_the_checker_of_spelling_finds_a_mistake():
    assert misspelt({"page": "We recieve a picture."}) != []
    assert misspelt({"page": "We receive a picture of another colour."}) == []


def test_pages_and_notebooks_are_spelt_right():
    paths = PAGES + LESSONS + ASSIGNMENTS
    assert misspelt({title(path): prose(path) for path in paths}) == []


def test_the_code_is_spelt_right():
    paths = [
        p
        for folder in ("course_lib", "tests")
        for p in (REPOSITORY / folder).rglob("*.py")
        if p.name != Path(__file__).name
    ]
    assert len(paths) > 50
    assert misspelt({title(path): path.read_text(encoding="utf-8") for path in paths}) == []


# --- links ---


def anchors(text):
    """The anchors that GitHub and JupyterLab give the headings of a page."""
    found = set()
    no_code = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    for heading in re.findall(r"^#+ +(.*?) *#*$", no_code, re.MULTILINE):
        plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").replace("*", "")
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        found |= {slug, plain.replace(" ", "-").lower()}  # GitHub's, JupyterLab's
    return found | set(re.findall(r"<a (?:id|name)=\"([^\"]+)\"", text))


def links(text):
    text = without_code(text)
    found = re.findall(r"\]\(<?([^)\s>]+)>?(?: \"[^\"]*\")?\)", text)
    return found + re.findall(r"(?:href|src)=\"([^\"]+)\"", text)


@name("path", PAGES + LESSONS + ASSIGNMENTS + RELEASES, ids=title)
def test_every_relative_link_and_anchor_leads_somewhere(path):
    text = markdown(path)
    for link in links(text):
        if re.match(r"(?:https?|mailto|data|attachment):", link):
            continue
        target, _, anchor = urllib.parse.unquote(link).partition("#")
        page = (path.parent / target) if target else path
        assert page.exists(), link
        if anchor and page.suffix in (".md", ".ipynb"):
            assert anchor.lower() in anchors(markdown(page)), link


def test_the_checker_of_links_sees_what_is_there():
    assert links('[a](b.md) ![c](d.png) `[no](code)` <img src="e.png">') == [
        "b.md",
        "d.png",
        "e.png",
    ]
    assert {"train-your-own-decoder", "a1--features"} <= anchors(
        "# Train your own decoder\n## A1 · Features\n"
    )
    guide = REPOSITORY / "notebooks" / "assignments" / "INSTRUCTORS.md"
    assert len([link for link in links(markdown(guide)) if link.startswith("#")]) > 8


# --- texts of pictures ---


@name("path", PAGES + LESSONS + ASSIGNMENTS + RELEASES, ids=title)
def test_every_picture_in_a_text_has_an_alternative_text(path):
    text = without_code(markdown(path))
    for alt in re.findall(r"!\[([^]]*)\]\(", text):
        assert len(alt.split()) >= 3, alt
    for tag in re.findall(r"<img[^>]*>", text):
        assert re.search(r"alt=\"[^\"]{10,}\"", tag), tag


def undescribed(path):
    """How many pictures among a notebook's outputs have no alternative text on their ``<img>``."""
    missing = 0
    for cell in cells(path, "code"):
        for data in (output.get("data", {}) for output in cell["outputs"]):
            for tag in re.findall(r"<img[^>]*>", "".join(data.get("text/html", ""))):
                missing += not re.search(r'alt="[^"]+( [^"]+){4}"', tag)
            if "application/vnd.jupyter.widget-view+json" not in data:
                missing += sum(kind.startswith("image/") for kind in data)
    return missing


@name("path", LESSONS, ids=title)
def test_every_figure_of_a_lesson_has_an_alternative_text(path):
    assert undescribed(path) == 0


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_no_page_is_forgotten():
    done = subprocess.run(
        ["git", "ls-files", "*.md"], cwd=REPOSITORY, capture_output=True, encoding="utf-8"
    )
    if done.returncode:
        pytest.skip("not a git checkout")
    assert set(done.stdout.split()) <= {title(path) for path in PAGES}
