"""From files to files: stylise one photograph, a folder of them, or the demo sheet."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image
from torch import Tensor
from tqdm import tqdm

from course_lib import DATA_DIR
from course_lib.images import (
    ImageError,
    check_output_path,
    check_sheet,
    contact_sheet,
    find_images,
    library,
    load_image,
    save_image,
    square,
    to_image,
    to_tensor,
)
from course_lib.polish import check_steps
from course_lib.stylize import StyleTransfer
from course_lib.system.printing import no_bar

DEMO_STYLES = (  # masterpieces, then painted styles; all are in the library of styles
    "hokusai_great_wave",
    "van_gogh_street_in_auvers",
    "kandinsky_composition_viii",
    "arcimboldo_spring",
    "leonardo_mona_lisa",
    "cassatt_summertime",
    "renoir_moulin_de_la_galette",
    "hokusai_poppies",
    "stained_glass",
    "pointillist_river",
    "ink_wash",
    "fauve_hills",
)


@dataclass
class FolderReport:
    """What happened to a folder: files written, pictures skipped, other files; seconds in all."""

    saved: list[Path] = field(default_factory=list)
    skipped: dict[Path, str] = field(default_factory=dict)
    ignored: dict[Path, str] = field(default_factory=dict)
    seconds: float = 0.0


def check_paths(content: Path, styles: Sequence[Path], out: Path) -> None:
    """Find mistakes in file names before any model is loaded.

    ``styles`` are all inputs besides the content, masks and recipes too.

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
        plan = plan_folder(content, out)
        inputs = {path.resolve() for path in (*plan, *styles)}
        for target in plan.values():
            if target.resolve() in inputs:
                raise ImageError(
                    f"{target} is one of the inputs and would be replaced; choose another folder"
                )
        return
    check_output_path(out)
    check_outputs([content, *styles], [out])


def check_outputs(inputs: Sequence[Path], outputs: Sequence[Path]) -> None:
    """Raise ImageError if an output is a folder, one of the inputs, or another output."""

    def same(a: Path, b: Path) -> bool:
        return a.resolve() == b.resolve() or (a.exists() and b.exists() and a.samefile(b))

    for number, out in enumerate(outputs):
        if out.is_dir():
            raise ImageError(f"{out} is a folder; give a file name")
        if any(same(out, path) for path in inputs):
            raise ImageError(f"{out} is one of the inputs and would be replaced; choose another")
        if any(same(out, path) for path in outputs[:number]):
            raise ImageError(f"{out} is named for two outputs; choose another for one of them")


def stylize_file(
    paint: Callable[[Tensor], Tensor], content: Path, out: Path, size: int | None = None
) -> Path:
    """Stylise one photograph; ``size`` is the output's shorter side, its own if not given.

    Args:
        paint: (1, 3, H, W) to (1, 3, H, W), both in [0, 1], such as a ``painter.Painter``.
    """
    return save_image(paint(load_image(content, size)), out)


def stylize_folder(
    paint: Callable[[Tensor], Tensor],
    content: Path,
    out: Path,
    size: int | None = None,
    progress: bool = True,
) -> FolderReport:
    """Stylise every image under ``content`` into the same places under ``out``.

    A file that cannot be read or written is reported and the rest go on. For ``paint`` and
    ``size`` see ``stylize_file``.

    Raises:
        ImageError: there are no images.
    """
    report = FolderReport(ignored=find_images(content).ignored)
    plan = plan_folder(content, out)
    started = time.perf_counter()
    bar = tqdm(plan.items(), desc="stylising", unit="image", disable=no_bar(progress))
    for path, target in bar:
        try:
            report.saved.append(stylize_file(paint, path, target, size))
        except ImageError as error:
            report.skipped[path] = str(error)
        if getattr(paint, "stopped", False):  # Ctrl-C during a polishing, whose best is saved now
            break
    report.seconds = time.perf_counter() - started
    return report


def plan_folder(content: Path, out: Path) -> dict[Path, Path]:
    """Where each image under ``content`` goes under ``out``; no two go to the same place.

    JPEG, PNG and WebP keep their names; for other formats ``.png`` is added. Where ``out`` lies
    inside ``content``, what is in it is the result of an earlier run and left out.

    Raises:
        ImageError: there are no images.
    """
    inside = out.resolve().is_relative_to(content.resolve())
    plan: dict[Path, Path] = {}
    taken = set()
    for path in find_images(content):
        if inside and path.resolve().is_relative_to(out.resolve()):
            continue
        target = out / path.relative_to(content)
        if path.suffix.lower() not in (".jpg", ".jpeg", ".png", ".webp"):
            target = target.with_name(f"{path.name}.png")
        while target in taken:  # a.gif beside a.gif.png
            target = target.with_name(f"{target.name}.png")
        taken.add(target)
        plan[path] = target
    return plan


def demo_sheet(
    transfer: StyleTransfer,
    photos: Sequence[str] | None = None,
    styles: Sequence[str] | None = None,
    size: int = 256,
    polish: int = 0,
) -> tuple[Image.Image, float]:
    """Draw bundled photographs down, bundled styles across, and every combination.

    Args:
        photos: file names without extension; all in ``data/content`` if not given.
        styles: likewise names in the library of styles; ``DEMO_STYLES`` if not given.
        size: side of the square pictures in pixels.
        polish: steps of optimisation of each picture after the decoder's; see ``polish``.

    Raises:
        CourseError: an unknown name, too large a sheet, or more steps than allowed.

    Returns:
        The sheet, and the seconds per stylised image with everything loaded.
    """
    rows_of, columns_of = choose("content", photos), choose("style", styles or DEMO_STYLES)
    check_sheet(len(rows_of) + 1, len(columns_of) + 1, size)
    check_steps(polish)
    photographs = [square(path, size) for path in rows_of]
    paintings = [square(path, 2 * size) for path in columns_of]
    started = time.perf_counter()
    measured = [transfer.encode_style(to_tensor(p), polish > 0) for p in paintings]
    rows: list[list[Image.Image | None]] = [[None, *paintings]]
    for photograph in photographs:
        content = to_tensor(photograph)
        if polish:
            pictures = [transfer.polish(content, style, steps=polish) for style in measured]
        else:
            features = transfer.encode(content)
            targets = [transfer.restyle(features, transfer.mix(style)) for style in measured]
            pictures = [transfer.decode(target, (size, size)) for target in targets]
        rows.append([photograph, *map(to_image, pictures)])
    seconds = (time.perf_counter() - started) / (len(photographs) * len(paintings))
    return contact_sheet(rows, tile=size), seconds


def choose(kind: str, names: Sequence[str] | None) -> list[Path]:
    """The pictures of ``data/KIND``, or those of the kind's library with the given names, in order.

    Raises:
        ImageError: a name is not there; the message lists those that are.
    """
    if names is None:
        return find_images(DATA_DIR / kind)
    pictures = library(kind)
    for name in names:
        if name not in pictures:
            raise ImageError(f"no {kind} picture '{name}'; there are {', '.join(pictures)}")
    return [pictures[name] for name in names]
