"""Training images: folders decoded once into memory, and crops drawn from them.

Every draw is a pure function of (seed, step), so a resumed run sees exactly the crops that an
uninterrupted one would have seen, with no random state to save.
"""

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from course_lib.images import ImageError, open_image, resize_shorter_side, to_tensor
from course_lib.system.listings import find_images, plain_name
from course_lib.system.memory import free_memory
from course_lib.system.printing import no_bar


@dataclass
class ImagePool:
    """Decoded images, each uint8 (3, H, W), in groups that are drawn equally often.

    ``files`` are all pictures found, excluded ones too; ``skipped`` could not be read; ``ignored``
    is what else lies in the folders.
    """

    groups: list[list[Tensor]]
    skipped: dict[Path, str] = field(default_factory=dict)
    ignored: dict[Path, str] = field(default_factory=dict)
    files: list[Path] = field(default_factory=list)

    def __len__(self) -> int:
        return sum(len(group) for group in self.groups)

    def move_if_it_fits(self, device: torch.device) -> None:
        """Keep the images on a CUDA device if they take less than a third of its free memory."""
        if device.type != "cuda":
            return
        size = sum(image.numel() for group in self.groups for image in group)
        if size < free_memory(device) / 3:
            self.groups = [[image.to(device) for image in group] for group in self.groups]


def load_pool(
    folders: Sequence[Path],
    size: int,
    crop: int,
    limit: int | None = None,
    exclude: Iterable[str] = (),
    progress: bool = True,
) -> ImagePool:
    """Decode folders of images (nested, any format that ``open_image`` reads) into memory.

    Images with a shorter side above ``size`` are reduced to it. Smaller ones are left as they are,
    because enlarging teaches blur, unless a crop would not fit: then they grow to ``crop``.

    Args:
        folders: one group each; every folder is drawn equally often, whatever its length.
        size: shorter side in pixels after decoding.
        crop: side of the square crops in pixels.
        limit: take at most this many images in all, spread evenly over the sorted files.
        exclude: file names (without folder) to leave out, for example held-out images; in any
            Unicode normalisation. See ``listings.check_names`` for names that no file has.

    Raises:
        ImageError: a folder is missing, or no readable image is left in it.
    """
    excluded = set(map(plain_name, exclude))
    pool = ImagePool([])
    for folder in folders:
        found = find_images(folder)
        pool.files += found
        pool.ignored |= found.ignored
        paths = [path for path in found if plain_name(path.name) not in excluded]
        if limit is not None:
            share = min(max(1, limit // len(folders)), len(paths))
            paths = [paths[i * len(paths) // share] for i in range(share)]
        group = []
        for path in tqdm(paths, desc=f"reading {Path(folder).name}", disable=no_bar(progress)):
            try:
                group.append(_decode(path, size, crop))
            except ImageError as error:
                pool.skipped[path] = str(error)
        if not group:
            raise ImageError(f"{folder} holds no readable image for training")
        pool.groups.append(group)
    return pool


def _decode(path: Path, size: int, crop: int) -> Tensor:
    image: Image.Image = open_image(path)
    shorter = min(image.size)
    image = resize_shorter_side(image, min(max(shorter, crop), max(size, crop)))
    return to_tensor(image)[0].mul(255).round().to(torch.uint8)


def draw_crops(
    pool: ImagePool, step: int, batch: int, crop: int, seed: int, part: tuple[int, int] = (0, 1)
) -> Tensor:
    """Draw the random crops of one step.

    Within a group, images come in a fresh random order every time the group is used up, so no
    image is seen twice before all were seen once.

    Args:
        step: number of the batch, from 0.
        batch: crops in the batch; the groups take turns, also from one batch to the next.
        crop: side in pixels.
        seed: different pools should have different seeds, or their shuffles would be tied.
        part: (number, count) draws only this one of ``count`` equal parts of the batch.

    Returns:
        uint8 (batch / count, 3, crop, crop), on the images' device.
    """
    crops = []
    share = batch // part[1]
    start = step * batch + part[0] * share
    for draw in range(start, start + share):
        group_number, turn = draw % len(pool.groups), draw // len(pool.groups)
        group = pool.groups[group_number]
        epoch, position = divmod(turn, len(group))
        image = group[_shuffled(len(group), seed, group_number, epoch)[position]]
        # Seeding from (seed, draw) makes this crop the same in every run, resumed or not.
        top, left = np.random.default_rng((seed, draw)).integers(
            0, [side - crop + 1 for side in image.shape[1:]]
        )
        crops.append(image[:, top : top + crop, left : left + crop])
    return torch.stack(crops)


@functools.lru_cache(maxsize=16)
def _shuffled(count: int, *key: int) -> list[int]:
    """A random order of ``count`` images that depends on ``key`` alone (kept for the next call)."""
    return np.random.default_rng(key).permutation(count).tolist()
