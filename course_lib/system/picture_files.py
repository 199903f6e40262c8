"""Picture files as people have them: any format, orientation and colour space becomes 8-bit sRGB.

What a file says beside its pixels (orientation, profile, texts) never makes good pixels unreadable:
what is broken of it is left out.
"""

import contextlib
import functools
import io
import os
import stat
import struct
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageCms

from course_lib import CourseError

MAX_PIXELS = 178_956_970  # where Pillow, too, stops and speaks of a decompression bomb
# Set once, not around each call: it is one number for all threads. Pillow warns above it and
# refuses twice as much; what lies between is refused here. Its other warnings are about side data.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS
warnings.filterwarnings("ignore", module="PIL")

# Pillow knows these by name, but has no decoder of its own or starts another program for them.
NOT_DECODED = {"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"}
# Pictures that Pillow cannot decode: what they begin with (at a byte), name, extensions.
FOREIGN = (
    (4, b"ftyphei", "HEIC", (".heic", ".heif")),
    (4, b"ftyphev", "HEIC", ()),
    (4, b"ftypmif1", "HEIC", ()),
    (4, b"ftypmsf1", "HEIC", ()),
    (4, b"ftypavif", "AVIF", (".avif",)),
    (4, b"JXL ", "JPEG XL", (".jxl",)),
    (0, b"\xff\x0a", "JPEG XL", ()),
)
TURNS = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}
SCREEN_GAMMA = 1 / 2.2  # of a PNG that is meant for a screen as it is


class ImageError(CourseError):
    """An image that cannot be read, written or used; the message is one sentence for the user."""


@functools.cache
def formats() -> tuple[str, ...]:
    """The formats that Pillow decodes itself."""
    Image.init()
    return tuple(name for name in Image.OPEN if name not in NOT_DECODED)


@functools.cache
def extensions() -> frozenset[str]:
    """Endings, such as ``.jpg``, of files that are taken for pictures (HEIC to complain of it)."""
    kinds = {*formats(), "MPO"}  # which JPEG's decoder reads
    known = {end for end, name in Image.registered_extensions().items() if name in kinds}
    return frozenset(known.union(*(ends for *_, ends in FOREIGN)))


def open_image(path: str | os.PathLike) -> Image.Image:
    """Read any image file that Pillow decodes as an upright 8-bit RGB picture in sRGB.

    Grey, 1-bit, palette, CMYK and deeper images are converted: whole numbers of more than 8 bits
    span 0 to 65535 and floats 0 to 1, whatever values occur, and what lies outside is clipped.
    Colour profiles and the gamma of PNG files are converted to sRGB, transparency is composited on
    white, the EXIF orientation is applied, and of an animation the first frame is taken.

    Raises:
        ImageError: the file is missing, not an image, truncated, or larger than ``MAX_PIXELS``.
    """
    path = Path(path)
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise ImageError(f"{path}: no such file") from None
    except OSError as error:
        raise ImageError(f"{path} cannot be read: {error.strerror}") from None
    if stat.S_ISDIR(mode):
        raise ImageError(f"{path} is a folder; give an image file")
    if not stat.S_ISREG(mode):
        raise ImageError(f"{path} is a pipe or a device; give an image file")
    failure = None
    for source in _sources(path):
        try:
            # Opening reads only the header, so the size is known before any memory is taken.
            with Image.open(source, formats=formats()) as image:
                check_pixels(path, *image.size)
                return _to_srgb(image)
        except ImageError:
            raise
        except PermissionError:
            raise ImageError(f"{path} cannot be read: permission denied") from None
        except Image.DecompressionBombError:
            raise ImageError(
                f"{path} has far more than the {MAX_PIXELS // 1_000_000} million pixels allowed; "
                "make it smaller first"
            ) from None
        except MemoryError:
            raise
        except Exception as error:  # Pillow's decoders raise many kinds for damaged files
            failure = failure or error
    raise ImageError(f"{path} {_complaint(path, failure)}") from None


def check_pixels(name: object, width: int, height: int) -> None:
    """Raise ImageError for more than ``MAX_PIXELS``."""
    if width * height > MAX_PIXELS:
        raise ImageError(
            f"{name} has {width} x {height} pixels, more than the {MAX_PIXELS // 1_000_000} "
            "million allowed; make it smaller first"
        )


def _complaint(path: Path, error: Exception) -> str:
    """What is wrong with a file, as the end of a sentence."""
    with path.open("rb") as file:
        head = file.read(32)
    for place, start, name, _ in FOREIGN:
        if head[place:].startswith(start) and isinstance(error, Image.UnidentifiedImageError):
            return f"is a {name} picture, which cannot be read here; save it as JPEG or PNG first"
    reason = (str(error) or type(error).__name__).splitlines()[0]
    kind = "is not an image" if _format_of(path) is None else "is damaged or truncated"
    return f"{kind} ({reason})"


def _format_of(path: Path) -> str | None:
    """A file's format by its first bytes; None if it is no picture."""
    with contextlib.suppress(Exception), Image.open(path, formats=formats()) as image:
        return image.format
    return None


def is_picture(path: Path) -> bool:
    """Whether the first bytes of a file are those of a picture, decodable or not."""
    return _format_of(path) is not None


# --- broken side data ---


def _sources(path: Path) -> Iterator[Path | io.BytesIO]:
    """The file, then its pixels with ever less beside them."""
    yield path
    data = path.read_bytes()
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        for kept in ({b"tRNS", b"gAMA", b"sRGB", b"iCCP", b"eXIf"}, {b"tRNS", b"gAMA", b"sRGB"}):
            yield io.BytesIO(_png_without(data, kept))
    elif data.startswith(b"\xff\xd8"):
        # APP0 and APP14 say how the pixels are stored, APP1 the orientation, APP2 the profile.
        for kept in ({0xE0, 0xE1, 0xE2, 0xEE}, {0xE0, 0xE2, 0xEE}, {0xEE}):
            yield io.BytesIO(_jpeg_without(data, kept))


def _png_without(data: bytes, kept: set[bytes]) -> bytes:
    """A PNG with its critical chunks and, if they are whole, those of ``kept``."""
    parts, place = [data[:8]], 8
    while place + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, place)
        chunk = data[place : place + 12 + length]
        whole = zlib.crc32(chunk[4:-4]).to_bytes(4, "big") == chunk[-4:]
        if not kind[0] & 0x20 or (kind in kept and whole):
            parts.append(chunk)
        place += 12 + length
    return b"".join(parts)


def _jpeg_without(data: bytes, kept: set[int]) -> bytes:
    """A JPEG without comments and without the application segments that are not ``kept``."""
    parts, place = [data[:2]], 2
    while place + 4 <= len(data) and data[place] == 0xFF and data[place + 1] != 0xDA:
        marker, length = data[place + 1], int.from_bytes(data[place + 2 : place + 4], "big")
        if marker in kept or not (0xE0 <= marker <= 0xEF or marker == 0xFE):
            parts.append(data[place : place + 2 + length])
        place += 2 + max(2, length)
    return b"".join([*parts, data[place:]])


# --- pixels ---


def _to_srgb(image: Image.Image) -> Image.Image:
    """Convert any Pillow mode to upright RGB without losing what a viewer would show."""
    image.load()
    turn = _orientation(image)
    gamma, profile = _number(image.info.get("gamma")), image.info.get("icc_profile")
    managed = "srgb" in image.info
    if image.mode.startswith("I") or image.mode == "F":
        values = np.nan_to_num(np.asarray(image).astype(np.float64))
        values = values * 255 if image.mode == "F" else values / 257
        image = Image.fromarray(values.clip(0, 255).round().astype(np.uint8))
    elif image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        image = image.convert("RGBA")
    elif image.mode not in ("L", "CMYK", "RGB"):
        image = image.convert("RGB")
    converted = _from_profile(image, profile) if profile else None
    if converted is not None:
        image = converted
    elif gamma and not managed and abs(gamma / SCREEN_GAMMA - 1) > 0.05:
        image = _from_gamma(image, gamma)
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    image = image.convert("RGB")
    return image.transpose(getattr(Image.Transpose, TURNS[turn])) if turn in TURNS else image


def _orientation(image: Image.Image) -> object:
    """The EXIF orientation, 1 to 8; None where there is none, or none that can be read."""
    with contextlib.suppress(Exception):
        return image.getexif().get(ExifTags.Base.Orientation)
    return None


def _from_profile(image: Image.Image, profile: bytes) -> Image.Image | None:
    """The picture in sRGB, RGB or RGBA; None for a profile that is broken or of another kind."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        space = source.profile.xcolor_space.strip()
        if space == "RGB" and image.mode == "L":
            image = image.convert("RGB")
        elif space == "GRAY" and image.mode in ("RGB", "RGBA"):
            alpha = image.getchannel("A") if image.mode == "RGBA" else None
            grey = ImageCms.profileToProfile(image.convert("L"), source, _srgb(), outputMode="RGB")
            return Image.merge("RGBA", (*grey.split(), alpha)) if alpha else grey
        mode = "RGBA" if image.mode == "RGBA" else "RGB"
        return ImageCms.profileToProfile(image, source, _srgb(), outputMode=mode)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError, AttributeError):
        return None


def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


def _number(value: object) -> float:
    return value if isinstance(value, float) and 0.01 < value < 100 else 0.0


def _from_gamma(image: Image.Image, gamma: float) -> Image.Image:
    """Values v that stand for the light v ** (1 / gamma), as sRGB."""
    light = (np.arange(256) / 255) ** (1 / gamma)
    values = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    table = (255 * values).round().astype(int).tolist()
    if image.mode == "RGBA":
        return image.point([*table * 3, *range(256)])
    image = image.convert("RGB")
    return image.point(table * 3)
