"""A look: everything that the playground's controls say, in one value that can be compared."""

from collections.abc import Sequence
from dataclasses import dataclass

from course_lib import CourseError
from course_lib.painting.colour import COLOUR_MODES
from course_lib.painting.painter import MAX_STYLE_SCALE, MIN_STYLE_SCALE, check_colour
from course_lib.playground.shapes import Shape
from course_lib.polish import check_steps
from course_lib.stylize import check_alpha

MAX_STYLES = 4
STYLE_SIZE = 512  # pixels on a style's shorter side at scale 1, as on the command line
MIN_SIZE, MAX_SIZE = 64, 1024

__all__ = ["COLOUR_MODES", "MAX_SIZE", "MAX_STYLES", "MIN_SIZE", "STYLE_SIZE", "Look"]


@dataclass(frozen=True)
class Look:
    """Names of a photograph and styles, and what is done with them.

    Args:
        content: name of a photograph of the picture store.
        styles: names of one to four styles.
        weights: one per style, not negative; equal if not given. Without effect under a mask.
        alpha: 0 content, 1 full style, up to 2 exaggerated.
        colour: one of ``COLOUR_MODES``.
        style_scale: size of the styles as a multiple of 512 pixels.
        size: shorter side of the picture in pixels, 64 to 1024.
        mask: a drawn shape, or the name of a mask picture: the first style goes where it is
            white, the second elsewhere (without a second one the photograph stays).
        polish: steps of optimisation after the decoder, 0 for none.

    Raises:
        CourseError: a value out of range.
    """

    content: str
    styles: tuple[str, ...]
    weights: tuple[float, ...] | None = None
    alpha: float = 1.0
    colour: str = "style"
    style_scale: float = 1.0
    size: int = 256
    mask: Shape | str | None = None
    polish: int = 0

    def __post_init__(self) -> None:
        for name in ("styles", "weights"):
            value = getattr(self, name)
            if isinstance(value, Sequence) and not isinstance(value, str):
                object.__setattr__(self, name, tuple(value))
        if not isinstance(self.styles, tuple) or not 1 <= len(self.styles) <= MAX_STYLES:
            raise CourseError(f"choose one to {MAX_STYLES} styles, got {self.styles!r}")
        if self.weights is not None:
            self._check_weights(self.weights)
        check_alpha(self.alpha, exaggerate=True)
        check_colour(self.colour)
        check_steps(self.polish)
        if not MIN_STYLE_SCALE <= self.style_scale <= MAX_STYLE_SCALE:
            raise CourseError(
                f"the style scale must be between {MIN_STYLE_SCALE:g} and {MAX_STYLE_SCALE:g}, "
                f"got {self.style_scale}"
            )
        if not MIN_SIZE <= self.size <= MAX_SIZE:
            raise CourseError(f"size must be {MIN_SIZE} to {MAX_SIZE} pixels, got {self.size}")

    def _check_weights(self, weights: tuple[float, ...]) -> None:
        if len(weights) != len(self.styles):
            raise CourseError(f"{len(self.styles)} styles need as many weights, got {len(weights)}")
        if not all(0 <= weight < float("inf") for weight in weights):
            raise CourseError(f"weights must be 0 or above, got {weights}")
        if self.mask is None and not any(weights):
            raise CourseError("all style weights are 0: raise at least one of them")

    @property
    def used_styles(self) -> tuple[str, ...]:
        """The styles that the picture depends on: under a mask the first two."""
        return self.styles if self.mask is None else self.styles[:2]

    @property
    def used_weights(self) -> tuple[float, ...] | None:
        """The weights that the picture depends on: none under a mask."""
        return self.weights if self.mask is None else None
