"""Checks of lesson 06: the seconds of a whole job, and the arithmetic of a convolution."""

from collections.abc import Iterator

from course_lib.lessons.checking import exercise

# --- exercise 06.2 ---


def _job_seconds(load: float, first: float, steady: float, images: int) -> float:
    return load + first + (images - 1) * steady


JOB_MISTAKES = {
    "loading is missing: nobody gets a picture before it": lambda a, f, s, n: f + (n - 1) * s,
    "loading is counted for every picture: a program loads once": lambda a, f, s, n: (
        n * a + f + (n - 1) * s
    ),
    "the first picture is counted twice: after it there are images - 1": lambda a, f, s, n: (
        a + f + n * s
    ),
    "the first picture is not a steady one: it takes first, the others steady": (
        lambda a, f, s, n: a + n * s
    ),
    "every picture takes as long as the first here: from the second on it is steady": (
        lambda a, f, s, n: a + n * f
    ),
    "these are seconds per picture: return those of the whole job": lambda a, f, s, n: (
        (a + f + (n - 1) * s) / n
    ),
}


@exercise(
    "job_seconds",
    "one picture, five and twelve",
    "lesson 06, section 2 (what a runtime includes)",
    _job_seconds,
    ("load", "first", "steady", "images"),
    lambda: [(10.0, 4.0, 1.0, 1), (10.0, 4.0, 1.0, 3)],
    mistakes=lambda *inputs: {text: rule(*inputs) for text, rule in JOB_MISTAKES.items()},
)
def check_job_seconds() -> Iterator[tuple]:
    """Exercise 06.2: ``answer(load, first, steady, images)`` -> seconds of the whole job."""
    # The first case tells all mistakes apart.
    yield from ((3.1, 4.5, 1.7, 12), (2.0, 0.9, 0.31, 5), (1.3, 0.7, 0.25, 1))


# --- exercise 06.3 ---


def _macs(channels_in: int, channels_out: int, kernel: int, height: int, width: int) -> int:
    return channels_in * channels_out * kernel**2 * height * width


MACS_MISTAKES = {
    "the kernel is a square: kernel ** 2 weights per pair of channels": lambda i, o, k, h, w: (
        i * o * k * h * w
    ),
    "the kernel is missing: each output takes kernel ** 2 inputs of every channel": (
        lambda i, o, k, h, w: i * o * h * w
    ),
    "a multiplication with its addition counts once here; operations would be twice as many": (
        lambda i, o, k, h, w: 2 * i * o * k * k * h * w
    ),
    "the input's channels are missing: each output adds up over all of them": (
        lambda i, o, k, h, w: o * k * k * h * w
    ),
    "the output's channels are missing: every one of them has filters of its own": (
        lambda i, o, k, h, w: i * k * k * h * w
    ),
    "these are the weights: each is used at every position, height * width of them": (
        lambda i, o, k, h, w: i * o * k * k
    ),
    "the positions at the border count, too: padding keeps height and width": (
        lambda i, o, k, h, w: i * o * k * k * max(0, h - k + 1) * max(0, w - k + 1)
    ),
    "the bias is an addition without a multiplication: leave it out": lambda i, o, k, h, w: (
        (i * k * k + 1) * o * h * w
    ),
    "positions are height * width, not height + width": lambda i, o, k, h, w: (
        i * o * k * k * (h + w)
    ),
}


@exercise(
    "conv_macs",
    "three layers with three kernels",
    "lesson 06, section 5 (where the time goes)",
    _macs,
    ("channels_in", "channels_out", "kernel", "height", "width"),
    lambda: [(1, 1, 1, 1, 1), (2, 1, 1, 1, 1), (1, 3, 1, 1, 1), (1, 1, 3, 1, 1), (2, 3, 3, 4, 5)],
    mistakes=lambda *inputs: {text: rule(*inputs) for text, rule in MACS_MISTAKES.items()},
)
def check_macs() -> Iterator[tuple]:
    """Exercise 06.3: ``answer(channels_in, channels_out, kernel, height, width)`` -> products."""
    yield from ((64, 128, 5, 8, 12), (3, 64, 3, 32, 20), (7, 11, 1, 6, 9))
