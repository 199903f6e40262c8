"""The committed lessons: executed in order, without errors, complete, and small."""

import json
import re

import nbformat
import pytest

from course_lib import REPOSITORY
from course_lib.lessons.plotting import alternative_texts

NOTEBOOKS = sorted((REPOSITORY / "notebooks").glob("*.ipynb"))
REQUIRED = [
    "00_start_here",
    "01_vgg_encoder",
    "02_adain_statistics",
    "03_decoder_training",
    "04_loss_plots",
    "05_gatys_optimization",
    "06_runtime_benchmark",
    "07_ab_survey",
    "08_style_playground",
]
LONGEST_CELL = 15  # lines, imports aside; longer code belongs in course_lib
LARGEST = 3_000_000  # bytes
MACHINE_PATH = re.compile(r"(?<![\w.)}~*-])(?:/(?:work|root|home|Users|tmp|var)/\w|[A-Z]:\\\w)")

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def cells(path, kind):
    return [cell for cell in read(path)["cells"] if cell["cell_type"] == kind]


def source(cell):
    return "".join(cell["source"])


def headings(path):
    text = "\n".join(map(source, cells(path, "markdown")))
    return re.findall(r"^#+ +(.*?) *$", text, re.MULTILINE)


def outputs(path):
    return [output for cell in cells(path, "code") for output in cell["outputs"]]


def output_text(output):
    """What an output says in words: streams, text results, names of errors; no pictures."""
    parts = [output.get("text", "")]
    parts += [value for kind, value in output.get("data", {}).items() if kind.startswith("text/")]
    return "\n".join("".join(part) for part in parts)


def test_the_lessons_are_there_and_numbered_without_gaps():
    names = [path.stem for path in NOTEBOOKS]
    assert set(REQUIRED) <= set(names)
    assert [name[:3] for name in names] == [f"{number:02d}_" for number in range(len(names))]


@each_notebook
def test_the_file_is_a_valid_notebook(path):
    notebook = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    nbformat.validate(notebook)
    assert notebook.nbformat == 4


@each_notebook
def test_it_was_run_from_top_to_bottom(path):
    counts = [cell["execution_count"] for cell in cells(path, "code")]
    assert counts == list(range(1, len(counts) + 1))
    assert len(counts) > 3


@each_notebook
def test_no_code_cell_is_empty(path):
    assert all(source(cell).strip() for cell in cells(path, "code"))


@each_notebook
def test_no_output_is_an_error(path):
    errors = [output for output in outputs(path) if output["output_type"] == "error"]
    assert [error["ename"] for error in errors] == []


@each_notebook
def test_the_kernel_is_the_plain_one(path):
    assert read(path)["metadata"]["kernelspec"]["name"] == "python3"


@each_notebook
def test_no_path_of_one_machine_is_in_it(path):
    texts = [source(cell) for cell in read(path)["cells"]] + list(map(output_text, outputs(path)))
    for text in texts:
        found = MACHINE_PATH.search(text)
        assert not found, text[max(0, found.start() - 40) : found.end() + 40]


@each_notebook
def test_it_starts_with_its_number_and_title(path):
    first = read(path)["cells"][0]
    assert first["cell_type"] == "markdown"
    assert re.match(rf"# {path.stem[:2]} · \S", source(first))


@each_notebook
def test_it_says_first_what_you_will_be_able_to_do(path):
    opening = source(cells(path, "markdown")[0])
    assert re.search(r"\bable to\b", opening)


@each_notebook
def test_it_takes_as_long_as_the_table_of_lessons_says(path):
    time = source(cells(path, "markdown")[0]).partition("**Time** ")[2]
    table = (path.parent / "README.md").read_text(encoding="utf-8")
    minutes, build = re.search(rf"\({path.name}\).*\| (\d+) \| (\d*)", table).groups()
    assert re.match(rf"{minutes} minutes", time)
    assert re.findall(r"(\d+) more for the build", time) == ([build] if build else [])


@each_notebook
def test_it_sums_up_what_you_learned(path):
    assert headings(path).count("What you learned") == 1


@each_notebook
def test_it_reads_the_report_critically(path):
    if path.stem == "00_start_here":
        pytest.skip("the report comes in from lesson 01 on")
    assert any("Reading the report critically" in heading for heading in headings(path))


@each_notebook
def test_no_code_cell_is_long(path):
    for cell in cells(path, "code"):
        lines = [x for x in source(cell).splitlines() if not re.match(r"(from|import) ", x)]
        assert len(lines) <= LONGEST_CELL, f"{len(lines)} lines, from '{lines[0]}'"


@each_notebook
def test_figures_are_pixels(path):
    """``nbval_sanitize.cfg`` leaves encoded pictures out; drawings (SVG) differ between runs."""
    data = [output.get("data", {}) for output in outputs(path)]
    html = "".join("".join(kinds.get("text/html", "")) for kinds in data)
    kinds = {"image/png", "image/jpeg", "image/gif"}
    assert set(re.findall(r'<img src="data:([^;]+);base64', html)) <= kinds
    assert html.count("<img src=") == html.count("<img") > 0
    assert not any(kind.startswith(("image/svg", "application/pdf")) for d in data for kind in d)


@each_notebook
def test_the_file_is_small(path):
    assert path.stat().st_size <= LARGEST


@each_notebook
def test_markers_for_the_checker_are_out_of_sight(path):
    """They are tags: students do not see them, and a mistyped one would do nothing."""
    for cell in cells(path, "code"):
        assert "NBVAL" not in source(cell)
        assert set(cell["metadata"].get("tags", ())) <= {"nbval-ignore-output"}


def test_every_figure_has_one_alternative_text_and_no_text_is_left_over():
    """The text is in a file, so that nobody reads the answer in the cell that draws the figure."""
    code = "".join(source(cell) for path in NOTEBOOKS for cell in cells(path, "code"))
    shown = re.findall(r'"(\d\d/\w+)"', code)
    texts = alternative_texts()
    assert sorted(shown) == sorted(f"{lesson}/{name}" for lesson in texts for name in texts[lesson])
    assert all(len(text.split()) >= 5 for lesson in texts.values() for text in lesson.values())
