"""The experiments for a GPU, all of them at toy size on the CPU, and the pack of images."""

import json
import zipfile

import pytest
from PIL import Image

from course_lib.images import ImageError
from course_lib.records import EXPERIMENT_NAMES, gpu_experiments
from course_lib.records.packing import GROUPS, pack_images, unpack_images


@pytest.fixture(scope="module")
def folders(tmp_path_factory, make_images):
    root = tmp_path_factory.mktemp("images")
    make_images(root / "content", 6, size=(300, 280), seed=1)
    make_images(root / "sharp", 4, size=(420, 440), seed=2)
    make_images(root / "small", 6, size=(230, 224), seed=3)
    return root


@pytest.fixture(scope="module")
def pack(folders, tmp_path_factory):
    out = tmp_path_factory.mktemp("pack") / "pack.zip"
    held = {"image_00.png", "image_01.png"}  # the folders' names are the same
    counts = pack_images(
        [folders / "content"], [folders / "sharp", folders / "small"], out, held, {"image_02.png"}
    )
    assert counts == {
        "content": 3,
        "sharp": 1,
        "small": 3,
        "held_out_content": 2,
        "held_out_style": 4,
    }
    return out


def test_a_pack_has_reduced_images_in_groups(pack, tmp_path):
    places = unpack_images(pack, tmp_path / "images")
    assert tuple(places) == GROUPS
    for group, side in (("content", 256), ("sharp", 288), ("small", 224)):
        for path in places[group].iterdir():
            with Image.open(path) as image:
                assert min(image.size) <= side and image.format == "WEBP"
    assert unpack_images(tmp_path / "gone.zip", tmp_path / "images") == places  # there already


def test_small_paintings_make_room_and_the_rest_must_fit(folders, tmp_path):
    content, style = [folders / "content"], [folders / "sharp", folders / "small"]
    whole = pack_images(content, style, tmp_path / "all.zip")
    size = (tmp_path / "all.zip").stat().st_size / 1e6
    fewer = pack_images(content, style, tmp_path / "fewer.zip", megabytes=size * 0.95)
    assert fewer["small"] < whole["small"] and fewer["content"] == whole["content"]
    with pytest.raises(ImageError, match="more than 0.001 MB"):
        pack_images(content, style, tmp_path / "none.zip", megabytes=0.001)


def test_what_is_no_pack_is_one_sentence(tmp_path):
    (tmp_path / "text.zip").write_text("no ZIP")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as file:
        file.writestr("readme.txt", "hello")
    for name, words in (("text", "cannot be read"), ("other", "is not a pack"), ("no", "read")):
        with pytest.raises(ImageError, match=words):
            unpack_images(tmp_path / f"{name}.zip", tmp_path / "out")


def test_the_whole_series_runs_and_skips_what_is_there(pack, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(gpu_experiments.tempfile, "gettempdir", lambda: str(tmp_path))
    toy = gpu_experiments.Series(pack, tmp_path / "out", "cpu", minutes=30, toy=True)
    assert tuple(gpu_experiments.EXPERIMENTS) == EXPERIMENT_NAMES
    seconds = {"decoder": 1.0, "recipe_study": 4.0}
    assert gpu_experiments.run_series(toy, seconds=seconds) == []
    for name in EXPERIMENT_NAMES:
        path = tmp_path / "out" / f"{name}.json"
        path = path if path.exists() else tmp_path / "out" / name / "finished.json"
        record = json.loads(path.read_text())
        assert record["command"] and record["settings"]["seconds_in_all"] >= 0
    assert (tmp_path / "out" / "decoder" / "film.png").exists()
    assert zipfile.ZipFile(tmp_path / "out" / "runtime.zip").namelist()
    capsys.readouterr()
    assert gpu_experiments.run_series(toy, seconds=seconds) == []
    assert capsys.readouterr().out.count("there already") == len(EXPERIMENT_NAMES)


def test_one_that_fails_does_not_stop_the_others(pack, tmp_path, monkeypatch, capsys):
    def fails(its, seconds):
        raise RuntimeError("a planted fault")

    monkeypatch.setattr(
        gpu_experiments,
        "EXPERIMENTS",
        {
            "runtime": (fails, 0),
            "inference": (lambda its, seconds: ({}, {"fine": 1}), 0),
            "optimizers": (fails, 10_000),
        },
    )
    its = gpu_experiments.Series(pack, tmp_path, "cpu", minutes=1)
    assert gpu_experiments.run_series(its) == ["runtime", "optimizers"]
    assert json.loads((tmp_path / "inference.json").read_text())["results"] == {"fine": 1}
    assert "no time left" in capsys.readouterr().out
