"""The course as a package: a wheel of it works in an empty environment, from an empty folder."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from course_lib import DATA_DIR, LESSONS_DIR, REPOSITORY
from course_lib.images import open_image

pytestmark = pytest.mark.skipif(os.name == "nt", reason="borrows packages by links")
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "course_lib", "data", "notebooks")
DOWNLOADED = ("coco", "paintings", "datasets", "__pycache__", ".ipynb_checkpoints")


def succeed(*command, cwd, **environment):
    """Run a command without this repository on Python's path, and return what it printed."""
    clean = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env=clean | environment,
        capture_output=True,
        text=True,
        timeout=1800,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel built from a copy of the tree, so that nothing is left beside the sources."""
    pytest.importorskip("setuptools", minversion="77", reason="pip install -e .[dev]")
    source = tmp_path_factory.mktemp("source")
    for name in SOURCES:
        path = REPOSITORY / name
        if path.is_dir():
            shutil.copytree(path, source / name, ignore=shutil.ignore_patterns(*DOWNLOADED))
        else:
            shutil.copy(path, source)
    built = source / "built"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    succeed(*pip, "wheel", "--no-build-isolation", "--no-deps", "-w", built, source, cwd=source)
    return next(built.glob("*.whl"))


def make_environment(home):
    """An environment that borrows the packages of this one, but not the course; its Python."""
    venv.create(home)
    borrowed = home / "borrowed"
    borrowed.mkdir()
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if not re.match(r"style_transfer_course|__editable__|course_lib|.*\.pth$", path.name):
            (borrowed / path.name).symlink_to(path, path.is_dir())
    python = next((home / ("Scripts" if os.name == "nt" else "bin")).glob("python*"))
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = Path(succeed(python, "-c", where, cwd=home).strip())
    (packages / "borrowed.pth").write_text(f"{borrowed}\n")
    return python


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The scripts' folder of an environment that holds the wheel."""
    home = tmp_path_factory.mktemp("environment")
    python = make_environment(home)
    pip = [python, "-m", "pip", "--disable-pip-version-check"]
    succeed(*pip, "install", "--no-deps", "--no-index", wheel, cwd=home)
    return python.parent


# Every lesson takes minutes; EVERY_LESSON=1 runs them all, as continuous integration does.
ALONE = sorted(LESSONS_DIR.glob("*.ipynb"))[: None if os.environ.get("EVERY_LESSON") else 1]


@pytest.mark.parametrize("lesson", ALONE, ids=lambda path: path.stem)
def test_a_lesson_alone_in_a_folder_fetches_the_course_and_runs(wheel, tmp_path, lesson):
    """As in a hosted notebook, where PyTorch and Jupyter are, and the course is not."""
    python = make_environment(tmp_path / "environment")
    folder = tmp_path / "alone"
    folder.mkdir()
    shutil.copy(lesson, folder)
    missing = "import importlib.util as u; print(u.find_spec('course_lib'))"
    assert succeed(python, "-c", missing, cwd=folder).strip() == "None"
    run = [python, "-m", "nbconvert", "--to", "notebook", "--execute", "--output", "run.ipynb"]
    home = tmp_path / "home"  # an environment's kernel, not one of this user's
    succeed(
        *run,
        "--ExecutePreprocessor.timeout=600",
        lesson.name,
        cwd=folder,
        STYLE_COURSE=str(wheel),
        HOME=str(home),
        JUPYTER_DATA_DIR=str(home),
        PIP_NO_INDEX="1",
    )
    notebook = json.loads((folder / "run.ipynb").read_text(encoding="utf-8"))
    where = succeed(python, "-c", "import course_lib; print(course_lib.__file__)", cwd=folder)
    assert str(tmp_path / "environment") in where
    outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", ())]
    assert any("<img" in "".join(o.get("data", {}).get("text/html", "")) for o in outputs)


@pytest.fixture
def course(installed, tmp_path):
    """``course(...)`` runs the console script in an empty folder."""
    return lambda *arguments: succeed(installed / "style-course", *arguments, cwd=tmp_path)


def test_the_wheel_carries_what_the_library_reads_and_no_more(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    for folder in ("content", "decoder", "encoder", "masterpieces", "runs", "screenshots", "style"):
        for path in (DATA_DIR / folder).rglob("*"):
            if path.is_file():
                assert f"course_lib/data/{path.relative_to(DATA_DIR).as_posix()}" in names
    lessons = [f"course_lib/notebooks/{path.name}" for path in LESSONS_DIR.glob("*.ipynb")]
    assert len(lessons) == 9 and set(lessons) <= set(names)
    assert "course_lib/py.typed" in names
    assert not [n for n in names if re.match(r"course_lib/(data|notebooks)/.*\.py$", n)]
    assert [n for n in names if n.endswith("licenses/data/README.md")]  # who made the pictures
    assert not [n for n in names if "assignments/" in n or "tests/" in n or n.endswith(".pyc")]
    assert len(names) == len(set(names))
    assert wheel.stat().st_size < 40e6


def test_a_photograph_is_stylised_from_an_empty_folder(course, tmp_path):
    (tmp_path / "in").mkdir()
    photo = shutil.copy(DATA_DIR / "content" / "cat.jpg", tmp_path / "in" / "photo.jpg")
    painting = shutil.copy(DATA_DIR / "style" / "ink_wash.jpg", tmp_path / "in" / "painting.jpg")
    course("stylize", photo, painting, "-o", "out/picture.png", "--size", 64, "--style-size", 64)
    assert min(open_image(tmp_path / "out" / "picture.png").size) == 64


def test_results_and_copies_go_to_the_current_folder(course, tmp_path):
    course("demo", "--photos", "cat", "--styles", "hokusai_great_wave", "--size", 32)
    assert (tmp_path / "out" / "demo.png").is_file()
    assert "9 lessons copied" in course("copy-lessons")
    assert len(list((tmp_path / "work").glob("*.ipynb"))) == 9
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "work"]


def test_the_doctor_knows_that_there_is_no_checkout(course):
    report = course("doctor")
    assert "[FAIL]" not in report and "git" not in report and "make" not in report


def test_the_library_needs_no_jupyter(installed, tmp_path):
    """Neither the commands nor the figures; the form and the playground ask for it themselves."""
    code = (
        "import sys\n"
        "sys.modules |= dict.fromkeys(('IPython', 'ipywidgets', 'matplotlib_inline'))\n"
        "import course_lib.lessons.lesson06.figures, course_lib.lessons.lesson07.figures\n"
        "import course_lib.playground.picture_store, course_lib.survey.form\n"
        "import course_lib, json; print(json.dumps([course_lib.__file__, course_lib.INSTALLED]))\n"
    )
    python = next(installed.glob("python*"))
    file, from_wheel = json.loads(succeed(python, "-c", code, cwd=tmp_path))
    assert from_wheel and not Path(file).is_relative_to(REPOSITORY)
