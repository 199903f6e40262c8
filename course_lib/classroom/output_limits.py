"""A preprocessor of nbgrader: outputs of a submission that are too long to load are cut."""

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
