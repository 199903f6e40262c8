"""Downloads against a small server on this machine that can be told to misbehave."""

import hashlib
import io
import re
import socket
import subprocess
import sys
import unicodedata
from collections import namedtuple

import pytest
from PIL import Image

from course_lib.system import downloads
from course_lib.system.downloads import (
    DownloadError,
    check_space,
    download,
    fetch_paintings,
    read_paintings,
)

BODY = bytes(range(256)) * 1200  # 307,200 bytes, so several chunks
SHA256 = hashlib.sha256(BODY).hexdigest()
HALF = len(BODY) // 2


@pytest.fixture
def data(server):
    server.files["/data.bin"] = BODY
    return server.url + "/data.bin"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


class InterruptingBar(downloads.tqdm):
    """A progress bar during whose first step Ctrl-C is pressed."""

    def update(self, n=1):
        raise KeyboardInterrupt


def quiet(url, path, **options):
    return download(url, path, progress=False, **options)


# --- one file -------------------------------------------------------------------------------


def test_saves_the_file_and_nothing_else(server, data, tmp_path):
    target = tmp_path / "new" / "folder" / "data.bin"
    assert quiet(data, target) == target
    assert target.read_bytes() == BODY
    assert names(target.parent) == ["data.bin"]
    assert "Course" in server.requests[0][1]["User-Agent"]


def test_a_dropped_connection_is_resumed_by_range(server, data, tmp_path):
    server.faults["/data.bin"] = ["drop"]
    assert quiet(data, tmp_path / "data.bin", sha256=SHA256).read_bytes() == BODY
    assert server.asked_ranges == [None, f"bytes={HALF}-"]
    assert names(tmp_path) == ["data.bin"]


def test_a_server_without_ranges_sends_the_file_again(server, data, tmp_path):
    server.ranges = False
    server.faults["/data.bin"] = ["drop"]
    assert quiet(data, tmp_path / "data.bin", sha256=SHA256).read_bytes() == BODY
    assert server.asked_ranges == [None, f"bytes={HALF}-"]


def test_a_file_of_unknown_length_has_an_end(server, data, tmp_path, monkeypatch):
    monkeypatch.setattr(downloads, "MOST_UNANNOUNCED", HALF // 2)
    server.faults["/data.bin"] = ["no length"]
    with pytest.raises(DownloadError, match="does not say how long it is and gave more than"):
        quiet(data, tmp_path / "data.bin")
    assert names(tmp_path) == []


def test_control_c_leaves_a_part_that_the_next_call_continues(server, data, tmp_path, monkeypatch):
    with monkeypatch.context() as context, pytest.raises(KeyboardInterrupt):
        context.setattr(downloads, "tqdm", InterruptingBar)
        quiet(data, tmp_path / "data.bin", sha256=SHA256)
    kept = (tmp_path / "data.bin.part").stat().st_size
    assert 0 < kept < len(BODY)
    assert not (tmp_path / "data.bin").exists()
    assert quiet(data, tmp_path / "data.bin", sha256=SHA256).read_bytes() == BODY
    assert server.asked_ranges == [None, f"bytes={kept}-"]


def test_a_part_of_unknown_origin_is_not_continued(server, data, tmp_path):
    (tmp_path / "data.bin.part").write_bytes(b"something else")
    assert quiet(data, tmp_path / "data.bin").read_bytes() == BODY
    assert server.asked_ranges == [None]


@pytest.mark.parametrize("length", [2 * len(BODY), 100, len(BODY)])
def test_a_file_that_changed_on_the_server_is_fetched_from_the_start(
    server, data, tmp_path, length
):
    server.faults["/data.bin"] = ["drop"]
    with pytest.raises(DownloadError):
        quiet(data, tmp_path / "data.bin", sha256=SHA256, retries=0)
    new = server.files["/data.bin"] = b"x" * length
    sha256 = hashlib.sha256(new).hexdigest()
    assert quiet(data, tmp_path / "data.bin", sha256=sha256).read_bytes() == new
    assert server.asked_ranges[1] == f"bytes={HALF}-"


def test_without_a_checksum_nothing_is_continued(server, data, tmp_path):
    server.faults["/data.bin"] = ["drop"]
    with pytest.raises(DownloadError, match="run it again$"):
        quiet(data, tmp_path / "data.bin", retries=0)
    assert quiet(data, tmp_path / "data.bin").read_bytes() == BODY
    assert server.asked_ranges == [None, None]


def test_a_part_that_was_whole_needs_no_request(server, data, tmp_path, monkeypatch):
    def interrupted(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as context, pytest.raises(KeyboardInterrupt):
        context.setattr(downloads.os, "replace", interrupted)
        quiet(data, tmp_path / "data.bin", sha256=SHA256, size=len(BODY))
    assert not (tmp_path / "data.bin").exists()
    again = quiet(data, tmp_path / "data.bin", sha256=SHA256, size=len(BODY))
    assert again.read_bytes() == BODY and len(server.requests) == 1
    assert names(tmp_path) == ["data.bin"]


def test_not_found_is_final(server, tmp_path):
    url = server.url + "/missing.bin"
    with pytest.raises(DownloadError, match=f"{url} answered 404.*check the address"):
        quiet(url, tmp_path / "missing.bin")
    assert len(server.requests) == 1
    assert names(tmp_path) == []


def test_a_server_error_is_tried_again(server, data, tmp_path):
    server.faults["/data.bin"] = ["500", "503"]
    assert quiet(data, tmp_path / "data.bin").read_bytes() == BODY
    assert len(server.requests) == 3


def test_a_lasting_server_error_ends_after_the_retries(server, data, tmp_path):
    server.faults["/data.bin"] = ["500"] * 9
    with pytest.raises(DownloadError, match=f"{data} answered 500.*run it again$"):
        quiet(data, tmp_path / "data.bin", retries=2)
    assert len(server.requests) == 3


def test_retry_after_is_obeyed_when_short_and_reported_when_long(
    server, data, tmp_path, monkeypatch
):
    slept = []
    monkeypatch.setattr(downloads.time, "sleep", slept.append)
    server.faults["/data.bin"] = ["429", "429"]
    server.retry_after = "7"
    quiet(data, tmp_path / "data.bin")
    assert slept == [7.0, 7.0]
    server.faults["/data.bin"] = ["429"]
    server.retry_after = "600"
    with pytest.raises(DownloadError, match="wait 600 seconds") as caught:
        quiet(data, tmp_path / "other.bin")
    assert caught.value.retry_after == 600
    assert len(slept) == 2


def test_progress_earns_new_retries(server, data, tmp_path, monkeypatch):
    server.faults["/data.bin"] = ["drop"] * 6
    with pytest.raises(DownloadError):
        quiet(data, tmp_path / "a.bin", sha256=SHA256, retries=1)
    server.faults["/data.bin"] = ["drop"] * 6
    monkeypatch.setattr(downloads, "NEW_START", 1)
    again = quiet(data, tmp_path / "b.bin", sha256=SHA256, retries=1)
    assert again.read_bytes() == BODY


def test_a_body_cut_short_every_time_is_never_taken_for_the_file(server, data, tmp_path):
    server.ranges = False
    server.faults["/data.bin"] = ["drop"] * 9
    with pytest.raises(DownloadError, match=f"broke off after {HALF} of {len(BODY)}.*continue"):
        quiet(data, tmp_path / "data.bin", sha256=SHA256, retries=2)
    assert len(server.requests) == 3
    assert not (tmp_path / "data.bin").exists()


def test_a_wrong_sha256_is_refused_and_removed(server, data, tmp_path):
    with pytest.raises(DownloadError, match=f"{data} has the sha256 {SHA256} instead of 0{{64}}"):
        quiet(data, tmp_path / "data.bin", sha256="0" * 64)
    assert names(tmp_path) == []
    assert len(server.requests) == 1


def test_a_file_that_agrees_is_not_downloaded_again(server, data, tmp_path):
    target = tmp_path / "data.bin"
    quiet(data, target, sha256=SHA256.upper(), size=len(BODY))
    quiet(data, target, sha256=SHA256)
    assert len(server.requests) == 1
    target.write_bytes(BODY[:-1] + b"!")
    assert quiet(data, target, sha256=SHA256).read_bytes() == BODY
    assert len(server.requests) == 2


def test_a_wrong_size_is_seen_before_the_body(server, data, tmp_path):
    with pytest.raises(DownloadError, match=f"has {len(BODY)} bytes instead of 5;"):
        quiet(data, tmp_path / "data.bin", size=5)
    assert names(tmp_path) == []


def test_size_guards_a_body_without_announced_length(server, data, tmp_path):
    server.faults["/data.bin"] = ["no length"] * 2
    with pytest.raises(DownloadError, match=f"gave {HALF} bytes instead of {len(BODY)}"):
        quiet(data, tmp_path / "data.bin", size=len(BODY))
    assert quiet(data, tmp_path / "data.bin", size=HALF).read_bytes() == BODY[:HALF]


def test_redirects_are_followed_also_when_resuming(server, data, tmp_path):
    server.redirects["/here"] = "/data.bin"
    server.faults["/data.bin"] = ["drop"]
    url = server.url + "/here"
    assert quiet(url, tmp_path / "data.bin", sha256=SHA256).read_bytes() == BODY
    assert [path for path, _ in server.requests] == ["/here", "/data.bin"] * 2
    assert server.asked_ranges[-1] == f"bytes={HALF}-"


def test_a_stalled_server_is_left_and_resumed(server, data, tmp_path):
    server.faults["/data.bin"] = ["stall"]
    assert quiet(data, tmp_path / "data.bin", sha256=SHA256, timeout=0.2).read_bytes() == BODY
    assert server.asked_ranges == [None, f"bytes={HALF}-"]


def test_silence_is_reported(server, data, tmp_path):
    server.faults["/data.bin"] = ["stall", "stall"]
    with pytest.raises(DownloadError, match=f"{data} could not be read .*timed out"):
        quiet(data, tmp_path / "data.bin", timeout=0.2, retries=1)


def test_a_full_disk_is_noticed_before_the_body(server, data, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(downloads.shutil, "disk_usage", lambda _: usage(10, 0, len(BODY) - 1))
    with pytest.raises(DownloadError, match=f"{data} needs 0.3 MB .* free; make room"):
        quiet(data, tmp_path / "data.bin")
    assert not (tmp_path / "data.bin").exists()
    monkeypatch.setattr(downloads.shutil, "disk_usage", lambda _: usage(10, 0, len(BODY)))
    assert quiet(data, tmp_path / "data.bin").read_bytes() == BODY


def test_space_is_measured_where_a_new_folder_is_going_to_be(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    asked = []
    monkeypatch.setattr(
        downloads.shutil, "disk_usage", lambda path: asked.append(path) or usage(9, 0, 5_000_000)
    )
    folder = tmp_path / "not" / "there"
    check_space(folder, 5_000_000, "it")
    with pytest.raises(DownloadError) as caught:
        check_space(folder, 5_100_000, "it")
    sizes = f"needs 5.1 MB and {folder} has 5.0 MB free"
    assert str(caught.value) == f"it {sizes}; make room or use another folder"
    assert asked == [tmp_path, tmp_path] and not folder.exists()


def test_a_folder_that_cannot_be_made(server, data, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DownloadError, match="cannot be written"):
        quiet(data, tmp_path / "file" / "data.bin")


@pytest.mark.parametrize("url", ["file:///etc/hostname", "data.bin"])
def test_only_web_addresses(url, tmp_path):
    with pytest.raises(DownloadError, match="must start with http"):
        quiet(url, tmp_path / "data.bin")


def test_being_offline_is_said_at_once(tmp_path, monkeypatch):
    def no_host(*args, **kwargs):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(socket, "getaddrinfo", no_host)
    monkeypatch.setattr(downloads.time, "sleep", lambda _: pytest.fail("waited"))
    with pytest.raises(DownloadError, match="http://example.org/a: host not found; check"):
        quiet("http://example.org/a", tmp_path / "a")


def test_nobody_listens(server, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/a"
        with pytest.raises(DownloadError, match=f"{url} could not be read .*check the connection"):
            quiet(url, tmp_path / "a", retries=1)


def test_letters_outside_ascii(server, tmp_path):
    server.files["/Cézanne/Château 雪.bin"] = BODY
    url = server.url + "/Cézanne/Château%20雪.bin"
    assert quiet(url, tmp_path / "Château 雪.bin").read_bytes() == BODY


def test_the_progress_bar_counts_all_bytes(server, data, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    download(data, tmp_path / "data.bin")
    bar = capsys.readouterr().err
    assert "data.bin: 100%" in bar and "307k/307k" in bar


def test_the_module_needs_neither_torch_nor_pillow():
    code = (
        "import sys, course_lib.system.downloads\n"
        "sys.exit(bool({'torch', 'PIL'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=300).returncode == 0


# --- paintings ------------------------------------------------------------------------------


def jpeg(image):
    file = io.BytesIO()
    image.save(file, "JPEG", quality=95)
    return file.getvalue()


NOISE = jpeg(Image.effect_noise((600, 600), 90))  # several chunks long


@pytest.fixture
def gallery(server):
    """The server has a small picture for every painting."""
    for number, painting in enumerate(read_paintings().values()):
        server.files["/art/" + painting["commons_file"]] = jpeg(
            Image.new("L", (64, 48), 16 * number)
        )
    server.base_url = server.url + "/art/"
    return server


def fetch(server, folder, **options):
    return fetch_paintings(folder, base_url=server.base_url, progress=False, **options)


def art(name):
    return "/art/" + read_paintings()[name]["commons_file"]


def test_the_list_of_paintings():
    paintings = read_paintings()
    assert 12 <= len(paintings) <= 14
    assert list(paintings) == sorted(paintings)
    for name, painting in paintings.items():
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", name)
        assert set(painting) == {"name", "title", "artist", "year", "commons_file", "licence"}
        assert painting["commons_file"].endswith(".jpg") and " " not in painting["commons_file"]
        # Commons names are composed Unicode: é as one letter
        assert unicodedata.is_normalized("NFC", painting["commons_file"])
        died = re.fullmatch(r"public domain, the artist died in (\d{4})", painting["licence"])
        assert int(died[1]) < 1955


def test_all_paintings_are_saved_and_a_second_run_downloads_nothing(gallery, tmp_path):
    report = fetch(gallery, tmp_path / "paintings")
    assert report.saved == list(read_paintings())
    assert not report.present and not report.failed
    assert len(gallery.requests) == len(report.saved)
    assert names(tmp_path / "paintings") == [f"{name}.jpg" for name in report.saved]
    again = fetch(gallery, tmp_path / "paintings")
    assert again.present == report.saved and not again.saved and not again.failed
    assert len(gallery.requests) == len(report.saved)


def test_the_request_has_the_quoted_name_and_the_width(gallery, tmp_path):
    fetch(gallery, tmp_path, names=["mont_sainte_victoire"])
    ((path, headers),) = gallery.requests
    assert path.isascii() and "Ch%C3%A2teau_Noir" in path
    assert path.endswith(".jpg?width=1280")
    assert "Course" in headers["User-Agent"]


def test_one_failure_does_not_end_the_rest(gallery, tmp_path):
    del gallery.files[art("composition_vii")]
    gallery.files[art("the_kiss")] = b"<!DOCTYPE html><title>Wikimedia Error</title>"
    gallery.files[art("the_scream")] = NOISE[:-50_000]  # an image cut short
    report = fetch(gallery, tmp_path)
    assert set(report.failed) == {"composition_vii", "the_kiss", "the_scream"}
    assert "answered 404" in report.failed["composition_vii"]
    for name in ("the_kiss", "the_scream"):
        assert "no readable image" in report.failed[name]
    assert report.saved == [name for name in read_paintings() if name not in report.failed]
    assert names(tmp_path) == [f"{name}.jpg" for name in report.saved]


def test_a_damaged_file_is_replaced(gallery, tmp_path):
    (tmp_path / "the_kiss.jpg").write_bytes(b"not an image")
    assert fetch(gallery, tmp_path, names=["the_kiss"]).saved == ["the_kiss"]
    Image.open(tmp_path / "the_kiss.jpg").load()


def test_only_the_named_paintings(gallery, tmp_path):
    report = fetch(gallery, tmp_path, names=["the_kiss", "shipwreck", "the_kiss"])
    assert report.saved == ["the_kiss", "shipwreck"] and not report.present
    assert len(gallery.requests) == 2


def test_unknown_names_and_widths_are_refused_before_any_request(gallery, tmp_path):
    with pytest.raises(DownloadError, match="no painting is called mona_lisa; .*starry_night"):
        fetch(gallery, tmp_path, names=["the_kiss", "mona_lisa"])
    with pytest.raises(DownloadError, match="width 1024 .*1280"):
        fetch(gallery, tmp_path, width=1024)
    assert gallery.requests == []


def test_a_server_that_asks_for_a_long_pause_is_left_alone(gallery, tmp_path):
    gallery.faults[art("shipwreck")] = ["429"]
    gallery.retry_after = "600"
    report = fetch(gallery, tmp_path, names=["the_kiss", "shipwreck", "great_wave", "the_scream"])
    assert report.saved == ["the_kiss"]
    assert list(report.failed) == ["shipwreck", "great_wave", "the_scream"]
    assert "not tried" in report.failed["great_wave"]
    assert len(gallery.requests) == 2


def test_there_is_a_pause_between_two_requests(gallery, tmp_path, monkeypatch):
    slept = []
    monkeypatch.setattr(downloads, "PAUSE", 1.5)
    monkeypatch.setattr(downloads.time, "sleep", slept.append)
    fetch(gallery, tmp_path, names=["the_kiss", "shipwreck", "great_wave"])
    assert slept == [1.5, 1.5]


def test_after_control_c_a_painting_is_fetched_whole(gallery, tmp_path, monkeypatch):
    gallery.files[art("the_kiss")] = NOISE
    with monkeypatch.context() as context, pytest.raises(KeyboardInterrupt):
        context.setattr(downloads, "tqdm", InterruptingBar)
        fetch(gallery, tmp_path, names=["the_kiss", "the_scream"])
    kept = (tmp_path / "the_kiss.jpg.part").stat().st_size
    assert 0 < kept < len(NOISE)
    report = fetch(gallery, tmp_path, names=["the_kiss", "the_scream"])
    assert report.saved == ["the_kiss", "the_scream"]
    assert (tmp_path / "the_kiss.jpg").read_bytes() == NOISE
    assert gallery.asked_ranges == [None, None, None]
