"""The list of training images: made from a folder, and true to the lists beside it."""

import collections
import csv
import hashlib
import importlib.util
import re

import pytest

from course_lib import DATA_DIR

RECORDS = DATA_DIR / "runs" / "decoder"
README = (DATA_DIR / "README.md").read_text(encoding="utf-8")
spec = importlib.util.spec_from_file_location("listing", DATA_DIR / "list_training_images.py")
listing = importlib.util.module_from_spec(spec)
spec.loader.exec_module(listing)


@pytest.fixture(scope="module")
def rows():
    with (RECORDS / "training_images.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def names(rows, use):
    return [row["file"] for row in rows if row["use"] == use]


@pytest.mark.parametrize(("use", "list_name"), listing.USES.items())
def test_the_lists_beside_it_agree(rows, use, list_name):
    listed = (RECORDS / list_name).read_text(encoding="utf-8").splitlines()
    assert all(listed) and len(set(listed)) == len(listed)
    assert sorted(names(rows, use)) == sorted(listed)


def test_every_row_is_whole_and_stands_once(rows):
    assert {row["use"] for row in rows} == {"train", *listing.USES}
    assert {row["split"] for row in rows} == set(listing.SPLITS)
    assert len({(row["split"], row["file"]) for row in rows}) == len(rows)
    assert len({row["sha256"] for row in rows}) == len(rows)  # no image is there twice
    for row in rows:
        assert re.fullmatch(r"[0-9a-f]{64}", row["sha256"])
        assert re.fullmatch(r"[\w.,'()&+-]+\.jpg", row["file"]), row["file"]


def test_masterpieces_are_paintings(rows):
    assert {row["split"] for row in rows if row["use"] == "near_masterpiece"} == {"style"}


def test_the_page_gives_the_counts_of_every_source(rows):
    section = README[README.index("## Training images") :].split("\n## ")[0]
    stated, counted = collections.Counter(), collections.Counter()
    for prefix, rest, count in re.findall(
        r"^\| `(\w+?_)(<style>_\S+)?` (?:\([^|]*\) )?\| ([\d,]+) \|", section, re.MULTILINE
    ):
        stated[prefix + rest] += int(count.replace(",", ""))
    for row in rows:
        prefix = row["file"].split("_")[0] + "_"
        if prefix == "wikiart_":
            unnamed = re.fullmatch(r"wikiart_[a-z-]+_e\d-\d+\.jpg", row["file"])
            prefix += "<style>_e<k>-<n>" if unnamed else "<style>_<artist>-<title>"
        counted[prefix] += 1
    assert stated == counted
    for split, what in (("content", "photographs"), ("style", "paintings")):
        assert f"{sum(row['split'] == split for row in rows):,} {what}" in section
    near = len(names(rows, "near_masterpiece"))
    assert f"`near_masterpiece`: {near} paintings" in section


def test_a_folder_is_listed(tmp_path, capsys):
    folder, records = tmp_path / "images", tmp_path / "records"
    records.mkdir()
    (records / "held_out.txt").write_text("b.jpg\n")
    (records / "near_masterpieces.txt").write_text("wave.jpg\n")
    for path in ("content/b.jpg", "content/a.jpg", "style/wave.jpg", "style/other.jpg"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(path.encode())
    assert listing.main([str(folder), "--records", str(records)]) == 0
    digest = hashlib.sha256(b"content/a.jpg").hexdigest()
    lines = (records / "training_images.csv").read_text().splitlines()
    assert lines[:2] == ["split,file,sha256,use", f"content,a.jpg,{digest},train"]
    assert [line.split(",")[1::2] for line in lines[2:]] == [
        ["b.jpg", "held_out"],
        ["other.jpg", "train"],
        ["wave.jpg", "near_masterpiece"],
    ]
    assert "style: 2 images: 1 train, 0 held_out, 1 near_masterpiece" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("near", "present", "words"),
    [
        ("wave.jpg", "style/other.jpg", "lacks wave.jpg"),
        ("b.jpg", "style/b.jpg", "listed twice"),
        ("wave.jpg", "paintings/wave.jpg", "style is missing"),
    ],
)
def test_what_does_not_fit_is_said(tmp_path, capsys, near, present, words):
    (tmp_path / "held_out.txt").write_text("b.jpg\n")
    (tmp_path / "near_masterpieces.txt").write_text(f"{near}\n")
    for path in ("content/b.jpg", present):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(b"x")
    assert listing.main([str(tmp_path), "--records", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert words in said and said.count("\n") == 1
    assert not (tmp_path / "training_images.csv").exists()
