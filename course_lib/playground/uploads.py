"""Uploaded files: checked, made upright RGB, and shrunk to what the playground can use."""

import contextlib
import io
import re
import tempfile
from collections.abc import Container
from pathlib import Path

from PIL import Image

from course_lib.images import ImageError, open_image, resize_shorter_side

MAX_BYTES = 30_000_000
MAX_UPLOAD_PIXELS = 50_000_000
LONGEST_NAME = 40
KEPT_SIDE = 1024  # shorter side in pixels; no look asks for more


def read_upload(file_name: str, data: bytes) -> Image.Image:
    """Read an uploaded image as an upright RGB picture of at most 1024 pixels on its shorter side.

    Args:
        file_name: as the browser gives it; it is shown in messages and used for nothing else.

    Raises:
        ImageError: the file is empty, too large, no image or damaged.
    """
    shown = "".join(c for c in Path(file_name).name if c.isprintable())[:LONGEST_NAME] or "the file"
    if not data:
        raise ImageError(f"{shown} is empty")
    if len(data) > MAX_BYTES:
        raise ImageError(
            f"{shown} has {len(data) / 1e6:.0f} MB, more than the {MAX_BYTES / 1e6:.0f} allowed; "
            "make it smaller first"
        )
    width, height = _size(data)
    if width * height > MAX_UPLOAD_PIXELS:
        raise ImageError(
            f"{shown} has {width} x {height} pixels, more than the "
            f"{MAX_UPLOAD_PIXELS // 1_000_000} million allowed; make it smaller first"
        )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "upload"
        path.write_bytes(data)
        try:
            image = open_image(path)
        except ImageError as error:
            # The user knows the file by its own name.
            raise ImageError(str(error).replace(str(path), shown)) from None
    return resize_shorter_side(image, KEPT_SIDE) if min(image.size) > KEPT_SIDE else image


def _size(data: bytes) -> tuple[int, int]:
    """Width and height from the header, before any memory is taken; (0, 0) if there is none."""
    with contextlib.suppress(Exception), Image.open(io.BytesIO(data)) as image:
        return image.size
    return 0, 0


def safe_name(text: str, default: str = "picture") -> str:
    """A name that is a file name on any system: letters, digits, ``_`` and ``-`` alone."""
    name = re.sub(r"[^\w-]+", "_", text).strip("_-")[:LONGEST_NAME].rstrip("_-") or default
    reserved = re.fullmatch(r"con|prn|aux|nul|(com|lpt)\d", name, re.IGNORECASE)
    return f"{name}_" if reserved else name


def free_name(file_name: str, taken: Container[str]) -> str:
    """A safe name after a file's own that is not taken yet: ``dog``, ``dog_2``, ``dog_3`` ..."""
    name = stem = safe_name(Path(file_name).stem)
    number = 1
    while name in taken:
        number += 1
        name = f"{stem}_{number}"
    return name
