"""The planted faults of lesson 04, one in each of five runs. Diagnose their curves first."""

import random
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from course_lib.adain import apply_statistics, channel_statistics
from course_lib.decoder import Decoder
from course_lib.images import denormalize
from course_lib.losses import STYLE_LAYERS, content_loss, style_loss
from course_lib.training.config import TrainingConfig
from course_lib.training.trainer import Trainer
from course_lib.vgg import VGG19Encoder


class UnnormalisedTrainer(Trainer):
    """Fault: the encoder gets images in [0, 1] as they are, without ImageNet's mean and std."""

    def __init__(self, config: TrainingConfig, progress: bool = True) -> None:
        super().__init__(config, progress)
        # Our encoder normalises by itself, so forgetting takes an effort: undo it beforehand.
        self.encoder.register_forward_pre_hook(
            lambda encoder, inputs: (denormalize(inputs[0]), *inputs[1:])
        )


class UndetachedTrainer(Trainer):
    """Fault: the encoder is in the optimiser, and the targets of the loss are not detached.

    Both sides of every difference can now move, and the shortest way to a small loss is to make
    all features small.
    """

    def new_optimizer(self) -> torch.optim.Optimizer:
        self.encoder.float().requires_grad_(True)
        self.losses = undetached_losses
        parameters = [*self.decoder.parameters(), *self.encoder.parameters()]
        return torch.optim.Adam(parameters, self.config.learning_rate, fused=True)


def undetached_losses(
    encoder: VGG19Encoder, decoder: nn.Module, content: Tensor, style: Tensor
) -> tuple[Tensor, Tensor]:
    """``adain_losses`` without its ``no_grad``: wrong on purpose."""
    style_features = encoder(style, STYLE_LAYERS)
    targets = {name: channel_statistics(f) for name, f in style_features.items()}
    target = apply_statistics(encoder.encode(content), targets["relu4_1"])
    features = encoder(decoder(target), STYLE_LAYERS)
    return content_loss(features["relu4_1"], target), style_loss(features, targets)


class FrozenTrainer(Trainer):
    """Fault: the optimiser holds the weights of another decoder than the one that is used."""

    def new_optimizer(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(Decoder().parameters(), self.config.learning_rate, fused=True)


RUNS: Mapping[str, tuple[type[Trainer], Mapping[str, float]]] = {
    "healthy": (Trainer, {}),
    "learning rate too high": (Trainer, {"learning_rate": 0.015}),
    "normalisation forgotten": (UnnormalisedTrainer, {}),
    "target not detached": (UndetachedTrainer, {}),
    "style weight 0": (Trainer, {"style_weight": 0.0}),
    "decoder frozen": (FrozenTrainer, {}),
}


def shuffled_letters() -> dict[str, str]:
    """Letter -> name of the run; shuffled, so that the letters give nothing away."""
    names = list(RUNS)
    random.Random(4).shuffle(names)
    return dict(zip("ABCDEF", names, strict=True))
