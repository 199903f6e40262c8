"""Fields of a configuration that are options of a command, too, each written down once."""

from dataclasses import field

ENCODER_SOURCES = ("original", "torchvision")
PADDINGS = ("reflect", "zeros")


def option(
    default: object, text: str, choices: tuple[str, ...] | None = None, name: str | None = None
) -> object:
    """A dataclass field with its default, its help, and the values or the metavar it may have."""
    return field(default=default, metadata={"help": text, "choices": choices, "metavar": name})
