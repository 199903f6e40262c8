"""The playground as a folder of web pages that need no server of ours, no kernel and no account.

The page in ``site/`` runs the exported network in the visitor's browser. ``build_site`` puts
beside it what it needs: the two halves of the network in half precision, the statistics of the
styles, a few photographs, thumbnails, and the runtime, which is npm's ``onnxruntime-web``.
"""

import http.server
import json
import os
import re
import shutil
import tarfile
from collections.abc import Collection
from functools import partial
from pathlib import Path

import numpy as np

from course_lib import DATA_DIR, CourseError, __version__
from course_lib.images import library, open_image, resize_shorter_side, square
from course_lib.painting.onnx_export import export_network
from course_lib.painting.painter import measure_styles, open_styles
from course_lib.playground.settings import STYLE_SIZE
from course_lib.stylize import StyleTransfer
from course_lib.system.downloads import DownloadError, download
from course_lib.system.files import replacing

PAGE = Path(__file__).with_name("site")
LISTING = "site.json"  # the last file to be written: what the page has to load
RUNTIME_VERSION = "1.30.0"
RUNTIME_URL = f"https://registry.npmjs.org/onnxruntime-web/-/onnxruntime-web-{RUNTIME_VERSION}.tgz"
RUNTIME_SHA256 = "d2228df7e4616bc3348bf504ee888f3bec43789a273f0a63f3e68d203ce3bf71"
# Back end -> its programs in the package: a module for us, a module that it loads, and WebAssembly.
BACK_ENDS = {
    "wasm": ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"),
    "webgpu": (
        "ort.webgpu.min.mjs",
        "ort-wasm-simd-threaded.asyncify.mjs",
        "ort-wasm-simd-threaded.asyncify.wasm",
    ),
}
PHOTOGRAPH_SIZE, THUMBNAIL = 512, 144  # pixels of the shorter side, and of a square
BUNDLED = ("content", "masterpieces", "style")  # folders
LICENCES = f"""The page, the network and the style pictures: MIT, like the course.
styles/ of masterpieces: GNU GPL, version 3 or later (COPYING); from the WebMuseum through GCompris.
photographs/: public domain or CC0.
ort/: ONNX Runtime Web {RUNTIME_VERSION}, Copyright Microsoft Corporation, MIT.
"""


class WebsiteError(CourseError):
    """A site that cannot be built; the message is one sentence for the user."""


def fetch_runtime(folder: str | os.PathLike, progress: bool = True) -> Path:
    """The runtime's package as a file in ``folder``, downloaded if it is not there yet (33 MB).

    Raises:
        DownloadError: offline, or the file is not the one expected.
    """
    path = Path(folder) / f"onnxruntime-web-{RUNTIME_VERSION}.tgz"
    try:
        return download(RUNTIME_URL, path, sha256=RUNTIME_SHA256, progress=progress)
    except DownloadError as error:
        raise DownloadError(
            f"{error}; or fetch it elsewhere and give it with --runtime {path.name}"
        ) from None


def build_site(
    transfer: StyleTransfer,
    out: str | os.PathLike,
    runtime: str | os.PathLike,
    photographs: Collection[str] | None = None,
    styles: Collection[str] | None = None,
) -> Path:
    """Write the whole site into ``out`` and return that folder.

    Args:
        transfer: in float32.
        out: a new or empty folder, or one that holds such a site, which is brought up to date.
        runtime: the package ``onnxruntime-web`` as npm gives it.
        photographs, styles: names of the bundled ones to offer; all if not given.

    Raises:
        WebsiteError: ``out`` holds other files, a name is unknown, or ``runtime`` is not that
            package.
        ExportError, MissingPackageError: the network cannot be exported.
    """
    out = Path(out)
    if out.is_dir() and any(out.iterdir()) and not (out / LISTING).is_file():
        raise WebsiteError(f"{out} holds other files; give a new folder with -o")
    offered = _pick("content", photographs), _pick("style", styles)
    out.mkdir(parents=True, exist_ok=True)
    (out / LISTING).unlink(missing_ok=True)
    unpack_runtime(runtime, out / "ort")
    for half in ("encoder", "decoder"):
        export_network(transfer, out / f"{half}.onnx", half, half=True)
    statistics = np.stack([_measure(transfer, path) for path in offered[1]])
    with replacing(out / "styles.bin") as temporary:
        temporary.write_bytes(statistics.tobytes())
    for path in PAGE.iterdir():
        shutil.copyfile(path, out / path.name)
    shutil.copyfile(DATA_DIR / "masterpieces" / "COPYING", out / "COPYING")
    (out / "LICENCES.txt").write_text(LICENCES, encoding="utf-8")
    loaded = ["encoder.onnx", "decoder.onnx", *(f"ort/{names[2]}" for names in BACK_ENDS.values())]
    listing = {
        "version": __version__,
        "photographs": [_add_photograph(path, out) for path in offered[0]],
        "styles": [_add_thumbnail(path, "styles", out) for path in offered[1]],
        "back_ends": {name: [f"ort/{file}" for file in files] for name, files in BACK_ENDS.items()},
        "bytes": {name: (out / name).stat().st_size for name in loaded},
    }
    with replacing(out / LISTING) as temporary:
        temporary.write_text(json.dumps(listing, indent=1) + "\n", encoding="utf-8")
    return out


def unpack_runtime(package: str | os.PathLike, folder: Path) -> None:
    """Copy the runtime's programs out of its package.

    Raises:
        WebsiteError: the file is missing, damaged, or another package.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(package) as archive:
            for name in (name for names in BACK_ENDS.values() for name in names):
                file = archive.extractfile(f"package/dist/{name}")
                with replacing(folder / name) as temporary:
                    temporary.write_bytes(file.read())
    except (OSError, KeyError, EOFError, tarfile.TarError) as error:
        wanted = Path(RUNTIME_URL).name
        raise WebsiteError(f"{package} is not {wanted} of npm ({error})") from None


def title(name: str) -> str:
    """What people call a picture, after its file's name: ``van_gogh_x`` is Van Gogh X."""
    small = {"in", "the", "of", "at", "and", "with", "de", "la"}
    words = [word if word in small else word.capitalize() for word in name.split("_")]
    return re.sub(r"\b[IVX][ivx]+\b", lambda roman: roman[0].upper(), " ".join(words))


def _pick(kind: str, names: Collection[str] | None) -> list[Path]:
    files = {n: path for n, path in library(kind).items() if path.parent.name in BUNDLED}
    unknown = set(names or ()) - set(files)
    if unknown:
        raise WebsiteError(f"no {kind} '{min(unknown)}'; there are {', '.join(files)}")
    return [path for name, path in files.items() if names is None or name in names]


def _measure(transfer: StyleTransfer, path: Path) -> np.ndarray:
    """Means and standard deviations of a style: 1,024 float32 in the byte order of browsers."""
    (measured,) = measure_styles(transfer, open_styles([path], STYLE_SIZE))
    return np.concatenate([measured.mean.flatten(), measured.std.flatten()]).astype("<f4")


def _add_photograph(path: Path, out: Path) -> dict[str, str]:
    image = open_image(path)
    if min(image.size) > PHOTOGRAPH_SIZE:
        image = resize_shorter_side(image, PHOTOGRAPH_SIZE)
    file = f"photographs/{path.stem}.jpg"
    with replacing(out / file) as temporary:
        image.save(temporary, quality=90)
    return _add_thumbnail(path, "photographs", out) | {"file": file}


def _add_thumbnail(path: Path, folder: str, out: Path) -> dict[str, str]:
    file = f"{folder}/{path.stem}_small.jpg"
    with replacing(out / file) as temporary:
        square(path, THUMBNAIL).save(temporary, quality=85)
    return {"name": path.stem, "title": title(path.stem), "thumbnail": file}


class SiteHandler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder with the two headers without which a page gets one thread alone."""

    def end_headers(self) -> None:
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        super().end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing of every request."""


SiteHandler.extensions_map = SiteHandler.extensions_map | {
    ".mjs": "text/javascript",
    ".wasm": "application/wasm",
    ".js": "text/javascript",
}


def site_server(folder: str | os.PathLike, port: int = 0) -> http.server.ThreadingHTTPServer:
    """A server of a site for this machine alone; ``serve_forever`` runs it.

    Raises:
        WebsiteError: the port is taken.
    """
    handler = partial(SiteHandler, directory=os.fspath(folder))
    try:
        return http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
    except OSError as error:
        raise WebsiteError(f"port {port} cannot be used ({error.strerror}); give another") from None
