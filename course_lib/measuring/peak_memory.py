"""How much memory a piece of work takes at its worst moment."""

import ctypes
import gc
import sys
import threading

import psutil
import torch

EVERY = 0.002  # seconds between two looks at the process


class PeakMemory:
    """Measure the peak inside a ``with`` block.

    On CUDA this is what PyTorch's allocator counts. Elsewhere it is the resident memory of the
    whole process, looked at every two milliseconds from another thread; memory that was freed
    earlier is first given back to the system, so that an earlier, larger piece of work does not
    hide a later one. Pages then have to be fetched again: measure time in another run.

    Attributes:
        before_mb: megabytes (1e6 bytes) held when the block begins.
        peak_mb: the most that was held at any moment inside it.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.before_mb = self.peak_mb = 0.0

    def __enter__(self) -> "PeakMemory":
        release_freed_memory()
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
            self.before_mb = torch.cuda.memory_allocated(self.device) / 1e6
            return self
        self._process = psutil.Process()
        self.before_mb = self.peak_mb = self._resident()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *reason: object) -> None:
        if self.device.type == "cuda":
            self.peak_mb = torch.cuda.max_memory_allocated(self.device) / 1e6
            return
        self._over.set()
        self._thread.join()
        self.peak_mb = max(self.peak_mb, self._resident())

    def _resident(self) -> float:
        return self._process.memory_info().rss / 1e6

    def _watch(self) -> None:
        while not self._over.wait(EVERY):
            self.peak_mb = max(self.peak_mb, self._resident())

    def record(self) -> dict[str, float]:
        """The two numbers and their difference, for a JSON file."""
        return {
            "before_mb": round(self.before_mb, 1),
            "peak_mb": round(self.peak_mb, 1),
            "added_mb": round(self.peak_mb - self.before_mb, 1),
        }


def release_freed_memory() -> None:
    """Give freed memory back to the system, as far as the C library can (glibc on Linux)."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if sys.platform.startswith("linux"):
        try:
            ctypes.CDLL(None).malloc_trim(0)
        except (AttributeError, OSError):  # another C library
            return
