"""How styles go onto a photograph: said in one way for command line, recipes and playground."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from reprlib import repr as short

from course_lib import CourseError
from course_lib.adain import normalized_weights
from course_lib.painting.colour import COLOUR_MODES
from course_lib.polish import check_steps
from course_lib.stylize import MAX_ALPHA

MIN_STYLE_SCALE, MAX_STYLE_SCALE = 0.125, 4.0
LARGEST_NUMBER = 1e9


@dataclass(frozen=True, kw_only=True)
class PaintSettings:
    """What is done with a photograph and its styles, whichever they are; checked when made.

    Args:
        weights: one per style, not negative, scaled to sum 1; equal if not given. Not with masks.
        alpha: 0 content, 1 full style, up to ``MAX_ALPHA`` exaggerated.
        colour: one of ``COLOUR_MODES``.
        style_scale: size of the styles as a multiple of their usual one, 0.125 to 4.
        polish: steps of optimisation after the decoder, 0 for none.

    Raises:
        CourseError: a value out of range or of another kind.
    """

    weights: tuple[float, ...] | None = None
    alpha: float = 1.0
    colour: str = "style"
    style_scale: float = 1.0
    polish: int = 0

    def __post_init__(self) -> None:
        weights = self.weights
        if isinstance(weights, Sequence) and not isinstance(weights, str) and weights:
            weights = tuple(weights)
            object.__setattr__(self, "weights", weights)  # JSON and widgets have lists
        if weights is not None and not (
            isinstance(weights, tuple) and all(map(is_number, weights))
        ):
            raise CourseError(f"weights must be a list of finite numbers, got {short(weights)}")
        ranges = {"alpha": (0, MAX_ALPHA), "style_scale": (MIN_STYLE_SCALE, MAX_STYLE_SCALE)}
        for name, (least, most) in ranges.items():
            value = getattr(self, name)
            if not is_number(value):
                raise CourseError(f"{name} must be a number, got {short(value)}")
            if not least <= value <= most:
                raise CourseError(f"{name} must be between {least:g} and {most:g}, got {value}")
        if self.colour not in COLOUR_MODES:
            raise CourseError(f"colour must be {', '.join(COLOUR_MODES)}; got {short(self.colour)}")
        check_steps(self.polish)

    def check_styles(self, styles: int, masks: int | None = None) -> None:
        """Raise CourseError if so many styles do not fit the weights, or so many masks.

        ``masks`` does not count the rest of the picture, which one more style may paint.
        """
        if masks is None:
            normalized_weights(self.weights, styles)
        elif self.weights is not None:
            raise CourseError("weights mix styles and masks place them; give one or the other")
        elif styles not in (masks, masks + 1):
            raise CourseError(
                f"{masks} masks need {masks} styles, or {masks + 1} to paint the rest too, "
                f"got {styles}"
            )


def is_number(value: object) -> bool:
    """Whether a value is a finite number that is not beyond reason, and no bool."""
    # Compared first, because a long whole number does not fit into a float.
    kind = isinstance(value, Real) and not isinstance(value, bool)
    return kind and abs(value) < LARGEST_NUMBER and math.isfinite(value)


PLAIN = PaintSettings()
