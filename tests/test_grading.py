"""The real pipeline of nbgrader: generate, submit, autograde, feedback; good, bad and hostile."""

import csv
import os
import shutil

import pytest
from grading_kit import ASSIGNMENTS_DIR, notebook_of, read, submit, submit_untouched, text_of

pytest.importorskip("nbgrader", reason="pip install -e .[grading]")

from course_lib.classroom import grading
from course_lib.classroom.generating import assignment_names

NAMES = assignment_names()
CELL, ALL = 20, 240  # seconds: of a cell, of a submission


def points(assignment, kind=None):
    """Cell -> points, from the source; ``kind``: ``check`` or by hand (``hand``)."""
    cells = [cell for cell in read(notebook_of(assignment))["cells"]
             if cell["metadata"].get("nbgrader", {}).get("grade")]  # fmt: skip
    by_hand = {c["id"]: c["metadata"]["nbgrader"]["solution"] for c in cells}
    return {c["id"]: c["metadata"]["nbgrader"]["points"] for c in cells
            if kind is None or by_hand[c["id"]] == (kind == "hand")}  # fmt: skip


def run(assignment, folder, **options):
    grades = grading.grade_all(assignment, folder / "in", folder / "out", **options)
    return {grade.student: grade for grade in grades}


def feedback(folder, student, assignment):
    (page,) = (folder / "out" / "feedback" / student / assignment).iterdir()
    return page.read_text(encoding="utf-8")


WRONG = {
    "A1": {
        "a1-caffe": ("255 * images.flip(1) - mean", "255 * images - mean"),
        "a1-field": ("seen += (kernel - 1) * step", "seen *= kernel"),
    },
    "A2": {
        "a2-adain": ("/ content_std", "/ content_mean"),
        "a2-tiles": ("(means - mean).square()", "0 * means"),
    },
    "A6": {
        "a6-people": (
            "statistics.stdev(rates) / math.sqrt(len(rates))",
            "math.sqrt(mean * (1 - mean) / sum(map(len, right)))",
        ),
        "a6-p": ("if abs(2 * k - answers) >= far", "if k >= successes"),
        "a6-plan": ("math.ceil((1.96 * spread / half_width) ** 2)", "(spread / half_width"),
    },
}
NAMED = {
    "A1": ("the order is still RGB", "kernel sizes do not multiply"),
    "A2": ("as the report prints it", "the tiles&#39; means differ, too"),
    "A6": ("all answers are counted as independent", "on either side counts", "SyntaxError"),
}


@pytest.mark.parametrize("assignment", NAMES)
def test_the_full_solution_gets_every_point_and_the_untouched_release_none(assignment, tmp_path):
    submit(tmp_path / "in", "full", assignment)
    submit_untouched(tmp_path / "in", "untouched", assignment)
    if assignment in WRONG:
        submit(tmp_path / "in", "partly", assignment, replace=WRONG[assignment])
    grades = run(assignment, tmp_path, cell_seconds=120)

    full = grades["full"]
    assert full.notes == () and full.failed == ""
    assert {k: v for k, v in full.cells.items() if v is not None} == points(assignment, "check")
    assert full.waiting == sum(points(assignment, "hand").values())
    page = feedback(tmp_path, "full", assignment)
    assert "<html" in page
    assert "data:image/" in page or "image/jpeg" in page  # the figure
    assert "HIDDEN TESTS" not in page

    untouched = grades["untouched"]
    assert untouched.failed == ""
    assert untouched.cells == dict.fromkeys(points(assignment), 0)
    assert "not attempted" in feedback(tmp_path, "untouched", assignment)

    if assignment in WRONG:
        partly = grades["partly"]
        lost = {f"{name}-check" for name in WRONG[assignment]}
        expected = points(assignment, "check") | dict.fromkeys(lost, 0)
        assert {k: v for k, v in partly.cells.items() if v is not None} == expected
        page = " ".join(feedback(tmp_path, "partly", assignment).split())
        for words in NAMED[assignment]:
            assert words in page, words


PEEK = """
from pathlib import Path
from course_lib import REPOSITORY
stolen = []
for folder in (Path("."), Path("../../.."), REPOSITORY / "notebooks" / "assignments"):
    for path in [*folder.rglob("*.ipynb"), *folder.glob("gradebook.db")]:
        try:
            stolen.append(path.read_bytes())
        except OSError:
            pass
print("stolen:", len(stolen))
"""
FLOOD = """
print("x" * 100_000_000)
for _ in range(100):
    print("y" * 999_999)
"""
LOOP = "def p_value(successes, answers):\n    while True:\n        pass"
STUBBORN = """
while True:
    try:
        while True:
            pass
    except BaseException:
        pass
"""
DELETED = ("a6-rate", "a6-rate-check", "a6-p-check", "a6-people-check")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """Submissions that misbehave, with a good one behind them in the row."""
    folder = tmp_path_factory.mktemp("hostile")
    ready = folder / "in"
    submit(ready, "deletes", "A6", delete=DELETED)
    submit(ready, "dies", "A6", changes={"a6-plan": "import os\nos._exit(0)"})
    submit(ready, "exits", "A6", changes={"a6-plan": "exit()"})
    submit(ready, "floods", "A6", changes={"a6-plan": FLOOD})
    submit(ready, "loops", "A6", changes={"a6-p": LOOP})
    submit(ready, "nonsense", "A6").write_text("this is no notebook")
    submit(ready, "peeks", "A6", changes={"a6-plan": PEEK})
    submit(ready, "zz_good", "A6")
    return folder, run("A6", folder, cell_seconds=CELL, submission_seconds=ALL)


def lost(grade):
    """Checks without full points."""
    return {k for k, most in points("A6", "check").items() if grade.cells[k] != most}


def test_the_others_are_graded_and_the_table_holds_everybody(hostile):
    folder, grades = hostile
    assert lost(grades["zz_good"]) == set() and grades["zz_good"].notes == ()
    with (folder / "out" / "grades_A6.csv").open(encoding="utf-8") as file:
        rows = {row["student"]: row for row in csv.DictReader(file)}
    assert list(rows) == sorted(grades) and len(rows) == 8
    assert float(rows["zz_good"]["points"]) == sum(points("A6", "check").values())
    assert rows["dies"]["notes"].startswith("NOT GRADED: the kernel died")


def test_an_endless_loop_costs_its_own_exercise_only(hostile):
    grade = hostile[1]["loops"]
    assert lost(grade) == {"a6-p-check"}
    assert "a6-p-check: stopped, it ran too long" in grade.notes


def test_a_kernel_that_is_killed_is_reported(hostile):
    folder, grades = hostile
    assert grades["dies"].failed.startswith("the kernel died")
    assert feedback(folder, "dies", "A6").startswith("Not graded: the kernel died")


def test_exit_is_refused_and_the_rest_is_graded(hostile):
    grade = hostile[1]["exits"]
    assert lost(grade) == {"a6-plan-check"}
    assert any("exit() and quit() would end the notebook" in note for note in grade.notes)


def test_deleted_cells_come_back(hostile):
    grade = hostile[1]["deletes"]
    # Without its answer the rate is lost; the checks that were deleted count again.
    assert lost(grade) == {"a6-rate-check"}
    assert [n for n in grade.notes if "put back" in n] == [
        f"{name}: this cell was deleted, and put back" for name in DELETED
    ]


def test_two_hundred_megabytes_of_output_are_cut(hostile):
    folder, grades = hostile
    assert lost(grades["floods"]) == {"a6-plan-check"}
    assert any("the output was cut off" in note for note in grades["floods"].notes)
    assert len(feedback(folder, "floods", "A6")) < 2_000_000
    sizes = [path.stat().st_size for path in (folder / "out" / "autograded").rglob("*.ipynb")]
    assert max(sizes) < 3_000_000


def test_reading_hidden_tests_is_stopped_and_told(hostile):
    folder, grades = hostile
    assert lost(grades["peeks"]) == {"a6-plan-check"}
    assert any(note.startswith("tried to read") for note in grades["peeks"].notes)
    assert "stolen: 0" in feedback(folder, "peeks", "A6")


def test_a_file_that_is_no_notebook_is_reported(hostile):
    assert hostile[1]["nonsense"].failed == "the file is not a notebook"


def test_solutions_are_not_beside_the_submissions(hostile):
    folder, _ = hostile
    assert not (folder / "out" / "source").exists()
    texts = [text_of(cell) for path in (folder / "out" / "release").rglob("*.ipynb")
             for cell in read(path)["cells"]]  # fmt: skip
    assert texts and not any("SOLUTION" in text or "HIDDEN" in text for text in texts)


def test_what_ignores_interruption_is_ended_with_its_kernel(tmp_path):
    submit(tmp_path / "in", "stubborn", "A6", changes={"a6-rate": STUBBORN})
    grade = run("A6", tmp_path, cell_seconds=6, submission_seconds=25)["stubborn"]
    assert grade.failed.startswith("ended after 25 s")
    assert "Not graded: ended after 25 s" in feedback(tmp_path, "stubborn", "A6")


def test_plain_nbgrader_reads_the_folders_settings(tmp_path):
    """``nbgrader`` commands in a copy of the folder, as its own manual has them."""
    import subprocess
    import sys

    shutil.copytree(ASSIGNMENTS_DIR / "source" / "A6", tmp_path / "source" / "A6")
    shutil.copy(ASSIGNMENTS_DIR / "nbgrader_config.py", tmp_path)
    programs = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", "generate_assignment", "A6"],
        cwd=tmp_path, env=os.environ | {"PATH": programs}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-500:]
    made = read(tmp_path / "release" / "A6" / "A6_survey.ipynb")
    assert made == read(ASSIGNMENTS_DIR / "release" / "A6" / "A6_survey.ipynb")
