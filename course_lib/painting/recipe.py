"""A picture's recipe: every setting and the files it was made from, as a small JSON file."""

import json
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from reprlib import repr as short

from torch import Tensor

from course_lib import CourseError
from course_lib.images import load_image
from course_lib.painting.paint_settings import PaintSettings, is_number
from course_lib.painting.painter import Painter, open_styles
from course_lib.stylize import StyleTransfer
from course_lib.system.files import read_bytes, write_text

FORMAT = "course-recipe-1"
LARGEST_FILE = 1_000_000  # bytes; a recipe has a few hundred


@dataclass(frozen=True)
class Recipe(PaintSettings):
    """All that ``stylize`` needs to know about one picture.

    Args:
        content: file of the photograph. Relative names are meant from the recipe's folder.
        styles: files of one or several paintings, or of saved statistics (``.safetensors``).
        masks: image files, white where style 1, 2, ... goes. One style more than masks paints the
            rest, which otherwise stays as it is.
        size: the picture's shorter side in pixels; the photograph's own if not given.
        style_size: shorter side of the styles in pixels, at ``style_scale`` 1.

    Raises:
        CourseError: a value of a wrong kind, out of range, or that does not go with another.
    """

    content: str
    styles: tuple[str, ...]
    masks: tuple[str, ...] = ()
    size: int | None = None
    style_size: int = 512

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("styles", "masks"):  # JSON has no tuples
            if isinstance(getattr(self, name), list):
                object.__setattr__(self, name, tuple(getattr(self, name)))
        texts = {"content": (self.content,), "styles": self.styles, "masks": self.masks}
        for name, names in texts.items():
            if not isinstance(names, tuple) or not all(isinstance(n, str) and n for n in names):
                kind = "a file name" if name == "content" else "a list of file names"
                raise CourseError(f"{name} must be {kind}, got {short(getattr(self, name))}")
        for name in ("size", "style_size"):
            value = getattr(self, name)
            if value is None and name == "size":
                continue
            if not isinstance(value, int) or not is_number(value) or value < 1:
                raise CourseError(f"{name} must be a whole number above 0, got {short(value)}")
        self.check_styles(len(self.styles), len(self.masks) or None)
        for name in self.styles:
            if name.endswith(".safetensors") and (self.colour == "coral" or self.style_scale != 1):
                raise CourseError(
                    f"{name} holds statistics, which have no colours or size to change; give the "
                    "painting"
                )

    def save(self, path: str | os.PathLike) -> Path:
        """Write the recipe as JSON (to a temporary name, then renamed)."""
        first = {"format": FORMAT, "content": self.content, "styles": self.styles}
        text = json.dumps(first | asdict(self), indent=1, ensure_ascii=False)
        return write_text(path, text + "\n")

    @classmethod
    def load(cls, path: str | os.PathLike) -> "Recipe":
        """Read a recipe and check it; its pictures are looked for by ``check_files``.

        Raises:
            CourseError: the file is missing, no recipe, or holds a wrong value.
        """
        text = read_bytes(path, LARGEST_FILE)
        try:
            data = json.loads(text.decode("utf-8"))
        except (ValueError, RecursionError) as error:
            reason = str(error).splitlines()[0]
            raise CourseError(f"{path} is not a recipe ({reason})") from None
        if not isinstance(data, dict) or data.pop("format", None) != FORMAT:
            raise CourseError(f"{path} is not a recipe of this course ({FORMAT})")
        known = [field.name for field in fields(cls)]
        for name in data:
            if name not in known:
                raise CourseError(f"{path}: unknown setting '{name}'; there are {', '.join(known)}")
        for name in ("content", "styles"):
            if name not in data:
                raise CourseError(f"{path}: '{name}' is missing")
        try:
            return cls(**data)
        except CourseError as error:
            raise CourseError(f"{path}: {error}") from None

    def check_files(self, folder: str | os.PathLike = ".") -> None:
        """Raise CourseError if a file is not there; relative names are meant from ``folder``."""
        for name in (self.content, *self.styles, *self.masks):
            try:
                there = (Path(folder) / name).exists()
            except (OSError, ValueError):  # too long, or with a zero inside
                there = False
            if not there:
                raise CourseError(f"{Path(folder) / name}: no such file")


def make_painter(
    transfer: StyleTransfer, recipe: Recipe, folder: str | os.PathLike = ".", progress: bool = False
) -> Painter:
    """Read and measure a recipe's styles: its picture, or those of other photographs, can follow.

    ``progress`` shows a bar while pictures are polished.

    Raises:
        CourseError: a file is missing or unfit.
    """
    folder = Path(folder)
    paths = [folder / name for name in recipe.styles]
    styles = open_styles(paths, recipe.style_size, recipe.style_scale, recipe.polish > 0)
    return Painter(transfer, styles, recipe, [folder / name for name in recipe.masks], progress)


def render(transfer: StyleTransfer, recipe: Recipe, folder: str | os.PathLike = ".") -> Tensor:
    """Make a recipe's picture, (1, 3, H, W) in [0, 1]: what ``stylize`` saves.

    Args:
        folder: where relative file names are meant from, usually the recipe's own folder.

    Raises:
        CourseError: a file is missing or unfit.
    """
    recipe.check_files(folder)
    photograph = load_image(Path(folder) / recipe.content, recipe.size)
    return make_painter(transfer, recipe, folder)(photograph)
