"""From files to files: stylise one photograph, a folder of them, or the demo sheet."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from course_lib import DATA_DIR
from course_lib.adain import ChannelStatistics, apply_statistics
from course_lib.images import (
    ImageError,
    center_crop,
    check_output_path,
    contact_sheet,
    find_images,
    load_image,
    open_image,
    resize_shorter_side,
    save_image,
    to_image,
    to_tensor,
)
from course_lib.stylize import StyleStatistics, StyleTransfer


@dataclass
class FolderReport:
    """What happened to a folder: files written, files left out with the reason, seconds in all."""

    saved: list[Path] = field(default_factory=list)
    skipped: dict[Path, str] = field(default_factory=dict)
    seconds: float = 0.0


def check_paths(content: Path, styles: Sequence[Path], out: Path) -> None:
    """Find mistakes in file names before any model is loaded.

    Raises:
        ImageError: an input is missing, the output cannot be an image, or would replace an input.
    """
    for path in (content, *styles):
        if not path.exists():
            raise ImageError(f"{path}: no such file")
    if content.is_dir():
        if out.exists() and not out.is_dir():
            raise ImageError(f"{out} is a file; a folder of photographs needs a folder as output")
        if out.resolve() == content.resolve():
            raise ImageError(f"{out} holds the photographs; choose another folder as output")
        return
    check_output_path(out)
    for path in (content, *styles):
        if out.exists() and out.samefile(path):
            raise ImageError(f"{out} is one of the inputs and would be replaced; choose another")


def read_styles(
    transfer: StyleTransfer,
    paths: Sequence[Path],
    weights: Sequence[float] | None = None,
    size: int = 512,
) -> StyleStatistics:
    """Measure paintings at shorter side ``size`` and mix them with ``weights``.

    A ``.safetensors`` file is taken as style statistics saved before.
    """
    styles = [
        StyleStatistics.load(path)
        if path.suffix == ".safetensors"
        else transfer.encode_style(load_image(path, size))
        for path in paths
    ]
    return StyleStatistics.average(styles, weights)


def stylize_file(
    transfer: StyleTransfer,
    content: Path,
    style: StyleStatistics,
    out: Path,
    alpha: float = 1.0,
    size: int | None = None,
) -> Path:
    """Stylise one photograph; ``size`` is the output's shorter side, its own if not given."""
    return save_image(transfer.stylize(load_image(content, size), style, alpha), out)


def stylize_folder(
    transfer: StyleTransfer,
    content: Path,
    style: StyleStatistics,
    out: Path,
    alpha: float = 1.0,
    size: int | None = None,
    progress: bool = True,
) -> FolderReport:
    """Stylise every image under ``content`` into the same places under ``out``.

    JPEG, PNG and WebP keep their names; for other formats ``.png`` is added. A file that cannot be
    read is reported and the rest go on.

    Raises:
        ImageError: there are no images, or the output cannot be written.
    """
    report = FolderReport()
    paths = [path for path in find_images(content) if not path.is_relative_to(out)]
    started = time.perf_counter()
    for path in tqdm(paths, desc="stylising", unit="image", disable=not progress):
        try:
            image = load_image(path, size)
        except ImageError as error:
            report.skipped[path] = str(error)
            continue
        target = out / path.relative_to(content)
        if path.suffix.lower() not in (".jpg", ".jpeg", ".png", ".webp"):
            target = target.with_name(f"{path.name}.png")
        report.saved.append(save_image(transfer.stylize(image, style, alpha), target))
    report.seconds = time.perf_counter() - started
    return report


def demo_sheet(
    transfer: StyleTransfer,
    photos: Sequence[str] | None = None,
    styles: Sequence[str] | None = None,
    size: int = 256,
) -> tuple[Image.Image, float]:
    """Draw bundled photographs down, bundled styles across, and every combination.

    Args:
        photos: file names without extension; all in ``data/content`` if not given.
        styles: likewise from ``data/style``.
        size: side of the square pictures in pixels.

    Returns:
        The sheet, and the seconds per stylised image with everything loaded.
    """
    photographs = [square(path, size) for path in choose(DATA_DIR / "content", photos)]
    paintings = [square(path, 2 * size) for path in choose(DATA_DIR / "style", styles)]
    started = time.perf_counter()
    statistics = [transfer.encode_style(to_tensor(painting)) for painting in paintings]
    rows: list[list[Image.Image | None]] = [[None, *paintings]]
    for photograph in photographs:
        features = transfer.encode(to_tensor(photograph))
        row = [photograph]
        for style in statistics:
            target = apply_statistics(features, ChannelStatistics(
                style.mean.to(transfer.device), style.std.to(transfer.device)
            ))  # fmt: skip
            row.append(to_image(transfer.decode(target)[..., :size, :size]))
        rows.append(row)
    seconds = (time.perf_counter() - started) / (len(photographs) * len(paintings))
    return contact_sheet(rows, tile=size), seconds


def square(path: Path, size: int) -> Image.Image:
    """The centre of a picture as a square of ``size`` pixels."""
    return resize_shorter_side(center_crop(open_image(path)), size)


def choose(folder: Path, names: Sequence[str] | None) -> list[Path]:
    """The images of a bundled folder, or those with the given names in the given order.

    Raises:
        ImageError: a name is not there; the message lists those that are.
    """
    paths = {path.stem: path for path in find_images(folder)}
    for name in names or ():
        if name not in paths:
            raise ImageError(f"no picture '{name}' in {folder}; there are {', '.join(paths)}")
    return [paths[name] for name in names or paths]
