"""Feedback pages tell no hidden test, and run nothing that a submission holds."""

from html.parser import HTMLParser

import pytest

pytest.importorskip("nbgrader", reason="pip install -e .[grading]")

import nbformat
from grading_kit import ASSIGNMENTS_DIR
from nbformat import v4
from nbgrader.preprocessors import ClearHiddenTests
from traitlets.config import PyFileConfigLoader

from course_lib.classroom.feedback_pages import (
    FeedbackExporter,
    HarmlessOutputs,
    HideTests,
    hidden_lines,
)

TEST = """check(f)
### BEGIN HIDDEN TESTS
secret = 41 + 1
for case in cases:
    assert f(case) == secret, "f is wrong"
### END HIDDEN TESTS
"""
BAD = "<script>alert(1)</script><img src=x onerror=alert(1)><b onclick=alert(1)>bold</b>"
PICTURE = {"image/png": "iVBORw0KGgo=", "text/plain": "a figure"}


def page(*cells):
    """The page that the folder's settings make of a notebook."""
    notebook = v4.new_notebook(cells=list(cells))
    for preprocessor in (HideTests, ClearHiddenTests, HarmlessOutputs):
        notebook, _ = preprocessor().preprocess(notebook, {})
    return FeedbackExporter(template_name="classic").from_notebook_node(notebook)[0]


def shown(data, metadata=None):
    output = v4.new_output("display_data", data, metadata=metadata or {})
    return page(v4.new_code_cell("show()", outputs=[output]))


def body(text):
    return text.partition("<body")[2]


EMPTY = body(page(v4.new_markdown_cell("text")))


class Finder(HTMLParser):
    """What a browser would run: scripts, handlers, addresses of scripts, foreign frames."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found += [tag] if tag in ("script", "svg", "iframe", "object", "style") else []
        for name, value in attributes:
            if name.startswith("on") or "script:" in (value or "").replace(" ", ""):
                self.found.append(f"{tag} {name}")


def runs(text):
    """What the page runs that an empty one does not."""
    return Finder(body(text)).found != Finder(EMPTY).found


def test_the_folder_uses_them():
    config = PyFileConfigLoader("nbgrader_config.py", path=str(ASSIGNMENTS_DIR)).load_config()
    chosen = config.GenerateFeedback
    assert chosen.export_class is FeedbackExporter
    order = chosen.preprocessors
    assert order.index(HideTests) < order.index(ClearHiddenTests)  # which lines are hidden
    assert HarmlessOutputs in order


@pytest.mark.parametrize(
    "text",
    [
        f"# Title\n\n{BAD}",
        "[click](javascript:alert(1)) and <a href='javascript:alert(1)'>here</a>".replace(
            "'javas", "'java&#115;"
        ),
        "<svg onload=alert(1)><iframe src=https://example.org></iframe>",
        '![x](x"onerror="alert(1))',
    ],
)
def test_markdown_of_a_submission_runs_nothing(text):
    assert not runs(page(v4.new_markdown_cell(text)))
    assert runs(f"<body>{BAD}")  # the search finds them where they are


@pytest.mark.parametrize(
    "data",
    [
        {"text/html": BAD},
        {"text/markdown": BAD},
        {"text/latex": BAD},
        {"text/plain": BAD},
        {"application/javascript": "alert(1)"},
        {"image/svg+xml": "<svg onload=alert(1)></svg>"},
        {"image/png": 'x"><script>alert(1)</script>'},
        {"application/vnd.jupyter.widget-view+json": {"model_id": "</script><script>alert(1)"}},
    ],
)
def test_outputs_of_a_submission_run_nothing(data):
    assert not runs(shown(data))


def test_metadata_of_a_picture_runs_nothing():
    kinds = {"image/png": {"width": "1 onerror=alert(1)", "alt": 'a " onerror=alert(1) cat'}}
    text = shown(PICTURE, kinds)
    assert "<img" in body(text) and not runs(text)
    assert "width=" not in body(text).split("<img")[1].split(">")[0]


def test_what_students_and_instructors_write_still_looks_as_they_meant_it():
    text = body(
        page(
            v4.new_markdown_cell("## Title\n\n**bold** $a < b$\n\n| a | b |\n|---|---|\n| 1 | 2 |")
        )
    )
    for words in ("<h2", "<strong>bold</strong>", "<table>", "a &lt; b"):
        assert words in text, words
    folded = body(page(v4.new_markdown_cell("<details><summary>Hint</summary>\n\nx\n</details>")))
    assert "<details><summary>Hint</summary>" in folded
    table = body(shown({"text/html": "<table><tr><td>1</td></tr></table>"}))
    assert "<td>1</td>" in table


def test_a_traceback_of_an_instructors_own_assert_tells_no_hidden_line():
    trace = [
        "\x1b[31mAssertionError\x1b[39m   Traceback (most recent call last)",
        "\x1b[36mCell\x1b[39m line 5\n      3 secret = 41 + 1\n      4 for case in cases:\n"
        '----> 5     assert \x1b[34mf\x1b[39m(case) == secret, "f is wrong"',
        "AssertionError: f is wrong",
    ]
    failed = v4.new_output("error", ename="AssertionError", evalue="f is wrong", traceback=trace)
    said = v4.new_output("stream", text="In = ['for case in cases:', 'mine']\nmine\n")
    graded = {"nbgrader": {"grade": True, "grade_id": "t", "locked": True, "schema_version": 3}}
    test = v4.new_code_cell(TEST, outputs=[failed], metadata=graded)
    notebook = [test, v4.new_code_cell("1", outputs=[said])]
    text = body(page(*notebook))
    for words in ("secret", "in cases", "HIDDEN"):
        assert words not in text, words
    assert "AssertionError: f is wrong" in text and "mine" in text and "check" in text


def test_short_lines_are_no_secrets():
    assert hidden_lines(TEST) == {
        "secret = 41 + 1",
        "for case in cases:",
        'assert f(case) == secret, "f is wrong"',
    }
    assert hidden_lines("no tests") == set()
    nbformat.validate(v4.new_notebook(cells=[v4.new_code_cell(TEST)]))
