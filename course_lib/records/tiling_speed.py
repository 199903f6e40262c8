"""``benchmark tiling``: a very large photograph through the command line, its time and memory."""

import contextlib
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import torch
from PIL import Image
from torch import Tensor

from course_lib import DATA_DIR, CourseError
from course_lib.images import load_image, open_image, save_image, square, to_tensor
from course_lib.measuring.peak_memory import PeakMemory
from course_lib.painting.tiling import choose_tile, room_for_features, stylize_tiled
from course_lib.stylize import StyleTransfer
from course_lib.system.devices import machine, pick_precision

PHOTO, STYLE = "cat", "impasto_night"
COMPARED = (900, 1301)  # height and width where the whole fits, too; no multiples of 8
COMPARED_TILE = 256
LOOK_EVERY = 0.005  # seconds between two looks at a process's memory
PIECE = 1024  # side of the square whose memory is measured


def benchmark_tiling(
    device: torch.device, precision: str, width: int, height: int
) -> tuple[dict[str, object], dict[str, object]]:
    """Stylise a made-up photograph with ``stylize`` in a process of its own, and watch it.

    Returns:
        The settings, and the results: seconds, processor seconds and peak memory of the command
        (starting Python, loading, reading and writing JPEG included), memory per pixel of one
        piece, and the difference between a tiled and a whole picture where the whole fits, too.
        ``load_average`` tells how busy other work kept the machine meanwhile: with more than its
        number of processors, trust the processor seconds only.

    Raises:
        CourseError: the command failed.
    """
    dtype = pick_precision(precision, device)
    per_pixel = memory_per_pixel(device, precision)
    agreement = {
        name: difference(device, name)
        for name in dict.fromkeys(("float32", str(dtype).removeprefix("torch.")))
    }
    command = run_command(device, precision, width, height)
    settings = {
        **machine(device, dtype),
        "width": width,
        "height": height,
        "tile": choose_tile(height, width, device, dtype),
        "features_kept": room_for_features(height, width, dtype),
        "photograph": PHOTO,
        "style": STYLE,
    }
    return settings, command | {"bytes_per_pixel_of_a_piece": per_pixel, "agreement": agreement}


def memory_per_pixel(device: torch.device, precision: str) -> float:
    """Bytes per pixel at the peak of stylising a square in one piece."""
    transfer = StyleTransfer.load(device=str(device), precision=precision)
    content = to_tensor(square(DATA_DIR / "content" / f"{PHOTO}.jpg", PIECE)).to(device)
    style = transfer.encode_style(load_image(DATA_DIR / "style" / f"{STYLE}.jpg", 64))
    with PeakMemory(device) as memory:
        stylize_tiled(transfer, content, style)
    return (memory.peak_mb - memory.before_mb) * 1e6 / PIECE**2


def difference(device: torch.device, precision: str) -> dict[str, object]:
    """How far a tiled picture is from the same picture in one piece, values in [0, 1]."""
    transfer = StyleTransfer.load(device=str(device), precision=precision)
    style = transfer.encode_style(load_image(DATA_DIR / "style" / f"{STYLE}.jpg", 512))
    height, width = COMPARED
    content = to_tensor(photograph(width, height))
    gap = (
        stylize_tiled(transfer, content, style, tile=COMPARED_TILE)
        - transfer.stylize(content, style)
    ).abs()
    return {
        "size": f"{width} x {height}",
        "tile": COMPARED_TILE,
        "largest": gap.max().item(),
        "mean": gap.mean().item(),
    }


def photograph(width: int, height: int, seed: int = 0) -> Image.Image:
    """A stand-in for a large photograph: a bundled one enlarged, with the grain of a camera."""
    image = open_image(DATA_DIR / "content" / f"{PHOTO}.jpg")
    tensor = to_tensor(image.resize((width, height), Image.Resampling.BICUBIC))
    noise: Tensor = torch.randn(tensor.shape, generator=torch.Generator().manual_seed(seed))
    values = tensor.add_(noise, alpha=0.02).clamp_(0, 1).mul_(255)
    return Image.fromarray(values[0].permute(1, 2, 0).to(torch.uint8).contiguous().numpy())


def run_command(device: torch.device, precision: str, width: int, height: int) -> dict[str, object]:
    """``stylize`` on a photograph of that size: seconds and the peak of its main memory."""
    with tempfile.TemporaryDirectory() as folder:
        source, result = Path(folder) / "photo.jpg", Path(folder) / "result.jpg"
        save_image(photograph(width, height), source)
        painting = DATA_DIR / "style" / f"{STYLE}.jpg"
        command = [sys.executable, "-m", "course_lib", "stylize", source, painting, "-o", result]
        command += ["--device", str(device), "--precision", precision]
        complaint = Path(folder) / "complaint.txt"
        with complaint.open("w") as stderr:
            record = watch(command, stderr=stderr, stdout=subprocess.DEVNULL)
        if record.pop("code"):
            raise CourseError(f"stylize failed: {complaint.read_text().strip().splitlines()[-1]}")
        if (size := open_image(result).size) != (width, height):
            raise CourseError(f"stylize wrote {size} pixels instead of {(width, height)}")
    return record


def watch(command: list[object], **options: object) -> dict[str, object]:
    """Run a command; return its exit code, seconds, processor seconds and peak main memory."""
    started = time.perf_counter()
    process = psutil.Popen(command, **options)
    peak, busy = 0, 0.0
    while process.poll() is None:
        with contextlib.suppress(psutil.Error):  # it may just have ended
            peak = max(peak, process.memory_info().rss)
            busy = sum(process.cpu_times()[:2])
        time.sleep(LOOK_EVERY)
    return {
        "code": process.returncode,
        "seconds": time.perf_counter() - started,
        "processor_seconds": busy,
        "load_average": psutil.getloadavg()[0],
        "peak_memory_bytes": peak,
    }
