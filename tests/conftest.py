"""Shared fixtures: a fixed seed, a web server, small images, encoders that are loaded once."""

import socket
import threading

import hypothesis
import numpy as np
import pytest
import torch
from faulty_server import FaultyServer
from PIL import Image

from course_lib.__main__ import main
from course_lib.system import downloads
from course_lib.vgg import VGG19Encoder

# The same examples in every run; how long one takes depends on what else the machine does.
hypothesis.settings.register_profile(
    "course", derandomize=True, deadline=None, database=None, max_examples=60
)
hypothesis.settings.load_profile("course")


def pytest_terminal_summary(terminalreporter):
    """With -v, after the bank of wrong answers: each mistake and the diagnosis it got."""
    reports = terminalreporter.getreports("passed") + terminalreporter.getreports("failed")
    rows = [value for r in reports for key, value in r.user_properties if key == "diagnosis"]
    if rows and terminalreporter.verbosity > 0:
        terminalreporter.section("check | wrong answer | diagnosis")
        for check, mistake, diagnosis in rows:
            terminalreporter.write_line(f"{check:18} | {mistake:32} | {diagnosis:.110}")


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    """Tests may talk to servers on this machine only."""
    connect = socket.socket.connect

    def guarded(self, address):
        if isinstance(address, tuple) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"a test tried to reach {address}")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture
def server(monkeypatch):
    """A web server without files; see ``faulty_server.py``. Downloads do not wait."""
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(downloads, "RETRY_WAIT", 0.01)
    monkeypatch.setattr(downloads, "PAUSE", 0.0)
    server = FaultyServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.over.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def encoder():
    """The default encoder, float32 on the CPU. Shared: do not change it."""
    return VGG19Encoder()


@pytest.fixture(scope="session")
def deep_encoder():
    """The normalised original encoder with all layers. Shared: do not change it."""
    return VGG19Encoder(last="pool5")


@pytest.fixture(scope="session")
def raw_encoder():
    """The original encoder with all layers, not rescaled. Shared: do not change it."""
    return VGG19Encoder(last="pool5", normalize_activations=False)


@pytest.fixture(scope="session")
def make_images():
    """Factory: ``make_images(folder, count, size=(width, height), seed=0)`` writes PNG files.

    Every image is a smooth two-colour gradient of its own with a little noise.
    """

    def make(folder, count, size=(48, 40), seed=0):
        folder.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(seed)
        width, height = size
        paths = []
        for i in range(count):
            y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
            slope = rng.uniform(0, 1, 2)
            t = (slope[0] * x + slope[1] * y) / slope.sum()
            colours = rng.uniform(0, 255, (2, 3))
            image = colours[0] * (1 - t[..., None]) + colours[1] * t[..., None]
            image = image + rng.normal(0, 8, (height, width, 3))
            path = folder / f"image_{i:02d}.png"
            Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(path)
            paths.append(path)
        return paths

    return make


@pytest.fixture
def run(capsys):
    """Run a command in this process: ``run(...) -> (exit code, stdout, stderr)``.

    ``"--size 20 --seed 3"`` are four arguments.
    """

    def run(*arguments):
        capsys.readouterr()
        try:
            texts = map(str, arguments)
            code = main([w for t in texts for w in (t.split() if t.startswith("--") else [t])])
        except SystemExit as stop:  # argparse leaves this way
            code = stop.code
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run
