"""The playground as web pages: what is in the folder, and what is said when something lacks."""

import io
import json
import tarfile
import threading
import urllib.request

import numpy as np
import pytest

from course_lib import DATA_DIR
from course_lib.images import load_image
from course_lib.playground import website
from course_lib.playground.website import BACK_ENDS, PAGE, build_site, fetch_runtime, site_server
from course_lib.stylize import StyleTransfer
from course_lib.system.downloads import DownloadError

pytest.importorskip("onnxscript")
STYLES = ["hokusai_great_wave", "splatter"]


@pytest.fixture(scope="module")
def runtime(tmp_path_factory):
    """A package with files of the right names and nothing in them."""
    path = tmp_path_factory.mktemp("npm") / "runtime.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for name in (name for names in BACK_ENDS.values() for name in names):
            entry = tarfile.TarInfo(f"package/dist/{name}")
            entry.size = len(name)
            archive.addfile(entry, io.BytesIO(name.encode()))
    return path


@pytest.fixture(scope="module")
def transfer():
    return StyleTransfer.load(device="cpu", precision="float32")


@pytest.fixture(scope="module")
def site(transfer, runtime, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(website, "STYLE_SIZE", 64)
        out = tmp_path_factory.mktemp("web") / "site"
        return build_site(transfer, out, runtime, ["cat"], STYLES)


def test_everything_that_is_listed_is_there(site):
    listing = json.loads((site / "site.json").read_text())
    assert [entry["name"] for entry in listing["photographs"]] == ["cat"]
    assert [entry["name"] for entry in listing["styles"]] == STYLES
    for entry in (*listing["photographs"], *listing["styles"]):
        assert (site / entry["thumbnail"]).is_file() and entry["title"]
    for name, size in listing["bytes"].items():
        assert (site / name).stat().st_size == size
    for name in (name for names in listing["back_ends"].values() for name in names):
        assert (site / name).is_file()
    assert {path.name for path in PAGE.iterdir()} <= {path.name for path in site.iterdir()}
    halves = sum(listing["bytes"][f"{half}.onnx"] for half in ("encoder", "decoder"))
    assert halves < 15_000_000  # half precision


def test_the_statistics_are_the_librarys(site, transfer):
    numbers = np.fromfile(site / "styles.bin", "<f4").reshape(len(STYLES), 2, 512)
    style = load_image(DATA_DIR / "masterpieces" / f"{STYLES[0]}.jpg", 64)
    expected = transfer.encode_style(style)
    assert np.allclose(numbers[0, 0], expected.mean.flatten(), atol=1e-5)
    assert np.allclose(numbers[0, 1], expected.std.flatten(), atol=1e-5)


def test_a_site_is_renewed_and_other_folders_stay(site, transfer, runtime, tmp_path, run):
    (site / "playground.js").write_text("old")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(website, "STYLE_SIZE", 64)
        build_site(transfer, site, runtime, ["cat"], STYLES)
    assert (site / "playground.js").read_text() == (PAGE / "playground.js").read_text()
    (tmp_path / "mine.txt").write_text("x")
    code, _, err = run("web", "-o", tmp_path, "--runtime", runtime)
    assert code == 2 and "holds other files" in err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("damage", ["missing", "text", "other"])
def test_a_wrong_runtime_is_named(damage, tmp_path, run):
    package = tmp_path / "runtime.tgz"
    if damage == "text":
        package.write_text("not a package")
    elif damage == "other":
        with tarfile.open(package, "w:gz") as archive:
            archive.addfile(tarfile.TarInfo("package/index.js"))
    code, _, err = run("web", "-o", tmp_path / "site", "--runtime", package)
    assert code == 2 and "runtime.tgz is not onnxruntime-web-" in err and err.count("\n") == 1


def test_an_unknown_name_is_answered_with_those_there_are(tmp_path, run, runtime):
    code, _, err = run("web", "-o", tmp_path / "s", "--runtime", runtime, "--photos", "dog")
    assert code == 2 and "no content 'dog'; there are astronaut, " in err


def test_offline_one_sentence_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setattr(website, "RUNTIME_URL", "http://nowhere.invalid/runtime.tgz")
    with pytest.raises(DownloadError, match="network connection; or fetch it elsewhere and give"):
        fetch_runtime(tmp_path, progress=False)


def test_the_page_is_short_and_sends_nothing():
    scripts = [path.read_text() for path in PAGE.glob("*.js")]
    assert sum(len(text.splitlines()) for text in scripts) < 500
    page = (PAGE / "index.html").read_text()
    assert "nothing is sent anywhere" in page
    policy = page.partition("Content-Security-Policy")[2].partition(">")[0]
    assert "default-src 'none'" in policy and "connect-src 'self'" in policy
    assert not any("http:" in text or "https:" in text for text in (page, *scripts))


def test_the_server_allows_threads(site):
    with site_server(site) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        address = f"http://127.0.0.1:{server.server_port}/ort/{BACK_ENDS['wasm'][0]}"
        with opener.open(address, timeout=30) as answer:
            assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
            assert answer.headers["Cross-Origin-Embedder-Policy"] == "require-corp"
            assert answer.headers["Content-Type"] == "text/javascript"
        with pytest.raises(website.WebsiteError, match="cannot be used"):
            site_server(site, server.server_port)
        server.shutdown()
