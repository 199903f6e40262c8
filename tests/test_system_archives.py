"""Archives of images: fetched from a small server that can misbehave, and extracted."""

import contextlib
import hashlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import zipfile
from collections import namedtuple

import numpy as np
import pytest
from PIL import Image

from course_lib import REPOSITORY
from course_lib.images import find_images
from course_lib.system import archives, downloads
from course_lib.system.archives import COCO, ArchiveError, ImageArchive, fetch_archive
from course_lib.system.downloads import DownloadError
from course_lib.system.files import replacing
from course_lib.system.picture_files import extensions

COUNT = 6


def picture(seed):
    """A JPEG of noise."""
    noise = np.random.default_rng(seed).integers(0, 256, (300, 240, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "JPEG", quality=95)
    return file.getvalue()


PICTURES = {f"val/{i:03d}.jpg": picture(i) for i in range(COUNT)}
NAMES = sorted(PICTURES)


def zipped(entries, compression=zipfile.ZIP_STORED):
    """The bytes of a zip file; the names may be ``ZipInfo`` objects."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return file.getvalue()


# The folder has an entry of its own, and the order is not that of the names.
BODY = zipped([("val/", b""), *reversed(PICTURES.items())])


def source_of(server, body=BODY, **changes):
    """Put an archive on the server and describe it."""
    server.files["/zips/val.zip"] = body
    values = {"size": len(body), "sha256": hashlib.sha256(body).hexdigest(), "images": COUNT}
    return ImageArchive(server.url + "/zips/val.zip", **values | changes)


@pytest.fixture
def source(server):
    return source_of(server)


def fetch(source, folder, **options):
    return fetch_archive(source, folder, progress=False, **options)


def files(folder):
    """All files below a folder, with their contents."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def first(number):
    return {name: PICTURES[name] for name in NAMES[:number]}


def without_list(folder):
    return {name: data for name, data in files(folder).items() if name != "val.json"}


def limit_disk(monkeypatch, free):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(downloads.shutil, "disk_usage", lambda _: usage(10 * free, 0, free))


# --- fetching -------------------------------------------------------------------------------


def test_coco_is_described_in_full():
    assert COCO.name == "val2017.zip"
    assert (COCO.size, COCO.images) == (815_585_330, 5000)
    assert re.fullmatch(r"[0-9a-f]{64}", COCO.sha256)


def test_all_images_are_there_and_the_archive_is_gone(server, source, tmp_path):
    report = fetch(source, tmp_path / "new" / "coco")
    assert report.saved == NAMES and not report.present
    assert without_list(tmp_path / "new" / "coco") == PICTURES
    assert len(server.requests) == 1


def test_a_second_call_makes_no_request_and_writes_nothing(server, source, tmp_path):
    fetch(source, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    report = fetch(source, tmp_path)
    assert report.present == NAMES and not report.saved
    assert len(server.requests) == 1
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_only_the_first_images_by_name(server, source, tmp_path):
    report = fetch(source, tmp_path, images=2)
    assert report.saved == NAMES[:2]
    assert without_list(tmp_path) == first(2)
    assert fetch(source, tmp_path, images=1).present == NAMES[:1]
    assert fetch(source, tmp_path, images=2).present == NAMES[:2]
    assert len(server.requests) == 1
    more = fetch(source, tmp_path, images=4)  # needs the archive again
    assert (more.present, more.saved) == (NAMES[:2], NAMES[2:4])
    assert without_list(tmp_path) == first(4)
    assert len(server.requests) == 2


def test_a_kept_archive_saves_the_second_download(server, source, tmp_path):
    fetch(source, tmp_path, images=2, keep_archive=True)
    assert files(tmp_path)["val.zip"] == BODY
    assert fetch(source, tmp_path).saved == NAMES[2:]
    assert len(server.requests) == 1
    assert without_list(tmp_path) == PICTURES  # and now it is deleted


def test_a_call_with_nothing_to_do_leaves_a_kept_archive(source, tmp_path):
    fetch(source, tmp_path, keep_archive=True)
    fetch(source, tmp_path)
    assert files(tmp_path)["val.zip"] == BODY


@pytest.mark.parametrize("number", [0, -1, COUNT + 1])
def test_a_number_of_images_that_cannot_be(server, source, tmp_path, number):
    with pytest.raises(ArchiveError, match=f"val.zip has 6 images, not {number}; ask for 1 to 6"):
        fetch(source, tmp_path / "coco", images=number)
    assert server.requests == [] and files(tmp_path) == {}


def test_dropped_connections_are_resumed(server, source, tmp_path):
    server.faults["/zips/val.zip"] = ["drop", "drop"]
    fetch(source, tmp_path)
    assert without_list(tmp_path) == PICTURES
    starts = [int(re.search(r"\d+", asked)[0]) for asked in server.asked_ranges[1:]]
    assert server.asked_ranges[0] is None and 0 < starts[0] < starts[1] < len(BODY)


def test_a_download_that_failed_is_continued_by_the_next_call(server, source, tmp_path):
    server.faults["/zips/val.zip"] = ["drop"] * 2 + ["500"] * 9
    with pytest.raises(DownloadError, match="run it again, to continue"):
        fetch(source, tmp_path)
    assert set(files(tmp_path)) == {"val.zip.part"}
    server.faults.clear()
    fetch(source, tmp_path)
    assert without_list(tmp_path) == PICTURES
    assert server.asked_ranges[-1] is not None


def test_a_wrong_checksum_leaves_nothing(server, tmp_path):
    source = source_of(server, sha256="0" * 64)
    with pytest.raises(DownloadError, match="has the sha256 .* instead of 0000"):
        fetch(source, tmp_path)
    assert files(tmp_path) == {}


def test_an_archive_cut_short_on_disk_is_downloaded_again(server, source, tmp_path):
    (tmp_path / "val.zip").write_bytes(BODY[:-1000])
    fetch(source, tmp_path)
    assert without_list(tmp_path) == PICTURES
    assert len(server.requests) == 1


@pytest.mark.parametrize("damage", ["removed", "cut"])
def test_a_lost_or_damaged_picture_comes_back(server, source, tmp_path, damage):
    fetch(source, tmp_path)
    lost = tmp_path / NAMES[3]
    lost.unlink() if damage == "removed" else lost.write_bytes(PICTURES[NAMES[3]][:-1])
    report = fetch(source, tmp_path)
    assert report.saved == [NAMES[3]] and len(report.present) == COUNT - 1
    assert without_list(tmp_path) == PICTURES


@pytest.mark.parametrize("text", ["", "[]", '{"sha256": 1}', '{"sizes": 3, "sha256": "%s"}'])
def test_a_damaged_list_of_contents_is_made_anew(server, source, tmp_path, text):
    fetch(source, tmp_path)
    good = (tmp_path / "val.json").read_bytes()
    (tmp_path / "val.json").write_text(text.replace("%s", source.sha256))
    assert fetch(source, tmp_path).present == NAMES
    assert (tmp_path / "val.json").read_bytes() == good


def test_the_list_of_another_archive_is_not_believed(server, source, tmp_path):
    fetch(source, tmp_path)
    other = {"val/a.jpg": PICTURES[NAMES[0]]}
    newer = source_of(server, zipped(other.items()), images=1)
    assert fetch(newer, tmp_path).saved == ["val/a.jpg"]
    assert json.loads((tmp_path / "val.json").read_text())["sha256"] == newer.sha256


def test_room_for_archive_and_images_is_checked_before_any_request(
    server, source, tmp_path, monkeypatch
):
    folder = tmp_path / "coco"
    limit_disk(monkeypatch, 2 * len(BODY))  # the images need a little more than the archive
    with pytest.raises(DownloadError) as caught:
        fetch(source, folder)
    needed, free = len(BODY) * 2.05 / 1e6, len(BODY) * 2 / 1e6
    sizes = f"needs {needed:,.1f} MB and {folder} has {free:,.1f} MB free"
    assert str(caught.value) == (
        f"{source.url} with its extracted images {sizes}; make room or use another folder"
    )
    assert server.requests == [] and not folder.exists()
    limit_disk(monkeypatch, int(2.06 * len(BODY)))
    assert fetch(source, folder).saved == NAMES


def test_fewer_images_need_less_room(source, tmp_path, monkeypatch):
    limit_disk(monkeypatch, int(1.5 * len(BODY)))
    with pytest.raises(DownloadError, match="make room"):
        fetch(source, tmp_path)
    assert fetch(source, tmp_path, images=2).saved == NAMES[:2]


def test_a_part_that_is_there_needs_no_room_again(server, source, tmp_path, monkeypatch):
    server.faults["/zips/val.zip"] = ["drop"] + ["500"] * 9
    with pytest.raises(DownloadError):
        fetch(source, tmp_path)
    server.faults.clear()
    limit_disk(monkeypatch, int(1.6 * len(BODY)))
    assert fetch(source, tmp_path).saved == NAMES


def test_a_picture_that_is_missing_needs_only_its_own_room(source, tmp_path, monkeypatch):
    fetch(source, tmp_path, keep_archive=True)
    (tmp_path / NAMES[0]).unlink()
    limit_disk(monkeypatch, len(PICTURES[NAMES[0]]))
    assert fetch(source, tmp_path).saved == [NAMES[0]]


def test_a_folder_that_cannot_be_written(server, source, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    for folder in (tmp_path / "file", tmp_path / "file" / "coco"):
        with pytest.raises(ArchiveError, match=f"{folder} cannot be written .*another folder"):
            fetch(source, folder)

    def forbidden(dir):
        raise PermissionError(13, "Permission denied", str(dir))

    monkeypatch.setattr("course_lib.system.files.tempfile.TemporaryFile", forbidden)
    with pytest.raises(ArchiveError, match=r"coco cannot be written \(Permission denied\)"):
        fetch(source, tmp_path / "coco")
    assert server.requests == []


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_the_right_to_write(server, source, tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(ArchiveError, match="cannot be written"):
            fetch(source, tmp_path)
    finally:
        tmp_path.chmod(0o700)
    assert server.requests == []


# --- a stopped extraction -------------------------------------------------------------------

KILLED = """
import os, pathlib, signal, sys
from course_lib.system import archives

write = pathlib.Path.write_bytes

def write_and_die(path, data):
    if path.name.startswith(sys.argv[2]):
        write(path, data[: len(data) // 2])
        os.kill(os.getpid(), signal.SIGKILL)
    return write(path, data)

pathlib.Path.write_bytes = write_and_die
source = archives.ImageArchive(sys.argv[3], int(sys.argv[4]), sys.argv[5], int(sys.argv[6]))
archives.fetch_archive(source, sys.argv[1], progress=False)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal here")
def test_a_killed_extraction_goes_on_where_it_was(server, source, tmp_path):
    arguments = [tmp_path, ".003.", source.url, source.size, source.sha256, source.images]
    command = [sys.executable, "-c", KILLED, *map(str, arguments)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=300)
    assert done.returncode == -signal.SIGKILL, done.stderr
    found = files(tmp_path)
    assert found.pop("val.zip") == BODY
    (leftover,) = set(found) - set(NAMES[:3])
    assert re.fullmatch(r"val/\.003\.[0-9a-f]{8}\.jpg", leftover)
    half = found.pop(leftover)
    assert 0 < len(half) < len(PICTURES[NAMES[3]])
    assert found == first(3)
    (tmp_path / "val" / ".mine.0123abcd.jpg").write_bytes(b"belongs to somebody else")
    written = {name: (tmp_path / name).stat().st_mtime_ns for name in NAMES[:3]}

    report = fetch(source, tmp_path)
    assert (report.present, report.saved) == (NAMES[:3], NAMES[3:])
    assert len(server.requests) == 1
    assert {name: (tmp_path / name).stat().st_mtime_ns for name in NAMES[:3]} == written
    left = without_list(tmp_path)
    assert left.pop("val/.mine.0123abcd.jpg")
    assert left == PICTURES


def test_control_c_leaves_whole_pictures_only(server, source, tmp_path, monkeypatch):
    read = zipfile.ZipFile.read

    def interrupted(self, name):
        if name == NAMES[2]:
            raise KeyboardInterrupt
        return read(self, name)

    with monkeypatch.context() as context, pytest.raises(KeyboardInterrupt):
        context.setattr(zipfile.ZipFile, "read", interrupted)
        fetch(source, tmp_path)
    assert files(tmp_path) == first(2) | {"val.zip": BODY}
    assert fetch(source, tmp_path).saved == NAMES[2:]
    assert len(server.requests) == 1


def test_a_disk_that_fills_up_in_between_is_reported(source, tmp_path, monkeypatch):
    @contextlib.contextmanager
    def full(path):
        with replacing(path) as temporary:
            yield temporary
            if path.name == "002.jpg":
                raise OSError(28, "No space left on device", str(path))

    with monkeypatch.context() as context:
        context.setattr(archives, "replacing", full)
        with pytest.raises(ArchiveError, match=rf"{NAMES[2]} cannot be written \(No space left"):
            fetch(source, tmp_path)
    assert files(tmp_path) == first(2) | {"val.zip": BODY}
    assert fetch(source, tmp_path).saved == NAMES[2:]


# --- extracting -----------------------------------------------------------------------------


def test_a_compressed_archive_gives_the_same_bytes(server, tmp_path):
    source = source_of(server, zipped(PICTURES.items(), zipfile.ZIP_DEFLATED))
    assert fetch(source, tmp_path).saved == NAMES
    assert without_list(tmp_path) == PICTURES


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_damaged_picture_is_named_and_never_saved(source, tmp_path, monkeypatch, compression):
    """As by a bad disk, after the checksum of the whole was seen to agree."""
    body = bytearray(zipped(PICTURES.items(), compression))
    with zipfile.ZipFile(io.BytesIO(body)) as file:
        start = file.getinfo(NAMES[2]).header_offset
    body[start + 40_000 : start + 40_100] = bytes(100)
    monkeypatch.setattr(archives, "download", lambda url, path, **_: path.write_bytes(body))
    with pytest.raises(ArchiveError, match=rf"val.zip is damaged \(.*{NAMES[2]}.*; delete it and"):
        fetch(source, tmp_path)
    assert files(tmp_path) == first(2) | {"val.zip": bytes(body)}


def test_a_folder_where_a_picture_should_be(source, tmp_path):
    (tmp_path / NAMES[1]).mkdir(parents=True)
    with pytest.raises(ArchiveError, match=f"{NAMES[1]} cannot be written .this is a folder"):
        fetch(source, tmp_path)


def test_the_progress_bar_counts_pictures_where_somebody_sees_it(
    source, tmp_path, capsys, monkeypatch
):
    fetch_archive(source, tmp_path / "unseen")
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    fetch_archive(source, tmp_path / "out")
    assert f"extracting val.zip: 100%|██████████| {COUNT}/{COUNT}" in capsys.readouterr().err


def test_what_is_extracted_can_be_trained_on(source, tmp_path):
    fetch(source, tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in find_images(tmp_path)] == NAMES
    assert set(archives.EXTENSIONS) <= extensions()


def test_the_module_needs_neither_torch_nor_pillow():
    code = (
        "import sys, course_lib.system.archives\n"
        "sys.exit(bool({'torch', 'PIL'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, timeout=300).returncode == 0


def test_git_ignores_the_data():
    lines = (REPOSITORY / ".gitignore").read_text().splitlines()
    assert {"/data/coco/", "/data/paintings/"} <= set(lines)
