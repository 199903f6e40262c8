"""Training steps per second, in several precisions and batches, beside a straightforward loop."""

from collections.abc import Sequence
from contextlib import contextmanager

import torch

from course_lib.measuring.timing import matrix_rate, repeated, summary
from course_lib.records.train_step_speed import PlainTrainer, count_operations
from course_lib.system.devices import describe
from course_lib.training.config import TrainingConfig
from course_lib.training.datasets import ImagePool
from course_lib.training.trainer import Trainer

MODES = {
    "float32": ("float32", False, False),
    "tf32": ("float32", True, False),
    "bfloat16": ("bfloat16", True, False),
    "bfloat16, compiled": ("bfloat16", True, True),
}


@contextmanager
def tf32(allowed: bool):
    """Let convolutions and matrix products round to TF32, or not."""
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = allowed
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


def measure_training_speed(
    base: dict[str, object],
    pools: Sequence[ImagePool],
    batches: Sequence[int],
    compiled_batches: Sequence[int],
    crop: int,
    steps: int,
    say=print,
) -> tuple[dict[str, object], dict[str, object]]:
    """Time whole steps, and steps on one batch that is already on the device.

    Args:
        base: settings of ``TrainingConfig``: folders and device.
        pools: photographs and paintings in memory.
        compiled_batches: of ``batches``, those that torch.compile is tried with; compiling takes
            longer than the steps.
        steps: timed per figure, one by one, after three that are not.

    Returns:
        Settings, and batch -> mode -> seconds per step with and without drawing crops, images per
        second, and the share of the measured bfloat16 matrix rate; ``plain`` is a loop in float32
        as a careful student would write it.
    """
    device = torch.device(str(base["device"]))
    rates = {kind: matrix_rate(getattr(torch, kind), device) for kind in ("float32", "bfloat16")}
    results: dict[str, object] = {"matrix_tflops": {k: v / 1e12 for k, v in rates.items()}}
    for batch in batches:
        rows: dict[str, object] = {}
        for mode, (precision, allowed, compiled) in MODES.items():
            if compiled and batch not in compiled_batches:
                continue
            settings = base | {"batch": batch, "crop": crop, "precision": precision}
            settings["style_crop"] = min(crop, 224)  # the smallest paintings of the pack
            with tf32(allowed):
                trainer = Trainer(
                    TrainingConfig(**settings, compile=compiled), progress=False, pools=pools
                )
                try:
                    rows[mode] = time_steps(trainer, steps, rates["bfloat16"])
                except (RuntimeError, torch.OutOfMemoryError) as error:
                    rows[mode] = {"failed": str(error).splitlines()[0][:200]}
                if mode == "float32":
                    plain, pair = PlainTrainer(trainer), [x.contiguous() for x in trainer.pair()]
                    times = repeated(lambda p=plain, x=pair: p.step(*x), steps, device, 3)
                    rows["plain"] = {"seconds": summary(times)}
            say(f"batch {batch}, {mode}: {rows[mode]}")
        results[str(batch)] = rows
    return {"device": describe(device), "crop": crop, "steps": steps}, results


def time_steps(trainer: Trainer, steps: int, rate: float) -> dict[str, object]:
    """Seconds per step, data included and excluded, and the share of the bfloat16 matrix rate."""
    for _ in range(3):
        trainer.step()
    with_data = summary(repeated(trainer.step, steps, trainer.device, 0))
    pair = trainer.pair()
    trainer.pair = lambda: pair  # crops that are on the device already
    without = summary(repeated(trainer.step, steps, trainer.device, 1))
    row = {
        "seconds": with_data,
        "seconds_without_data": without,
        "images_per_second": trainer.config.batch / with_data["median"],
    }
    if not trainer.config.compile:
        operations = count_operations(lambda: trainer.differentiate(trainer.adain_loss))
        row["gflop_per_step"] = operations / 1e9
        row["share_of_bfloat16_rate"] = operations / without["median"] / rate
    return row
