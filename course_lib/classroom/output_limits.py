"""Preprocessors of nbgrader: what a feedback page must not show, and output too long to load."""

import re

from nbformat.notebooknode import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Integer


class LimitCharacters(NbGraderPreprocessor):
    """Cut the outputs of each cell to a number of characters; nbgrader itself counts lines."""

    max_characters = Integer(20_000, help="of the text of one cell's outputs").tag(config=True)
    max_outputs = Integer(100, help="number of outputs of one cell").tag(config=True)
    max_data = Integer(3_000_000, help="characters of one picture").tag(config=True)

    def preprocess_cell(
        self, cell: NotebookNode, resources: dict, cell_index: int
    ) -> tuple[NotebookNode, dict]:
        if cell.cell_type != "code":
            return cell, resources
        cell.outputs = self._few(cell.outputs)
        left = self.max_characters
        for output in cell.outputs:
            if output.output_type == "stream":
                output.text, left = self._cut(output.text, left)
            elif output.output_type == "error":
                output.traceback = [
                    self._cut(line, self.max_characters)[0] for line in output.traceback
                ]
                output.evalue = self._cut(output.evalue, self.max_characters)[0]
            for kind, value in output.get("data", {}).items():
                limit = self.max_characters if kind.startswith("text/") else self.max_data
                if isinstance(value, str) and len(value) > limit:
                    # Half a picture is no picture.
                    cut = kind.startswith("text/")
                    output.data[kind] = self._cut(value, limit)[0] if cut else ""
        return cell, resources

    def _few(self, outputs: list[NotebookNode]) -> list[NotebookNode]:
        """The first outputs, and every error: the score depends on errors."""
        errors = [o for o in outputs[self.max_outputs :] if o.output_type == "error"]
        return outputs[: self.max_outputs] + errors

    def _cut(self, text: str, left: int) -> tuple[str, int]:
        if len(text) <= left:
            return text, left - len(text)
        note = f"\n... cut off: {len(text):,} characters were printed ...\n"
        return text[: max(left, 0)] + note, 0


class HideTests(NbGraderPreprocessor):
    """Take the lines of hidden tests out of outputs: tracebacks quote the cell that failed."""

    quoted = re.compile(r"(BEGIN|END) HIDDEN TESTS|seed=\d")
    colours = re.compile(r"\x1b\[[0-9;]*m")

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
        lines = text.split("\n")
        return "\n".join(n for n in lines if not self.quoted.search(self.colours.sub("", n)))
