"""Archives of images: fetched from a small server that can misbehave, and extracted."""

import contextlib
import hashlib
import io
import json
import os
import re
import signal
import stat
import struct
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
from course_lib.system.archives import (
    COCO,
    ArchiveError,
    ImageArchive,
    extract_images,
    fetch_archive,
)
from course_lib.system.downloads import DownloadError
from course_lib.system.files import replacing
from course_lib.system.picture_files import extensions

COUNT = 6


def picture(seed):
    """A JPEG of noise, longer than one chunk."""
    noise = np.random.default_rng(seed).integers(0, 256, (300, 240, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "JPEG", quality=95)
    assert file.tell() > archives.CHUNK
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


def extract(archive, folder, **options):
    return extract_images(archive, folder, progress=False, **options)


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
    assert report.saved == NAMES and not report.present and not report.skipped
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
    assert set(files(tmp_path)) == {"val.zip.part", "val.zip.part.json"}
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


def test_an_archive_that_is_broken_on_the_server_says_what_to_do(server, tmp_path):
    source = source_of(server, BODY[:-1000])
    with pytest.raises(ArchiveError, match="val.zip is damaged or incomplete .*; delete it and"):
        fetch(source, tmp_path)
    assert set(files(tmp_path)) == {"val.zip"}


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
import os, signal, sys, zipfile
from course_lib.system import archives
from course_lib.system.picture_files import extensions

read, calls = zipfile.ZipExtFile.read, []

def read_and_die(self, *arguments):
    calls.append(self.name)
    if len(calls) > 1 and calls[-2] == self.name == sys.argv[2]:  # the second chunk of a picture
        print(calls[0], flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    return read(self, *arguments)

zipfile.ZipExtFile.read = read_and_die
source = archives.ImageArchive(sys.argv[3], int(sys.argv[4]), sys.argv[5], int(sys.argv[6]))
archives.fetch_archive(source, sys.argv[1], progress=False)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal here")
def test_a_killed_extraction_goes_on_where_it_was(server, source, tmp_path):
    arguments = [tmp_path, NAMES[3], source.url, source.size, source.sha256, source.images]
    command = [sys.executable, "-c", KILLED, *map(str, arguments)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
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
    read, calls = zipfile.ZipExtFile.read, []

    def interrupted(self, *arguments):
        calls.append(self.name)
        if calls.count(NAMES[2]) == 2:
            raise KeyboardInterrupt
        return read(self, *arguments)

    with monkeypatch.context() as context, pytest.raises(KeyboardInterrupt):
        context.setattr(zipfile.ZipExtFile, "read", interrupted)
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
                raise OSError(28, "No space left on device")

    with monkeypatch.context() as context:
        context.setattr(archives, "replacing", full)
        with pytest.raises(ArchiveError, match=rf"{NAMES[2]} cannot be written \(No space left"):
            fetch(source, tmp_path)
    assert files(tmp_path) == first(2) | {"val.zip": BODY}
    assert fetch(source, tmp_path).saved == NAMES[2:]


# --- extracting -----------------------------------------------------------------------------


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_extraction_gives_the_same_bytes(tmp_path, compression):
    archive = tmp_path / "val.zip"
    archive.write_bytes(zipped(PICTURES.items(), compression))
    report = extract(archive, tmp_path / "out")
    assert report.saved == NAMES
    assert report.sizes == {name: len(data) for name, data in PICTURES.items()}
    assert files(tmp_path / "out") == PICTURES
    again = extract(archive, tmp_path / "out")
    assert again.present == NAMES and not again.saved
    assert archive.is_file()


def link(name, kind=stat.S_IFLNK):
    member = zipfile.ZipInfo(name)
    member.create_system = 3  # Unix
    member.external_attr = (kind | 0o777) << 16
    return member


BAD = {
    "/etc/a.jpg": "leads out",
    "../a.jpg": "leads out",
    "val/../../a.jpg": "leads out",
    "val/..": "leads out",
    "C:/a.jpg": "leads out",
    "c:a.jpg": "leads out",
    "..\\a.jpg": "not allowed on every system",
    "val\\a.jpg": "not allowed on every system",
    "val/a:b.jpg": "not allowed on every system",
    "val/a\nb.jpg": "not allowed on every system",
    "val/\x1b[2Ja.jpg": "not allowed on every system",
    "val//a.jpg": "not allowed on every system",
    "val/./a.jpg": "hidden",
    "__MACOSX/._a.jpg": "hidden",
    ".hidden/a.jpg": "hidden",
    "a.txt": "no image",
    "run.py": "no image",
    "jpg": "no image",
}


@pytest.mark.parametrize("name", BAD)
def test_bad_names_are_skipped_and_said(tmp_path, name):
    archive = tmp_path / "a" / "b" / "val.zip"
    archive.parent.mkdir(parents=True)
    archive.write_bytes(zipped([(name, b"bad"), *first(1).items()]))
    report = extract(archive, tmp_path / "a" / "b" / "out")
    assert list(report.skipped) == [name]
    assert BAD[name] in report.skipped[name]
    assert report.saved == NAMES[:1]
    assert set(files(tmp_path)) == {"a/b/val.zip", "a/b/out/" + NAMES[0]}


def test_a_name_with_a_zero_is_skipped(tmp_path):
    body = zipped([("val/a.jpg?.py", b"bad"), *first(1).items()])
    archive = tmp_path / "val.zip"
    archive.write_bytes(body.replace(b"a.jpg?.py", b"a.jpg\0.py"))
    assert list(extract(archive, tmp_path / "out").skipped) == ["val/a.jpg\0.py"]
    assert files(tmp_path / "out") == first(1)


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_are_skipped(tmp_path, kind):
    archive = tmp_path / "val.zip"
    entries = [(link("val/a.jpg", kind), b"/etc/passwd"), (link("sub", kind), b".."),
               ("sub/b.jpg", b"picture")]  # fmt: skip
    archive.write_bytes(zipped(entries))
    report = extract(archive, tmp_path / "out")
    assert report.skipped == dict.fromkeys(
        ["val/a.jpg", "sub"], "it is a link or device, not a file"
    )
    assert files(tmp_path / "out") == {"sub/b.jpg": b"picture"}
    assert not (tmp_path / "out" / "sub").is_symlink()


def test_encrypted_and_oddly_compressed_entries_are_skipped(tmp_path):
    archive = tmp_path / "val.zip"
    entries = [("a.jpg", b"a"), ("b.jpg", b"b"), ("c.jpg", b"c")]
    body = bytearray(zipped(entries))
    first_entry = body.index(b"PK\x01\x02")  # the list of contents at the end
    second_entry = body.index(b"PK\x01\x02", first_entry + 4)
    body[first_entry + 8] |= 1  # its flags
    body[second_entry + 10 : second_entry + 12] = struct.pack("<H", 97)  # its compression
    archive.write_bytes(body)
    report = extract(archive, tmp_path / "out")
    reasons = {"a.jpg": "it is encrypted", "b.jpg": "its kind of compression is not supported"}
    assert report.skipped == reasons and report.saved == ["c.jpg"]


@pytest.mark.parametrize("length", [0, 1, 100, len(BODY) // 2, len(BODY) - 30, len(BODY) - 1])
def test_a_truncated_archive_is_refused_whole(tmp_path, length):
    archive = tmp_path / "val.zip"
    archive.write_bytes(BODY[:length])
    with pytest.raises(ArchiveError) as caught:
        extract(archive, tmp_path / "out")
    assert str(caught.value).startswith(f"{archive} is damaged or incomplete (")
    assert str(caught.value).endswith("); delete it and download it again")
    assert not (tmp_path / "out").exists()


def test_bytes_missing_at_the_start_are_noticed(tmp_path):
    archive = tmp_path / "val.zip"
    archive.write_bytes(BODY[len(BODY) // 2 :])
    with pytest.raises(ArchiveError, match="val.zip is damaged or incomplete at val/00"):
        extract(archive, tmp_path / "out")
    assert files(tmp_path / "out").items() <= PICTURES.items()


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_damaged_picture_is_named_and_never_saved(tmp_path, compression):
    body = bytearray(zipped(PICTURES.items(), compression))
    with zipfile.ZipFile(io.BytesIO(body)) as file:
        start = file.getinfo(NAMES[2]).header_offset
    body[start + 40_000 : start + 40_100] = bytes(100)
    archive = tmp_path / "val.zip"
    archive.write_bytes(body)
    with pytest.raises(ArchiveError, match=f"val.zip is damaged or incomplete at {NAMES[2]} "):
        extract(archive, tmp_path / "out")
    assert files(tmp_path / "out") == first(2)


def test_a_length_that_lies_is_noticed(tmp_path):
    body = bytearray(zipped([("a.jpg", b"abc")]))
    length = body.index(b"PK\x01\x02") + 24
    body[length : length + 4] = struct.pack("<I", 1000)
    archive = tmp_path / "val.zip"
    archive.write_bytes(body)
    with pytest.raises(ArchiveError, match="damaged or incomplete at a.jpg"):
        extract(archive, tmp_path / "out")
    assert files(tmp_path / "out") == {}


@pytest.mark.parametrize("entries", [[], [("readme.txt", b"x")], [("val/", b"")]])
def test_an_archive_without_images(tmp_path, entries):
    archive = tmp_path / "val.zip"
    archive.write_bytes(zipped(entries))
    with pytest.raises(ArchiveError, match="val.zip holds no images; check"):
        extract(archive, tmp_path / "out")


def test_no_archive_at_all(tmp_path):
    with pytest.raises(ArchiveError, match=r"val.zip cannot be read \(No such file"):
        extract(tmp_path / "val.zip", tmp_path / "out")


def test_room_for_the_images_is_counted_exactly(tmp_path, monkeypatch):
    archive = tmp_path / "val.zip"
    archive.write_bytes(BODY)
    needed = sum(map(len, PICTURES.values()))
    limit_disk(monkeypatch, needed - 1)
    with pytest.raises(DownloadError, match=f"extracting {archive} needs .* make room"):
        extract(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    limit_disk(monkeypatch, needed)
    assert extract(archive, tmp_path / "out").saved == NAMES


def test_a_folder_where_a_picture_should_be(tmp_path):
    archive = tmp_path / "val.zip"
    archive.write_bytes(BODY)
    (tmp_path / "out" / NAMES[1]).mkdir(parents=True)
    with pytest.raises(ArchiveError, match=f"{NAMES[1]} cannot be written .this is a folder"):
        extract(archive, tmp_path / "out")


def test_the_progress_bar_counts_pictures_where_somebody_sees_it(tmp_path, capsys, monkeypatch):
    archive = tmp_path / "val.zip"
    archive.write_bytes(BODY)
    extract_images(archive, tmp_path / "unseen")
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    extract_images(archive, tmp_path / "out")
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
    assert subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY).returncode == 0


def test_git_ignores_the_data():
    lines = (REPOSITORY / ".gitignore").read_text().splitlines()
    assert {"/data/coco/", "/data/paintings/"} <= set(lines)
