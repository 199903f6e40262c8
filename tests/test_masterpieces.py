"""The masterpieces: Qt resource files are read, tiles put together; the files are as described."""

import importlib.util
import io
import re
import struct
import sys
import tarfile
import zlib

import numpy as np
import pytest
from PIL import Image

from course_lib import DATA_DIR

spec = importlib.util.spec_from_file_location("collect", DATA_DIR / "collect_masterpieces.py")
collect = importlib.util.module_from_spec(spec)
spec.loader.exec_module(collect)
qt_resources = sys.modules["qt_resources"]

NAMES = list(collect.PAINTINGS)
README = (DATA_DIR / "README.md").read_text(encoding="utf-8")


# --- a resource file as Qt writes it ---


def write_rcc(files, version=3, flags=0):
    """A resource file with ``files`` (path -> bytes); flag 1 compresses, 4 claims Zstandard."""
    folders = {"": []}
    for path in files:
        parts = path.split("/")
        for depth in range(len(parts)):
            parent, child = "/".join(parts[:depth]), "/".join(parts[: depth + 1])
            children = folders.setdefault(parent, [])
            if child not in children:
                children.append(child)
    order = [""]  # breadth first, so that the children of a folder stand together
    for path in order:
        order += folders.get(path, [])
    names, data, tree = b"", b"", b""
    for path in order:
        name = path.rpartition("/")[2]
        where = len(names)
        names += struct.pack(">HI", len(name), 0) + name.encode("utf-16-be")
        if path in folders:
            tree += struct.pack(
                ">IHII", where, 2, len(folders[path]), order.index(folders[path][0])
            )
        else:
            content = files[path]
            if flags & 1:
                content = struct.pack(">I", len(content)) + zlib.compress(content)
            tree += struct.pack(">IHHHI", where, flags, 0, 1, len(data))
            data += struct.pack(">I", len(content)) + content
        tree += b"" if version == 1 else bytes(8)  # a date
    head = struct.pack(">4s4I", b"qres", version, 20 + len(data) + len(names), 20, 20 + len(data))
    return head + data + names + tree


def write_deb(name, content):
    """A Debian package with one file in it."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:xz") as tar:
        entry = tarfile.TarInfo(f"./usr/share/game/{name}")
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    deb = b"!<arch>\n"
    for member, body in (("debian-binary", b"2.0"), ("data.tar.xz", packed.getvalue())):
        deb += f"{member:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(body):<10}`\n".encode()
        deb += body + b"\n" * (len(body) % 2)
    return deb


FILES = {"game/a.txt": b"one" * 50, "game/board/größe.txt": b"two", "b": b""}


@pytest.mark.parametrize("version", [1, 2, 3])
@pytest.mark.parametrize("flags", [0, 1])
def test_a_resource_file_is_unpacked(version, flags):
    assert qt_resources.read_rcc(write_rcc(FILES, version, flags)) == FILES


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not a Qt resource file"),
        (b"GIF89a" + bytes(40), "not a Qt resource file"),
        (write_rcc(FILES, version=9), "version 1, 2 or 3"),
        (write_rcc(FILES, flags=4), "b is compressed with Zstandard|a.txt is compressed"),
    ],
)
def test_other_files_are_refused(content, words):
    with pytest.raises(ValueError, match=words):
        qt_resources.read_rcc(content)


def test_a_resource_file_is_found_in_a_debian_package(tmp_path):
    path = tmp_path / "game.deb"
    path.write_bytes(write_deb("paintings.rcc", write_rcc(FILES)))
    assert qt_resources.read_resources(path, "paintings.rcc") == FILES
    with pytest.raises(FileNotFoundError, match="holds no sounds.rcc"):
        qt_resources.read_resources(path, "sounds.rcc")


# --- from tiles to a picture ---


def draw_picture(rows=90, columns=120):
    """A picture with edges in every direction, (rows, columns, 3) uint8."""
    y, x = np.mgrid[:rows, :columns]
    bands = np.stack([np.sin(x / 3 + y / 9), np.sin(y / 4 - x / 7), np.sin((x + y) / 5)], axis=-1)
    noise = np.random.default_rng(5).normal(0, 12, bands.shape)
    return np.clip(128 + 100 * bands + noise, 0, 255).astype(np.uint8)


def cut_jigsaw(picture, down=3, across=3, knob=5):
    """Pieces that overlap by a pixel, knobs to the right: RGBA, x and y of the corner."""
    rows, columns = picture.shape[:2]
    owner = np.add.outer(
        np.arange(rows) * down // rows * across, np.arange(columns) * across // columns
    )
    knobs = owner.copy()
    for row in range(down):
        for column in range(across - 1):
            y = (2 * row + 1) * rows // (2 * down)
            x = (column + 1) * columns // across
            knobs[y - knob : y + knob, x : x + knob] = row * across + column
    pieces = []
    for i in range(down * across):
        mask = np.pad(knobs == i, 1)
        mask = np.any(
            [np.roll(mask, (dy, dx), (0, 1)) for dy in (-1, 0, 1) for dx in (-1, 0, 1)], axis=0
        )[1:-1, 1:-1]
        ys, xs = np.nonzero(mask)
        area = slice(ys.min(), ys.max() + 1), slice(xs.min(), xs.max() + 1)
        alpha = 255 * mask[area].astype(np.uint8)
        pieces.append((np.dstack([picture[area], alpha]), int(xs.min()), int(ys.min())))
    return pieces


def test_a_jigsaw_with_rounded_positions_is_put_together():
    picture = draw_picture()
    rng = np.random.default_rng(0)
    pieces = [
        (tile, x + 40 + rng.uniform(-0.9, 0.9), y + 7 + rng.uniform(-0.9, 0.9))
        for tile, x, y in cut_jigsaw(picture)
    ]
    assert np.array_equal(collect.assemble(pieces), picture)


def test_a_ragged_rim_is_cut_off():
    picture = draw_picture()
    pieces = cut_jigsaw(picture)
    tile, x, y = pieces[0]
    pieces[0] = tile[3:, 2:], x + 2, y + 3  # a piece that lacks its outer edge
    assert np.array_equal(collect.assemble(pieces), picture[3:, 2:])


def test_a_missing_piece_is_no_picture():
    pieces = cut_jigsaw(draw_picture())
    del pieces[4]
    with pytest.raises(ValueError, match="leave gaps"):
        collect.assemble(pieces)


def test_rectangular_tiles_touch_and_form_rows():
    picture = draw_picture(61, 90)
    corners = [(x, y) for y in (0, 30) for x in (0, 30, 60)]
    cut = [(picture[y : y + 30 + (x == 60), x : x + 30], x, y) for x, y in corners]
    tiles = [
        (np.dstack([tile, np.full(tile.shape[:2], 255, np.uint8)]), x + 5.4, y - 2.3)
        for tile, x, y in cut
    ]
    assert np.array_equal(collect.assemble(tiles[::-1]), picture[:60])


def test_a_piece_too_large_for_its_bytes_gets_a_lower_quality(monkeypatch):
    picture = draw_picture()
    monkeypatch.setattr(collect, "LARGEST", 4000)
    jpeg = collect.encode(picture)
    assert len(jpeg) <= 4000
    with Image.open(io.BytesIO(jpeg)) as image:
        assert image.size == (120, 90) and image.info["progressive"]


def board(pieces, width=160, height=120):
    """A board of the game: the centres of its pieces as fractions, to three digits."""
    text = f'{{"pixmapfile" : "image/bg.svg", "width": {width},\n "height": {height}}}\n'
    for i, (tile, x, y) in enumerate(pieces):
        centre = (x + tile.shape[1] / 2) / width, (y + tile.shape[0] / 2) / height
        text += (
            f'{{"pixmapfile" : "image/{i}.webp",\n "x" : "{centre[0]:.3f}",\n'
            f' "y" : "{centre[1]:.3f}"}},\n'
        )
    return text.encode()


def webp(tile):
    buffer = io.BytesIO()
    Image.fromarray(tile).save(buffer, "WEBP", lossless=True)
    return buffer.getvalue()


def test_the_command_rebuilds_a_painting_and_keeps_it(tmp_path, monkeypatch, capsys):
    picture = draw_picture()
    pieces = cut_jigsaw(picture)
    files = {f"g/resource/image/{i}.webp": webp(tile) for i, (tile, _, _) in enumerate(pieces)}
    files["g/resource/board/board1_0.qml"] = board(pieces)
    source, out = tmp_path / "game.deb", tmp_path / "out"
    source.write_bytes(write_deb("paintings.rcc", write_rcc(files, flags=1)))
    monkeypatch.setattr(collect, "PAINTINGS", {"sines.jpg": (1, (1, 2, 3, 4))})
    assert collect.main([str(source), "--out", str(out)]) == 0
    assert re.fullmatch(r"sines.jpg: 116×84, \d+ KB, written\n", capsys.readouterr().out)
    with Image.open(out / "sines.jpg") as image:
        error = np.abs(np.asarray(image).astype(int) - picture[2:-4, 1:-3])
    assert error.mean() < 15
    assert collect.main([str(source), "--out", str(out)]) == 0
    assert capsys.readouterr().out.endswith("unchanged\n")
    assert [path.name for path in out.iterdir()] == ["sines.jpg"]


@pytest.mark.parametrize("content", [None, b"no package", write_deb("sounds.rcc", b"")])
def test_without_the_package_one_sentence_says_what_to_do(tmp_path, capsys, content):
    source = tmp_path / "game.deb"
    if content is not None:
        source.write_bytes(content)
    assert collect.main([str(source), "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert "apt-get download gcompris-qt-data" in said and said.count("\n") == 1
    assert not (tmp_path / "out").exists()


# --- the committed files ---


def test_the_folder_holds_the_listed_paintings_and_their_licence():
    folder = {path.name for path in (DATA_DIR / "masterpieces").iterdir()}
    assert folder == {*NAMES, "COPYING"}
    assert len(NAMES) >= 12
    licence = (DATA_DIR / "masterpieces" / "COPYING").read_text(encoding="utf-8")
    assert "GNU GENERAL PUBLIC LICENSE" in licence and "Version 3" in licence[:200]


@pytest.mark.parametrize("name", NAMES)
def test_a_painting_is_small_and_colourful(name):
    path = DATA_DIR / "masterpieces" / name
    assert path.stat().st_size <= collect.LARGEST
    with Image.open(path) as image:
        assert image.format == "JPEG" and image.mode == "RGB" and not image.getexif()
        assert min(image.size) >= 270 and max(image.size) <= 760
        assert np.asarray(image).std(axis=(0, 1)).min() > 20


@pytest.mark.parametrize("name", NAMES)
def test_a_painting_is_described(name):
    rows = re.findall(rf"^\| `{name}` \| (.+) \| (.+) \| (.+) \|$", README, re.MULTILINE)
    assert len(rows) == 1, "one row of data/README.md"
    artist, title, year = rows[0]
    assert re.fullmatch(r"\D+, 1[4-9]\d\d", artist) and len(title) > 3
    assert re.match(r"(about )?1[4-9]\d\d|not given$", year)
    assert name.split("_")[0] in artist.lower().replace("ü", "ue")


def test_the_readmes_set_the_licence_apart():
    section = README[README.index("## `masterpieces/`") :].split("\n## ")[0]
    for words in ("GPL-3+", "WebMuseum", "not under this project's MIT licence"):
        assert words in section
    page = (DATA_DIR.parent / "README.md").read_text(encoding="utf-8")
    assert "GPL-3.0-or-later" in page
    assert f"{len(NAMES)} masterpieces" in page
