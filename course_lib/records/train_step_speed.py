"""Seconds per training step: beside the way that the common ports do it, and over settings."""

from collections.abc import Callable, Sequence
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from course_lib import DATA_DIR, CourseError
from course_lib.adain import adain, channel_statistics
from course_lib.images import denormalize, normalize
from course_lib.losses import STYLE_LAYERS
from course_lib.measuring.plain_networks import encoder_stages, plain_decoder
from course_lib.measuring.timing import compare, matrix_rate, repeated, seconds, summary
from course_lib.stylize import DEFAULT_DECODER
from course_lib.system.devices import describe, keep_freed_memory, machine
from course_lib.system.files import relative_name
from course_lib.training.config import TrainingConfig
from course_lib.training.datasets import ImagePool
from course_lib.training.trainer import Trainer
from course_lib.vgg import VGG19Encoder

WARM_UP = 2  # steps of both that are not timed
AGREEMENT_STEPS = 20
AGREEMENT_BATCH, AGREEMENT_CROP, AGREEMENT_RATE = 2, 64, 1e-5


class PlainTrainer:
    """A training step the way that the common ports write it, from a ``Trainer``'s weights.

    float32, contiguous tensors, one padding module before every convolution, Adam as PyTorch makes
    it, and the losses fetched after every step. It wastes nothing that a careful student would see:
    content and style are encoded once each, without gradients, and the decoded image once for both
    losses.
    """

    def __init__(self, trainer: Trainer) -> None:
        self.config, self.device = trainer.config, trainer.device
        # The trainer's encoder may be rounded to half precision, so the weights are read again.
        encoder = VGG19Encoder(self.config.encoder, padding=self.config.padding)
        self.stages = [s.to(self.device) for s in encoder_stages(encoder, STYLE_LAYERS)]
        self.decoder = plain_decoder(trainer.decoder).to(self.device)
        self.optimizer = torch.optim.Adam(self.decoder.parameters(), self.config.learning_rate)

    def encode(self, images: Tensor) -> list[Tensor]:
        """Features at each of ``STYLE_LAYERS`` of images (N, 3, H, W) in [0, 1]."""
        x, features = normalize(images), []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        return features

    def step(self, content: Tensor, style: Tensor) -> tuple[float, float]:
        """One update from a batch of each, (N, 3, H, W); returns content and style loss."""
        with torch.no_grad():
            style_features = self.encode(style)
            target = adain(self.encode(content)[-1], style_features[-1])
        features = self.encode(denormalize(self.decoder(target)))
        content_loss = F.mse_loss(features[-1], target)
        style_loss = 0.0
        for mine, wanted in zip(features, style_features, strict=True):
            mean, std = channel_statistics(mine)
            wanted_mean, wanted_std = channel_statistics(wanted)
            style_loss = style_loss + F.mse_loss(mean, wanted_mean) + F.mse_loss(std, wanted_std)
        loss = content_loss + self.config.style_weight * style_loss
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return content_loss.item(), style_loss.item()


def benchmark_training(
    device: torch.device, precision: str, batch: int, crop: int, repeats: int
) -> tuple[dict[str, object], dict[str, object]]:
    """Time a step of this trainer and a plain one on the same crops of the bundled pictures.

    Both take turns step by step, so that a machine whose speed drifts is fair to both. Drawing the
    crops counts for ours only, and the memory settings of ours hold for the whole process: both
    favour the plain side.

    Returns:
        The settings, and the results: medians, spreads and ratio of the seconds per step, images
        per second, arithmetic per step (in units of 1e9 operations), the device's rates for matrix
        products (1e12 per second), the share of the bfloat16 rate that ours reaches, and how far
        the losses of both are apart in float32.

    Raises:
        CourseError: a crop that the plain step cannot do.
        TrainingError: another setting cannot work.
    """
    if crop < 16 or crop % 8:
        raise CourseError(f"crop must be a multiple of 8 from 16 pixels up, got {crop}")
    if device.type == "cpu":
        keep_freed_memory()
    rates = {kind: matrix_rate(getattr(torch, kind), device) for kind in ("float32", "bfloat16")}
    agreement = compare_losses(device)
    trainer = new_trainer(device, precision, batch, crop)
    times, operations = _time_steps(trainer, repeats)
    speed = operations["ours"] / times["ours_seconds"]
    settings = {
        **machine(device, trainer.precision),
        "threads": torch.get_num_threads(),
        "batch": batch,
        "crop": crop,
        "repeats": repeats,
    }
    results = times | {
        "plain_images_per_second": batch / times["plain_seconds"],
        "ours_images_per_second": batch / times["ours_seconds"],
        "plain_gflop_per_step": operations["plain"] / 1e9,
        "ours_gflop_per_step": operations["ours"] / 1e9,
        "matrix_tflops": {kind: rate / 1e12 for kind, rate in rates.items()},
        "ours_share_of_bfloat16_rate": speed / rates["bfloat16"],
        "float32_agreement": agreement,
    }
    return settings, results


def new_trainer(
    device: torch.device, precision: str, batch: int, crop: int, **recipe: object
) -> Trainer:
    """A trainer on the bundled pictures that is never asked to save.

    The recipe is the report's, but for the fields of ``TrainingConfig`` in ``recipe``.
    """
    config = TrainingConfig(
        content=(str(DATA_DIR / "content"),),
        style=(str(DATA_DIR / "style"),),
        out="not saved",
        batch=batch,
        crop=crop,
        device=str(device),
        precision=precision,
        **recipe,
    )
    return Trainer(config, progress=False)


def next_pair(trainer: Trainer) -> tuple[Tensor, Tensor]:
    """The content and style crops of the trainer's coming step, as contiguous tensors."""
    content, style = trainer.pair()
    return content.contiguous(), style.contiguous()


def _time_steps(trainer: Trainer, repeats: int) -> tuple[dict[str, object], dict[str, int]]:
    """Seconds per step of both, and the operations of one step of each."""
    plain, device = PlainTrainer(trainer), trainer.device
    pair = next_pair(trainer)
    # Counting slows a step down, so it is done in one that only warms up.
    operations = {
        "plain": count_operations(lambda: plain.step(*pair)),
        "ours": count_operations(lambda: trainer.differentiate(trainer.adain_loss)),
    }
    theirs, ours = [], []
    for _ in range(WARM_UP - 1 + repeats):
        pair = next_pair(trainer)
        theirs.append(seconds(lambda x=pair: plain.step(*x), device))
        ours.append(seconds(trainer.step, device))
    return compare(theirs[WARM_UP - 1 :], ours[WARM_UP - 1 :]), operations


def count_operations(work: Callable[[], object]) -> int:
    """Multiplications and additions of the convolutions in one call."""
    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops()


def compare_losses(
    device: torch.device, batch: int = AGREEMENT_BATCH, crop: int = AGREEMENT_CROP
) -> dict[str, object]:
    """Take the same float32 steps with both and compare their losses, step by step.

    Both go on from the shipped decoder, at a low learning rate, so that rounding errors stay small.
    From random weights at the report's rate they grow so fast that even the plain step and itself,
    started one rounding error away, part by several per cent within twenty steps.

    Returns:
        The size of the comparison, and per loss the largest relative difference over all steps.
    """
    recipe = {"initial_decoder": str(DEFAULT_DECODER), "learning_rate": AGREEMENT_RATE}
    trainer = new_trainer(device, "float32", batch, crop, **recipe)
    plain = PlainTrainer(trainer)
    largest = {"content_loss": 0.0, "style_loss": 0.0}
    # By default a GPU rounds the inputs of convolutions to TF32, three digits.
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        for _ in range(AGREEMENT_STEPS):
            losses = plain.step(*next_pair(trainer))
            trainer.step()
            record = trainer.log_record()
            for name, loss in zip(largest, losses, strict=True):
                largest[name] = max(largest[name], abs(record[name] - loss) / loss)
    return {
        "start": relative_name(str(DEFAULT_DECODER)),
        "learning_rate": AGREEMENT_RATE,
        "steps": AGREEMENT_STEPS,
        "batch": batch,
        "crop": crop,
        "largest_relative_difference": largest,
    }


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
