"""Numbers that cannot be meant: one sentence each, before any work, and no black pictures."""

import json
import os

import pytest
import torch
from command_kit import complains
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file

from course_lib import CourseError
from course_lib.decoder import DecoderError, load_decoder
from course_lib.painting.recipe import Recipe
from course_lib.stylize import DEFAULT_DECODER, StyleStatistics
from course_lib.vgg import EncoderDescription


def draw(path):
    Image.new("RGB", (24, 16), (200, 120, 40)).save(path)
    return path


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(tmp_path, value):
    with safe_open(DEFAULT_DECODER, "pt") as file:
        state, metadata = {n: file.get_tensor(n) for n in file.keys()}, file.metadata()  # noqa: SIM118
    state["conv3_4.bias"][3] = value
    save_file(state, tmp_path / "d.safetensors", metadata)
    with pytest.raises(DecoderError, match="not finite"):
        load_decoder(tmp_path / "d.safetensors")


@pytest.mark.parametrize("mean, std", [(float("nan"), 1), (0, float("inf")), (0, -1)])
def test_statistics_that_no_picture_has_are_refused(tmp_path, mean, std):
    shape = (1, 512, 1, 1)
    parts = (torch.full(shape, float(value)) for value in (mean, std))
    style = StyleStatistics(*parts, EncoderDescription())
    with pytest.raises(ValueError, match="that no picture has"):
        StyleStatistics.load(style.save(tmp_path / "s.safetensors"))


@pytest.mark.parametrize(
    "change, word",
    [
        ('"alpha": 1' + "0" * 400, "alpha"),
        ('"size": 1' + "0" * 400, "size"),
        ('"style_scale": -1' + "0" * 400, "style_scale"),
        ('"weights": [1' + "0" * 400 + "]", "weights"),
        ('"colour": "' + "x" * 900_000 + '"', "colour"),
    ],
)
def test_recipes_with_numbers_and_texts_beyond_reason(tmp_path, change, word):
    text = '{"format": "course-recipe-1", "content": "a.png", "styles": ["b.png"], ' + change + "}"
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(CourseError, match=word) as caught:
        Recipe.load(tmp_path / "r.json")
    assert len(str(caught.value)) < 400


def test_recipes_too_large_or_a_pipe_are_refused_without_reading(tmp_path):
    with (tmp_path / "large.json").open("wb") as file:
        file.truncate(100_000_000)
    os.mkfifo(tmp_path / "pipe.json")
    for name, words in (("large", "more than the 1 MB"), ("pipe", "not a regular file")):
        with pytest.raises(CourseError, match=words):
            Recipe.load(tmp_path / f"{name}.json")


@pytest.mark.parametrize("name", ["pipe.png", "x" * 5000, "a\0b", "\x1b[2J.png"])
def test_a_recipes_content_that_is_no_file(run, tmp_path, name):
    os.mkfifo(tmp_path / "pipe.png")
    draw(tmp_path / "style.png")
    recipe = {"format": "course-recipe-1", "content": name, "styles": ["style.png"]}
    (tmp_path / "r.json").write_text(json.dumps(recipe))
    code, _, err = run("stylize", "--recipe", tmp_path / "r.json", "-o", tmp_path / "o.png")
    assert code == 2 and err.startswith("error: ") and err.count("\n") == 1 and "\x1b" not in err


@pytest.mark.parametrize(
    "command",
    [
        "train --content . --style . --out o --batch 99999999999",
        "train --content . --style . --out o --batch 999999999",
        "train --content . --style . --out o --seed " + str(2**70),
        "train --content . --style . --out o --size " + "9" * 5000,
        "stylize p.png s.png s.png s.png s.png -o o.png --grid 20x20 --size 4000",
        "demo --size 4000 -o o.png",
        "survey simulate key.json --people 1000000000 -o o.jsonl",
        "survey totals --people 1000000000",
        "sequence . s.png -o o.gif --fps 1e-300",
        "sequence . s.png -o o.gif --fps nan",
        "gatys p.png s.png -o o.png --seed " + str(2**70),
        "gatys p.png s.png -o o.png --film f.gif --frames 999999999",
        "gatys p.png s.png -o o.png --scales 999999999",
    ],
)
def test_numbers_beyond_reason_on_the_command_line(run, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    draw(tmp_path / "p.png")
    draw(tmp_path / "s.png")
    complains(run(*command.split()))
    assert not list(tmp_path.glob("o*"))
