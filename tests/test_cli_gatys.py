"""The ``gatys`` command: what it writes, Ctrl-C, and its complaints."""

import contextlib
import json
import os
import re
import signal
import sys
import time

import numpy as np
import pytest
import torch
from command_kit import complains, started
from PIL import Image

from course_lib.gatys import objective
from course_lib.system.devices import describe

SMALL = ["--size", "20", "--precision", "float32", "--device", "cpu"]
OLDER = b"a picture of last week"


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """A photograph, a painting of another shape, and the same in other kinds."""
    folder = tmp_path_factory.mktemp("gatys")
    rng = np.random.default_rng(0)

    def picture(width, height):
        coarse = Image.fromarray(rng.integers(0, 256, (5, 5, 3), dtype=np.uint8))
        return coarse.resize((width, height), Image.Resampling.BICUBIC)

    photo, style = picture(36, 24), picture(30, 40)
    photo.save(folder / "photo.png")
    style.save(folder / "style.jpg")
    photo.convert("L").save(folder / "grey.png")
    photo.convert("RGBA").save(folder / "rgba.png")
    photo.convert("P").save(folder / "palette.gif")
    (folder / "text.png").write_text("I am no picture")
    return folder


@pytest.fixture
def repaint(run, inputs):
    """``repaint(out, ...)``: the command on the photograph and the painting, small and exact."""

    def repaint(out, *options):
        return run("gatys", inputs / "photo.png", inputs / "style.jpg", "-o", out, *SMALL, *options)

    return repaint


def losses_in(text):
    found = re.search(r"loss of the optimiser (\S+), of the saved file (\S+) \(", text)
    return float(found[1]), float(found[2])


def test_one_picture_with_all_its_reports(repaint, tmp_path):
    out, log, film = tmp_path / "out.png", tmp_path / "log.json", tmp_path / "film.gif"
    code, text, bar = repaint(out, "--steps", 2, "--log", log, "--film", film, "--frames", 3)
    assert code == 0
    first = text.splitlines()[0]
    assert first.startswith("memory for 30 x 20: ") and "block 5" in first  # before anything else
    # A step has up to 20 evaluations, and ends earlier where the loss leaps.
    count = int(re.search(r"2 steps, (\d+) evaluations", text)[1])
    assert 2 < count <= 40 and bar == ""  # no bar where nobody sees it
    curve = tmp_path / "out_loss.png"
    assert f"made {out}\nmade {curve}\nnext " in text and Image.open(curve).width > 300
    with Image.open(out) as image:
        assert image.size == (30, 20)
    own, saved = losses_in(text)
    assert saved == pytest.approx(own, rel=0.05)
    record = json.loads(log.read_text())
    assert record["results"]["evaluations"] == count and record["results"]["steps"] == 2
    history = record["results"]["history"]
    assert len(history["total"]) == len(history["seconds"]) == len(history["style"]) == count
    assert min(history["total"]) == pytest.approx(own, rel=1e-4)
    assert record["settings"]["optimizer"] == "lbfgs"
    assert record["settings"]["content"] == "photo.png"  # no path of this machine
    with Image.open(film) as animation:
        assert animation.n_frames >= 2


@pytest.mark.parametrize("name", ["grey.png", "rgba.png", "palette.gif"])
def test_every_readable_kind_of_image(run, inputs, tmp_path, name):
    out = tmp_path / "out.png"
    code, _, _ = run(
        "gatys", inputs / name, inputs / name, "-o", out, *SMALL, "--max-evaluations", 2
    )
    assert code == 0
    with Image.open(out) as image:
        assert image.mode == "RGB" and image.size == (30, 20)


def test_every_option_reaches_the_optimisation(repaint, tmp_path):
    log = tmp_path / "log.json"
    code, text, _ = repaint(
        tmp_path / "o.png",
        "--steps 3 --optimizer adam --learning-rate 0.02 --init style",
        "--content-layers relu3_1 --style-layers relu1_1 conv2_2 --content-weight 2",
        "--style-weight 7 --tv-weight 0.5 --pooling avg --scales 2 --seed 5",
        "--style-size 16",
        *["--log", log],
    )
    assert code == 0 and "6 steps, 6 evaluations" in text  # three at each of two scales
    settings = json.loads(log.read_text())["settings"]
    wanted = {
        "steps": 3,
        "optimizer": "adam",
        "learning_rate": 0.02,
        "init": "style",
        "content_layers": ["relu3_1"],
        "style_layers": ["relu1_1", "conv2_2"],
        "content_weight": 2,
        "style_weight": 7,
        "tv_weight": 0.5,
        "pooling": "avg",
        "scales": 2,
        "seed": 5,
        "precision": "float32",
        "device": describe(torch.device("cpu")),
    }
    assert {key: settings[key] for key in wanted} == wanted


@pytest.mark.parametrize("steps", [0, 1])
def test_no_step_and_one_step_save_a_picture(repaint, tmp_path, steps):
    out, film = tmp_path / "out.png", tmp_path / "film.png"
    code, text, _ = repaint(out, "--steps", steps, "--film", film)
    assert code == 0 and f"{steps} steps, {20 * steps} evaluations" in text
    assert out.is_file() and film.is_file()


def test_seeds(repaint, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        repaint(tmp_path / f"{name}.png", "--max-evaluations", 3, "--seed", seed)
    a, b, c = ((tmp_path / f"{name}.png").read_bytes() for name in "abc")
    assert a == b != c


def test_a_run_that_diverges_still_saves(repaint, tmp_path, monkeypatch):
    original, calls = objective.GatysObjective.__call__, []

    def spoiled(self, image):
        losses = original(self, image)
        calls.append(1)
        bad = image.requires_grad and len(calls) > 4
        return losses._replace(total=losses.total * torch.nan) if bad else losses

    monkeypatch.setattr(objective.GatysObjective, "__call__", spoiled)
    out = tmp_path / "out.png"
    code, text, _ = repaint(out)
    assert code == 0 and out.is_file()
    assert "1 steps, 4 evaluations" in text and "smaller --learning-rate" in text


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
def test_ctrl_c_saves_the_best_image(inputs, tmp_path):
    import termios  # not on Windows

    out = tmp_path / "out.png"
    command = [sys.executable, "-m", "course_lib", "gatys"]
    command += [inputs / "photo.png", inputs / "style.jpg", "-o", out, *SMALL, "--steps", "100000"]
    screen, terminal = os.openpty()  # the bar is drawn for a terminal alone
    termios.tcsetwinsize(terminal, (24, 80))
    with started(command, stderr=terminal) as process:
        os.set_blocking(screen, False)
        seen, deadline = b"", time.monotonic() + 100
        while b"loss " not in seen and time.monotonic() < deadline:  # the bar has a loss to show
            with contextlib.suppress(BlockingIOError):
                seen += os.read(screen, 4096)
            time.sleep(0.05)
        assert b"loss " in seen
        process.send_signal(signal.SIGINT)
        text, _ = process.communicate(timeout=60)
    os.close(screen), os.close(terminal)
    assert process.returncode == 130
    assert b"stopped by Ctrl-C" in text and b"Traceback" not in text
    own, saved = losses_in(text.decode())
    assert saved == pytest.approx(own, rel=0.05)
    with Image.open(out) as image:
        assert image.size == (30, 20)


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--optimizer", "newton"], "invalid choice: 'newton'"),
        (["--init", "blue"], "invalid choice: 'blue'"),
        (["--steps", "-1"], "steps must be at least 0, got -1"),
        (["--steps", "many"], "'many' is not a whole number"),
        (["--size", "0"], "'0' is not a whole number above 0"),
        (["--scales", "0"], "scales must be at least 1 and at most 16, got 0"),
        (["--style-layers", "conv9_9"], "unknown layer 'conv9_9'"),
        (["--content-layers", "--style-layers"], "nothing to minimise"),
        (["--style-weight", "-3"], "style_weight must be at least 0, got -3"),
        (["--learning-rate", "0"], "learning_rate must be above 0, got 0"),
        (["--film", "film.txt"], "unknown image extension"),
        (["--device", "abacus"], "unknown device 'abacus'"),
    ],
)
def test_wrong_options_are_one_sentence_and_write_nothing(repaint, tmp_path, arguments, words):
    out = tmp_path / "out.png"
    out.write_bytes(OLDER)
    code, text, error = repaint(out, "--max-evaluations", 1, *arguments)
    assert code == 2 and text == ""
    assert error.startswith("error: ") and error.count("\n") == 1 and words in error
    assert out.read_bytes() == OLDER


@pytest.mark.parametrize(
    "content, style, out, words",
    [
        ("missing.png", "style.jpg", "out.png", "missing.png: no such file"),
        ("photo.png", "missing.jpg", "out.png", "missing.jpg: no such file"),
        ("text.png", "style.jpg", "out.png", "is not an image"),
        (".", "style.jpg", "out.png", "is a folder; give an image file"),
        ("photo.png", ".", "out.png", "is a folder; give an image file"),
        ("photo.png", "style.jpg", "photo.png", "is one of the inputs and would be replaced"),
        ("photo.png", "style.jpg", "out.xyz", "unknown image extension '.xyz'"),
    ],
)
def test_wrong_files_are_one_sentence(run, inputs, content, style, out, words):
    before = {path: path.read_bytes() for path in inputs.iterdir()}
    code, text, error = run("gatys", inputs / content, inputs / style, "-o", inputs / out, *SMALL)
    assert code == 2 and text == ""
    assert error.startswith("error: ") and error.count("\n") == 1 and words in error
    assert {path: path.read_bytes() for path in inputs.iterdir()} == before


@pytest.mark.parametrize("command", ["gatys-optimizers", "gatys-pastiche"])
def test_records_of_unknown_pictures_name_the_known_ones(run, tmp_path, command):
    for option, known in (("--content", "astronaut"), ("--style", "hokusai_great_wave")):
        result = run(command, option, "unicorn", "-o", tmp_path / "r.json")
        complains(result, f"no {option[2:]} picture 'unicorn'", known)
    assert not list(tmp_path.iterdir())
