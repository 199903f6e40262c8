"""The record of polishing: one command, which keeps what a new decoder does not change."""

import json

import pytest

from course_lib.records import polish_optimizers, polish_quality
from course_lib.records.polish_quality import overtaking


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(polish_quality, "MARKS", (2, 12))
    monkeypatch.setattr(polish_optimizers, "STEPS", 4)


def test_one_command_measures_all_and_keeps_the_optimum(run, tmp_path, make_images, monkeypatch):
    make_images(tmp_path / "in", 4)
    photographs = [tmp_path / "in" / f"image_0{i}.png" for i in (0, 1)]
    paintings = [tmp_path / "in" / f"image_0{i}.png" for i in (2, 3)]
    out = tmp_path / "polish.json"
    command = [
        "polish-quality",
        "--content",
        *photographs,
        "--style",
        *paintings,
        "--pairs 2 --size 16 --optimum-steps 5 --curves 1 --evaluations 4",
        "-o",
        out,
        "--device cpu --precision float32",
    ]
    code, text, _ = run(*command)
    assert code == 0 and "12 steps" in text and str(out) in text
    first = json.loads(out.read_text())["results"]
    assert [row["content"] for row in first["pairs"]] == ["image_00", "image_01"]
    assert [row["style"] for row in first["pairs"]] == ["image_02", "image_03"]
    step = first["pairs"][0]["steps"]["12"]
    best = first["pairs"][0]["optimum"]
    assert step["of_optimum"]["style"] == pytest.approx(step["style"] / best["style"], rel=1e-2)
    assert set(first["optimizers"][0]["tried"]) > {"Adam, logits", "L-BFGS, pyramid"}
    (curve,) = first["curves"]
    assert set(curve["methods"]) > {"decoder", "decoder + polish", "Gatys from noise"}

    assert not list(tmp_path.glob("*.unfinished.json"))

    def never(*_, **__):
        raise AssertionError("measured again")

    monkeypatch.setattr(polish_quality, "find_optimum", never)
    monkeypatch.setattr(polish_quality, "optimize", never)
    assert run(*command)[0] == 0
    second = json.loads(out.read_text())["results"]
    assert second["pairs"][0]["optimum"] == best
    assert second["curves"][0]["gatys"] == curve["gatys"]
    with pytest.raises(AssertionError, match="measured again"):
        run(*command, "--fresh")


def test_a_run_that_is_cut_off_loses_nothing(run, tmp_path, make_images, monkeypatch):
    make_images(tmp_path / "in", 4)
    photographs = [tmp_path / "in" / f"image_0{i}.png" for i in (0, 1)]
    paintings = [tmp_path / "in" / f"image_0{i}.png" for i in (2, 3)]
    out, say = tmp_path / "polish.json", polish_quality.in_words
    command = ["polish-quality", "--content", *photographs, "--style", *paintings]
    command += ["--pairs", 2, "--size", 16, "--optimum-steps", 5, "--curves", 0, "-o", out]
    command += ["--device", "cpu", "--precision", "float32"]

    def cut_off(row):
        if row["content"] == "image_01":
            raise KeyboardInterrupt
        return say(row)

    monkeypatch.setattr(polish_quality, "in_words", cut_off)
    assert run(*command)[0] == 130
    monkeypatch.setattr(polish_quality, "in_words", say)
    first = json.loads((tmp_path / "polish.unfinished.json").read_text())["results"]["pairs"]
    found, find = [], polish_quality.find_optimum
    monkeypatch.setattr(
        polish_quality, "find_optimum", lambda *a: found.append(find(*a)) or found[-1]
    )
    assert run(*command)[0] == 0
    rows = json.loads(out.read_text())["results"]["pairs"]
    assert len(found) == 1 and [row["optimum"] for row in rows] == [first[0]["optimum"], *found]


def test_overtaking_is_the_first_time_ahead():
    methods = {
        "decoder": {"seconds": [0.1], "adain": [5.0], "gatys": [5.0]},
        "decoder + polish": {"seconds": [1, 2, 4], "adain": [3.0, 2.0, 1.0], "gatys": [4.0] * 3},
        "Gatys from content": {
            "seconds": [1, 3, 9],
            "adain": [9.0, 4.0, 2.0],
            "gatys": [6.0, 4.5, 3.5],
        },
        "Gatys from noise": {"seconds": [1, 3, 9], "adain": [9.0] * 3, "gatys": [9.0] * 3},
    }
    found = overtaking(methods)
    assert found["adain"]["Gatys from content"] == {"decoder": 3, "decoder + polish": None}
    assert found["gatys"]["Gatys from content"] == {"decoder": 3, "decoder + polish": 9}
    assert found["gatys"]["Gatys from noise"] == {"decoder": None, "decoder + polish": None}
