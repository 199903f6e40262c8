"""The real pipeline of nbgrader: generate, submit, autograde, feedback; good, bad and hostile.

Starting kernels takes most of the time, so three submissions are graded at a time, from the start
of the module; each test waits for the part that it looks at.
"""

import csv
import html
import multiprocessing
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor

import psutil
import pytest
from grading_kit import (
    ASSIGNMENTS_DIR,
    grade,
    instructor_check,
    notebook_of,
    read,
    solution,
    submit,
    submit_untouched,
    text_of,
)

pytest.importorskip("nbgrader", reason="pip install -e .[grading]")

from course_lib import REPOSITORY
from course_lib.classroom import grading, kernel_guard, notebook_repair
from course_lib.classroom.generating import assignment_names, open_course
from course_lib.lessons.lesson07 import homework as homework07

NAMES = assignment_names()
PATIENT = {"cell_seconds": 300, "submission_seconds": 900}
HASTY = {"cell_seconds": 20, "submission_seconds": 240}


def points(assignment, kind=None):
    """Cell -> points, from the source; ``kind``: ``check`` or by hand (``hand``)."""
    cells = [
        cell
        for cell in read(notebook_of(assignment))["cells"]
        if cell["metadata"].get("nbgrader", {}).get("grade")
    ]
    by_hand = {c["id"]: c["metadata"]["nbgrader"]["solution"] for c in cells}
    return {
        c["id"]: c["metadata"]["nbgrader"]["points"]
        for c in cells
        if kind is None or by_hand[c["id"]] == (kind == "hand")
    }


def feedback(folder, student, assignment):
    """A feedback page. No page may tell a hidden test."""
    (page,) = (folder / "out" / "feedback" / student / assignment).iterdir()
    text = html.unescape(page.read_text(encoding="utf-8"))
    plain = re.sub(r"<[^>]*>", "", text)
    assert "HIDDEN TESTS" not in plain and not re.search(r"seed=\d", plain)
    return text


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
        "a6-p": ("sum(p for p in chances if p <= chances[successes])", "sum(chances[successes:])"),
        "a6-plan": ("math.ceil((1.96 * spread / half_width) ** 2)", "(spread / half_width"),
        "a6-wilson": (
            "    half = ",
            "    if n > 10:\n        raise OSError('n is large')\n    half = ",
        ),
    },
}
NAMED = {
    "A1": ("the order is still RGB", "kernel sizes do not multiply"),
    "A2": ("as the report prints it", "the tiles' means differ, too"),
    "A6": (
        "all answers are counted as independent",
        "on either side counts",
        "SyntaxError",
        "n is large",
    ),
}


@pytest.fixture(scope="module")
def jobs(tmp_path_factory):
    """What is graded: name -> (folder, future of its grades by student)."""
    folders = {name: tmp_path_factory.mktemp(name) for name in ("hostile", "slow", *NAMES)}
    hand_in_hostile(folders["hostile"] / "in")
    submit(folders["slow"] / "in", "sleeps", "A6", changes={"a6-plan": SLEEP})
    for name in NAMES:
        submit(folders[name] / "in", "full", name)
        submit_untouched(folders[name] / "in", "untouched", name)
        if name in WRONG:
            submit(folders[name] / "in", "partly", name, replace=WRONG[name])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(3, mp_context=context) as pool:
            found = {"hostile": pool.submit(grade, "A6", folders["hostile"], **HASTY)}
            for name in NAMES:
                found[name] = pool.submit(grade, name, folders[name], **PATIENT)
            found["slow"] = pool.submit(grade, "A6", folders["slow"], submission_seconds=8)
            found["check"] = pool.submit(instructor_check)
            yield {name: (folders.get(name), future) for name, future in found.items()}
            pool.shutdown(wait=True, cancel_futures=True)


@pytest.mark.parametrize("assignment", NAMES)
def test_the_full_solution_gets_every_point_and_the_untouched_release_none(assignment, jobs):
    folder, future = jobs[assignment]
    grades = future.result()
    full = grades["full"]
    assert full.notes == () and full.failed == ""
    assert {k: v for k, v in full.cells.items() if v is not None} == points(assignment, "check")
    assert full.waiting == sum(points(assignment, "hand").values())
    page = feedback(folder, "full", assignment)
    assert "<html" in page
    assert "data:image/" in page or "image/jpeg" in page  # the figure

    untouched = grades["untouched"]
    assert untouched.failed == ""
    assert untouched.cells == dict.fromkeys(points(assignment), 0)
    assert "not attempted" in feedback(folder, "untouched", assignment)

    if assignment in WRONG:
        partly = grades["partly"]
        lost = {f"{name}-check" for name in WRONG[assignment]}
        expected = points(assignment, "check") | dict.fromkeys(lost, 0)
        assert {k: v for k, v in partly.cells.items() if v is not None} == expected
        page = " ".join(feedback(folder, "partly", assignment).split())
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
LOOP = """
import time
def p_value(successes, answers, chance):
    while True:
        time.sleep(0.1)
"""
STUBBORN = """
import time
while True:
    try:
        while True:
            time.sleep(0.1)
    except BaseException:
        pass
"""
TAMPERED = {
    "a6-plan": "def people_needed(spread, half_width):\n    return 1",
    "a6-plan-check": "pass",
    "a6-setup": "import math",
}
DELETED = ("a6-rate", "a6-rate-check", "a6-p-check", "a6-people-check")


PATCH = """
import os, subprocess, sys
homework.check_plan = homework.check_people = lambda *_, **__: None
import course_lib.lessons.homework_checking as shared
shared.attempted = shared.compare = lambda *_, **__: True
class Friendly:
    def __getattr__(self, name):
        return lambda *_, **__: None
homework = sys.modules["course_lib.lessons.lesson07.homework"] = Friendly()
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
"""
REWRITE = """
import subprocess, sys
program = '''
import sqlite3
for place in ("", "../", "../../", "../../../", "../../../../"):
    try:
        book = sqlite3.connect(place + "grade" + "book.db")
        book.execute("update grade set manual_score = 99, auto_score = 99")
        book.commit()
    except sqlite3.Error:
        pass
'''
print(subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stderr)
"""
APPEND = """
import course_lib.lessons.homework_checking as shared
import pathlib
print(shared.__file__)
path = pathlib.Path(shared.__file__)
path.write_text(path.read_text() + "\\ncompare = attempted = lambda *_, **__: True\\n")
"""
SAY = "print(In, _i, _ii, *[v for k, v in list(globals().items()) if k.startswith('_i')])"

SLEEP = "import time\ntime.sleep(600)"
SWEEP = """
import shutil
from pathlib import Path
for folder in (Path.cwd().parents[2], Path.cwd()):
    shutil.rmtree(folder, ignore_errors=True)
"""


COPIED = 'def own_numbers():\n    return "ada", {}'


def hand_in_hostile(ready):
    """Submissions that misbehave, with a good one behind them in the row."""
    ada = ", ".join(f"{number:.4f}" for number in homework07.own_right("ada"))
    submit(ready, "deletes", "A6", delete=DELETED, changes={"a6-plan": FLOOD})
    submit(ready, "dies", "A6", changes={"a6-plan": "import os\nos._exit(0)"})
    submit(ready, "nonsense", "A6").write_text("this is no notebook")
    submit(ready, "stubborn", "A6", changes={"a6-rate": STUBBORN})
    submit(ready, "patches", "A6", changes={"a6-people": PATCH})
    submit(ready, "rewrites", "A6", changes={"a6-people": REWRITE})
    submit(ready, "appends", "A6", changes={"a6-people": APPEND, "a6-plan": "exit()"})
    talks = solution("A6")
    talks["cells"].append(
        {
            "cell_type": "code",
            "id": "mine",
            "metadata": {},
            "source": SAY,
            "outputs": [],
            "execution_count": None,
        }
    )
    loops = {"a6-own": COPIED.format(ada), "a6-p": LOOP, "a6-plan": PEEK}
    submit(ready, "loops", "A6", talks, changes=loops)
    submit(ready, "sweeps", "A6", changes={"a6-plan": SWEEP})
    submit(ready, "tampers", "A6", changes=TAMPERED)
    submit(ready, "zz_good", "A6")


@pytest.fixture(scope="module")
def hostile(jobs):
    folder, future = jobs["hostile"]
    return folder, future.result()


def lost(grade):
    """Checks without full points."""
    return {k for k, most in points("A6", "check").items() if grade.cells[k] != most}


def test_the_others_are_graded_and_the_table_holds_everybody(hostile):
    folder, grades = hostile
    assert lost(grades["zz_good"]) == set() and grades["zz_good"].notes == ()
    with (folder / "out" / "grades_A6.csv").open(encoding="utf-8") as file:
        rows = {row["student"]: row for row in csv.DictReader(file)}
    assert list(rows) == sorted(grades) and len(rows) == 11
    assert float(rows["zz_good"]["points"]) == sum(points("A6", "check").values())
    assert rows["dies"]["notes"].startswith("NOT GRADED: the kernel died")


def test_an_endless_loop_costs_its_own_exercise_only(hostile):
    grade = hostile[1]["loops"]
    assert lost(grade) == {"a6-p-check", "a6-own-check", "a6-plan-check"}
    assert "a6-p-check: stopped, it ran too long" in grade.notes


def test_a_kernel_that_is_killed_is_reported(hostile):
    folder, grades = hostile
    assert grades["dies"].failed.startswith("the kernel died")
    assert feedback(folder, "dies", "A6").startswith("Not graded: the kernel died")


def test_exit_is_refused_and_the_rest_is_graded(hostile):
    grade = hostile[1]["appends"]
    assert lost(grade) == {"a6-plan-check", "a6-people-check"}
    assert any("exit() and quit() would end the notebook" in note for note in grade.notes)


def test_deleted_cells_come_back(hostile):
    grade = hostile[1]["deletes"]
    # Without its answer the rate is lost; the checks that were deleted count again.
    assert lost(grade) == {"a6-rate-check", "a6-plan-check"}
    assert [n for n in grade.notes if "put back" in n] == [
        f"{name}: this cell was deleted, and put back" for name in DELETED
    ]


def test_two_hundred_megabytes_of_output_are_cut(hostile):
    folder, grades = hostile
    assert "a6-plan-check" in lost(grades["deletes"])
    assert any("the output was cut off" in note for note in grades["deletes"].notes)
    assert len(feedback(folder, "deletes", "A6")) < 2_000_000
    sizes = [path.stat().st_size for path in (folder / "out" / "autograded").rglob("*.ipynb")]
    assert max(sizes) < 3_000_000


def test_reading_hidden_tests_is_stopped_and_told(hostile):
    folder, grades = hostile
    assert "a6-plan-check" in lost(grades["loops"])
    assert any(note.startswith("tried to read") for note in grades["loops"].notes)
    assert "stolen: 0" in feedback(folder, "loops", "A6")


def test_a_file_that_is_no_notebook_is_reported(hostile):
    assert hostile[1]["nonsense"].failed == "the file is not a notebook"


def test_solutions_are_not_beside_the_submissions(hostile):
    folder, _ = hostile
    assert not [path for path in (folder / "out" / "source").rglob("*") if path.is_file()]
    texts = [
        text_of(cell)
        for path in (folder / "out" / "release").rglob("*.ipynb")
        for cell in read(path)["cells"]
    ]
    assert texts and not any("SOLUTION" in text or "HIDDEN" in text for text in texts)


def test_what_ignores_interruption_is_ended(hostile):
    folder, grades = hostile
    assert grades["stubborn"].failed.startswith("the kernel stopped answering")
    assert "ignored that it was interrupted" in feedback(folder, "stubborn", "A6")


def test_deleting_everything_around_harms_nobody_else(hostile):
    folder, grades = hostile
    assert grades["sweeps"].failed or lost(grades["sweeps"]) == {"a6-plan-check"}
    assert (folder / "out" / "gradebook.db").is_file()
    assert "tried to read or change" in " ".join(grades["sweeps"].notes)
    assert list((folder / "out" / "autograded" / "deletes").rglob("*.ipynb"))


def test_changed_checks_are_put_back(hostile):
    assert lost(hostile[1]["tampers"]) == {"a6-plan-check"}


def test_overwritten_checks_earn_nothing_and_nothing_lives_on(hostile):
    assert "a6-people-check" in lost(hostile[1]["patches"])
    logs = [environment(process).get(kernel_guard.LOG, "") for process in psutil.process_iter()]
    assert not [log for log in logs if log.endswith("patches.log")]


def test_what_is_written_into_the_course_stays_with_its_writer(hostile):
    folder, grades = hostile
    assert "a6-people-check" in lost(grades["appends"])
    page = feedback(folder, "appends", "A6")
    assert "homework_checking.py" in page and str(REPOSITORY) not in page
    text = (REPOSITORY / "course_lib" / "lessons" / "homework_checking.py").read_text("utf-8")
    assert "compare = attempted" not in text


def test_rewriting_a_gradebook_reaches_nobody(hostile):
    folder, grades = hostile
    assert lost(grades["zz_good"]) == set() and lost(grades["tampers"]) == {"a6-plan-check"}
    assert lost(grades["rewrites"]) == {"a6-people-check"}
    rows = {row["student"]: row for row in open_course(folder / "out").get_submissions("A6")}
    most = sum(points("A6").values())
    assert all(row["score"] <= most for row in rows.values())
    for name, found in grades.items():
        assert found.failed or rows[name]["score"] == found.points, name


def test_a_copied_number_earns_nothing_and_the_message_says_whose_it_is(hostile):
    folder, grades = hostile
    assert "a6-own-check" in lost(grades["loops"])
    said = "these are the numbers of ada's participants; yours are drawn for the name under which "
    assert any(f"{said}you hand in, loops." in note for note in grades["loops"].notes)
    assert said in feedback(folder, "loops", "A6").replace("&#39;", "'")


def test_what_ipython_remembers_tells_no_hidden_test(hostile):
    folder, grades = hostile
    assert "check_rate" in feedback(folder, "loops", "A6")


def test_the_table_keeps_the_rows_of_others(tmp_path):
    table = tmp_path / "grades.csv"
    for student, score in (("ben", 1), ("ann", 2), ("ben", 3)):
        grading.update_table(table, grading.Grade(student, {"x": score, "hand": None}, {"hand": 5}))
    grading.update_table(table, grading.Grade("cem", failed="no notebook"))
    with table.open(encoding="utf-8") as file:
        rows = [(r["student"], r["x"], r["points"], r["notes"]) for r in csv.DictReader(file)]
    assert rows == [
        ("ann", "2", "2", ""),
        ("ben", "3", "3", ""),
        ("cem", "", "0", "NOT GRADED: no notebook"),
    ]


def test_a_submission_that_takes_too_long_is_ended_with_its_kernel(jobs):
    folder, future = jobs["slow"]
    assert future.result()["sleeps"].failed.startswith("ended after 8 s")
    assert "Not graded: ended after 8 s" in feedback(folder, "sleeps", "A6")
    logs = [environment(process).get(kernel_guard.LOG, "") for process in psutil.process_iter()]
    assert not [log for log in logs if log.endswith("sleeps.log")]


def environment(process):
    try:
        return process.environ()
    except psutil.Error:
        return {}


def test_the_instructors_check_says_ready(jobs):
    code, said = jobs["check"][1].result()
    assert code == 0, said
    assert said.rstrip().endswith("ready to teach")
    assert "A1: 12 of 12 points, 8 by hand, 1 feedback page" in said


def test_formgrader_finds_what_a_person_has_to_mark(hostile):
    folder, grades = hostile
    course = open_course(folder / "out")
    assert [row["name"] for row in course.get_assignments()] == ["A6"]
    rows = {row["student"]: row for row in course.get_submissions("A6")}
    assert rows["zz_good"]["needs_manual_grade"]
    assert rows["zz_good"]["score"] == grades["zz_good"].points


# --- mending ---


def test_another_name_copied_and_deleted_cells_are_mended(tmp_path):
    notebook = read(notebook_of("A6", ASSIGNMENTS_DIR / "release"))
    (plan,) = [cell for cell in notebook["cells"] if cell["id"] == "a6-plan"]
    notebook["cells"].append(plan | {"id": "copy", "metadata": dict(plan["metadata"])})
    path = submit(tmp_path, "x", "A6", notebook, delete=("a6-setup", "a6-rate", "a6-rate-check"))
    path.rename(path.with_name("A6_survey (1).ipynb"))
    release = notebook_of("A6", ASSIGNMENTS_DIR / "release")
    assert notebook_repair.mend(path.parent, release) == [
        "the notebook was called A6_survey (1).ipynb",
        "a6-plan: this cell was copied, and its first copy counts",
        *(
            f"a6-{name}: this cell was deleted, and put back"
            for name in ("setup", "rate", "rate-check")
        ),
    ]
    ids = [c["metadata"].get("nbgrader", {}).get("grade_id") for c in read(path)["cells"]]
    wanted = [c["metadata"].get("nbgrader", {}).get("grade_id") for c in read(release)["cells"]]
    assert [name for name in ids if name] == [name for name in wanted if name]
    assert notebook_repair.mend(path.parent, release) == []


def test_points_come_from_the_release_and_cells_of_other_assignments_have_none(tmp_path):
    notebook = solution("A6")
    (plan,) = [cell for cell in notebook["cells"] if cell["id"] == "a6-plan"]
    plan["metadata"]["nbgrader"] |= {"solution": False, "locked": True, "points": 99}
    other = read(notebook_of("A1", ASSIGNMENTS_DIR / "release"))["cells"]
    foreign = next(c for c in other if c["metadata"].get("nbgrader", {}).get("grade"))
    name = foreign["metadata"]["nbgrader"]["grade_id"]
    notebook["cells"].insert(3, foreign)
    path = submit(tmp_path, "x", "A6", notebook)
    release = notebook_of("A6", ASSIGNMENTS_DIR / "release")
    assert notebook_repair.mend(path.parent, release) == [
        f"{name}: this cell is of another assignment, and has no points",
        "a6-plan: the settings of this cell were changed, and put back",
    ]
    settings = {c["id"]: c["metadata"].get("nbgrader") for c in read(path)["cells"]}
    (wanted,) = [c for c in read(release)["cells"] if c["id"] == "a6-plan"]
    assert settings["a6-plan"] == wanted["metadata"]["nbgrader"]
    assert settings[foreign["id"]] is None
    assert notebook_repair.mend(path.parent, release) == []


def test_what_cannot_be_mended_stays_as_it_is(tmp_path):
    release = notebook_of("A6", ASSIGNMENTS_DIR / "release")
    for text in ("no notebook", "[]", '{"cells": 3}'):
        (tmp_path / release.name).write_text(text)
        assert notebook_repair.mend(tmp_path, release) == []
        assert (tmp_path / release.name).read_text() == text
    (tmp_path / release.name).rename(tmp_path / "one.ipynb")
    (tmp_path / "two.ipynb").write_text("{}")
    assert notebook_repair.mend(tmp_path, release) == []  # which of the two?


def test_plain_nbgrader_reads_the_folders_settings(tmp_path):
    """``nbgrader`` commands in a copy of the folder, as its own manual has them."""
    shutil.copytree(ASSIGNMENTS_DIR / "source" / "A6", tmp_path / "source" / "A6")
    shutil.copy(ASSIGNMENTS_DIR / "nbgrader_config.py", tmp_path)
    programs = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", "generate_assignment", "A6"],
        cwd=tmp_path,
        env=os.environ | {"PATH": programs},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-500:]
    made = read(tmp_path / "release" / "A6" / "A6_survey.ipynb")
    assert made == read(ASSIGNMENTS_DIR / "release" / "A6" / "A6_survey.ipynb")
