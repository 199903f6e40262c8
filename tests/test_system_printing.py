"""Printing never fails and never steers the terminal; paths are what people mean by them."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from command_kit import complains
from PIL import Image

from course_lib import REPOSITORY
from course_lib.cli.options import Parser
from course_lib.system.printing import print_anything, printable


def draw(path, colour=(200, 120, 40)):
    Image.new("RGB", (24, 16), colour).save(path)
    return path


def test_names_that_the_terminal_cannot_encode_do_not_spoil_finished_work(tmp_path):
    name = os.fsdecode("雪e\u0301".encode() + b"\xe9t\xe9")
    photo, style = draw(tmp_path / f"{name}.png"), draw(tmp_path / "style.png")
    out = tmp_path / f"{name}_painted.png"
    done = subprocess.run(
        [sys.executable, "-m", "course_lib", "stylize", photo, style, "-o", out, "--size", "16"],
        cwd=REPOSITORY,
        capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": "cp1252"},
        timeout=300,
    )
    assert done.returncode == 0 and done.stderr == b"", done.stderr
    assert out.exists() and b"_painted.png" in done.stdout
    assert all(spelt in done.stdout for spelt in (rb"\u96ea", rb"\u0301", rb"\udce9"))


def test_what_cannot_be_encoded_is_spelled_out(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    monkeypatch.setattr(sys, "stderr", object())  # a notebook's has no such thing
    print_anything()
    print("\xe9 \udcff", flush=True)
    assert raw.getvalue() == b"\\xe9 \\udcff\n"


def test_a_long_text_is_cut_before_it_is_looked_at():
    assert printable("\x1b" * 100_000_000, 20) == r"\x1b\x1b\x1b\x1b\x1…"


def test_a_complaint_is_short_and_steers_nothing(run, tmp_path):
    code, _, err = run("stylize", tmp_path / ("\x1b[31m" + "x" * 5000), "s.png", "-o", "o.png")
    assert code == 2 and len(err) < 1100 and "\x1b" not in err and err.count("\n") == 1


# --- paths ---


def test_the_home_folder_is_meant_by_a_tilde(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    parser = Parser()
    parser.add_argument("paths", nargs="+", type=Path)
    paths = parser.parse_args(["~/a.png", "./p/", "p", "~"]).paths
    assert paths == [tmp_path / "a.png", Path("p"), Path("p"), tmp_path]


@pytest.mark.parametrize("text", ["", "~nobody-of-this-name/x"])
def test_a_path_that_is_none_is_refused(text, capsys):
    parser = Parser()
    parser.add_argument("path", type=Path)
    with pytest.raises(SystemExit):
        parser.parse_args([text])
    assert capsys.readouterr().err.startswith("error: argument path: ")


@pytest.mark.parametrize(
    "which, other",
    [
        ("--film", "style.png"),
        ("--film", "photo.png"),
        ("--log", "style.png"),
        ("--film", "out.png"),
        ("--log", "out.png"),
        ("--log", "./sub/../out.png"),
    ],
)
def test_gatys_overwrites_neither_an_input_nor_its_own_output(run, tmp_path, which, other):
    photo, style = draw(tmp_path / "photo.png"), draw(tmp_path / "style.png")
    (tmp_path / "sub").mkdir()
    before = photo.read_bytes(), style.read_bytes()
    result = run("gatys", photo, style, "-o", tmp_path / "out.png", which, f"{tmp_path}/{other}")
    complains(result, "is one of the inputs" if "out" not in other else "two outputs")
    assert (photo.read_bytes(), style.read_bytes()) == before
    assert not (tmp_path / "out.png").exists()
