"""The playground as it stands in an open notebook: its parts by what is written on them."""

import io
import json
import time
from pathlib import Path

import numpy as np
from chromium import BrowserError, Chromium
from PIL import Image


def difference(first: Image.Image, second: Image.Image) -> float:
    """Mean absolute difference of two pictures in levels of 255; infinite for other sizes."""
    if first.size != second.size:
        return float("inf")
    a, b = (np.asarray(image.convert("RGB")).astype(int) for image in (first, second))
    return float(np.abs(a - b).mean())


class PlaygroundPage:
    """Finds the form and does what a reader does with it."""

    LIKENESS = 6.0  # levels by which JPEG and the browser may change a picture

    def __init__(self, browser: Chromium) -> None:
        self.browser = browser
        browser.wait_for("document.querySelector('.jp-OutputArea .widget-upload')")
        # Parts get names: ipywidgets numbers its elements anew in every session.
        self._name(
            "picture",
            "[...document.querySelectorAll('img.widget-image')]"
            ".find((image) => image.naturalWidth > 100)",
        )
        browser.evaluate(
            "document.querySelector('#playground-picture').scrollIntoView({block: 'start'})"
        )

    def _name(self, name: str, expression: str) -> str:
        self.browser.wait_for(f"Boolean({expression})")
        self.browser.evaluate(f"({expression}).id = 'playground-{name}'; 0")
        return f"#playground-{name}"

    def button(self, text: str) -> str:
        """The selector of a button."""
        inside = f"e.textContent.trim().startsWith({json.dumps(text)})"
        kinds = "'button.jupyter-button, button.widget-toggle-button'"
        return self._name(
            "button",
            "(document.querySelector('#playground-button')"
            "?.removeAttribute('id'), [...document.querySelectorAll("
            f"{kinds})].find((e) => {inside}))",
        )

    def picture(self) -> Image.Image:
        """What is shown now."""
        return Image.open(io.BytesIO(self.browser.pixels("#playground-picture"))).convert("RGB")

    def status(self) -> str:
        """All that the form says in words."""
        return self.browser.evaluate(
            "[...document.querySelectorAll('.widget-html')].map((e) => e.textContent).join(' ')"
        )

    def wait_for_picture(self, expected: Image.Image, timeout: float = 60) -> None:
        """Wait until the shown pixels are those of a picture, up to JPEG's changes.

        Raises:
            BrowserError: they are others.
        """
        limit = time.monotonic() + timeout
        while (apart := difference(self.picture(), expected)) > self.LIKENESS:
            if time.monotonic() > limit:
                raise BrowserError(f"another picture is shown: {apart:.1f} levels apart")
            time.sleep(0.2)

    def drag_slider(self, label: str, share: float) -> float:
        """Drag a slider's handle to a share of its way; returns the value that it then shows."""
        slider = (
            "[...document.querySelectorAll('.widget-slider')].find((e) => "
            f"e.querySelector('label')?.textContent.trim() === {json.dumps(label)})"
        )
        self._name("handle", f"{slider}?.querySelector('.noUi-handle')")
        self._name("track", f"{slider}?.querySelector('.noUi-base')")
        self.browser.evaluate(
            "document.querySelector('#playground-handle').scrollIntoView({block: 'nearest'})"
        )
        handle, track = (self.browser.box(f"#playground-{n}") for n in ("handle", "track"))
        start = (handle["left"] + handle["width"] / 2, handle["top"] + handle["height"] / 2)
        self.browser.drag(start, (track["left"] + share * track["width"], start[1]))
        readout = f"{slider}.querySelector('.widget-readout').textContent"
        return float(self.browser.evaluate(readout))

    def upload(self, kind: str, path: Path) -> None:
        """Give a file to one of the upload buttons: ``photo``, ``style`` or ``mask``."""
        self.browser.choose_file(self.button(f"upload a {kind}"), path)
