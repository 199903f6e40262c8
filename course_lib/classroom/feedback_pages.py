"""Feedback pages: without hidden tests, and without anything of a submission that runs in them."""

import re

import bleach
from jinja2 import pass_context
from jinja2.runtime import Context
from nbconvert.exporters import HTMLExporter
from nbformat.notebooknode import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor

from course_lib.classroom.kernel_guard import BEGIN, END

TAGS = bleach.ALLOWED_TAGS | set(
    re.findall(
        r"\w+",
        "br caption dd del details div dl dt figcaption figure h1 h2 h3 h4 h5 h6 hr img kbd p pre "
        "s small span sub summary sup table tbody td tfoot th thead tr u",
    )
)
ATTRIBUTES = {"*": ["class", "id", "title"], "a": ["href"], "img": ["src", "alt"]}
KEPT = ("text/plain", "text/latex", "image/png", "image/jpeg")  # which the page escapes itself
SHORTEST = 4  # characters of a line of a hidden test that is looked for


def harmless(markup: str) -> str:
    """HTML whose scripts, handlers and styles are shown as text, as are unknown tags."""
    protocols = {"http", "https", "mailto", "data"}
    return bleach.clean(markup, tags=TAGS, attributes=ATTRIBUTES, protocols=protocols)


class FeedbackExporter(HTMLExporter):
    """nbconvert's pages, with harmless Markdown."""

    @pass_context
    def markdown2html(self, context: Context, source: str) -> str:
        return harmless(super().markdown2html(context, source))


class HarmlessOutputs(NbGraderPreprocessor):
    """Keep pictures, text, and harmless HTML of a submission's outputs; scripts are dropped."""

    def preprocess_cell(
        self, cell: NotebookNode, resources: dict, cell_index: int
    ) -> tuple[NotebookNode, dict]:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            for kind in list(data):
                if kind == "text/html":
                    data[kind] = harmless("".join(data[kind]))
                elif kind not in KEPT and kind != "text/markdown":
                    del data[kind]
                    data.setdefault("text/plain", "an output that feedback pages do not show")
            # Sizes are put into the page without quotes, so that they might be anything.
            about = output.get("metadata", {})
            for kind in list(about):
                alt = about[kind].get("alt") if isinstance(about[kind], dict) else None
                about[kind] = {"alt": alt} if isinstance(alt, str) else {}
        return cell, resources


class HideTests(NbGraderPreprocessor):
    """Take the lines of hidden tests out of outputs: tracebacks quote the cell that failed.

    It runs before nbgrader takes the tests themselves out, since their lines are looked for.
    """

    marks = re.compile(r"(BEGIN|END) HIDDEN TESTS|seed=\d")
    colours = re.compile(r"\x1b\[[0-9;]*m")

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        self.hidden = {line for cell in nb.cells for line in hidden_lines(cell.source)}
        return super().preprocess(nb, resources)

    def preprocess_cell(
        self, cell: NotebookNode, resources: dict, cell_index: int
    ) -> tuple[NotebookNode, dict]:
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                output.traceback = [self._without(part) for part in output.traceback]
            elif output.output_type == "stream":
                output.text = self._without(output.text)
            for kind, value in output.get("data", {}).items():
                if kind.startswith("text/"):
                    output.data[kind] = self._without(value)
        return cell, resources

    def _without(self, text: str) -> str:
        return "\n".join(line for line in text.split("\n") if not self._tells(line))

    def _tells(self, line: str) -> bool:
        plain = self.colours.sub("", line)
        return bool(self.marks.search(plain)) or any(test in plain for test in self.hidden)


def hidden_lines(source: str) -> set[str]:
    """Lines between the marks of hidden tests, not indented; very short ones tell nothing."""
    found: set[str] = set()
    for part in source.split(BEGIN)[1:]:
        found |= {line.strip() for line in part.partition(END)[0].splitlines()}
    return {line for line in found if len(line) >= SHORTEST}
