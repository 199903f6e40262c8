"""``gatys-full`` ends what it begins: a stopped series loses no finished pair."""

import json
from dataclasses import replace

import pytest
from PIL import Image

from course_lib import CourseError
from course_lib.gatys.config import GatysConfig
from course_lib.records import gatys_full
from course_lib.records.gatys_full import FILM_BYTES, SHEET_TILE, finish_pairs
from course_lib.records.runtime import PAIRS

CONFIG = GatysConfig(steps=2, evaluations_per_step=3, device="cpu", precision="float32")
FIRST, SECOND = ("_".join(pair) for pair in PAIRS[:2])


def run(folder, pairs, size=32, said=None):
    lines = [] if said is None else said
    return finish_pairs(folder / "full.json", folder, pairs, size, CONFIG, lines.append)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("full")
    run(folder, 1)
    return folder


def test_a_pair_is_run_to_its_end_and_kept_with_its_pictures(folder):
    record = json.loads((folder / "full.json").read_text())
    assert record["settings"]["steps"] == 2 and record["settings"]["size"] == 32
    (row,) = record["results"].values()
    assert row["stopped"] == "finished" and row["evaluations"] == 6
    assert row["history"]["evaluation"] == [1, 2, 3, 4, 5, 6]
    assert row["precision"] == "float32" and row["seconds"] > 0
    assert (row["content"], row["style"]) == PAIRS[0]
    for kind in ("adain", "polished"):
        assert row[kind]["total"] == pytest.approx(row[kind]["content"] + 5 * row[kind]["style"])
    with Image.open(folder / "full.jpg") as sheet:
        assert sheet.size == (5 * (SHEET_TILE + 6) + 6, SHEET_TILE + 2 * 6)
    for kind in ("gatys.jpg", "adain.jpg", "polished.jpg"):
        with Image.open(folder / f"{FIRST}_{kind}") as picture:
            assert picture.size == (32, 32)
    film = folder / f"{FIRST}_gatys.gif"
    assert film.stat().st_size <= FILM_BYTES
    with Image.open(film) as animation:
        assert animation.n_frames > 3


def test_a_series_goes_on_with_the_first_pair_that_is_missing(folder):
    before, said = (folder / f"{FIRST}_gatys.jpg").stat().st_mtime_ns, []
    assert list(run(folder, 2, said=said)[1]) == [FIRST, SECOND]
    assert len(said) == 1 and said[0].startswith(SECOND)
    assert (folder / f"{FIRST}_gatys.jpg").stat().st_mtime_ns == before


def test_ctrl_c_keeps_what_is_finished(folder, tmp_path, monkeypatch):
    (tmp_path / "full.json").write_bytes((folder / "full.json").read_bytes())
    optimize = gatys_full.optimize

    def stopped(*arguments, **options):
        return replace(optimize(*arguments, **options), stopped="interrupted")

    monkeypatch.setattr(gatys_full, "optimize", stopped)
    before = (tmp_path / "full.json").read_bytes()
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, 3)
    assert (tmp_path / "full.json").read_bytes() == before


def test_a_record_of_other_settings_is_left_alone(folder):
    before = (folder / "full.json").read_bytes()
    with pytest.raises(CourseError, match="other settings"):
        run(folder, 1, size=40)
    assert (folder / "full.json").read_bytes() == before
