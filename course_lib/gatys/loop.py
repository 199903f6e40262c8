"""The run: steps, scales, history, and the best image so far whatever happens."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from course_lib.gatys.config import GatysConfig
from course_lib.gatys.memory_estimate import estimate_memory
from course_lib.gatys.objective import GatysObjective, build_encoder, check_image
from course_lib.gatys.optimizers import Pixels, make_optimizer
from course_lib.system.devices import keep_freed_memory, synchronize
from course_lib.system.printing import no_bar
from course_lib.vgg import VGG19Encoder


@dataclass(frozen=True)
class HistoryRow:
    """One evaluation of the loss: its number and step from 1, seconds since the start.

    ``content``, ``style`` and ``tv`` are without their weights, ``total`` is the weighted sum.
    """

    evaluation: int
    step: int
    seconds: float
    content: float
    style: float
    tv: float
    total: float
    height: int
    width: int


@dataclass(frozen=True)
class GatysResult:
    """What ``optimize`` returns.

    Args:
        image: the best image, (1, 3, H, W) float32 in [0, 1] on the CPU.
        history: one row per evaluation.
        evaluations: forward and backward passes; ``steps``: calls of the optimiser.
        seconds: in all; ``setup_seconds`` of it passed before the first evaluation.
        stopped: ``finished``, ``converged``, ``interrupted`` or ``diverged``.
        loss: the optimiser's figure for ``image``.
        saved_loss: the same of the image rounded to 8 bits; both None if the run was stopped
            before the full size was reached.
        objective: the loss at full size, to judge other images with; None as above.
    """

    image: Tensor
    history: tuple[HistoryRow, ...]
    evaluations: int
    steps: int
    seconds: float
    setup_seconds: float
    stopped: str
    loss: float | None
    saved_loss: float | None
    objective: GatysObjective | None = field(repr=False, default=None)


NOISE = 0.3  # range of the first image's values around mid-grey
PERFECT = 1e-10  # a total loss that is rounding noise
ASTRAY = 10  # times the best loss
Snapshot = Callable[[Tensor, HistoryRow], object]


class _Stop(Exception):
    """Ends a run early; the argument says why."""


class _Leap(Exception):
    """Ends a step of L-BFGS that has gone far astray."""


def optimize(
    content: Tensor,
    style: Tensor,
    config: GatysConfig | None = None,
    on_snapshot: Snapshot | None = None,
    progress: bool = False,
    network: VGG19Encoder | None = None,
) -> GatysResult:
    """Find an image with the content of one image and the Gram matrices of another.

    Ctrl-C, a loss that is no number any more and early convergence end the run and return the best
    image so far.

    Args:
        content: (1, 3, H, W) RGB in [0, 1]; the result has its size.
        style: (1, 3, h, w) RGB in [0, 1], of any size.
        config: the settings.
        on_snapshot: called as ``on_snapshot(image, row)`` after the evaluations that
            ``config.snapshots`` lists, with the image (1, 3, h, w) that was evaluated; true ends
            the run.
        progress: show a progress bar.
        network: an encoder made by ``build_encoder``, to save loading it again.

    Raises:
        ImageError: an input is not one finite RGB image.
        GatysError: there is not enough memory.
    """
    config = config or GatysConfig()
    check_image(content, "content")
    check_image(style, "style")
    content, style = content.detach().float().cpu(), style.detach().float().cpu()
    estimate_memory(*content.shape[-2:], config, tuple(style.shape[-2:])).check()
    run = _Run(config, on_snapshot, progress)
    stopped, start, objective = "finished", None, None
    full = tuple(content.shape[-2:])
    sizes = [tuple(max(1, round(side / 2**k)) for side in full) for k in range(config.scales)]
    sizes = list(dict.fromkeys(reversed(sizes)))
    try:
        start = first_image(resize(content, sizes[0]), style, config)
        run.best = start
        network = network or build_encoder(config)
        for size in sizes:
            factor = size[0] / full[0] if size != full else 1
            small = [max(1, round(side * factor)) for side in style.shape[-2:]]
            objective = GatysObjective(resize(content, size), resize(style, small), config, network)
            stopped = run.minimize(objective, resize(run.best, size).clamp(0, 1))
            if stopped in ("diverged", "spent") and size != full:
                stopped = "finished" if stopped == "spent" else stopped
                break
    except KeyboardInterrupt:
        stopped = "interrupted"
    finally:
        run.bar.close()
    return run.result(start if start is not None else content, full, objective, stopped)


class _Run:
    """What a run has seen so far."""

    def __init__(self, config: GatysConfig, on_snapshot: Snapshot | None, progress: bool) -> None:
        self.config, self.on_snapshot = config, on_snapshot
        self.started = time.perf_counter()
        self.history: list[HistoryRow] = []
        self.setup_seconds: float | None = None
        self.step = 0
        self.best: Tensor | None = None
        self.best_total: float | None = None
        self.bar = tqdm(
            total=config.planned_evaluations,
            desc="optimising",
            unit="evaluation",
            disable=no_bar(progress),
        )

    def minimize(self, objective: GatysObjective, start: Tensor) -> str:
        """Run all steps at one size; returns why it ended."""
        if objective.device.type == "cpu":
            keep_freed_memory()
        self.best, self.best_total = start, None
        pixels = Pixels.of(start, self.config, objective.device)
        optimizer, fresh = make_optimizer(pixels, self.config), True
        closure = self._closure(objective, pixels)
        try:
            for _ in range(self.config.steps):
                self.step += 1
                before = len(self.history)
                leapt = self._leaps(optimizer, closure)
                if self.config.optimizer != "lbfgs":
                    pixels.project()
                    continue
                stuck = len(self.history) - before < min(2, self.config.evaluations_per_step)
                if stuck and fresh:
                    return "converged"
                if leapt:
                    # L-BFGS has no curvature where the loss bends down and then leaps by the whole
                    # gradient. Its first move is safe: make it bolder while it gains.
                    gained = self.best_total < self.history[before].total
                    pixels.unit *= 2 if gained else 0.25
                fresh = leapt or stuck or self.history[-1].total > 2 * self.best_total
                if fresh:
                    # Without a line search a step can leap, and rounding can spoil the curvature:
                    # go on from the best image, with the curvature forgotten.
                    with torch.no_grad():
                        pixels.values.copy_(self.best.flatten() / pixels.unit)
                    optimizer = make_optimizer(pixels, self.config)
        except _Stop as stop:
            return str(stop)
        return "finished"

    def _leaps(self, optimizer: torch.optim.Optimizer, closure: Callable[[], Tensor]) -> bool:
        """Take a step; returns whether it was ended because it went far astray."""
        try:
            optimizer.step(closure)
        except _Leap:
            return True
        return False

    def _closure(self, objective: GatysObjective, pixels: Pixels) -> Callable[[], Tensor]:
        """The function that an optimiser calls: evaluate, differentiate, note."""
        scale = None

        def closure() -> Tensor:
            nonlocal scale
            if len(self.history) == self.config.planned_evaluations:
                raise _Stop("spent")
            if self.setup_seconds is None:
                synchronize(objective.device)
                self.setup_seconds = time.perf_counter() - self.started
            pixels.values.grad = None
            image = pixels.image()
            losses = objective(image)
            if not losses.total.isfinite():
                raise _Stop("diverged")
            if scale is None:  # learning rates fit every size and every weight
                scale = image.numel() / max(losses.total.item(), 1e-12)
            loss = losses.total * scale
            loss.backward()
            self._note(image.detach(), [value.item() for value in losses])
            gradient = pixels.values.grad
            if not gradient.isfinite().all():
                raise _Stop("diverged")
            if losses.total.item() <= PERFECT or not gradient.any():
                raise _Stop("converged")
            if self.config.optimizer == "lbfgs" and losses.total > ASTRAY * self.best_total:
                raise _Leap
            return loss.detach()

        return closure

    def _note(self, image: Tensor, losses: list[float]) -> None:
        seconds = time.perf_counter() - self.started
        row = HistoryRow(len(self.history) + 1, self.step, seconds, *losses, *image.shape[-2:])
        self.history.append(row)
        if self.best_total is None or row.total < self.best_total:
            self.best, self.best_total = image, row.total
        self.bar.update()
        self.bar.set_postfix_str(f"loss {row.total:.4g}", refresh=False)
        shown = self.on_snapshot and row.evaluation in self.config.snapshots
        if shown and self.on_snapshot(image.cpu(), row):
            raise _Stop("interrupted")

    def result(
        self, start: Tensor, full: tuple[int, int], objective: GatysObjective | None, stopped: str
    ) -> GatysResult:
        """Bring what there is to full size and measure what saving it will cost."""
        image = (self.best if self.best is not None else start).float().cpu()
        reached = objective is not None and image.shape[-2:] == objective.size == full
        loss = saved_loss = None
        if reached:
            loss = self.best_total
            loss = objective.measure(image).total if loss is None else loss
            saved_loss = objective.measure(image.mul(255).round().div(255)).total
        seconds = time.perf_counter() - self.started
        return GatysResult(
            image=resize(image, full).clamp(0, 1),
            history=tuple(self.history),
            evaluations=len(self.history),
            steps=self.history[-1].step if self.history else 0,
            seconds=seconds,
            setup_seconds=seconds if self.setup_seconds is None else self.setup_seconds,
            stopped="finished" if stopped == "spent" else stopped,
            loss=loss,
            saved_loss=saved_loss,
            objective=objective if reached else None,
        )


def first_image(content: Tensor, style: Tensor, config: GatysConfig) -> Tensor:
    """Where a run starts, (1, 3, H, W) in [0, 1]: noise, the content, or the style cut to fit."""
    if config.init == "content":
        return content.clamp(0, 1)
    height, width = content.shape[-2:]
    if config.init == "noise":
        # Drawn on the CPU, so that every device starts from the same image.
        generator = torch.Generator().manual_seed(config.seed)
        noise = torch.rand((1, 3, height, width), generator=generator)
        # Faint, because what the losses hardly see of it stays in the picture.
        return 0.5 + NOISE * (noise - 0.5)
    factor = max(height / style.shape[-2], width / style.shape[-1])
    covering = [max(1, round(side * factor)) for side in style.shape[-2:]]
    covering = [max(side, least) for side, least in zip(covering, (height, width), strict=True)]
    style = resize(style, covering)
    top, left = (covering[0] - height) // 2, (covering[1] - width) // 2
    return style[..., top : top + height, left : left + width].clamp(0, 1)


def resize(image: Tensor, size: tuple[int, int] | list[int]) -> Tensor:
    """Resize (N, 3, H, W) smoothly in both directions; the same size leaves it as it is."""
    if tuple(image.shape[-2:]) == tuple(size):
        return image
    return F.interpolate(image, size=tuple(size), mode="bicubic", antialias=True)


def snapshot_schedule(evaluations: int, frames: int) -> tuple[int, ...]:
    """Evaluations at which to take ``frames`` pictures: dense at first, where most happens."""
    if evaluations < 1 or frames < 1:
        return ()
    if frames == 1:
        return (evaluations,)
    steps = (evaluations ** (i / (frames - 1)) for i in range(frames))
    return tuple(sorted({round(step) for step in steps} | {evaluations}))
