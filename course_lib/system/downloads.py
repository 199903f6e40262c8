"""Downloads that survive a bad connection, and the famous paintings for style transfer.

``download`` fetches one file: it resumes what has a checksum, and never leaves a broken file under
the final name. ``fetch_paintings`` uses it on the list in ``paintings.json``.
"""

import hashlib
import http.client
import json
import os
import re
import shutil
import socket
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from course_lib import CourseError, __version__
from course_lib.system.printing import no_bar

# Wikimedia refuses requests whose User-Agent does not say who asks.
USER_AGENT = f"NeuralStyleTransferCourse/{__version__} (university course, Python urllib)"
CHUNK = 1 << 16  # bytes read at a time
MOST_UNANNOUNCED = 500_000_000  # bytes of a file whose length the server does not say
RETRY_WAIT = 1.0  # seconds before the first retry, doubled for each further one
LONGEST_WAIT = 60.0  # seconds; a server that asks for more is not waited for
NEW_START = 1 << 20  # bytes: a try that got this much further earns its retries anew

COMMONS_URL = "https://commons.wikimedia.org/wiki/Special:FilePath/"
# Wikimedia answers 400 or 429 to any other thumbnail width.
COMMONS_WIDTHS = (250, 330, 500, 960, 1280, 1920, 3840)
PAUSE = 1.0  # seconds between two paintings: Wikimedia blocks clients that ask faster


class DownloadError(CourseError):
    """A file that could not be downloaded; the message is one sentence for the user.

    ``retry_after`` is the number of seconds that the server asked to wait, 0 if it did not.
    """

    def __init__(self, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class _Fault(DownloadError):
    """Something that may be over at the next try; the message is the end of a sentence."""


def download(
    url: str,
    path: str | os.PathLike,
    *,
    sha256: str | None = None,
    size: int | None = None,
    timeout: float = 30.0,
    retries: int = 3,
    progress: bool = True,
) -> Path:
    """Download ``url`` to ``path``; ``<name>.part`` takes its place when it is whole.

    With ``sha256`` (hex digits), by which two versions in one file would be noticed, it continues
    where an earlier try or call stopped, and keeps a file that agrees without a request. ``size``
    is in bytes, ``timeout`` in seconds of silence; ``retries`` counts the tries after the first.

    Raises:
        DownloadError: no such file, no connection, wrong length or sha256, or no room on disk.
    """
    path = Path(path)
    part = path.with_name(path.name + ".part")
    if not url.startswith(("http://", "https://")):
        raise DownloadError(f"{url} is not a web address; it must start with http:// or https://")
    try:
        if sha256 and path.is_file() and not _mismatch(path, sha256, size):
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        failures, farthest = 0, _length(part)
        while True:
            try:
                _transfer(url, part, sha256, size, timeout, progress)
                break
            except _Fault as fault:
                gained = _length(part) - farthest
                failures = 1 if sha256 and gained >= NEW_START else failures + 1
                farthest += max(0, gained)
                if failures > retries or fault.retry_after > LONGEST_WAIT:
                    wait = fault.retry_after
                    advice = f"wait {wait:.0f} seconds" if wait else "check the connection"
                    advice += " and run it again" + ", to continue" * bool(sha256 and _length(part))
                    raise DownloadError(f"{url} {fault}; {advice}", wait) from None
                backoff = min(RETRY_WAIT * 2 ** (failures - 1), LONGEST_WAIT)
                time.sleep(max(fault.retry_after, backoff))
        os.replace(part, path)
    except OSError as error:  # of the disk: those of the connection have become a _Fault
        reason = error.strerror or error
        raise DownloadError(f"{path} cannot be written ({reason}); use another folder") from None
    return path


def check_space(folder: str | os.PathLike, needed: int, what: str) -> None:
    """Make sure that ``needed`` bytes are free where ``folder`` is, or is going to be.

    Raises:
        DownloadError: there is less; the message begins with ``what``.
    """
    above = Path(folder).absolute()
    existing = next(path for path in (above, *above.parents) if path.is_dir())
    free = shutil.disk_usage(existing).free
    if needed > free:
        sizes = f"needs {needed / 1e6:,.1f} MB and {folder} has {free / 1e6:,.1f} MB free"
        raise DownloadError(f"{what} {sizes}; make room or use another folder")


def _transfer(
    url: str, part: Path, sha256: str | None, size: int | None, timeout: float, progress: bool
) -> None:
    """Complete ``part`` with one request and check it."""
    offset = _length(part) if sha256 else 0
    if not offset or offset != size:  # else the program ended just before the renaming
        headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"}
        if offset:
            headers["Range"] = f"bytes={offset}-"
        with _open(url, headers, timeout) as response:
            start, total = _announced(response)
            if start not in (0, offset):
                part.unlink(missing_ok=True)
                raise _Fault("has changed on the server")
            if size is not None and total not in (None, size):
                part.unlink(missing_ok=True)
                raise DownloadError(f"{url} has {total} bytes instead of {size}; check the address")
            if total is not None:
                check_space(part.parent, total - start, url)
            _receive(url, part, response, start, size if total is None else total, progress)
        if total is not None and _length(part) != total:
            raise _Fault(f"broke off after {_length(part)} of {total} bytes")
    problem = _mismatch(part, sha256, size)
    if problem:
        part.unlink()
        if offset:  # the file may have changed since the part was made
            raise _Fault(problem)
        raise DownloadError(f"{url} {problem}; it was removed, check that the address is right")


def _receive(url: str, part: Path, response, start: int, total: int | None, progress: bool) -> None:
    """Write the body behind the ``start`` bytes of ``part``; what arrived stays there."""
    units = {"unit": "B", "unit_scale": True}
    bar = tqdm(desc=part.stem, total=total, initial=start, disable=no_bar(progress), **units)
    with bar, part.open("ab" if start else "wb") as file:
        while True:
            try:
                chunk = response.read1(CHUNK)  # what has arrived, so that a stall loses nothing
            except (OSError, http.client.HTTPException) as error:
                raise _Fault(f"could not be read ({error})") from None
            if not chunk:
                return
            if total is None and file.tell() + len(chunk) > MOST_UNANNOUNCED:
                file.close()
                part.unlink()
                raise DownloadError(
                    f"{url} does not say how long it is and gave more than "
                    f"{MOST_UNANNOUNCED / 1e6:.0f} MB; check that the address is right"
                )
            file.write(chunk)
            bar.update(len(chunk))


def _open(url: str, headers: dict[str, str], timeout: float):
    """Open ``url``; the answer has a status of 200, 206 or 416, anything else is raised."""
    # Letters such as é go over the wire as %C3%A9; what is quoted already stays as it is.
    quoted = urllib.parse.quote(url, safe="%/:?#[]@!$&'()*+,;=~")
    try:
        request = urllib.request.Request(quoted, headers=headers)
        return urllib.request.urlopen(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        if error.code == 416 and "Range" in headers:  # the file is shorter than our part
            return error
        error.close()
        answer = f"answered {error.code} {error.reason}"
        if error.code in (408, 425, 429) or error.code >= 500:
            after = error.headers.get("Retry-After", "")
            raise _Fault(answer, float(after) if after.isdecimal() else 0.0) from None
        raise DownloadError(f"{url} {answer}; check the address") from None
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, socket.gaierror):  # offline: no use in trying again
            raise DownloadError(f"{url}: host not found; check the network connection") from None
        raise _Fault(f"could not be read ({reason})") from None


def _announced(response) -> tuple[int | None, int | None]:
    """Where the body starts and how long the whole file is, in bytes; None where not said."""
    if response.status == 200:
        length = response.headers.get("Content-Length", "")
        return 0, int(length) if length.isdecimal() else None
    span = re.match(r"bytes (\d+)-\d+/(\d+)$", response.headers.get("Content-Range", ""))
    return (int(span[1]), int(span[2])) if span else (None, None)


def _length(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _mismatch(path: Path, sha256: str | None, size: int | None) -> str:
    """What is wrong with a file, as the end of a sentence; empty if nothing is."""
    if size is not None and _length(path) != size:
        return f"gave {_length(path)} bytes instead of {size}"
    if sha256:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != sha256.lower():
            return f"has the sha256 {found} instead of {sha256.lower()}"
    return ""


@dataclass
class FetchReport:
    """What ``fetch_paintings`` did: names of paintings, and for each failure its reason."""

    saved: list[str] = field(default_factory=list)
    present: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


def read_paintings() -> dict[str, dict[str, str]]:
    """What ``paintings.json`` says of each painting: title, artist, year, ... by its name."""
    text = Path(__file__).with_name("paintings.json").read_text(encoding="utf-8")
    return {entry["name"]: entry for entry in json.loads(text)}


def fetch_paintings(
    folder: str | os.PathLike,
    *,
    names: Iterable[str] | None = None,
    base_url: str = COMMONS_URL,
    width: int = 1280,
    progress: bool = True,
) -> FetchReport:
    """Download public-domain paintings from Wikimedia Commons as ``<folder>/<name>.jpg``.

    ``names`` picks some of ``read_paintings()``; ``width`` is in pixels and one of
    ``COMMONS_WIDTHS``. Good files already there are kept, and one failure does not end the rest.

    Raises:
        DownloadError: an unknown name or a width that Wikimedia Commons does not serve.
    """
    paintings = read_paintings()
    names = list(paintings if names is None else dict.fromkeys(names))
    for name in names:
        if name not in paintings:
            raise DownloadError(f"no painting is called {name}; choose from {', '.join(paintings)}")
    if width not in COMMONS_WIDTHS:
        raise DownloadError(f"the width {width} is not on offer; choose from {COMMONS_WIDTHS}")
    report = FetchReport()
    blocked = 0.0  # seconds that the server asked to wait
    for name in names:
        path = Path(folder) / f"{name}.jpg"
        url = f"{base_url}{urllib.parse.quote(paintings[name]['commons_file'])}?width={width}"
        if _is_image(path):
            report.present.append(name)
            continue
        if blocked:
            report.failed[name] = f"not tried, the server asks to wait {blocked:.0f} seconds"
            continue
        if report.saved or report.failed:
            time.sleep(PAUSE)
        try:
            download(url, path, progress=progress)
        except DownloadError as error:
            report.failed[name] = str(error)
            blocked = error.retry_after if error.retry_after > LONGEST_WAIT else 0.0
            continue
        if _is_image(path):
            report.saved.append(name)
        else:
            path.unlink()
            report.failed[name] = f"{url} gave no readable image; it was removed, try again later"
    return report


def _is_image(path: Path) -> bool:
    from PIL import Image  # only here, so that a plain download needs no Pillow

    try:
        with Image.open(path) as image:
            image.load()  # decodes every pixel, so a file cut short is noticed
        return True
    except Exception:  # Pillow's decoders raise many kinds for damaged files
        return False
