"""The pixels as an optimiser sees them, and the four optimisers."""

from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.gatys.config import GatysConfig

FIRST_MOVE = 0.01  # mean change of a pixel value in the first step of L-BFGS


class _InRange(torch.autograd.Function):
    """Clamp to [0, 1]; at the border only gradients that lead back inside pass.

    So the loss is always that of an image which can be saved, and a value that has left the range
    is not lost, as it would be with the zero gradient of ``clamp``.
    """

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, values: Tensor) -> Tensor:
        ctx.save_for_backward(values)
        return values.clamp(0, 1)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, gradient: Tensor) -> Tensor:
        (values,) = ctx.saved_tensors
        outwards = ((values <= 0) & (gradient > 0)) | ((values >= 1) & (gradient < 0))
        return gradient.masked_fill(outwards, 0)


@dataclass
class Pixels:
    """The variables of the optimisation: ``image = clamp(values * unit)``.

    ``values`` is flat and float32. ``unit`` sets how far the first step of L-BFGS goes: its length
    is 1, summed over all values, which without a unit would be far below one 8-bit level and, in
    bfloat16, nothing but rounding noise to learn the curvature from.
    """

    values: Tensor
    unit: float
    shape: torch.Size

    @classmethod
    def of(cls, image: Tensor, config: GatysConfig, device: torch.device) -> "Pixels":
        """Start from an image (1, 3, H, W) in [0, 1]."""
        unit = FIRST_MOVE * image.numel() if config.optimizer == "lbfgs" else 1.0
        values = (image.detach().to(device, torch.float32) / unit).flatten().clone()
        return cls(values.requires_grad_(), unit, image.shape)

    def image(self) -> Tensor:
        """The image (1, 3, H, W) in [0, 1], differentiable."""
        return _InRange.apply((self.values * self.unit).view(self.shape))

    @torch.no_grad()
    def project(self) -> None:
        """Put values that have left the range back on its border."""
        self.values.clamp_(0, 1 / self.unit)


def make_optimizer(pixels: Pixels, config: GatysConfig) -> torch.optim.Optimizer:
    """The optimiser of a configuration for these pixels, without any memory yet."""
    variables, rate = [pixels.values], config.rate
    if config.optimizer == "lbfgs":
        return torch.optim.LBFGS(
            variables,
            lr=rate,
            max_iter=config.evaluations_per_step,
            # No line search: one evaluation per iteration. The loop stops where nothing moves.
            max_eval=config.evaluations_per_step + 1,
            tolerance_grad=0,
            tolerance_change=0,
            history_size=config.history_size,
        )
    if config.optimizer == "adam":
        return torch.optim.Adam(variables, lr=rate)
    if config.optimizer == "sgd":
        return torch.optim.SGD(variables, lr=rate)
    return torch.optim.Adadelta(variables, lr=rate)
