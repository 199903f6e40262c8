"""Fields of a configuration that are options of a command, too, each written down once."""

import math
import operator
from dataclasses import field, fields
from numbers import Real

from course_lib import CourseError

ENCODER_SOURCES = ("original", "torchvision")
PADDINGS = ("reflect", "zeros")
LARGEST = 10**9  # of any whole number
LIMITS = {
    "at least": operator.ge,
    "above": operator.gt,
    "below": operator.lt,
    "at most": operator.le,
}


def option(
    default: object,
    text: str,
    choices: tuple[str, ...] | None = None,
    name: str | None = None,
    **limits: float,
) -> object:
    """A dataclass field with its default, its help, and the values or the metavar it may have.

    ``limits`` of a number, or of every number of a tuple, are some of ``at_least``, ``above``,
    ``below`` and ``at_most``.
    """
    limits = {key.replace("_", " "): limit for key, limit in limits.items()}
    metadata = {"help": text, "choices": choices, "metavar": name, "limits": limits}
    return field(default=default, metadata=metadata)


def check_fields(config: object, kind: type[CourseError]) -> None:
    """Raise ``kind`` if a field made by ``option`` has none of its choices or leaves its limits."""
    for about in fields(config):
        value, said = getattr(config, about.name), about.metadata
        if not said or value is None:
            continue
        if said["choices"] and value not in said["choices"]:
            known = ", ".join(said["choices"])
            raise kind(f"unknown {about.name} '{value}'; choose from {known}")
        for number in value if isinstance(value, tuple) else (value,):
            if isinstance(number, Real) and not isinstance(number, bool):
                check_number(about.name, number, said["limits"], kind)


def check_number(
    name: str, value: float, limits: dict[str, float], kind: type[CourseError]
) -> None:
    """Raise ``kind`` unless a number is finite and within its limits."""
    if isinstance(value, int) and value > LARGEST:
        limits = {"at most": LARGEST} | limits
    finite = isinstance(value, int) or math.isfinite(value)
    if not finite or not all(LIMITS[word](value, limit) for word, limit in limits.items()):
        words = ["a finite number"] * (not finite)
        words += [f"{word} {limit:,}" for word, limit in limits.items()]
        raise kind(f"{name} must be {' and '.join(words)}, got {value}")
