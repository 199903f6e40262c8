"""Screenshots of the playground: ``python tests/browser/playground_screenshots.py``.

Starts JupyterLab, runs lesson 08 in headless Chromium, and writes ``data/screenshots/``. With
``--record`` it also clicks along the alpha slider and writes to
``data/runs/playground_browser_cpu.json`` how long after the mouse button went down the new picture
was there: slider, kernel, network and browser together.
"""

import argparse
import io
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from chromium import Chromium
from jupyter_kit import JupyterLab, LabNotebook
from PIL import Image
from playground_page import PlaygroundPage

from course_lib import DATA_DIR, REPOSITORY
from course_lib.images import save_image
from course_lib.playground.shapes import Ellipse
from course_lib.playground.widget import paint
from course_lib.system.devices import machine, pick_device, pick_precision
from course_lib.system.files import save_record

FOLDER = DATA_DIR / "screenshots"
RECORD = DATA_DIR / "runs" / "playground_browser_cpu.json"
LESSON = "notebooks/08_style_playground.ipynb"
WINDOW = (1600, 1300)  # the controls beside the picture, and all of them
MOVES, WARM_UP = 40, 5
STYLES = ("impasto_night", "woodblock_waves")
START = """
(() => {
  const picture = document.querySelector('#playground-picture');
  const track = document.querySelector('#playground-track');
  window.moves = [];
  let since = null;
  track.closest('.widget-slider').addEventListener(
    'pointerdown', () => { since = performance.now(); }, true);
  picture.addEventListener('load', () => {
    if (since !== null) window.moves.push(performance.now() - since);
    since = null;
  });
})()
"""


def save_part(browser: Chromium, name: str) -> None:
    """The form as a PNG of at most 256 colours, which keeps it small."""
    box = browser.evaluate(
        "(async () => { const form = document.querySelector('#playground-picture')"
        ".closest('.jp-OutputArea-output'); form.scrollIntoView({block: 'start'});"
        "await new Promise((done) => setTimeout(done, 1000));"
        "const b = form.getBoundingClientRect();"
        "return [b.left, b.top, b.right, b.bottom]; })()"
    )
    left, top, right, bottom = (round(value) for value in box)
    shot = browser.screenshot(Path(tempfile.gettempdir()) / "playground.png")
    image = Image.open(io.BytesIO(shot.read_bytes())).convert("RGB")
    shot.unlink()
    edges = max(0, left - 8), max(0, top), min(image.width, right + 8), min(image.height, bottom)
    part = image.crop(edges).quantize(256, method=Image.Quantize.MEDIANCUT)
    FOLDER.mkdir(exist_ok=True)
    print(save_image(part, FOLDER / name))


def pictures(page: PlaygroundPage) -> None:
    """The form as it starts, and with a mask."""
    browser = page.browser
    page.wait_for_picture(paint("cat", STYLES))
    save_part(browser, "playground.png")
    browser.evaluate(
        "(() => { const choice = [...document.querySelectorAll('.widget-dropdown')].find((e) =>"
        " e.querySelector('label')?.textContent.trim() === 'mask').querySelector('select');"
        "choice.value = 'ellipse'; choice.dispatchEvent(new Event('change', {bubbles: true})); })()"
    )
    page.wait_for_picture(paint("cat", STYLES, mask=Ellipse()))
    save_part(browser, "playground_mask.png")


def record(page: PlaygroundPage) -> None:
    """Milliseconds from mouse button to picture, clicked one after the other."""
    browser = page.browser
    page.drag_slider("alpha", 0.9)
    page.wait_for_picture(page.picture())
    browser.evaluate(START)
    track = browser.box("#playground-track")
    for k in range(MOVES + WARM_UP):
        share = 0.2 + 0.6 * ((7 * k) % 20) / 20
        x, y = track["left"] + share * track["width"], track["top"] + track["height"] / 2
        browser.click_at(x, y)
        browser.wait_for(f"window.moves.length === {k + 1}", timeout=20)
        time.sleep(0.5)  # the slider's handle glides to its place and takes no click meanwhile
    times = browser.evaluate("window.moves")[WARM_UP:]
    device = pick_device()
    settings = {
        **machine(device, pick_precision("auto", device)),
        "browser": Path(browser.program).name,
        "photograph": "cat",
        "picture": list(page.picture().size),
        "moves": MOVES,
    }
    middle, ends = statistics.median(times), (min(times), max(times))
    row = {"median": middle, "fastest": ends[0], "slowest": ends[1]}
    save_record(RECORD, settings, {"move_ms": row})
    print(f"{RECORD.relative_to(REPOSITORY)}: {statistics.median(times):.0f} ms per move")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--record", action="store_true", help="also time the moves of a slider")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(REPOSITORY / "notebooks", folder / "course" / "notebooks")
        with (
            JupyterLab(folder / "course", folder / "private") as lab,
            Chromium(timeout=120) as browser,
        ):
            browser.resize(*WINDOW)
            notebook = LabNotebook(browser, lab, LESSON)
            notebook.run_all()
            page = PlaygroundPage(browser)
            pictures(page)
            if options.record:
                record(page)


if __name__ == "__main__":
    main()
