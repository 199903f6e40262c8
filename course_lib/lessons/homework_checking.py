"""Inputs of the assignments' checks, drawn by a seed.

Every check of an assignment takes a ``seed``. Seed 0 is the one that students see and run; grading
repeats the check with others, so hidden tests differ in numbers and shapes and in nothing else.
"""

import hashlib
import os
import random

from course_lib import STUDENT

GRADED = os.environ.get(STUDENT, "")  # read once: a submission may change its environment


def draw(seed: int) -> random.Random:
    """Random whole numbers and floats for one seed."""
    return random.Random(1000 + seed)


def draw_shapes(seed: int, count: int = 3, channels: int = 0) -> list[tuple[int, int, int, int]]:
    """Shapes (N, C, H, W): one square, then batches with unequal sides, one tall and narrow."""
    rng = draw(seed)
    side = rng.randint(2, 5)
    shapes = [(2, channels or rng.randint(2, 6), side, side)]
    for number in range(count):
        height = rng.randint(3, 8)
        width = height + rng.randint(1, 4) if number else 2
        shapes.append((rng.randint(1, 3), channels or rng.randint(2, 6), height, width))
    return shapes


def _spelled(name: str) -> str:
    return name.strip().lower()


def same_student(one: str, other: str) -> bool:
    """Whether two ways of writing a name mean one student."""
    return _spelled(one) == _spelled(other)


def seed_of(student: str) -> int:
    """A seed of each student's own, from the name, however it is capitalised."""
    return int.from_bytes(hashlib.sha256(_spelled(student).encode()).digest()[:4], "big")
