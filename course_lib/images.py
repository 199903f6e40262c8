"""Images in, images out: the one image convention of the course lives here.

Everywhere an image batch is a ``float32`` RGB tensor in [0, 1] of shape ``(N, 3, H, W)``.
``normalize`` and ``denormalize`` are the only two places that know the ImageNet statistics.
"""

import contextlib
import functools
import io
import os
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageOps
from torch import Tensor

from course_lib import DATA_DIR, INSTALLED, REPOSITORY, CourseError, fast
from course_lib.system.files import replacing
from course_lib.system.listings import find_images
from course_lib.system.picture_files import MAX_PIXELS, ImageError, open_image

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def to_tensor(image: Image.Image) -> Tensor:
    """Turn an RGB picture into a tensor of shape (1, 3, H, W) with values in [0, 1]."""
    array = np.array(image.convert("RGB"))
    return torch.from_numpy(array).permute(2, 0, 1)[None].float().div_(255)


def to_image(tensor: Tensor) -> Image.Image:
    """Turn one image tensor, (3, H, W) or (1, 3, H, W), into a picture, rounding to 8 bits.

    Values outside [0, 1] are clamped.

    Raises:
        ImageError: the tensor is not one RGB image.
    """
    if tensor.dim() == 4 and tensor.shape[0] == 1:
        tensor = tensor[0]
    if tensor.dim() != 3 or tensor.shape[0] != 3:
        raise ImageError(f"expected one image of shape (3, H, W), got {tuple(tensor.shape)}")
    values = tensor.detach().float().clamp(0, 1).mul(255).round().to("cpu", torch.uint8)
    return Image.fromarray(values.permute(1, 2, 0).contiguous().numpy())


def eight_bit(image: Tensor) -> Tensor:
    """The image as a file holds it: losses of unrounded images flatter."""
    return image.clamp(0, 1).mul(255).round().div(255)


def load_image(path: str | os.PathLike, size: int | None = None) -> Tensor:
    """Read an image file as a (1, 3, H, W) tensor in [0, 1].

    ``size``, if given, is the length of the shorter side in pixels after resizing.
    """
    image = open_image(path)
    return to_tensor(image if size is None else resize_shorter_side(image, size))


def save_image(tensor: Tensor | Image.Image, path: str | os.PathLike) -> Path:
    """Write one image; the extension chooses the format. A failed write leaves no partial file.

    Raises:
        ImageError: the extension is unknown or the place cannot be written.
    """
    path = Path(path)
    image = tensor if isinstance(tensor, Image.Image) else to_image(tensor)
    options = {"quality": 95} if path.suffix.lower() in (".jpg", ".jpeg", ".webp") else {}
    try:
        check_output_path(path)
        with replacing(path) as temporary:
            image.save(temporary, **options)
    except ImageError:
        raise
    except (OSError, ValueError, OverflowError, struct.error) as error:
        reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
        raise ImageError(f"{path} cannot be written: {reason}") from None
    return path


def save_small(picture: Image.Image, path: str | os.PathLike, limit: int = 60_000) -> Path:
    """Write a JPEG of at most ``limit`` bytes, at the best quality that fits (10 at the least)."""
    for quality in range(95, 5, -5):
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=quality)
        if buffer.tell() <= limit:
            break
    with replacing(path) as temporary:
        temporary.write_bytes(buffer.getvalue())
    return Path(path)


def save_animation(
    pictures: Sequence[Image.Image], path: str | os.PathLike, limit: int | None = None
) -> Path:
    """Write an animated GIF that pauses on its last picture.

    Args:
        pictures: of one size.
        limit: bytes that the file may have; the pictures become smaller until it does.

    Raises:
        CourseError: there are no pictures.
    """
    if not pictures:
        raise CourseError("a film needs at least one frame")
    durations = [400] * (len(pictures) - 1) + [2000]
    width, height = pictures[0].size
    for share in range(100, 0, -5):
        size = max(1, width * share // 100), max(1, height * share // 100)
        first, *others = (picture.resize(size, Image.Resampling.LANCZOS) for picture in pictures)
        buffer = io.BytesIO()
        first.save(buffer, "GIF", save_all=True, append_images=others, duration=durations, loop=0)
        if limit is None or buffer.tell() <= limit:
            break
    with replacing(path) as temporary:
        temporary.write_bytes(buffer.getvalue())
    return Path(path)


def check_output_path(path: str | os.PathLike) -> None:
    """Raise ImageError if ``path`` is a folder or has no extension that images can be saved as."""
    path = Path(path)
    if path.is_dir():
        raise ImageError(f"{path} is a folder; give a file name such as {path / 'out.png'}")
    Image.init()
    if Image.EXTENSION.get(path.suffix.lower()) not in Image.SAVE:
        raise ImageError(f"{path}: unknown image extension '{path.suffix}'; use .png or .jpg")


def resize_shorter_side(image: Image.Image, size: int) -> Image.Image:
    """Resize a picture so that its shorter side is ``size`` pixels, keeping the aspect ratio.

    Raises:
        ImageError: ``size`` is below 1, or the result would have more than ``MAX_PIXELS``.
    """
    if size < 1:
        raise ImageError(f"size must be at least 1 pixel, got {size}")
    shorter = min(image.size)
    # In whole numbers, because a mistyped size may be too large for a float.
    if size * size * max(image.size) > MAX_PIXELS * shorter:
        raise ImageError(
            f"with {size} pixels on the shorter side the image would have more than the "
            f"{MAX_PIXELS // 1_000_000} million pixels allowed; choose a smaller size"
        )
    scale = size / shorter
    width, height = (max(1, round(side * scale)) for side in image.size)
    if (width, height) == image.size:
        return image
    return image.resize((width, height), Image.Resampling.LANCZOS)


def center_crop(image: Image.Image) -> Image.Image:
    """Cut the largest centred square out of a picture."""
    return ImageOps.fit(image, (min(image.size),) * 2, Image.Resampling.LANCZOS)


def normalize(images: Tensor) -> Tensor:
    """Map [0, 1] RGB to zero mean and unit variance with the ImageNet statistics, per channel."""
    mean, std = _imagenet_statistics(images.dtype, images.device)
    return (images - mean) / std


def denormalize(images: Tensor) -> Tensor:
    """Undo ``normalize``: back to RGB, not clamped."""
    mean, std = _imagenet_statistics(images.dtype, images.device)
    return images * std + mean


@functools.cache
def _imagenet_statistics(dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation, (3, 1, 1): kept, because a GPU waits for every copy to it."""
    with torch.inference_mode(False):
        pair = (torch.tensor(v, dtype=dtype) for v in (IMAGENET_MEAN, IMAGENET_STD))
        return tuple(values[:, None, None].to(device) for values in pair)


def reflect_pad(
    tensor: Tensor, left: int = 1, right: int = 1, top: int = 1, bottom: int = 1
) -> Tensor:
    """Mirror the borders of (N, C, H, W) without repeating the edge pixel, for any size.

    PyTorch's reflection padding refuses pads as large as the image; here the mirror image is
    mirrored again as often as needed (a single pixel is simply repeated). The dtype is kept even
    under autocast, which would otherwise compute the padding in float32 and cost a third of a
    training step on a CPU.
    """
    height, width = tensor.shape[-2:]
    if max(left, right) < width and max(top, bottom) < height:
        one = (left, right, top, bottom) == (1, 1, 1, 1) and min(height, width) > 2
        if tensor.is_cuda and one and not torch.compiler.is_compiling():
            return fast.mirror_one_pixel(tensor)
        with torch.autocast(tensor.device.type, enabled=False):
            return F.pad(tensor, (left, right, top, bottom), mode="reflect")
    rows = _mirror_index(height, top, bottom, tensor.device)
    columns = _mirror_index(width, left, right, tensor.device)
    return tensor.index_select(-2, rows).index_select(-1, columns)


def _mirror_index(length: int, before: int, after: int, device: torch.device) -> Tensor:
    """Source positions of a mirrored axis: ... 2 1 [0 1 2 3] 2 1 0 1 ..."""
    position = torch.arange(-before, length + after, device=device)
    if length == 1:
        return torch.zeros_like(position)
    period = 2 * (length - 1)
    position = position % period
    return torch.minimum(position, period - position)


def pad_to_multiple(images: Tensor, multiple: int = 8) -> Tensor:
    """Reflect-pad (N, C, H, W) on the right and at the bottom until both sides divide evenly.

    The encoder halves its input three times up to relu4_1, so other sizes would lose pixels.
    """
    height, width = images.shape[-2:]
    right, bottom = -width % multiple, -height % multiple
    if right == 0 and bottom == 0:
        return images
    return reflect_pad(images, 0, right, 0, bottom)


def contact_sheet(
    rows: Sequence[Sequence[Image.Image | None]], tile: int = 160, gap: int = 6
) -> Image.Image:
    """Lay pictures out in a grid of square tiles on white; ``None`` leaves a tile empty.

    Args:
        rows: the pictures, row by row.
        tile: side of one tile in pixels; pictures are centre-cropped to it.
        gap: white pixels between tiles.
    """
    columns = max(len(row) for row in rows)
    check_sheet(len(rows), columns, tile)
    step = tile + gap
    sheet = Image.new("RGB", (columns * step + gap, len(rows) * step + gap), "white")
    for y, row in enumerate(rows):
        for x, image in enumerate(row):
            if image is not None:
                fitted = ImageOps.fit(image, (tile, tile), Image.Resampling.LANCZOS)
                sheet.paste(fitted, (gap + x * step, gap + y * step))
    return sheet


def check_sheet(rows: int, columns: int, tile: int) -> None:
    """Raise ImageError if a sheet of so many tiles, ``tile`` pixels a side, would be too large."""
    if rows * columns * tile**2 > MAX_PIXELS:
        raise ImageError(
            f"a sheet of {rows} x {columns} pictures of {tile} pixels would have more than the "
            f"{MAX_PIXELS // 1_000_000} million pixels allowed; choose a smaller size"
        )


def square(picture: Path | Image.Image, size: int) -> Image.Image:
    """The centre of a picture, a file or opened, as a square of ``size`` pixels."""
    image = picture if isinstance(picture, Image.Image) else open_image(picture)
    return resize_shorter_side(center_crop(image), size)


def library(kind: str) -> dict[str, Path]:
    """The pictures at hand by name: ``content`` photographs, or ``style`` paintings.

    Masterpieces come first, then the painted styles, then the famous paintings of ``fetch
    paintings`` once they are there; your own may lie beside them. A name that is taken already is
    given with its extension.
    """
    names = {"content": ["content"], "style": ["masterpieces", "style", "paintings"]}[kind]
    folders = [DATA_DIR / name for name in names]
    if INSTALLED and kind == "style":
        folders.append(REPOSITORY / "data" / "paintings")  # where ``fetch`` puts them then
    found: dict[str, Path] = {}
    for folder in folders:
        with contextlib.suppress(ImageError):  # missing or empty
            for path in find_images(folder):
                found[path.name if path.stem in found else path.stem] = path
    return found
