"""``ablate``: the decoder with one of its choices undone, every variant trained alike."""

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from course_lib.images import contact_sheet, to_image
from course_lib.lessons.lesson03.variants import (
    VARIANTS,
    VariantDecoder,
    decode_flat,
    flat_corner,
    flat_test,
)
from course_lib.system.devices import machine
from course_lib.training.config import TrainingConfig
from course_lib.training.trainer import Trainer
from course_lib.vgg import VGG19Encoder


def train_variants(
    config: TrainingConfig, photo: Tensor, progress: bool = True
) -> tuple[dict[str, object], dict[str, object], Image.Image]:
    """Train every variant alike and test it on a flat picture before and after.

    Args:
        config: data and budget; nothing is written to ``config.out``.
        photo: (1, 3, H, W) with equal sides that are multiples of 8, for the sheet of pictures.

    Returns:
        Settings; variant -> its tests before and after training and its last losses; and a sheet
        with one row per variant: the photograph decoded, its upper left corner enlarged, and the
        same corner of the flat picture with ten times its contrast.
    """
    results, rows = {}, []
    for name, (upsampling, padding) in VARIANTS.items():
        trainer = Trainer(config, progress=False)
        torch.manual_seed(config.seed)
        decoder = VariantDecoder(upsampling, padding)
        decoder.to(trainer.device, memory_format=torch.channels_last)
        trainer.decoder = trainer.parallel = decoder
        trainer.optimizer = trainer.new_optimizer()
        encoder = VGG19Encoder(config.encoder, padding=config.padding).to(trainer.device)
        before = flat_test(encoder, decoder)
        while trainer.completed < trainer.total_steps:
            trainer.step()
            if trainer.completed == trainer.total_steps or trainer.record_is_due():
                record = trainer.log_record()
                if progress:
                    print(f"{name}: step {record['step']}, loss {record['loss']:.3f}", flush=True)
        after = flat_test(encoder, decoder)
        results[name] = {"before": before, "after": after, "loss": record["loss"]}
        with torch.no_grad():
            decoded = decoder(encoder.encode(photo.to(trainer.device)))
        corner = F.interpolate(decoded[..., :48, :48], scale_factor=4, mode="nearest")
        flat = flat_corner(decode_flat(encoder, decoder), contrast=10)
        rows.append([to_image(picture) for picture in (decoded, corner, flat)])
    names = ("steps", "batch", "size", "crop", "seed")
    settings = {name: getattr(config, name) for name in names}
    settings["learning_rate"] = config.warmup_learning_rate
    settings |= machine(trainer.device, trainer.precision)
    return settings, results, contact_sheet(rows, photo.shape[-1])
