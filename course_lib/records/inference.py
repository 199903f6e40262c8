"""Latency and throughput of one pass of AdaIN, and its peak memory, at several sizes."""

from collections.abc import Sequence

import torch

from course_lib.measuring.peak_memory import PeakMemory
from course_lib.measuring.timing import repeated, summary
from course_lib.stylize import StyleTransfer
from course_lib.system.devices import describe


def measure_inference(
    transfer: StyleTransfer, sizes: Sequence[int], batches: Sequence[int], repeats: int
) -> tuple[dict[str, object], dict[str, object]]:
    """Time ``stylize`` on random squares with a style that was measured before.

    Arithmetic does not depend on what is in a picture, so random values will do.

    Returns:
        Settings, and side -> batch -> seconds per call, images per second and peak memory; a size
        that does not fit says so.
    """
    device = transfer.device
    style = transfer.encode_style(torch.rand(1, 3, 256, 256))
    results: dict[str, dict[str, object]] = {}
    for size in sizes:
        row = results.setdefault(str(size), {})
        for batch in batches:
            images = torch.rand(batch, 3, size, size, device=device)

            def work(images: torch.Tensor = images) -> torch.Tensor:
                return transfer.stylize(images, style)

            try:
                with PeakMemory(device) as memory:
                    work()
                times = summary(repeated(work, repeats, device))
            except torch.OutOfMemoryError:
                row[str(batch)] = "does not fit"
                continue
            row[str(batch)] = {
                "seconds": times,
                "images_per_second": batch / times["median"],
                "memory": memory.record(),
            }
    settings = {
        "device": describe(device),
        "precision": str(transfer.dtype).removeprefix("torch."),
        "repeats": repeats,
    }
    return settings, results
