"""Timing: one call, two ways of doing the same work turn by turn, and what the device can do."""

import statistics
import time
from collections.abc import Callable, Sequence

import torch

from course_lib.system.devices import synchronize

RATE_SECONDS = 0.5  # of matrix products, for one rate


def seconds(work: Callable[[], object], device: torch.device) -> float:
    """Wall-clock seconds of one call, waiting for the device before and after."""
    synchronize(device)
    started = time.perf_counter()
    work()
    synchronize(device)
    return time.perf_counter() - started


def repeated(
    work: Callable[[], object], repeats: int, device: torch.device, warm_up: int = 1
) -> list[float]:
    """Seconds of each of ``repeats`` calls, after ``warm_up`` calls that do not count."""
    return [seconds(work, device) for _ in range(warm_up + repeats)][warm_up:]


def summary(times: Sequence[float]) -> dict[str, object]:
    """Median and spread of some seconds: ``median``, ``spread`` [fastest, slowest], ``count``."""
    return {
        "median": statistics.median(times),
        "spread": [min(times), max(times)],
        "count": len(times),
    }


def compare(plain: Sequence[float], ours: Sequence[float]) -> dict[str, object]:
    """Median seconds of both sides, their quotient (how often ours fits into plain), and spreads.

    Returns:
        ``plain_seconds``, ``ours_seconds``, ``ratio``; ``plain_spread`` and ``ours_spread`` are
        [fastest, slowest].
    """
    return {
        "plain_seconds": statistics.median(plain),
        "ours_seconds": statistics.median(ours),
        "ratio": statistics.median(plain) / statistics.median(ours),
        "plain_spread": [min(plain), max(plain)],
        "ours_spread": [min(ours), max(ours)],
    }


def matrix_rate(dtype: torch.dtype, device: torch.device) -> float:
    """Arithmetic operations per second of a product of two large square matrices.

    A multiplication and an addition count as two. The fastest of many products is taken: it is the
    one that nothing else on the machine disturbed.
    """
    size = 8192 if device.type == "cuda" else 1024
    first, second = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    result = torch.empty_like(first)
    times: list[float] = []
    while sum(times) < RATE_SECONDS or len(times) < 3:
        times.append(seconds(lambda: torch.mm(first, second, out=result), device))
    return 2 * size**3 / min(times)
