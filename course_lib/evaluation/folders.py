"""Folders of pictures as squares for a comparison."""

from pathlib import Path

from torch import Tensor

from course_lib.batch import square
from course_lib.images import ImageError, find_images, to_tensor


def load_folder(folder: Path, size: int) -> tuple[dict[str, Tensor], list[str]]:
    """Read the images under ``folder`` as squares of ``size`` pixels.

    Returns:
        Name, relative to the folder and without extension where that is clear -> (1, 3, size,
        size); and a sentence for every file that cannot be read.

    Raises:
        ImageError: the folder is missing, or none of its files can be read.
    """
    images, unreadable = {}, []
    paths = find_images(folder)
    stems = [path.stem for path in paths]
    for path in paths:
        unique = stems.count(path.stem) == 1
        name = path.stem if unique else path.relative_to(folder).as_posix()
        try:
            images[name] = to_tensor(square(path, size))
        except ImageError as error:
            unreadable.append(str(error))
    if not images:
        raise ImageError(f"no image in {folder} can be read: {unreadable[0]}")
    return images, unreadable
