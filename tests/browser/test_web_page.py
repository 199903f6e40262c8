"""The playground's web pages in a real browser: the same pictures as ``stylize``, and no server."""

import base64
import functools
import http.server
import io
import threading

import pytest
from axe_kit import violations
from PIL import Image
from playground_page import difference

from course_lib import DATA_DIR
from course_lib.images import load_image, open_image, resize_shorter_side, to_image, to_tensor
from course_lib.playground.website import build_site, fetch_runtime, site_server
from course_lib.stylize import StyleTransfer
from course_lib.system.downloads import DownloadError

STYLES = ("hokusai_great_wave", "van_gogh_street_in_auvers", "splatter")
SIZE = 512  # pixels of a style's shorter side
MOST = 3.0  # levels of 255 by which the mean may differ
TIMEOUT = 300


@pytest.fixture(scope="module")
def transfer():
    return StyleTransfer.load(device="cpu", precision="float32")


@pytest.fixture(scope="module")
def site(transfer, tmp_path_factory):
    try:
        runtime = fetch_runtime("out", progress=False)
    except DownloadError as error:
        pytest.skip(f"the runtime cannot be had: {error}")
    return build_site(transfer, tmp_path_factory.mktemp("web") / "site", runtime, None, STYLES)


@pytest.fixture(params=["our server", "any web host"])
def address(site, request):
    """The site behind our server, whose headers allow threads, and behind a plain one."""
    if request.param == "our server":
        server = site_server(site)
    else:
        handler = functools.partial(PlainHandler, directory=str(site))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


class PlainHandler(http.server.SimpleHTTPRequestHandler):
    """What any host does."""

    extensions_map = http.server.SimpleHTTPRequestHandler.extensions_map | {
        ".mjs": "text/javascript"
    }

    def log_message(self, *_):
        """Say nothing of every request."""


def status(browser):
    return browser.evaluate("document.querySelector('#status').textContent")


def wait_for_picture(browser):
    """Wait until the page says that a whole picture is done; returns it."""
    browser.wait_for(
        "!document.querySelector('#frame').classList.contains('stale')"
        " && /pixels in/.test(document.querySelector('#status').textContent)",
        TIMEOUT,
    )
    data = browser.evaluate("document.querySelector('#after').toDataURL()").partition(",")[2]
    return Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")


def set_slider(browser, selector, value):
    """Move a slider as a hand does: ``input`` while it moves, ``change`` where it is left."""
    browser.evaluate(
        f"(() => {{ const slider = document.querySelector(`{selector}`); slider.value = {value};"
        "for (const kind of ['input', 'change']) slider.dispatchEvent(new Event(kind)); })()"
    )


def expected(transfer, photograph, names, **settings):
    """What the command line paints at 256 pixels."""
    styles = [load_image(next(DATA_DIR.glob(f"*/{name}.jpg")), SIZE) for name in names]
    content = to_tensor(resize_shorter_side(photograph, 256))
    return to_image(transfer.stylize(content, styles, **settings))


def test_the_page_paints_what_stylize_paints(browser, address, transfer, make_images, tmp_path):
    browser.open(address + "?backend=wasm")
    cat = open_image(DATA_DIR / "content" / "cat.jpg")
    first = wait_for_picture(browser)
    assert difference(first, expected(transfer, cat, STYLES[:1])) < MOST
    threads = "threads" if "127.0.0.1" in address and isolated(browser) else "one thread"
    assert threads in status(browser) or browser.evaluate("navigator.hardwareConcurrency") == 1
    # Two styles, their weights, and alpha: the photograph is not encoded again.
    browser.click(f"#styles [value={STYLES[1]}]")
    wait_for_picture(browser)
    set_slider(browser, "#mixture input", 0.25)
    set_slider(browser, "#alpha", 0.6)
    mixed = wait_for_picture(browser)
    wanted = expected(transfer, cat, STYLES[:2], alpha=0.6, weights=[0.25, 1])
    assert difference(mixed, wanted) < MOST
    assert difference(mixed, first) > 2 * MOST
    # What is downloaded is what is shown.
    browser.click("#download")
    saved = Image.open(browser.wait_for_download())
    assert saved.format == "PNG" and difference(saved, mixed) == 0
    # A photograph of one's own, of a size that is no multiple of 8.
    (own,) = make_images(tmp_path, 1, (256, 299))
    browser.choose_file("#choose", own)
    browser.wait_for("document.querySelector('#after').width === 256", TIMEOUT)
    picture = wait_for_picture(browser)
    wanted = expected(transfer, open_image(own), STYLES[:2], alpha=0.6, weights=[0.25, 1])
    assert difference(picture, wanted) < MOST
    assert browser.errors == []
    assert all(request.startswith(address) for request in browser.requests)


def isolated(browser):
    return browser.evaluate("self.crossOriginIsolated")


def test_what_goes_wrong_is_said_and_the_picture_stays(browser, site, tmp_path):
    with site_server(site) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser.open(f"http://127.0.0.1:{server.server_port}/?backend=wasm")
        first = wait_for_picture(browser)
        # A late picture never replaces a newer message.
        browser.click(f"#styles [value={STYLES[1]}]")
        for number in (1, 2):
            set_slider(browser, f"#mixture label:nth-of-type({number}) input", 0)
        browser.wait_for("/All weights are 0/.test(document.querySelector('#status').textContent)")
        browser.evaluate("new Promise((done) => setTimeout(done, 1500))")
        browser.wait_for("true")
        assert "All weights are 0" in status(browser)
        browser.click("#reset")
        assert difference(wait_for_picture(browser), first) == 0
        broken = tmp_path / "broken.png"
        broken.write_bytes(b"not an image")
        browser.choose_file("#choose", broken)
        browser.wait_for("/broken.png is not/.test(document.querySelector('#status').textContent)")
        # A painting of one's own is measured in the page.
        browser.choose_file("#own", DATA_DIR / "masterpieces" / "cassatt_summertime.jpg")
        browser.wait_for("document.querySelectorAll('#mixture label').length === 2", TIMEOUT)
        assert difference(wait_for_picture(browser), first) > MOST
        server.shutdown()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1280, 800, False), (768, 1024, False), (390, 844, True)])
def test_everybody_can_use_it(browser, site, size, scheme):
    with site_server(site) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser.resize(*size)
        browser.emulate(prefers_color_scheme=scheme)
        browser.open(f"http://127.0.0.1:{server.server_port}/?backend=wasm&{scheme}{size[0]}")
        browser.wait_for("document.querySelectorAll('#styles input').length === 3")
        browser.click(f"#styles [value={STYLES[1]}]")
        assert violations(browser) == []
        assert browser.evaluate("document.documentElement.scrollWidth") <= size[0]
        alpha = browser.box("#alpha")
        assert alpha["top"] + alpha["height"] <= size[1], "one has to scroll for alpha"
        assert browser.accessible("#alpha")[1].strip() == "alpha"
        server.shutdown()
