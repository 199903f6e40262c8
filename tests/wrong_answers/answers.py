"""What the modules of the assignments share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch


@dataclass(frozen=True)
class Answers:
    """Right and wrong answers to one exercise; ``crashes`` raise an error of Python or PyTorch.

    The hints of an assignment quote messages that some wrong answer here really gets.
    """

    check: Callable
    RIGHT: Mapping[str, Callable]
    WRONG: Mapping[str, tuple[Callable, str]]
    crashes: Mapping[str, Callable] = field(default_factory=dict)


def as_rows(answer: Callable) -> dict[str, Callable]:
    """An answer that gives some numbers, in every kind of row that may hold them."""
    return {
        "a tuple": lambda *x: tuple(answer(*x)),
        "a list": lambda *x: list(answer(*x)),
        "an array": lambda *x: np.array(answer(*x)),
        "a tensor": lambda *x: torch.tensor(list(map(float, answer(*x))), dtype=torch.float64),
        "numbers of NumPy": lambda *x: tuple(np.float64(value) for value in answer(*x)),
        "a dictionary's values": lambda *x: dict(enumerate(answer(*x))).values(),
    }


def as_numbers(answer: Callable) -> dict[str, Callable]:
    """An answer that gives one number, as every kind of number."""
    return {
        "a float": lambda *x: float(answer(*x)),
        "a float32 of NumPy": lambda *x: np.float32(answer(*x)),
        "a tensor": lambda *x: torch.tensor(float(answer(*x))),
        "an array": lambda *x: np.array(answer(*x)),
    }


def sometimes(answer: Callable, when: Callable[..., bool]) -> Callable:
    """The answer with a forgotten return where ``when`` says so of the inputs."""
    return lambda *inputs: None if when(*inputs) else answer(*inputs)
