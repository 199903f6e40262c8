"""Several ways down AdaIN's own loss, from the decoder's picture: losses against seconds."""

import time
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.polish import HISTORY, Losses, Objective, Pixels, Row, polish
from course_lib.stylize import StyleTransfer
from course_lib.system.files import rounded

STEPS = 40  # of every optimiser
HALF_STEPS = 12  # of the small picture that the larger one begins with


def try_optimizers(
    transfer: StyleTransfer, content: Tensor, style: Tensor
) -> dict[str, dict[str, list[float]]]:
    """Rows of every optimiser for a photograph and a style, both (1, 3, H, W), as columns."""
    objective = transfer.objective(content, style)
    start = transfer.stylize(content, style).clone()
    half = [F.interpolate(x, scale_factor=0.5, mode="area") for x in (content, style)]
    logits = torch.logit(start.clamp(0.01, 0.99)).requires_grad_()
    free = start.clone().requires_grad_()
    levels, one = Pixels(start), Pixels(start, levels=1)
    rate = 0.02 / levels.unit  # 0.02 of a pixel's range
    memory = {"max_iter": 1, "history_size": HISTORY, "tolerance_grad": 0, "tolerance_change": 0}
    return {
        "Adam, logits": descend(objective, logits.sigmoid, torch.optim.Adam([logits], 0.1)),
        "Adam, pixels": descend(
            objective,
            lambda: free.clamp(0, 1),
            torch.optim.Adam([free], 0.02),
            lambda: free.clamp_(0, 1),
        ),
        "Adam, pyramid": descend(
            objective, levels.picture, torch.optim.Adam([levels.values], rate)
        ),
        "L-BFGS, pixels": descend(
            objective, one.picture, torch.optim.LBFGS([one.values], **memory)
        ),
        "L-BFGS, half size first": coarse_to_fine(transfer, objective, half, start),
        "L-BFGS, pyramid": columns(polish(objective, start, STEPS).history),
    }


def descend(
    objective: Objective,
    picture: Callable[[], Tensor],
    optimizer: torch.optim.Optimizer,
    project: Callable[[], object] = lambda: None,
) -> dict[str, list[float]]:
    """Minimise with any optimiser of PyTorch, one evaluation a step."""
    rows: list[Row] = []
    started = time.perf_counter()

    def closure() -> Tensor:
        optimizer.zero_grad()
        image = picture()
        losses, gradient = objective.gradient(image)
        seconds = time.perf_counter() - started
        rows.append(Row(len(rows), seconds, Losses(*(loss.item() for loss in losses))))
        scale = image.numel() / rows[0].losses.total
        image.backward(gradient * scale)
        return losses.total * scale

    for _ in range(STEPS):
        optimizer.step(closure)
        with torch.no_grad():
            project()
    return columns(rows)


def coarse_to_fine(
    transfer: StyleTransfer, objective: Objective, half: Sequence[Tensor], start: Tensor
) -> dict[str, list[float]]:
    """A dozen steps at half the size, whose changes are enlarged, before those at full size."""
    began = time.perf_counter()
    small = F.interpolate(start, scale_factor=0.5, mode="area")
    change = polish(transfer.objective(*half), small, HALF_STEPS).picture - small
    moved = start + F.interpolate(change, start.shape[-2:], mode="bicubic")
    before = time.perf_counter() - began
    rows = polish(objective, moved.clamp(0, 1), STEPS - HALF_STEPS // 4).history
    return columns([row._replace(seconds=before + row.seconds) for row in rows])


def columns(rows: Sequence[Row]) -> dict[str, list[float]]:
    """Rows as one list per column, of four digits."""
    lists = {"seconds": [row.seconds for row in rows]}
    lists |= {name: [getattr(row.losses, name) for row in rows] for name in Losses._fields}
    return rounded(lists)
