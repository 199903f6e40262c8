"""How fast the playground follows a slider, and how far that is from what the machine can do."""

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from course_lib.images import to_image
from course_lib.measuring.timing import matrix_rate, seconds
from course_lib.playground.gallery import jpeg
from course_lib.playground.picture_store import PictureStore
from course_lib.playground.widget import Playground, playground
from course_lib.stylize import StyleTransfer
from course_lib.system.devices import machine

PHOTOGRAPH = "astronaut"  # square: 256 pixels are 256 x 256
STYLES = ("impasto_night", "woodblock_waves")
WARM_UP = 5  # moves that do not count
DRAG_RATE = 60  # moves per second, as a mouse reports them
DRAG_MOVES = 120


def measure_playground(
    device: str, precision: str, size: int, moves: int
) -> tuple[dict[str, object], dict[str, object]]:
    """Move sliders of a real form and wait for each picture; then drag one without waiting.

    The form runs without a browser: what is timed begins when the kernel has the slider's new
    value and ends when it has the new picture as a JPEG.

    Returns:
        The settings, and the results: milliseconds per move of three sliders, of the parts of a
        move, and of the floor, which is the decoder's arithmetic at the measured rate of large
        matrix products; ``share_of_floor`` says which part of a move of alpha that would be.

    Raises:
        CourseError: no such device or precision, or a size out of range.
    """
    transfer = StyleTransfer.load(device=device, precision=precision)
    rate = matrix_rate(transfer.dtype, transfer.device)
    store = PictureStore(transfer)
    with tempfile.TemporaryDirectory() as out:
        shown = playground(PHOTOGRAPH, STYLES, Path(out), store, size=size)
        ramp = [0.2 + 0.8 * k / (moves + WARM_UP) for k in range(moves + WARM_UP)]
        sliders = {"alpha": shown.controls.alpha, "weight": shown.controls.weights[0]}
        times = {name: _times(shown, slider, ramp) for name, slider in sliders.items()}
        parts = _parts(shown, moves)
        drag = _drag(shown)
        shown.controls.mask.value = "ellipse"
        times["mask"] = _times(shown, shown.controls.shapes["ellipse"]["x"], ramp)
        shown.worker.close()
    flop = _decoder_flop(transfer, shown)
    floor = 1000 * flop / rate
    median = statistics.median(times["alpha"])
    settings = {
        **machine(transfer.device, transfer.dtype),
        "photograph": PHOTOGRAPH,
        "styles": list(STYLES),
        "pixels": list(shown.store.photograph(shown.look).shape[-2:]),
        "moves": moves,
    }
    results = {
        "move_ms": {name: _summary(values) for name, values in times.items()},
        "parts_ms": parts,
        "drag": drag,
        "decoder_gflop": flop / 1e9,
        "matrix_tflops": rate / 1e12,
        "floor_ms": floor,
        "share_of_floor": floor / median,
    }
    return settings, results


def _times(shown: Playground, slider: object, values: Sequence[float]) -> list[float]:
    """Milliseconds from each new value of a slider to its picture, the first ones left out."""
    times = []
    for value in values:
        before, started = shown.picture.value, time.perf_counter()
        slider.value = value
        shown.worker.wait()
        times.append(1000 * (time.perf_counter() - started))
        assert shown.picture.value is not before
    return times[WARM_UP:]


def _parts(shown: Playground, repeats: int) -> dict[str, float]:
    """Median milliseconds of the steps of one move, one by one."""
    transfer, look = shown.store.transfer, shown.look
    photograph = shown.store.photograph(look)
    features = transfer.encode(photograph)
    mixed = transfer.mix([shown.store.statistics(name, look) for name in look.styles])
    target = transfer.restyle(features, mixed, 0.5)
    picture = transfer.decode(target)
    image = to_image(picture)
    steps: dict[str, Callable[[], object]] = {
        "adain": lambda: transfer.restyle(features, mixed, 0.5),
        "decode": lambda: transfer.decode(target),
        "to_8_bits": lambda: to_image(picture),
        "jpeg": lambda: jpeg(image),
        "encode_photograph_once": lambda: transfer.encode(photograph),
    }
    return {
        name: statistics.median(
            1000 * seconds(step, transfer.device) for _ in range(WARM_UP + repeats)
        )
        for name, step in steps.items()
    }


def _drag(shown: Playground) -> dict[str, float]:
    """Move alpha as fast as a mouse reports, and count what is shown."""
    done, dropped = shown.worker.done, shown.worker.dropped
    for move in range(DRAG_MOVES):
        shown.controls.alpha.value = move / DRAG_MOVES
        time.sleep(1 / DRAG_RATE)
    last = time.perf_counter()
    shown.worker.wait()
    return {
        "moves": DRAG_MOVES,
        "moves_per_second": DRAG_RATE,
        "pictures": shown.worker.done - done,
        "dropped": shown.worker.dropped - dropped,
        "last_picture_after_ms": 1000 * (time.perf_counter() - last),
    }


@torch.inference_mode()
def _decoder_flop(transfer: StyleTransfer, shown: Playground) -> int:
    """Multiplications and additions of the decoder for one picture."""
    features = transfer.encode(shown.store.photograph(shown.look))
    with FlopCounterMode(display=False) as counter:
        transfer.decode(features)
    return counter.get_total_flops()


def _summary(values: Sequence[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "fastest": min(values), "slowest": max(values)}
