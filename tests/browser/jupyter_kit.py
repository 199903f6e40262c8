"""A real JupyterLab on this machine, and what a reader does in it, for the browser tests.

    with JupyterLab(folder) as lab:
        notebook = LabNotebook(browser, lab, "notebooks/08_style_playground.ipynb")
        notebook.run_all()
        assert notebook.problems() == []

The server has no token, listens on 127.0.0.1 only, and keeps its settings, workspaces and runtime
files in a folder of its own: nothing of the user's JupyterLab is read or changed.
"""

import contextlib
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from chromium import BrowserError, Chromium

from course_lib import REPOSITORY

# What ``make lab`` sets, and every cell drawn also while it is out of sight.
CHECKED_SETTINGS = {
    **json.loads((REPOSITORY / "notebooks" / "jupyterlab_settings.json").read_text()),
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
}
UPLOADS = shlex.split(
    re.search(r"^UPLOADS := (.*)$", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)[1]
)
# What every page of JupyterLab complains about here and has nothing to do with a notebook.
HARMLESS = ("favicon", "ResizeObserver loop")


class JupyterLab:
    """A server on a free port whose root is ``folder``; ``address`` is that of its start page."""

    def __init__(self, folder: Path, private: Path, timeout: float = 120) -> None:
        self.folder, self.private, self.timeout = Path(folder), Path(private), timeout

    def __enter__(self) -> "JupyterLab":
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{port}"
        places = {
            name: str(self.private / name.lower())
            for name in (
                "JUPYTER_CONFIG_DIR",
                "JUPYTER_DATA_DIR",
                "JUPYTER_RUNTIME_DIR",
                "IPYTHONDIR",
                "JUPYTERLAB_SETTINGS_DIR",
                "JUPYTERLAB_WORKSPACES_DIR",
            )
        }
        for name, values in CHECKED_SETTINGS.items():
            package, plugin = name.split(":")
            path = Path(places["JUPYTERLAB_SETTINGS_DIR"], package, f"{plugin}.jupyterlab-settings")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(values))
        command = [
            sys.executable,
            "-m",
            "jupyterlab",
            "--no-browser",
            "--ip=127.0.0.1",
            f"--port={port}",
            "--ServerApp.port_retries=0",
            "--IdentityProvider.token=",
            "--allow-root",
            f"--ServerApp.root_dir={self.folder}",
            "--LabApp.expose_app_in_browser=True",
            "--LabApp.extension_manager=readonly",
            *UPLOADS,
        ]
        self.log = self.private / "server.log"
        self.private.mkdir(parents=True, exist_ok=True)
        with self.log.open("w") as log:
            self._process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=os.environ | places,
                start_new_session=True,
            )
        try:
            self._wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _wait(self) -> None:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        limit = time.monotonic() + self.timeout
        while time.monotonic() < limit and self._process.poll() is None:
            with contextlib.suppress(OSError):
                opener.open(f"{self.address}/api/status", timeout=5).close()
                return
            time.sleep(0.2)
        raise BrowserError(f"JupyterLab did not start:\n{self.log.read_text()[-2000:]}")

    def __exit__(self, *_: object) -> None:
        # Interrupted twice it ends at once, and its kernels with it; what is left is killed.
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(20)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(10)


class LabNotebook:
    """One notebook, open in the browser."""

    def __init__(self, browser: Chromium, lab: JupyterLab, path: str) -> None:
        self.browser, self.path = browser, path
        # A window that is not in front has no focus, and without it no notebook is the current one.
        browser.send("Emulation.setFocusEmulationEnabled", enabled=True)
        browser.open(f"{lab.address}/lab/tree/{path}?reset")
        self.panel = (
            "[...(window.jupyterapp?.shell?.widgets?.('main') ?? [])]"
            f".find((widget) => widget.context?.path === {json.dumps(path)})"
        )
        self._wait(f"{self.panel}?.sessionContext?.isReady && {self.idle}", lab.timeout)
        browser.evaluate(f"window.jupyterapp.shell.activateById({self.panel}.id)")
        self._wait(f"window.jupyterapp.shell.currentWidget === {self.panel}", lab.timeout)
        browser.errors.clear()  # of the outputs that were stored, before any kernel ran

    @property
    def idle(self) -> str:
        """An expression that tells whether the kernel has nothing to do."""
        return f"{self.panel}?.sessionContext?.session?.kernel?.status === 'idle'"

    def _wait(self, expression: str, timeout: float) -> None:
        self.browser.wait_for(f"Boolean({expression})", timeout=timeout)

    def run_all(self, timeout: float = 180) -> None:
        """Run every cell by the menu's command, and wait until the last one has finished."""
        self.browser.evaluate(
            "window.finished = undefined; window.jupyterapp.commands"
            ".execute('notebook:run-all-cells').finally(() => { window.finished = true; }); 0"
        )
        self._wait(f"window.finished && {self.idle}", timeout)

    def counts(self) -> list[int | None]:
        """Execution counts of the code cells that are not empty."""
        return self.browser.evaluate(
            f"{self.panel}.content.widgets.filter((cell) => cell.model.type === 'code'"
            " && cell.model.sharedModel.getSource().trim()).map((c) => c.model.executionCount)"
        )

    def problems(self) -> list[str]:
        """Errors in outputs, what the kernel wrote to standard error, and errors of the page."""
        found = self.browser.evaluate(
            f"{self.panel}.content.widgets.filter((cell) => cell.model.type === 'code')"
            ".flatMap((cell) => cell.model.outputs.toJSON())"
            ".filter((o) => o.output_type === 'error' || o.name === 'stderr')"
            ".map((o) => o.ename ? o.ename + ': ' + o.evalue : 'stderr: ' + o.text)"
        )
        drawn = self.browser.evaluate(
            "[...document.querySelectorAll('.jp-OutputArea-output')].map((e) => e.textContent)"
            ".filter((text) => /Error (displaying|creating) widget/.test(text))"
        )
        page = [e for e in self.browser.errors if not any(word in e for word in HARMLESS)]
        return found + drawn + page

    def close(self) -> None:
        """Shut the kernel down, so that its memory is free for the next notebook."""
        self.browser.evaluate(f"{self.panel}.sessionContext.shutdown()")
