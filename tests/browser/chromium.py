"""A headless Chromium for tests, driven through the Chrome DevTools protocol.

    with Chromium() as browser:
        browser.resize(390, 844, phone=True)
        browser.open(path.as_uri())
        browser.click("#begin")
        browser.wait_for("document.querySelector('#ask').hidden === false")
        browser.press("ArrowRight")
        browser.screenshot(tmp_path / "page.png")

It needs a Chromium or Chrome on the PATH and ``websocket-client``, which comes with JupyterLab.
Keys and mouse clicks are real input events at real coordinates, so that what a test can do, a
visitor can. A failing page, dialog or download shows up in ``browser.errors``, ``browser.dialogs``
and ``browser.downloads``.
"""

import base64
import contextlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
OPTIONS = [
    "--headless=new",
    "--remote-debugging-port=0",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--mute-audio",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
]
# Windows virtual key codes and the text that a key types; other keys are single characters.
KEYS = {
    "Enter": (13, "\r"),
    "Tab": (9, ""),
    "Escape": (27, ""),
    "Backspace": (8, ""),
    "ArrowLeft": (37, ""),
    "ArrowUp": (38, ""),
    "ArrowRight": (39, ""),
    "ArrowDown": (40, ""),
    "Space": (32, " "),
    "Home": (36, ""),
    "End": (35, ""),
}
MODIFIERS = {"Alt": 1, "Control": 2, "Meta": 4, "Shift": 8}


class BrowserError(AssertionError):
    """The browser or the page did not do what was asked."""


def find_chromium() -> str | None:
    """The program's path, or None; the variable ``CHROMIUM`` comes first."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


class Chromium:
    """One browser with one page and a profile of its own that is deleted at the end.

    Args:
        program: path of the browser; searched for if not given.
        timeout: seconds that any single wait may take.

    Attributes:
        errors: uncaught errors of the page, errors in its console, and security policy violations.
        requests: addresses that the page asked for, those of ``data:`` and ``blob:`` left out.
        dialogs: messages of dialogs; all are accepted.
        downloads: the folder where downloads arrive.
    """

    def __init__(self, program: str | None = None, timeout: float = 30) -> None:
        self.program = program or find_chromium()
        if self.program is None:
            raise BrowserError("no Chromium on the PATH")
        self.timeout = timeout
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.dialogs: list[str] = []
        self._numbers = itertools.count(1)
        self._loaded = False
        self._phone = False
        self._chooser: int | None = None

    def __enter__(self) -> "Chromium":
        self._folder = Path(tempfile.mkdtemp(prefix="chromium-test-"))
        self.downloads = self._folder / "downloads"
        self.downloads.mkdir()
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(Exception):
            self._socket.close()
        with contextlib.suppress(Exception):
            # The launcher is a shell script on some systems; the group holds all its processes.
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(10)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self) -> None:
        import websocket

        profile = self._folder / "profile"
        # Chromium refuses its sandbox to root, who runs most containers.
        root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        command = [self.program, *OPTIONS, *root, f"--user-data-dir={profile}", "about:blank"]
        self._process = subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env=os.environ | {"TMPDIR": str(self._folder)},
        )
        port_file = profile / "DevToolsActivePort"
        self._wait(lambda: port_file.exists() and "\n" in port_file.read_text(), "start Chromium")
        port = port_file.read_text().split("\n")[0]
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

        def page() -> str | None:
            with opener.open(f"http://127.0.0.1:{port}/json", timeout=self.timeout) as answer:
                pages = [tab for tab in json.load(answer) if tab["type"] == "page"]
            return pages[0]["webSocketDebuggerUrl"] if pages else None

        self._socket = websocket.create_connection(
            self._wait(page, "open a page"),
            timeout=self.timeout,
            suppress_origin=True,
            http_no_proxy=["127.0.0.1"],
        )
        for domain in ("Page", "Runtime", "Network", "Log", "Accessibility"):
            self.send(f"{domain}.enable")
        self.send("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(self.downloads))

    def _wait(self, ready: Callable[[], object], what: str, timeout: float | None = None) -> object:
        limit = time.monotonic() + (timeout or self.timeout)
        while time.monotonic() < limit:
            value = ready()
            if value:
                return value
            time.sleep(0.05)
        raise BrowserError(f"could not {what} in time; errors of the page: {self.errors}")

    # --- the protocol ---

    def send(self, method: str, **parameters: object) -> dict:
        """Send one command of the protocol and return its result.

        Raises:
            BrowserError: the browser refused it.
        """
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        self._socket.send(json.dumps(message))
        while True:
            answer = json.loads(self._socket.recv())
            if answer.get("id") == number:
                if "error" in answer:
                    raise BrowserError(f"{method}: {answer['error']['message']}")
                return answer["result"]
            self._notice(answer)

    def _notice(self, event: dict) -> None:
        """Keep what the browser tells unasked."""
        method, values = event.get("method"), event.get("params", {})
        if method == "Page.loadEventFired":
            self._loaded = True
        elif method == "Runtime.exceptionThrown":
            details = values["exceptionDetails"]
            self.errors.append(details.get("exception", {}).get("description") or details["text"])
        elif method == "Runtime.consoleAPICalled" and values["type"] == "error":
            self.errors.append(str([part.get("value") for part in values["args"]]))
        elif method == "Log.entryAdded" and values["entry"]["level"] == "error":
            self.errors.append(values["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            address = values["request"]["url"]
            if not address.startswith(("data:", "blob:")):
                self.requests.append(address)
        elif method == "Page.fileChooserOpened":
            self._chooser = values["backendNodeId"]
        elif method == "Page.javascriptDialogOpening":
            self.dialogs.append(values["message"])
            # Sent without waiting for the answer, since this may be called while waiting for one.
            command = {"method": "Page.handleJavaScriptDialog", "params": {"accept": True}}
            self._socket.send(json.dumps({"id": next(self._numbers), **command}))

    # --- the page ---

    def open(self, address: str) -> None:
        """Go to an address (``path.as_uri()`` for a file) and wait until it has loaded."""
        self._loaded = False
        answer = self.send("Page.navigate", url=address)
        if answer.get("errorText"):
            raise BrowserError(f"{address}: {answer['errorText']}")
        self._wait(lambda: self.evaluate("1") and self._loaded, f"load {address}")

    def resize(self, width: int, height: int, phone: bool = False, scale: float = 1) -> None:
        """Set the window's size in CSS pixels; a phone has touch, and no mouse that hovers."""
        self._phone = phone
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=phone,
        )
        self.send("Emulation.setTouchEmulationEnabled", enabled=phone)

    def emulate(self, **features: str) -> None:
        """Set media features, such as ``prefers_reduced_motion="reduce"``."""
        pairs = [{"name": k.replace("_", "-"), "value": v} for k, v in features.items()]
        self.send("Emulation.setEmulatedMedia", features=pairs)

    def evaluate(self, expression: str) -> object:
        """The value of a JavaScript expression; a promise is waited for.

        Raises:
            BrowserError: it throws.
        """
        answer = self.send(
            "Runtime.evaluate",
            expression=expression,
            returnByValue=True,
            awaitPromise=True,
            userGesture=True,
        )
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            text = details.get("exception", {}).get("description") or details["text"]
            raise BrowserError(f"{expression}: {text}")
        return answer["result"].get("value")

    def wait_for(self, expression: str, timeout: float | None = None) -> object:
        """Wait until a JavaScript expression is true, and return it (an element as True)."""
        plain = f"((value) => value instanceof Node || value)({expression})"
        return self._wait(lambda: self.evaluate(plain), f"see '{expression}'", timeout)

    def wait_for_download(self, timeout: float | None = None) -> Path:
        """Wait until a new download is complete, and return its path."""
        seen = set(getattr(self, "_seen", ()))

        def done() -> tuple[Path, int] | None:
            self.evaluate("1")
            files = [p for p in self.downloads.iterdir() if p.suffix != ".crdownload"]
            times = ((p, p.stat().st_mtime_ns) for p in sorted(files) if p.stat().st_size)
            return next((pair for pair in times if pair not in seen), None)

        pair = self._wait(done, "download a file", timeout)
        self._seen = seen | {pair}
        return pair[0]

    # --- input ---

    def box(self, selector: str) -> dict[str, float]:
        """Where an element is in the window: left, top, width, height, in CSS pixels.

        Raises:
            BrowserError: there is none, or it is not shown.
        """
        found = self.evaluate(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            "if (!e) return null; const b = e.getBoundingClientRect();"
            "return {left: b.left, top: b.top, width: b.width, height: b.height}; })()"
        )
        if not found or not found["width"] or not found["height"]:
            raise BrowserError(f"nothing to see at '{selector}'")
        return found

    def click(self, selector: str) -> None:
        """Scroll to an element and click, or tap, its middle."""
        quoted = json.dumps(selector)
        self.evaluate(f"document.querySelector({quoted})?.scrollIntoView({{block: 'nearest'}})")
        box = self.box(selector)
        self.click_at(box["left"] + box["width"] / 2, box["top"] + box["height"] / 2)

    def click_at(self, x: float, y: float) -> None:
        """Click, or on a phone tap, at a point of the window."""
        if self._phone:
            self.send("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": x, "y": y}])
            self.send("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
            return
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            button = {} if kind == "mouseMoved" else {"button": "left", "clickCount": 1}
            self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, **button)

    def drag(self, start: tuple[float, float], end: tuple[float, float], steps: int = 20) -> None:
        """Press the mouse at one point of the window, move it to another, and release it."""
        for kind, steps_done in (
            ("mouseMoved", 0),
            ("mousePressed", 0),
            *(("mouseMoved", k) for k in range(1, steps + 1)),
            ("mouseReleased", steps),
        ):
            x, y = (a + (b - a) * steps_done / steps for a, b in zip(start, end, strict=True))
            pressed = {"buttons": 1} if kind == "mouseMoved" and steps_done else {}
            button = (
                {"button": "none"}
                if kind == "mouseMoved" and not steps_done
                else {"button": "left", "clickCount": 1}
            )
            self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, **button, **pressed)

    def choose_file(self, selector: str, path: Path) -> None:
        """Click a button that asks for a file, and give it this one."""
        self._chooser = None
        self.send("Page.setInterceptFileChooserDialog", enabled=True)
        self.click(selector)
        self._wait(lambda: self.evaluate("1") and self._chooser, "see a dialog that asks for files")
        self.send("DOM.setFileInputFiles", files=[str(path)], backendNodeId=self._chooser)
        self.send("Page.setInterceptFileChooserDialog", enabled=False)

    def press(self, key: str, *modifiers: str) -> None:
        """Press and release a key: a character, or a name of ``KEYS``; with ``"Shift"`` etc."""
        code, text = KEYS.get(key) or (ord(key.upper()), key)
        name = " " if key == "Space" else key
        event = {
            "key": name,
            "windowsVirtualKeyCode": code,
            "modifiers": sum(MODIFIERS[m] for m in modifiers),
        }
        event["code"] = (
            key if key in KEYS else f"{'Digit' if key.isdigit() else 'Key'}{key.upper()}"
        )
        typed = {"text": text} if text and set(modifiers) <= {"Shift"} else {}
        kind = "keyDown" if typed else "rawKeyDown"
        self.send("Input.dispatchKeyEvent", type=kind, **event, **typed)
        self.send("Input.dispatchKeyEvent", type="keyUp", **event)

    def type_text(self, text: str) -> None:
        """Put text where the cursor is, as an input method does."""
        self.send("Input.insertText", text=text)

    # --- looking ---

    def screenshot(self, path: Path, full: bool = False) -> Path:
        """Save what the window shows, or the whole page, as PNG."""
        answer = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=full)
        Path(path).write_bytes(base64.b64decode(answer["data"]))
        return Path(path)

    def pixels(self, selector: str) -> bytes:
        """What an ``img`` shows, in its own size, as the bytes of a PNG file."""
        found = self.evaluate(
            f"(async () => {{ const image = document.querySelector({json.dumps(selector)});"
            "for (let k = 0; ; k++) {"  # a picture that is replaced meanwhile cannot be decoded
            "try { await image.decode(); break; } catch (error) { if (k > 40) throw error; }"
            "await new Promise((done) => setTimeout(done, 100)); }"
            "const canvas = document.createElement('canvas');"
            "canvas.width = image.naturalWidth; canvas.height = image.naturalHeight;"
            "canvas.getContext('2d').drawImage(image, 0, 0);"
            "return canvas.toDataURL('image/png'); })()"
        )
        return base64.b64decode(found.partition(",")[2])

    def accessible(self, selector: str) -> tuple[str, str]:
        """Role and name of an element, as a screen reader gets them."""
        root = self.send("DOM.getDocument", depth=0)["root"]["nodeId"]
        node = self.send("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        if not node:
            raise BrowserError(f"there is no '{selector}'")
        answer = self.send("Accessibility.getPartialAXTree", nodeId=node, fetchRelatives=False)
        found = answer["nodes"][0]
        return found.get("role", {}).get("value", ""), found.get("name", {}).get("value", "")
