"""A picture's recipe: every setting and the files it was made from, as a small JSON file."""

import json
import math
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from reprlib import repr as short

from torch import Tensor

from course_lib import CourseError
from course_lib.adain import normalized_weights
from course_lib.images import load_image
from course_lib.painting.colour import COLOUR_MODES
from course_lib.painting.painter import (
    MAX_STYLE_SCALE,
    MIN_STYLE_SCALE,
    Painter,
    check_regions,
    open_styles,
)
from course_lib.polish import check_steps
from course_lib.stylize import MAX_ALPHA, StyleTransfer
from course_lib.system.files import read_bytes, replacing

FORMAT = "course-recipe-1"
LARGEST_FILE = 1_000_000  # bytes; a recipe has a few hundred
LARGEST_NUMBER = 1e9


class RecipeError(CourseError):
    """A recipe that cannot be used; the message is one sentence for the user."""


@dataclass(frozen=True)
class Recipe:
    """All that ``stylize`` needs to know about one picture.

    Args:
        content: file of the photograph. Relative names are meant from the recipe's folder.
        styles: files of one or several paintings, or of saved statistics (``.safetensors``).
        weights: one per style, scaled to sum 1; equal if not given. Not together with masks.
        alpha: 0 content, 1 full style, up to 2 exaggerated.
        colour: ``style``, or the photograph's by ``luminance`` or ``coral``.
        masks: image files, white where style 1, 2, ... goes. One style more than masks paints the
            rest, which otherwise stays as it is.
        style_scale: the styles' size as a multiple of ``style_size``, 0.125 to 4.
        size: the picture's shorter side in pixels; the photograph's own if not given.
        style_size: shorter side of the styles in pixels.
        polish: steps of optimisation after the decoder, 0 for none.

    Raises:
        RecipeError: a value of a wrong kind, out of range, or that does not go with another.
    """

    content: str
    styles: tuple[str, ...]
    weights: tuple[float, ...] | None = None
    alpha: float = 1.0
    colour: str = "style"
    masks: tuple[str, ...] = ()
    style_scale: float = 1.0
    size: int | None = None
    style_size: int = 512
    polish: int = 0

    def __post_init__(self) -> None:
        for name in ("styles", "weights", "masks"):  # JSON has no tuples
            if isinstance(getattr(self, name), list):
                object.__setattr__(self, name, tuple(getattr(self, name)))
        self._check_kinds()
        if not 0 <= self.alpha <= MAX_ALPHA:
            raise RecipeError(f"alpha must be between 0 and {MAX_ALPHA:g}, got {self.alpha}")
        if not MIN_STYLE_SCALE <= self.style_scale <= MAX_STYLE_SCALE:
            raise RecipeError(
                f"style_scale must be between {MIN_STYLE_SCALE:g} and {MAX_STYLE_SCALE:g}, "
                f"got {self.style_scale}"
            )
        try:
            check_steps(self.polish)
            normalized_weights(self.weights, len(self.styles))
            if self.masks:
                check_regions(len(self.styles), len(self.masks), self.weights)
        except ValueError as error:
            raise RecipeError(str(error)) from None

        for name in self.styles:
            if name.endswith(".safetensors") and (self.colour == "coral" or self.style_scale != 1):
                raise RecipeError(
                    f"{name} holds statistics, which have no colours or size to change; give the "
                    "painting"
                )

    def _check_kinds(self) -> None:
        texts = {"content": self.content, "styles": self.styles, "masks": self.masks}
        for name, value in texts.items():
            names = (value,) if name == "content" else value
            if not isinstance(names, tuple) or not all(isinstance(n, str) and n for n in names):
                kind = "a file name" if name == "content" else "a list of file names"
                raise RecipeError(f"{name} must be {kind}, got {short(value)}")
        for name in ("alpha", "style_scale"):
            if not _is_number(getattr(self, name)):
                raise RecipeError(f"{name} must be a number, got {short(getattr(self, name))}")
        weights = self.weights
        if weights is not None and not (
            isinstance(weights, tuple) and all(map(_is_number, weights))
        ):
            raise RecipeError(f"weights must be a list of finite numbers, got {short(weights)}")
        for name in ("size", "style_size"):
            value = getattr(self, name)
            if value is None and name == "size":
                continue
            if not isinstance(value, int) or not _is_number(value) or value < 1:
                raise RecipeError(f"{name} must be a whole number above 0, got {short(value)}")
        if self.colour not in COLOUR_MODES:
            raise RecipeError(f"colour must be {', '.join(COLOUR_MODES)}; got {short(self.colour)}")

    def save(self, path: str | os.PathLike) -> Path:
        """Write the recipe as JSON (to a temporary name, then renamed)."""
        text = json.dumps({"format": FORMAT, **asdict(self)}, indent=1, ensure_ascii=False)
        with replacing(path) as temporary:
            temporary.write_text(text + "\n", encoding="utf-8")
        return Path(path)

    @classmethod
    def load(cls, path: str | os.PathLike) -> "Recipe":
        """Read a recipe and check it; its pictures are looked for by ``check_files``.

        Raises:
            RecipeError: the file is missing, no recipe, or holds a wrong value.
        """
        try:
            data = json.loads(read_bytes(path, LARGEST_FILE).decode("utf-8"))
        except OSError as error:
            raise RecipeError(f"{path} cannot be read: {error.strerror}") from None
        except (ValueError, RecursionError) as error:
            reason = str(error).splitlines()[0]
            raise RecipeError(f"{path} is not a recipe ({reason})") from None
        if not isinstance(data, dict) or data.pop("format", None) != FORMAT:
            raise RecipeError(f"{path} is not a recipe of this course ({FORMAT})")
        known = [field.name for field in fields(cls)]
        for name in data:
            if name not in known:
                raise RecipeError(f"{path}: unknown setting '{name}'; there are {', '.join(known)}")
        for name in ("content", "styles"):
            if name not in data:
                raise RecipeError(f"{path}: '{name}' is missing")
        try:
            return cls(**data)
        except RecipeError as error:
            raise RecipeError(f"{path}: {error}") from None

    def check_files(self, folder: str | os.PathLike = ".") -> None:
        """Raise RecipeError if a file is not there; relative names are meant from ``folder``."""
        for name in (self.content, *self.styles, *self.masks):
            try:
                there = (Path(folder) / name).exists()
            except (OSError, ValueError):  # too long, or with a zero inside
                there = False
            if not there:
                raise RecipeError(f"{Path(folder) / name}: no such file")


def make_painter(
    transfer: StyleTransfer,
    recipe: Recipe,
    folder: str | os.PathLike = ".",
    progress: bool = False,
) -> Painter:
    """Read and measure a recipe's styles: its picture, or those of other photographs, can follow.

    ``progress`` shows a bar while pictures are polished.

    Raises:
        CourseError: a file is missing or unfit.
    """
    folder = Path(folder)
    styles = open_styles(
        [folder / name for name in recipe.styles], recipe.style_size, recipe.style_scale,
        recipe.polish > 0,
    )  # fmt: skip
    masks = [folder / name for name in recipe.masks]
    return Painter(
        transfer, styles, recipe.weights, recipe.alpha, recipe.colour, masks, recipe.polish,
        progress,
    )  # fmt: skip


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


def _is_number(value: object) -> bool:
    # Compared first, because a long whole number does not fit into a float.
    kind = isinstance(value, int | float) and not isinstance(value, bool)
    return kind and abs(value) < LARGEST_NUMBER and math.isfinite(value)
