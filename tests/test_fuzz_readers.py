"""Mutated inputs for every reader: each is read, or refused in one sentence, in good time.

``FUZZ_SECONDS`` (60 for all readers together) and ``FUZZ_SEED`` (0) can be set: ``make fuzz`` takes
an hour and another seed. A failure names the seed and the number of the input, which is then in
the message, too.
"""

import io
import json
import os
import random
import time
import warnings

import pytest
import torch
from PIL import Image, PngImagePlugin
from survey_kit import answer, write_style_survey

from course_lib import CourseError
from course_lib.decoder import load_decoder
from course_lib.painting.frames import open_frames
from course_lib.painting.recipe import Recipe
from course_lib.stylize import DEFAULT_DECODER, StyleStatistics
from course_lib.survey.exports import read_csv, read_csv_key
from course_lib.survey.items import key_path, read_key, read_page
from course_lib.survey.results import read_results
from course_lib.system import picture_files
from course_lib.system.listings import read_names
from course_lib.system.picture_files import open_image
from course_lib.training.logs import epoch_losses, read_log
from course_lib.vgg import EncoderDescription

SECONDS = float(os.environ.get("FUZZ_SECONDS", "60"))
SEED = int(os.environ.get("FUZZ_SEED", "0"))
LONGEST = 20.0  # seconds for one input
HARD = (
    b"",
    b"\0",
    b"\xff\xff\xff\xff",
    b"-1",
    b"1e400",
    b"9" * 400,
    b"NaN",
    b"null",
    b"{}",
    b"[" * 2000,
    b'"',
    b"\n",
    b"\x1b[31m",
    b"../../",
    "\u202e\ud7ff".encode(),
    b"\xed\xa0\x80",
)


def mutated(data, rng):
    """A few cuts, flips, repeats and hard pieces."""
    data = bytearray(data)
    for _ in range(rng.randint(1, 6)):
        place = rng.randrange(len(data) + 1)
        length = min(len(data) - place, int(2 ** rng.uniform(0, 9)))
        kind = rng.randrange(6)
        if kind == 0 and length:
            data[place] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del data[place : place + length]
        elif kind == 2:
            data[place : place + rng.choice((0, length))] = rng.choice(HARD)
        elif kind == 3:
            data[place:place] = data[place : place + length] * rng.randint(1, 20)
        elif kind == 4:
            data[place : place + length] = rng.randbytes(length)
        elif rng.random() < 0.3:
            del data[place:]
    return bytes(data)


def pictures():
    noise = Image.effect_noise((40, 30), 80).convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6
    text = PngImagePlugin.PngInfo()
    text.add_text("note", "x" * 300, zip=True)
    options = dict.fromkeys(("TIFF", "WEBP", "GIF", "BMP", "PPM", "TGA", "JPEG2000", "ICO"), {})
    options |= {"PNG": {"pnginfo": text, "exif": exif}, "JPEG": {"exif": exif}}
    for kind, more in options.items():
        file = io.BytesIO()
        noise.save(file, kind, **more)
        yield file.getvalue()


def animations():
    frames = [Image.effect_noise((24, 16), 60 + k).convert("RGB") for k in range(4)]
    for kind in ("GIF", "WEBP", "PNG"):
        file = io.BytesIO()
        frames[0].save(file, kind, save_all=True, append_images=frames[1:], duration=50)
        yield file.getvalue()


def watch(path):
    for number, frame in enumerate(open_frames(path).frames):
        assert frame.picture is not None or frame.reason
        if number > 50:
            break


@pytest.fixture(scope="module")
def readers(tmp_path_factory, make_images):
    """Name -> (extension, good inputs, how they are read)."""
    folder = tmp_path_factory.mktemp("good")
    key = write_style_survey(folder / "survey.html", make_images, questions=3, size=8)
    shape = (1, 512, 1, 1)
    style = StyleStatistics(torch.rand(shape), torch.rand(shape), EncoderDescription()).save(
        folder / "s.safetensors"
    )
    recipe = Recipe("a.png", ("b.png", "c.png"), weights=(1.0, 2.0), alpha=0.5)
    recipe = recipe.save(folder / "r.json")
    losses = {"content_loss": 1.0, "style_loss": 2.0, "loss": 3.0, "learning_rate": 0.1}
    records = [{"step": k, "phase": "adain", "epoch": k / 4, **losses} for k in (5, 10, 15)]
    result = json.dumps(answer(key)).encode()
    table = b"question,right,wrong\nWhich?,Monet,Klimt\nAnd this?,red,blue\n"
    export = b"Time,Which?,And this?\n1,Monet,red\n2,Klimt,blue\n"
    (folder / "key.csv").write_bytes(table)
    questions = read_csv_key(folder / "key.csv")
    return {
        "image": (".png", list(pictures()), open_image),
        "animation": (".gif", list(animations()), watch),
        "recipe": (".json", [recipe.read_bytes()], Recipe.load),
        "statistics": (".safetensors", [style.read_bytes()], StyleStatistics.load),
        "decoder": (".safetensors", [DEFAULT_DECODER.read_bytes()], load_decoder),
        "key": (".json", [key_path(folder / "survey.html").read_bytes()], read_key),
        "page": (".html", [(folder / "survey.html").read_bytes()], read_page),
        "results": (
            ".json",
            [result, result + b"\n" + result],
            lambda path: read_results([path], key),
        ),
        "table": (".csv", [table, table.decode().encode("utf-16")], read_csv_key),
        "export": (".csv", [export], lambda path: read_csv(path, questions)),
        "log": (
            ".jsonl",
            ["\n".join(map(json.dumps, records)).encode()],
            lambda path: epoch_losses(read_log(path)),
        ),
        "names": (".txt", ["a.jpg\né.png\nx/y.png\n".encode()], read_names),
    }


NAMES = (
    "image",
    "animation",
    "recipe",
    "statistics",
    "decoder",
    "key",
    "page",
    "results",
    "table",
    "export",
    "log",
    "names",
)


def is_sentence(error):
    return isinstance(error, CourseError) and str(error) and "\n" not in str(error).strip()


@pytest.mark.parametrize("name", NAMES)
def test_no_input_breaks_a_reader(readers, tmp_path, monkeypatch, name):
    extension, good, read = readers[name]
    # Pictures of the largest size allowed are legal, and take their time.
    monkeypatch.setattr(picture_files, "MAX_PIXELS", 1_000_000)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1_000_000)
    path = tmp_path / f"input{extension}"
    for data in good:
        path.write_bytes(data)
        read(path)
    rng, until = random.Random(f"{SEED} {name}"), time.monotonic() + SECONDS / len(NAMES)
    number = 0
    while time.monotonic() < until:
        number += 1
        data = mutated(rng.choice(good), rng)
        path.write_bytes(data)
        started = time.monotonic()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                read(path)
        except Exception as error:
            told = f"seed {SEED}, {name} {number}: {type(error).__name__}: {str(error)[:300]}"
            if not is_sentence(error):
                raise AssertionError(f"{told}\ninput: {data[:2000]!r}") from error
        took = time.monotonic() - started
        assert took < LONGEST, f"seed {SEED}, {name} {number} took {took:.0f} s"
    assert set(readers) == set(NAMES) and number > 0
