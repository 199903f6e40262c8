"""A look: everything that the playground's controls say, in one value that can be compared."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

from course_lib import CourseError
from course_lib.painting.colour import COLOUR_MODES
from course_lib.painting.paint_settings import PaintSettings
from course_lib.playground.shapes import Shape

MAX_STYLES = 4
STYLE_SIZE = 512  # pixels on a style's shorter side at scale 1, as on the command line
MIN_SIZE, MAX_SIZE = 64, 1024  # pixels

__all__ = ["COLOUR_MODES", "MAX_SIZE", "MAX_STYLES", "MIN_SIZE", "STYLE_SIZE", "Look", "shown_name"]


@dataclass(frozen=True)
class Look(PaintSettings):
    """Names of a photograph and styles, and what is done with them; weights rest under a mask.

    Args:
        content: name of a photograph of the picture store.
        styles: names of one to four styles.
        size: shorter side of the picture in pixels, 64 to 1024.
        mask: a drawn shape, or the name of a mask picture: the first style goes where it is
            white, the second elsewhere (without a second one the photograph stays).

    Raises:
        CourseError: a value out of range.
    """

    content: str
    styles: tuple[str, ...]
    size: int = 256
    mask: Shape | str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.styles, Sequence) and not isinstance(self.styles, str):
            object.__setattr__(self, "styles", tuple(self.styles))
        if not isinstance(self.styles, tuple) or not 1 <= len(self.styles) <= MAX_STYLES:
            raise CourseError(f"choose one to {MAX_STYLES} styles, got {self.styles!r}")
        if not MIN_SIZE <= self.size <= MAX_SIZE:
            raise CourseError(f"size must be {MIN_SIZE} to {MAX_SIZE} pixels, got {self.size}")
        if self.mask is None:
            self.check_styles(len(self.styles))

    def used_settings(self) -> dict[str, object]:
        """The settings that the picture depends on, by name: no weights under a mask."""
        names = [field.name for field in fields(PaintSettings)]
        settings = {name: getattr(self, name) for name in names}
        return settings if self.mask is None else settings | {"weights": None}

    @property
    def used_styles(self) -> tuple[str, ...]:
        """The styles that the picture depends on: under a mask the first two."""
        return self.styles if self.mask is None else self.styles[:2]

    @property
    def description(self) -> str:
        """The picture in one sentence, for those who cannot see it."""
        styles = " and ".join(map(shown_name, self.used_styles))
        return f"{shown_name(self.content)} in the style of {styles}, alpha {self.alpha:.2f}."


def shown_name(name: str) -> str:
    """How a picture's name is written where people read it."""
    return name.replace("_", " ")
