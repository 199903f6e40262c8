"""Accessibility rules of axe-core, run in the page that a test has open.

The rules are the npm package ``axe-core``; it is downloaded once, to ``out/``.
"""

import functools
import json
import tarfile

import pytest
from chromium import Chromium

from course_lib import REPOSITORY
from course_lib.system.downloads import DownloadError, download

VERSION = "4.14.1"
URL = f"https://registry.npmjs.org/axe-core/-/axe-core-{VERSION}.tgz"
SHA256 = "e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745"


@functools.cache
def axe_source() -> str:
    """The program as text; a test that needs it is skipped where it cannot be had."""
    path = REPOSITORY / "out" / f"axe-core-{VERSION}.tgz"
    try:
        download(URL, path, sha256=SHA256, progress=False)
    except (DownloadError, AssertionError) as error:  # in a test, nothing may reach the network
        pytest.skip(f"axe-core cannot be had: {error}")
    with tarfile.open(path) as archive:
        return archive.extractfile("package/axe.min.js").read().decode()


def violations(browser: Chromium, within: str = "document") -> list[str]:
    """What axe-core objects to in the page, or in one element given by a selector."""
    browser.evaluate(axe_source() + ";0")  # by the debugger, whatever the page's policy says
    part = within if within == "document" else json.dumps(within)
    return browser.evaluate(
        f"axe.run({part}, {{resultTypes: ['violations']}}).then((result) => result.violations.map("
        "(v) => `${v.id}: ${v.help} ${v.nodes.map((n) => n.html.slice(0, 150)).join(' | ')}`))"
    )
