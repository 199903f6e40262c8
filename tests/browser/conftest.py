"""Browser tests: ``make browser-test``. They are skipped where there is no Chromium."""

import contextlib

import pytest
from axe_kit import axe_source
from chromium import Chromium, find_chromium


@pytest.fixture(scope="session", autouse=True)
def axe():
    """Fetch the rules before the first test: inside of one, nothing may reach the network."""
    with contextlib.suppress(pytest.skip.Exception):
        axe_source()


@pytest.fixture(scope="module")
def shared_browser():
    pytest.importorskip("websocket", reason="the package websocket-client is missing")
    if find_chromium() is None:
        pytest.skip("no Chromium on the PATH; on Debian: apt-get install chromium")
    with Chromium(timeout=120) as browser:
        yield browser


@pytest.fixture
def browser(shared_browser):
    """A headless Chromium, the same for all tests of a module, with empty lists of errors."""
    for found in (shared_browser.errors, shared_browser.requests, shared_browser.dialogs):
        found.clear()
    shared_browser.resize(1280, 800)
    shared_browser.emulate()
    return shared_browser
