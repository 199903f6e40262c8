"""Listings leave nothing out in silence; lists of names are understood however they are kept."""

import os
import unicodedata
from pathlib import Path

import pytest
from PIL import Image

from course_lib import CourseError, images
from course_lib.images import ImageError, library
from course_lib.painting.batch import stylize_folder
from course_lib.system.listings import check_names, find_images, read_names, readable
from course_lib.training.datasets import load_pool


def draw(path, colour=(10, 20, 30), size=(24, 16), kind=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path, kind)
    return path


def names(paths):
    return [path.name for path in paths]


def test_every_format_of_pillow_is_listed_and_files_without_extension_by_content(tmp_path):
    for name in ("a.JP2", "b.ppm", "c.tga", "d.jpe", "e.png"):
        draw(tmp_path / name, kind=None if name != "a.JP2" else "JPEG2000")
    draw(tmp_path / "f.mpo", kind="JPEG")
    draw(tmp_path / "photo", kind="JPEG")
    (tmp_path / "g.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(64))
    (tmp_path / "Makefile").write_text("all:")
    (tmp_path / "film.mpg").write_bytes(bytes(64))
    found = find_images(tmp_path)
    assert names(found) == ["a.JP2", "b.ppm", "c.tga", "d.jpe", "e.png", "f.mpo", "g.heic", "photo"]
    assert names(found.ignored) == ["Makefile", "film.mpg"]
    skipped = {}
    assert names(readable(found, skipped)) == names(
        path for path in found if path.suffix != ".heic"
    )
    assert "HEIC" in skipped[tmp_path / "g.heic"]


def test_links_are_followed_and_each_folder_counts_once(tmp_path):
    real = draw(tmp_path / "elsewhere" / "a.png").parent
    folder = tmp_path / "photos"
    draw(folder / "b.png")
    (folder / "linked.png").symlink_to(real / "a.png")
    (folder / "more").symlink_to(real)
    (folder / "again").symlink_to(folder)
    (folder / "gone.png").symlink_to(tmp_path / "nowhere.png")
    found = find_images(folder)
    assert [p.relative_to(folder).as_posix() for p in found] == [
        "b.png",
        "linked.png",
        "more/a.png",
    ]
    assert "listed already" in found.ignored[folder / "again"]
    assert "leads nowhere" in found.ignored[folder / "gone.png"]
    (tmp_path / "link").symlink_to(folder)
    assert len(find_images(tmp_path / "link")) == 3


def test_hidden_files_and_pipes_are_named(tmp_path):
    draw(tmp_path / "a.png")
    draw(tmp_path / ".thumbnails" / "a.png")
    os.mkfifo(tmp_path / "pipe.png")
    found = find_images(tmp_path)
    assert names(found) == ["a.png"]
    assert {path.name for path in found.ignored} == {".thumbnails", "pipe.png"}


def test_a_folder_of_other_files_says_how_many(tmp_path):
    (tmp_path / "notes.txt").write_text("no picture")
    with pytest.raises(ImageError, match="holds no image files: 1 other files"):
        find_images(tmp_path)


def test_own_pictures_of_any_format_join_the_library(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "DATA_DIR", tmp_path)
    draw(tmp_path / "style" / "mine.png")
    draw(tmp_path / "style" / "waves.jpg")
    draw(tmp_path / "paintings" / "waves.webp")
    assert list(library("style")) == ["mine", "waves", "waves.webp"]


# --- lists of names ---


def test_lists_are_read_however_an_editor_keeps_them(tmp_path):
    one, two = tmp_path / "one.txt", tmp_path / "two.txt"
    one.write_bytes("\ufeffa.jpg\r\n  b.jpg \r\n\r\nphotos/c.jpg\r\n".encode())
    two.write_text(unicodedata.normalize("NFD", "é.jpg\nC:\\old\\d.jpg\na.jpg"), encoding="utf-8")
    assert read_names(one, two) == ("a.jpg", "b.jpg", "c.jpg", "é.jpg", "d.jpg")
    (tmp_path / "bad.txt").write_bytes(b"\xff\xfe\x80")
    for bad in ("bad.txt", "gone.txt"):
        with pytest.raises(CourseError, match=bad):
            read_names(tmp_path / bad)


def test_a_name_that_matches_nothing_is_an_error():
    check_names(
        ["a.jpg", "photos/é.jpg"], [Path("x/a.jpg"), Path(unicodedata.normalize("NFD", "é.jpg"))]
    )
    with pytest.raises(CourseError, match=r"no file is called b\.jpg; correct the list"):
        check_names(["a.jpg", "b.jpg"], [Path("a.jpg")])


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_held_out_picture_is_excluded_in_any_normalisation(tmp_path, form):
    draw(tmp_path / "a.png")
    draw(tmp_path / unicodedata.normalize(form, "é.png"))
    for name in ("é.png", unicodedata.normalize("NFD", "é.png"), "folder/é.png "):
        assert len(load_pool([tmp_path], 16, 16, exclude=[name], progress=False)) == 1


@pytest.mark.parametrize("command", ["train", "quality"])
def test_commands_refuse_a_mistyped_name(tmp_path, run, command):
    for k in range(2):
        draw(tmp_path / "in" / f"{k}.png", (90 * k, 9, 9), (32, 32))
    (tmp_path / "list.txt").write_text("0.png\n1.pgn\n")
    folders = ["--content", tmp_path / "in", "--style", tmp_path / "in"]
    if command == "train":
        more = [
            "--exclude",
            tmp_path / "list.txt",
            "--out",
            tmp_path / "out",
            "--crop",
            16,
            "--size",
            16,
        ]
    else:
        more = ["--only", tmp_path / "list.txt", "-o", tmp_path / "out.json"]
    code, _, err = run(command, *folders, *more)
    assert code == 2 and "no file is called 1.pgn" in err and "Traceback" not in err


# --- one bad file does not end the run ---


def test_a_picture_that_cannot_be_written_is_named_and_the_rest_go_on(tmp_path):
    long = draw(tmp_path / "in" / ("n" * 250 + ".gif"))  # with .png after it, too long a name
    wide = draw(tmp_path / "in" / "wide.webp", size=(17_000, 1), kind="PNG")  # WebP has 16,383
    draw(tmp_path / "in" / "z.png")
    report = stylize_folder(lambda x: x, tmp_path / "in", tmp_path / "out", progress=False)
    assert names(report.saved) == ["z.png"]
    assert set(report.skipped) == {long, wide}
    assert all("cannot be written" in reason for reason in report.skipped.values())
    assert names((tmp_path / "out").iterdir()) == ["z.png"]


def test_quality_and_survey_go_on_without_a_bad_file(tmp_path, run, make_images):
    make_images(tmp_path / "content", 3)
    make_images(tmp_path / "style", 3, seed=5)
    (tmp_path / "content" / "broken.jpg").write_bytes(b"no picture")
    (tmp_path / "style" / "notes.txt").write_text("no picture")
    folders = ["--content", tmp_path / "content", "--style", tmp_path / "style", "--size", 16]
    for command in (
        ["quality", "-o", tmp_path / "q.json"],
        ["survey", "build", "--questions", 2, "-o", tmp_path / "s.html"],
    ):
        code, out, err = run(*command, *folders)
        assert code == 1, err
        assert err.count("skipped ") == 1 and "broken.jpg" in err
        assert err.count("ignored ") == 1 and "notes.txt" in err
        assert Path(command[-1]).exists() and str(command[-1]) in out
