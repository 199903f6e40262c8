"""Memory: what a container allows counts, not what its host has."""

from types import SimpleNamespace

import psutil
import pytest
import torch

from course_lib import CourseError
from course_lib.classroom import lesson_copies
from course_lib.gatys.config import GatysConfig, GatysError
from course_lib.gatys.loop import optimize
from course_lib.gatys.memory_estimate import estimate_memory
from course_lib.gatys.objective import GatysObjective, build_encoder
from course_lib.measuring.peak_memory import PeakMemory
from course_lib.painting.tiling import choose_tile
from course_lib.survey import form
from course_lib.system import memory

CPU = torch.device("cpu")
HOST = 64 * 2**30


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """A host with 64 GiB free, and control groups to be written."""
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=HOST))
    monkeypatch.setattr(memory, "CGROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(memory, "OWN_CGROUP", tmp_path / "own")

    def write(own, files):
        (tmp_path / "own").write_text(own)
        for name, text in files.items():
            path = tmp_path / "cgroup" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    return write


@pytest.mark.parametrize(
    "own, files, free",
    [
        (
            "0::/a/b\n",
            {
                "a/b/memory.max": "max\n",
                "a/memory.max": "900\n",
                "a/memory.current": "500\n",
                "a/memory.stat": "anon 3\ninactive_file 40\n",
            },
            440,
        ),
        ("0::/\n", {"memory.max": "900\n", "memory.current": "1000\n"}, 0),
        (
            "4:cpu,memory:/docker/x\n0::/\n",
            {
                "memory/memory.limit_in_bytes": "800",
                "memory/memory.usage_in_bytes": "100",
                "memory/memory.stat": "inactive_file 1\ntotal_inactive_file 20\n",
            },
            720,
        ),
        (
            "4:memory:/\n",
            {
                "memory/memory.limit_in_bytes": str(2**63 - 4096),
                "memory/memory.usage_in_bytes": "1",
            },
            HOST,
        ),
        ("0::/\n", {"memory.max": "max\n"}, HOST),
        ("0::/\n", {"memory.max": "garbage", "memory.current": "1"}, HOST),
    ],
)
def test_the_smallest_limit_counts(groups, own, files, free):
    groups(own, files)
    assert memory.free_memory(CPU) == free


def test_tiles_and_gatys_ask_for_the_same(groups):
    groups("0::/\n", {"memory.max": str(10**9), "memory.current": str(6 * 10**8)})
    assert choose_tile(2000, 1000, CPU, torch.float32) is not None
    config = GatysConfig(device="cpu", precision="float32")
    assert estimate_memory(512, 512, config).free == 4 * 10**8
    with pytest.raises(GatysError, match="needs about .* 400 MB are free"):
        optimize(torch.rand(1, 3, 512, 512), torch.rand(1, 3, 64, 64), config)


def test_a_long_scroll_as_style_is_in_the_forecast(groups):
    groups("0::/\n", {"memory.max": str(10**9), "memory.current": "0"})
    config = GatysConfig(device="cpu", precision="float32")
    assert estimate_memory(64, 64, config, (128, 60 * 128)).total > 10**9
    with pytest.raises(GatysError, match="choose a smaller --style-size"):
        optimize(torch.rand(1, 3, 64, 64), torch.rand(1, 3, 128, 60 * 128), config)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_forecast_for_the_style_is_what_it_takes(precision):
    config = GatysConfig(device="cpu", precision=precision)
    network = build_encoder(config)
    style = torch.rand(1, 3, 96, 30 * 96)
    GatysObjective(style[..., :96], style[..., :96], config, network)
    with PeakMemory(CPU) as peak:
        GatysObjective(style[..., :64, :64], style, config, network)
    forecast = estimate_memory(64, 64, config, tuple(style.shape[-2:])).style / 1e6
    assert 0.6 * forecast < peak.peak_mb - peak.before_mb < 1.7 * forecast


# --- a course folder that cannot be written ---


@pytest.fixture
def read_only(monkeypatch, tmp_path):
    """The course's folder refuses to be written, for root, too."""
    (tmp_path / "course").write_text("in the place of a folder")
    return tmp_path / "course" / "work"


def test_answers_go_home_where_the_course_cannot_be_written(tmp_path, monkeypatch, read_only):
    pytest.importorskip("ipywidgets")
    monkeypatch.setattr(form, "REPOSITORY", read_only)
    monkeypatch.setattr(form, "OWN_FOLDER", tmp_path / "home")
    page = form.Page(
        "s",
        form.PREFERENCE,
        "t",
        "Which?",
        ({"id": "a", "picture": None, "options": [{"id": c, "picture": ""} for c in "xy"]},),
        None,
    )
    monkeypatch.setattr(form, "read_page", lambda path: page)
    shown = form.survey_form("survey.html")
    assert f"will be saved in {tmp_path / 'home'}" in shown.heading.value
    shown.choose(1)
    shown.go_on()
    assert shown.saved.parent == tmp_path / "home" and str(shown.saved) in shown.heading.value
    again = form.survey_form("survey.html", tmp_path / "there")
    (tmp_path / "there").rmdir()
    (tmp_path / "there").write_text("gone meanwhile")
    again.choose(2)
    again.go_on()
    assert again.saved is None
    assert "copy this line" in again.heading.value and again.seed in again.heading.value
    with pytest.raises(form.SurveyError, match="cannot be written .*; give another out_dir"):
        form.survey_form("survey.html", tmp_path / "there")


def test_copies_of_lessons_say_what_to_do(read_only):
    with pytest.raises(CourseError, match=r"cannot be written .*copy-lessons --out ~/"):
        lesson_copies.copy_lessons(read_only)
