"""The assignments: complete, generated from their sources, and without a leak."""

import ast
import builtins
import contextlib
import json
import os
import re
import subprocess
import sys
import zipfile

import nbformat
import pytest
import torch
from grading_kit import RELEASE, SOURCE, notebook_of, read, solution, text_of

from course_lib import REPOSITORY
from course_lib.adain import adain, channel_statistics
from course_lib.classroom import bundle, generating
from course_lib.images import denormalize, normalize
from course_lib.lessons import homework_checking
from course_lib.lessons.answers import CheckFailed
from course_lib.lessons.lesson01 import homework as homework01
from course_lib.lessons.lesson02 import homework as homework02
from course_lib.lessons.lesson03 import homework as homework03
from course_lib.lessons.lesson04 import homework as homework04
from course_lib.lessons.lesson05 import homework as homework05
from course_lib.lessons.lesson06 import homework as homework06
from course_lib.lessons.lesson07 import homework as homework07
from course_lib.losses import content_loss, gram_matrix, style_loss
from course_lib.measuring.timing import repeated
from course_lib.survey.intervals import binomial_test, wilson
from course_lib.training.objective import adain_losses

NAMES = ["A1", "A2", "A3", "A4", "A5", "A6", "A7"]
CHECKS = (homework01, homework02, homework03, homework04, homework05, homework06, homework07)
LONGEST_CELL = 30  # lines

each = pytest.mark.parametrize("name", NAMES)


def cells(name, folder=SOURCE, kind=None):
    found = read(notebook_of(name, folder))["cells"]
    return [cell for cell in found if kind in (None, cell["cell_type"])]


def grading(cell):
    return cell["metadata"].get("nbgrader", {})


def text(name, folder=RELEASE):
    return "\n".join(map(text_of, cells(name, folder)))


def checks_of(name, folder=SOURCE):
    return [c for c in cells(name, folder) if grading(c).get("grade") and grading(c)["locked"]]


def test_all_assignments_are_there():
    assert sorted(path.name for path in SOURCE.iterdir()) == NAMES
    assert generating.assignment_names() == NAMES
    assert sorted(path.name for path in RELEASE.iterdir()) == NAMES


# --- generated from the sources ---


def test_the_committed_releases_are_what_the_sources_give(tmp_path):
    pytest.importorskip("nbgrader", reason="pip install -e .[grading]")
    fresh = generating.make_releases(tmp_path)
    assert [path.parent.name for path in fresh] == NAMES
    for path in fresh:
        committed = RELEASE / path.relative_to(tmp_path)
        assert path.read_bytes() == committed.read_bytes(), f"{path.name}: run 'make assignments'"


def test_a_release_that_is_no_longer_generated_is_removed(tmp_path):
    pytest.importorskip("nbgrader", reason="pip install -e .[grading]")
    old = tmp_path / "A0" / "A0_old.ipynb"
    old.parent.mkdir()
    old.write_text("{}")
    generating.make_releases(tmp_path)
    assert not old.exists()


@each
def test_sources_and_releases_are_valid_and_not_executed(name):
    for folder in (SOURCE, RELEASE):
        path = notebook_of(name, folder)
        nbformat.validate(nbformat.read(path, as_version=nbformat.NO_CONVERT))
        assert read(path)["metadata"]["kernelspec"]["name"] == "python3"
        for cell in cells(name, folder, "code"):
            assert cell["outputs"] == [] and cell["execution_count"] is None


# --- no solution leaks ---


def solutions(name):
    """The regions between the marks, of code and of written answers."""
    pattern = re.compile(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", re.DOTALL)
    return [part for cell in cells(name) for part in pattern.findall(text_of(cell))]


def lines_that_tell(name):
    """Lines of solutions long enough to be no accident."""
    lines = {" ".join(line.split()) for part in solutions(name) for line in part.splitlines()}
    return {line for line in lines if len(line) >= 16}


def leaks(name, haystack):
    flat = " ".join(haystack.split())
    return [line for line in lines_that_tell(name) if line in flat]


@each
def test_no_line_of_a_solution_is_in_the_release(name):
    assert len(lines_that_tell(name)) >= 8
    whole = json.dumps(read(notebook_of(name, RELEASE)), ensure_ascii=False)
    assert leaks(name, text(name)) == [] and leaks(name, whole) == []
    assert leaks(name, text(name, SOURCE)) != []  # the search finds them where they are
    for word in ("BEGIN SOLUTION", "HIDDEN", "seed=1"):
        assert word not in whole


@each
def test_the_release_holds_no_output_and_no_picture(name):
    notebook = read(notebook_of(name, RELEASE))
    for cell in notebook["cells"]:
        assert not cell.get("outputs") and "attachments" not in cell
        assert "data:image" not in text_of(cell) and "![" not in text_of(cell)
    assert {path.suffix for path in RELEASE.rglob("*") if path.is_file()} == {".ipynb"}


@each
def test_no_other_release_gives_a_solution_away(name):
    others = "\n".join(text(other) for other in NAMES if other != name)
    assert leaks(name, others) == []


@each
def test_every_stub_states_shapes_or_kinds_and_returns_nothing(name):
    stubs = [
        c
        for c in cells(name, RELEASE, "code")
        if grading(c).get("solution") and not grading(c)["grade"]
    ]
    assert len(stubs) >= 4
    for cell in stubs:
        functions = [n for n in ast.parse(text_of(cell)).body if isinstance(n, ast.FunctionDef)]
        assert functions
        for function in functions:
            assert len(function.body) == 1, function.name  # the docstring
            assert "->" in ast.get_docstring(function) or "return" in ast.get_docstring(function)
        assert "# YOUR CODE HERE" in text_of(cell)


def test_the_bundle_for_students_holds_no_solution(tmp_path):
    path, count = bundle.make_bundle(tmp_path / "course.zip")
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        assert len(names) == count
        short = {name.partition("/")[2] for name in names}
        release = "notebooks/assignments/release"
        assert {f"{release}/{n}/{notebook_of(n).name}" for n in NAMES} <= short
        assert {
            "README.md",
            "pyproject.toml",
            "course_lib/adain.py",
            "notebooks/assignments/PROJECT.md",
            "notebooks/00_start_here.ipynb",
        } <= short
        assert not [name for name in short if "source/" in name or "INSTRUCTORS" in name]
        assert not [name for name in short if name.startswith(("tests/", "out/", "work/"))]
        lessons = [name for name in names if re.search(r"/notebooks/0.*ipynb$", name)]
        assert len(lessons) == 9
        assert not any('"output_type"' in archive.read(name).decode() for name in lessons)
        handed_out = [name for name in names if "/assignments/" in name]
        text = "\n".join(archive.read(name).decode() for name in handed_out)
    assert [line for name in NAMES for line in leaks(name, text)] == []


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    """The bundle, as a student has it."""
    folder = tmp_path_factory.mktemp("bundle")
    path, _ = bundle.make_bundle(folder / "course.zip")
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)
    return folder / bundle.NAME


def test_no_link_of_the_bundle_leads_out_of_it(unpacked):
    seen = 0
    for path in [*unpacked.rglob("*.md"), *unpacked.rglob("*.ipynb")]:
        text = path.read_text(encoding="utf-8")
        for place in re.findall(r"\[[^\]\[]*\]\(([^)\s#]+)[^)]*\)", text):
            if ":" not in place:
                assert (path.parent / place).exists(), (path.relative_to(unpacked), place)
                seen += 1
    assert seen > 50
    readme = (unpacked / "README.md").read_text(encoding="utf-8")
    assert "a guide for instructors" in readme and "INSTRUCTORS.md" not in readme
    assert "make lab" in readme and not re.search(r"^make test", readme, re.MULTILINE)


def test_every_target_of_the_bundles_makefile_has_what_it_needs(unpacked):
    text = (unpacked / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^([a-z-]+):(?!=)", text, re.MULTILINE)
    assert targets == ["setup", "lab", "demo", "work", "notebooks", "clean"]
    assert re.search(r"^\.PHONY: (.*)", text, re.MULTILINE)[1].split() == [
        *("setup", "lab", "demo", "notebooks", "work", "clean")
    ]
    for place in re.findall(r"\bnotebooks/[\w/.]+\w", text):
        assert (unpacked / place).exists(), place
    done = subprocess.run(
        ["make", "-n", *targets], cwd=unpacked, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr


def test_the_bundle_copies_its_lessons_and_assignments(unpacked, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "course_lib", "copy-lessons", "--out", tmp_path / "work"],
        cwd=unpacked,
        env=os.environ | {"PYTHONPATH": str(unpacked)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert f"{len(NAMES)} assignments copied to {tmp_path / 'work'}" in done.stdout
    assert notebook_of("A1", tmp_path / "work" / "assignments").is_file()


def test_the_same_bundle_is_the_same_file(tmp_path):
    one, _ = bundle.make_bundle(tmp_path / "one.zip")
    two, _ = bundle.make_bundle(tmp_path / "two.zip")
    assert one.read_bytes() == two.read_bytes()


# --- complete ---


@each
def test_the_opening_says_what_when_and_how_long(name):
    opening = text_of(cells(name, RELEASE)[0])
    assert opening.startswith(f"# {name} · ")
    for word in ("**Objectives.**", "**Prerequisites.**", "**Time.**", "minutes", "points"):
        assert word in opening
    rows = re.findall(
        r"^\| (\d) .*?\| (\w+) \| (\w+) \| (\d+) \| (\d+)(, by hand)? \|$", opening, re.MULTILINE
    )
    assert [int(row[0]) for row in rows] == list(range(1, len(rows) + 1))
    assert {row[1] for row in rows} <= {"easy", "medium", "hard"}
    assert {row[2] for row in rows} <= {"high", "medium"}
    given = [grading(c)["points"] for c in cells(name) if grading(c).get("grade")]
    assert [int(row[4]) for row in rows] == given
    stated = int(re.search(r"About (\d+) minutes", opening)[1])
    assert abs(sum(int(row[3]) for row in rows) - stated) <= 10


@each
def test_each_exercise_repeats_its_line_of_the_table(name):
    opening = text_of(cells(name, RELEASE)[0])
    rows = re.findall(r"^\| (\d) .*?\| (\w+) \| (\w+) \| (\d+) \| (\d+)", opening, re.MULTILINE)
    sections = re.split(r"^## Exercise ", text(name), flags=re.MULTILINE)[1:]
    assert len(sections) == len(rows)
    for (number, difficulty, importance, minutes, points), section in zip(
        rows, sections, strict=True
    ):
        plural = "" if points == "1" else "s"
        line = (
            f"Difficulty: {difficulty}. Importance: {importance}. About {minutes} minutes. "
            f"{points} point{plural}"
        )
        assert section.startswith(f"{number}: ") and line in section, (number, line)


@each
def test_the_check_stands_right_below_its_stub(name):
    found = cells(name)
    checks = [k for k, cell in enumerate(found) if cell in checks_of(name)]
    assert len(checks) >= 4
    for k in checks:
        assert grading(found[k - 1])["solution"] and not grading(found[k - 1])["grade"]
        assert found[k]["id"] == f"{found[k - 1]['id']}-check"
        # Then a hint, then what an error means, and no more.
        folded = re.findall(r"<summary>(.*?)</summary>", text_of(found[k + 1]))
        assert folded[0] == "Hint" and folded[1].startswith("I get ") and len(folded) == 2


@each
def test_there_is_one_written_question_and_one_figure_with_rubrics(name):
    by_hand = [c for c in cells(name) if grading(c).get("grade") and grading(c)["solution"]]
    assert [c["cell_type"] for c in by_hand] == ["code", "markdown"]
    assert [re.sub("a.-", "", c["id"]) for c in by_hand][0] == "figure"
    tables = re.findall(r"^\| points \| for \|\n\|---\|---\|\n((?:\|.*\n?)+)", text(name), re.M)
    sums = [sum(map(int, re.findall(r"^\| (\d+) \|", table, re.M))) for table in tables]
    assert sums == [grading(c)["points"] for c in by_hand]
    assert len(text_of(by_hand[1]).split()) >= 80  # an answer that an instructor can hold against


@each
def test_hidden_tests_repeat_the_visible_ones_with_another_seed_and_do_nothing_else(name):
    for cell in checks_of(name):
        visible, hidden = re.fullmatch(
            r"(.+)\n### BEGIN HIDDEN TESTS\n(.+)\n### END HIDDEN TESTS", text_of(cell), re.DOTALL
        ).groups()
        assert re.sub(r", seed=\d+", "", hidden) == visible != hidden
        assert visible.startswith("homework.check_")


@each
def test_no_cell_is_long_and_every_id_is_its_own(name):
    ids = [cell["id"] for cell in cells(name)]
    assert len(ids) == len(set(ids))
    for cell in cells(name, SOURCE, "code"):
        assert len(text_of(cell).splitlines()) <= LONGEST_CELL
        if grading(cell):
            assert grading(cell)["grade_id"] == cell["id"]


def imported(name):
    """The packages that an assignment imports."""
    trees = [ast.parse(text_of(cell)) for cell in cells(name, RELEASE, "code")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    names = {a.name.split(".")[0] for n in nodes if isinstance(n, ast.Import) for a in n.names}
    return names | {n.module.split(".")[0] for n in nodes if isinstance(n, ast.ImportFrom)}


@each
def test_students_need_course_lib_only(name):
    declared = {"course_lib", "torch", "numpy", "matplotlib"} | set(sys.stdlib_module_names)
    assert imported(name) <= declared


def test_lessons_and_library_never_import_nbgrader():
    code = (
        "import sys\n"
        "import importlib, pkgutil, course_lib.lessons\n"
        "for found in pkgutil.walk_packages(course_lib.lessons.__path__, 'course_lib.lessons.'):\n"
        "    importlib.import_module(found.name)\n"
        "from course_lib import adain, stylize\n"
        "from course_lib.classroom import lesson_copies\n"
        "from course_lib.system import doctor\n"
        "from course_lib.__main__ import build_parser\n"
        "build_parser()\n"
        "print([name for name in sys.modules if name.startswith(('nbgrader', 'sqlalchemy'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert done.stdout.strip() == "[]", done.stderr
    lessons = sorted((REPOSITORY / "notebooks").glob("*.ipynb"))
    assert lessons and not [p.name for p in lessons if "nbgrader" in p.read_text(encoding="utf-8")]


# --- the checks ---


@pytest.fixture(scope="module")
def answers():
    """Every function that the solutions define, by assignment; nothing else is run."""
    found = {}
    for name in NAMES:
        space = {"__builtins__": builtins}
        notebook = solution(name)
        for cell in notebook["cells"]:
            kind = grading(cell)
            setup = cell["id"].endswith("-setup")
            if cell["cell_type"] == "code" and (setup or kind.get("solution")):
                if kind["grade"]:
                    continue  # a figure
                exec(text_of(cell), space)  # our own solutions
        found[name] = space
    return found


def calls(name, hidden):
    """(function of homework, names of the answers, seed) of each check cell."""
    for cell in checks_of(name):
        for line in text_of(cell).splitlines():
            match = re.fullmatch(r"homework\.(\w+)\(([\w, ]+?)(?:, seed=(\d+))?\)", line)
            if match and bool(match[3]) == hidden:
                yield match[1], match[2].split(", "), int(match[3] or 0)


def find_check(name):
    return next(getattr(module, name) for module in CHECKS if hasattr(module, name))


@each
def test_the_solutions_pass_with_these_and_with_other_seeds(name, answers):
    for check, functions, seed in calls(name, hidden=True):
        given = [answers[name][function] for function in functions]
        for number in (0, seed, seed + 1, seed + 2, 7):
            find_check(check)(*given, seed=number)


@each
def test_no_answer_is_told_when_tried_and_fails_when_graded(name, capsys):
    for check, functions, seed in calls(name, hidden=True):
        nothing = [lambda *_: None] * len(functions)
        find_check(check)(*nothing)
        assert "not attempted yet" in capsys.readouterr().out
        with pytest.raises(CheckFailed, match="not attempted"):
            find_check(check)(*nothing, seed=seed)


# What one call of the library answers, by check.
LIBRARY = {
    "check_pixel": [lambda rgb: normalize(torch.tensor(rgb)[None, :, None, None]).flatten()],
    "check_denormalize": [denormalize],
    "check_map_statistics": [lambda x: [y.item() for y in channel_statistics(x[None, None])]],
    "check_masked_statistics": [lambda x, mask: channel_statistics(mask * x)],
    "check_masked_adain": [lambda c, s, mask: c.lerp(adain(c, s), mask)],
    "check_losses": [content_loss, style_loss],
    "check_shifted_gram": [lambda x, shift: gram_matrix(x)],
    "check_measure": [lambda works, n: [repeated(w, n, torch.device("cpu")) for w in works]],
    "check_wilson": [lambda k, n: wilson(k, n)],
    "check_p_value": [lambda k, n, chance: binomial_test(k, n)],
    "check_mixed_losses": [lambda e, d, c, s, dtype: adain_losses(e, d, c, s)],
}


def test_calls_of_the_library_earn_few_points():
    earned, points = [], {}
    for cell in (cell for name in NAMES for cell in checks_of(name)):
        check = re.match(r"homework\.(\w+)", text_of(cell))[1]
        points[check] = points.get(check, 0) + grading(cell)["points"]
    for name, functions in LIBRARY.items():
        with contextlib.suppress(CheckFailed):
            find_check(name)(*functions)
            earned.append(name)
    assert len(earned) >= 4  # the calls are right where they are enough
    assert sum(points[name] for name in earned) <= 13 < sum(points.values()) / 6


def test_own_numbers_are_those_of_the_student_whom_the_grader_knows(monkeypatch, capsys):
    check = homework07.check_own_numbers
    ada, ben = (lambda name=name: (name, *homework07.own_right(name)) for name in ("ada", "Ben "))
    assert homework07.own_right("ada") != homework07.own_right("ben")
    monkeypatch.setattr(homework_checking, "GRADED", "ben")
    check(ada)  # what a student sees knows nobody
    check(ben, seed=3)
    assert capsys.readouterr().out.count("correct") == 2
    with pytest.raises(CheckFailed, match="numbers of ada's .* you hand in, ben"):
        check(ada, seed=3)
    with pytest.raises(CheckFailed, match="not the numbers of ben's"):
        check(lambda: ("ben", *homework07.own_right("ada")), seed=3)
    check(lambda: ("somebody", *homework07.own_right("ben")), seed=3)  # the numbers are the answer
