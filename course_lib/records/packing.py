"""Training images packed into one ZIP file, small enough to carry to another machine."""

import io
import zipfile
from collections.abc import Collection, Sequence
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from course_lib.images import ImageError, open_image, resize_shorter_side
from course_lib.system.files import replacing
from course_lib.system.listings import check_names, find_images, plain_name

SHARP = 400  # a painting's shorter side from which it counts as sharp
SIDES = {"content": 256, "sharp": 288, "small": 224, "held_out_content": 256, "held_out_style": 256}
QUALITY = {"content": 58, "sharp": 66, "small": 66, "held_out_content": 85, "held_out_style": 85}
GROUPS = tuple(SIDES)


def pack_images(
    content: Sequence[Path],
    style: Sequence[Path],
    out: Path,
    held_out: Collection[str] = (),
    exclude: Collection[str] = (),
    megabytes: float = 60,
    skipped: dict[Path, str] | None = None,
) -> dict[str, int]:
    """Write photographs and paintings, reduced and as WebP, into one ZIP file.

    The ZIP has one folder per group of ``SIDES``, whose images have at most that shorter side:
    photographs, sharp and small paintings for training, and the held-out ones of both kinds. If
    all would take more than ``megabytes``, small paintings are left out evenly.

    Args:
        content, style: folders.
        held_out: names of files to keep for judging.
        exclude: names of files to leave out altogether.
        skipped: takes up the pictures that cannot be read, with the reason.

    Returns:
        The number of images in each group.

    Raises:
        ImageError: a folder holds no image, or the file would be too large in any case.
    """
    groups: dict[str, list[tuple[str, bytes]]] = {name: [] for name in GROUPS}
    skipped = {} if skipped is None else skipped
    files: list[Path] = []
    for kind, folders in (("content", content), ("style", style)):
        paths = [path for folder in folders for path in find_images(folder)]
        files += paths
        for path in tqdm(paths, desc=f"packing {kind}", disable=None):
            name = plain_name(path.name)
            if name in exclude:
                continue
            try:
                image = open_image(path)
            except ImageError as error:
                skipped[path] = str(error)
                continue
            group = kind if kind == "content" else "sharp"
            if group == "sharp" and min(image.size) < SHARP:
                group = "small"
            if name in held_out:
                group = f"held_out_{kind}"
            data = _encoded(image, SIDES[group], QUALITY[group])
            number = len(groups[group])  # two folders may hold the same name
            groups[group].append((f"{number:05d}_{path.stem}.webp", data))
    check_names([*held_out, *exclude], files)
    room = megabytes * 1e6
    room -= sum(len(data) + 300 for name in GROUPS if name != "small" for _, data in groups[name])
    small = groups["small"]
    size = sum(len(data) + 300 for _, data in small)
    if room < 0:
        raise ImageError(f"even without small paintings more than {megabytes:g} MB are needed")
    if size > room:
        kept = int(len(small) * room / size * 0.98)
        groups["small"] = [small[i * len(small) // kept] for i in range(kept)]
    with replacing(out) as temporary, zipfile.ZipFile(temporary, "w") as file:
        for group, images in groups.items():
            for name, data in images:
                file.writestr(f"{group}/{name}", data)
    return {group: len(images) for group, images in groups.items()}


def _encoded(image: Image.Image, side: int, quality: int) -> bytes:
    if min(image.size) > side:
        image = resize_shorter_side(image, side)
    data = io.BytesIO()
    image.save(data, "WEBP", quality=quality, method=6)
    return data.getvalue()


def unpack_images(pack: Path, folder: Path) -> dict[str, Path]:
    """Unpack a ZIP of ``pack_images`` into a folder once; returns the folder of each group.

    Raises:
        ImageError: the file is missing, damaged, or not such a ZIP.
    """
    places = {group: folder / group for group in GROUPS}
    if all(place.is_dir() for place in places.values()):
        return places
    try:
        with zipfile.ZipFile(pack) as file:
            strange = [n for n in file.namelist() if n.split("/")[0] not in GROUPS]
            if strange:
                raise ImageError(f"{pack} is not a pack of training images: it holds {strange[0]}")
            file.extractall(folder)
    except (OSError, zipfile.BadZipFile) as error:
        raise ImageError(f"{pack} cannot be read ({error})") from None
    for group, place in places.items():
        if not place.is_dir():
            raise ImageError(f"{pack} holds no images of the group '{group}'")
    return places
