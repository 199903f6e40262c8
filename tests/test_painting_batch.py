"""Folders of photographs: everything finds its place, and no input is ever overwritten."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from course_lib import DATA_DIR, images
from course_lib.images import ImageError, library, square
from course_lib.painting import batch
from course_lib.painting.batch import check_paths, choose, plan_folder, stylize_file, stylize_folder


class Negative:
    """Stands for a Painter: turns pictures into their negatives and remembers their sizes."""

    def __init__(self):
        self.sizes = []

    def __call__(self, content):
        self.sizes.append(tuple(content.shape[-2:]))
        return 1 - content


def draw(path, colour=(10, 20, 30), size=(12, 8)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path, lossless=True)
    return path


def colour(path):
    with Image.open(path) as image:
        return image.convert("RGB").getpixel((0, 0))


def run(content, out, **options):
    return stylize_folder(Negative(), content, out, progress=False, **options)


def test_the_tree_of_folders_is_kept(tmp_path):
    names = ["a.png", "trip/a.png", "trip/day 2/größe 雪.png"]
    for i, name in enumerate(names):
        draw(tmp_path / "in" / name, (i, 20, 30))
    report = run(tmp_path / "in", tmp_path / "out")
    assert report.skipped == {}
    assert sorted(report.saved) == sorted(tmp_path / "out" / name for name in names)
    for i, name in enumerate(names):
        assert colour(tmp_path / "out" / name) == (255 - i, 235, 225)


def test_formats_that_lose_nothing_keep_their_name_and_others_become_png(tmp_path):
    for name in ("a.jpg", "b.JPEG", "c.png", "d.webp", "e.gif", "f.bmp", "g.tif", "h.tiff"):
        draw(tmp_path / "in" / name)
    run(tmp_path / "in", tmp_path / "out")
    made = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert made == [
        "a.jpg",
        "b.JPEG",
        "c.png",
        "d.webp",
        "e.gif.png",
        "f.bmp.png",
        "g.tif.png",
        "h.tiff.png",
    ]
    with Image.open(tmp_path / "out" / "e.gif.png") as image:
        assert image.format == "PNG"


@pytest.mark.parametrize(
    "names",
    [
        ["a.png", "a.gif", "a.jpg", "a.bmp"],
        ["a.gif", "a.gif.png"],
        ["a.gif", "a.gif.png", "a.gif.png.png"],
        ["a.bmp", "a.bmp.png", "b/a.bmp"],
    ],
)
def test_no_two_photographs_go_to_the_same_place(tmp_path, names):
    for i, name in enumerate(names):
        draw(tmp_path / "in" / name, (10 * i, 0, 0))
    plan = plan_folder(tmp_path / "in", tmp_path / "out")
    assert set(plan) == {tmp_path / "in" / name for name in names}
    assert len(set(plan.values())) == len(names)
    report = run(tmp_path / "in", tmp_path / "out")
    assert len(report.saved) == len(names)
    for source, target in plan.items():
        expected = 255 - colour(source)[0]
        assert abs(colour(target)[0] - expected) <= 2  # JPEG


def test_bad_files_are_named_with_the_reason_and_the_rest_go_on(tmp_path):
    good = [draw(tmp_path / "in" / "a.png"), draw(tmp_path / "in" / "z.png")]
    text = tmp_path / "in" / "m.png"
    text.write_text("not a picture")
    cut = tmp_path / "in" / "n.jpg"
    draw(cut, size=(900, 900))
    cut.write_bytes(cut.read_bytes()[:-1000])
    report = run(tmp_path / "in", tmp_path / "out")
    assert [path.name for path in report.saved] == [path.name for path in good]
    assert set(report.skipped) == {text, cut}
    assert "is not an image" in report.skipped[text]
    assert "is damaged or truncated" in report.skipped[cut]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.png", "z.png"]


def test_a_folder_of_bad_files_only_saves_nothing(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_text("not a picture")
    report = run(tmp_path / "in", tmp_path / "out")
    assert report.saved == [] and len(report.skipped) == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("make", [lambda path: None, Path.mkdir])
def test_a_missing_or_empty_folder_is_an_error(tmp_path, make):
    make(tmp_path / "in")
    with pytest.raises(ImageError, match="no such folder|holds no image files"):
        run(tmp_path / "in", tmp_path / "out")


def test_the_size_reaches_every_picture(tmp_path):
    draw(tmp_path / "in" / "a.png", size=(40, 20))
    draw(tmp_path / "in" / "b.png", size=(30, 90))
    paint = Negative()
    stylize_folder(paint, tmp_path / "in", tmp_path / "out", size=10, progress=False)
    assert paint.sizes == [(10, 20), (30, 10)]
    sizes = [Image.open(tmp_path / "out" / name).size for name in ("a.png", "b.png")]
    assert sizes == [(20, 10), (10, 30)]


def test_the_seconds_are_measured(tmp_path, monkeypatch):
    draw(tmp_path / "in" / "a.png")
    clock = iter([5.0, 12.5])
    monkeypatch.setattr(batch.time, "perf_counter", lambda: next(clock))
    assert run(tmp_path / "in", tmp_path / "out").seconds == 7.5


@pytest.mark.parametrize("content_form", ["relative", "absolute"])
@pytest.mark.parametrize("out_form", ["relative", "absolute"])
def test_a_second_run_into_a_folder_within_leaves_the_first_results_out(
    tmp_path, monkeypatch, content_form, out_form
):
    monkeypatch.chdir(tmp_path)
    draw(tmp_path / "in" / "a.png")
    content = Path("in") if content_form == "relative" else tmp_path / "in"
    out = Path("in/out") if out_form == "relative" else tmp_path / "in" / "out"
    for _ in range(2):
        check_paths(content, [], out)
        assert [path.name for path in run(content, out).saved] == ["a.png"]
    assert sorted(path.name for path in tmp_path.rglob("*.png")) == ["a.png", "a.png"]


@pytest.mark.parametrize("out", [".", "../base"])
def test_the_folder_above_can_be_the_output(tmp_path, monkeypatch, out):
    (tmp_path / "base").mkdir()
    monkeypatch.chdir(tmp_path / "base")
    draw(Path("photos/a.png"))
    check_paths(Path("photos"), [], Path(out))
    assert run(Path("photos"), Path(out)).saved == [Path(out) / "a.png"]
    assert colour("photos/a.png") == (10, 20, 30)
    assert colour("a.png") == (245, 235, 225)


def test_a_full_disk_is_named_and_leaves_no_partial_file(tmp_path, monkeypatch):
    draw(tmp_path / "in" / "a.png")

    def full_disk(self, path, **options):
        Path(path).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full_disk)
    (reason,) = run(tmp_path / "in", tmp_path / "out").skipped.values()
    assert "a.png cannot be written: No space left on device" in reason
    assert list((tmp_path / "out").iterdir()) == []


# --- mistakes in file names, found before any work ---


def test_good_paths_pass(tmp_path):
    photo, style = draw(tmp_path / "photo.png"), draw(tmp_path / "style.png")
    draw(tmp_path / "in" / "a.png")
    check_paths(photo, [style], tmp_path / "out.jpg")
    check_paths(photo, [style], tmp_path / "new" / "folder" / "out.png")
    check_paths(tmp_path / "in", [style], tmp_path / "out")
    (tmp_path / "older.png").write_text("may be replaced")
    check_paths(photo, [style, style], tmp_path / "older.png")


@pytest.mark.parametrize("which", ["photo", "style", "second style"])
def test_each_missing_input_is_named(tmp_path, which):
    paths = {name: draw(tmp_path / f"{name}.png") for name in ("photo", "style", "second style")}
    paths[which].unlink()
    photo, *styles = paths.values()
    with pytest.raises(ImageError, match=f"{which}.png: no such file"):
        check_paths(photo, styles, tmp_path / "out.png")


@pytest.mark.parametrize("name", ["out", "out.xyz", "out.txt", ".png", "out.png.bak"])
def test_an_unknown_extension_is_refused(tmp_path, name):
    photo = draw(tmp_path / "photo.png")
    with pytest.raises(ImageError, match="unknown image extension"):
        check_paths(photo, [photo], tmp_path / name)


def test_a_folder_is_no_output_for_one_photograph(tmp_path):
    photo = draw(tmp_path / "photo.png")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(ImageError, match=r"folder\.png is a folder"):
        check_paths(photo, [photo], tmp_path / "folder.png")


@pytest.mark.parametrize("which", ["photo", "style"])
@pytest.mark.parametrize("way", ["same", "dots", "symlink", "hard link"])
def test_an_input_is_no_output(tmp_path, which, way):
    photo, style = draw(tmp_path / "photo.png"), draw(tmp_path / "style.png")
    target = {"photo": photo, "style": style}[which]
    (tmp_path / "sub").mkdir()
    out = tmp_path / "sub" / "link.png"
    if way == "same":
        out = target
    elif way == "dots":
        out = tmp_path / "sub" / ".." / target.name
    elif way == "symlink":
        out.symlink_to(target)
    else:
        os.link(target, out)
    with pytest.raises(ImageError, match="one of the inputs"):
        check_paths(photo, [style], out)


def test_a_folder_of_photographs_needs_a_folder_as_output(tmp_path):
    photo = draw(tmp_path / "in" / "a.png")
    file = draw(tmp_path / "file.png")
    with pytest.raises(ImageError, match="needs a folder as output"):
        check_paths(tmp_path / "in", [photo], file)


def test_the_photographs_own_folder_is_no_output(tmp_path, monkeypatch):
    style = draw(tmp_path / "style.png")
    draw(tmp_path / "in" / "a.png")
    monkeypatch.chdir(tmp_path / "in")
    for out in (tmp_path / "in", Path(), tmp_path / "x" / ".." / "in"):
        with pytest.raises(ImageError, match="holds the photographs"):
            check_paths(tmp_path / "in", [style], out)


def test_a_style_beside_the_results_is_not_overwritten(tmp_path):
    draw(tmp_path / "photos" / "a.png")
    style = draw(tmp_path / "paintings" / "a.png")
    with pytest.raises(ImageError, match=r"a\.png is one of the inputs"):
        check_paths(tmp_path / "photos", [style], tmp_path / "paintings")
    other = draw(tmp_path / "paintings" / "b.png")
    check_paths(tmp_path / "photos", [other], tmp_path / "other")


def test_a_photograph_deeper_down_is_not_overwritten(tmp_path):
    draw(tmp_path / "in" / "a.png")
    deeper = draw(tmp_path / "in" / "in" / "a.png")
    style = draw(tmp_path / "style.png")
    with pytest.raises(ImageError, match="one of the inputs"):
        check_paths(tmp_path / "in", [style], tmp_path)
        run(tmp_path / "in", tmp_path)
    assert colour(deeper) == (10, 20, 30)


# --- pictures, and the bundled library ---


def test_one_photograph_keeps_its_size_or_takes_the_given_one(tmp_path):
    photo = draw(tmp_path / "photo.png", size=(33, 40))
    out = tmp_path / "new" / "out.png"
    assert stylize_file(Negative(), photo, out) == out
    assert Image.open(out).size == (33, 40)
    stylize_file(Negative(), photo, out, size=66)
    assert Image.open(out).size == (66, 80)


def test_square_takes_the_centre(tmp_path):
    array = np.zeros((10, 30, 3), dtype=np.uint8)
    array[:, 10:20] = 200
    Image.fromarray(array).save(tmp_path / "wide.png")
    picture = square(tmp_path / "wide.png", 5)
    assert picture.size == (5, 5)
    assert np.asarray(picture).min() == 200


def test_all_bundled_pictures_are_chosen_by_default():
    for kind in ("content", "style"):
        there = sorted((DATA_DIR / kind).glob("*.jpg"))
        assert choose(kind, None) == there
        assert [path for path in library(kind).values() if path.parent.name == kind] == there


def test_names_are_chosen_in_the_given_order():
    assert [path.stem for path in choose("content", ["coffee", "cat"])] == ["coffee", "cat"]


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ImageError, match="'unicorn'; there are .*astronaut, .*cat, "):
        choose("content", ["cat", "unicorn"])


def test_masterpieces_come_first_and_are_in_the_demo():
    styles = library("style")
    folders = [path.parent.name for path in styles.values()]
    count = len(list((DATA_DIR / "masterpieces").glob("*.jpg")))
    assert count >= 12
    assert folders[:count] == ["masterpieces"] * count and "masterpieces" not in folders[count:]
    assert len(set(batch.DEMO_STYLES)) == len(batch.DEMO_STYLES)
    shown = [path.parent.name for path in choose("style", batch.DEMO_STYLES)]
    assert set(shown) == {"masterpieces", "style"}


def test_the_demo_shows_its_styles_unless_others_are_asked_for(monkeypatch):
    asked = []
    monkeypatch.setattr(batch, "square", lambda path, size: asked.append(path.stem))
    for styles, shown in ((None, batch.DEMO_STYLES), (["splatter"], ("splatter",))):
        asked.clear()
        with pytest.raises(AttributeError):  # all names are looked up before the network is asked
            batch.demo_sheet(None, ["cat"], styles, 8)
        assert asked == ["cat", *shown]


def test_downloaded_paintings_join_the_styles(tmp_path, monkeypatch):
    draw(tmp_path / "style" / "mine.jpg")
    draw(tmp_path / "content" / "photo.jpg")
    monkeypatch.setattr(images, "DATA_DIR", tmp_path)
    monkeypatch.setattr(batch, "DATA_DIR", tmp_path)
    assert list(library("style")) == ["mine"]
    famous = draw(tmp_path / "paintings" / "starry_night.jpg")
    assert list(library("style")) == ["mine", "starry_night"]
    assert list(library("content")) == ["photo"]
    assert choose("style", ["starry_night"]) == [famous]
    assert [path.stem for path in choose("style", None)] == ["mine"]
