"""Polish a picture: AdaIN's own loss, minimised over the pixels of that one picture.

A decoder learns once, from many pictures, to make this loss small for any photograph and style
(Huang & Belongie 2017, section 5). What it leaves can be taken away for one picture at a time, as
Gatys et al. do with their loss: begin with the decoder's picture, and follow the gradient.
"""

import math
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from course_lib import CourseError
from course_lib.adain import ChannelStatistics
from course_lib.fast import layer_statistics
from course_lib.images import pad_to_multiple
from course_lib.losses import content_loss, style_loss
from course_lib.system.printing import no_bar
from course_lib.vgg import VGG19Encoder

STEPS, MAX_STEPS = 12, 10_000
STYLE_WEIGHT = 10.0  # lambda of equation 11, in the units of ``losses``
LEVELS, FADE = 5, 0.5  # of the pyramid of changes
FIRST_MOVE = 0.015  # mean change of a pixel value in the first step
HISTORY = 10  # pairs of vectors that L-BFGS remembers, 2.7 pictures each
ASTRAY = 3  # times the best loss: a step that went wrong


class Losses(NamedTuple):
    """Content and style loss without weights, and the weighted sum: scalars, or plain numbers."""

    content: Tensor
    style: Tensor
    total: Tensor


class Row(NamedTuple):
    """A picture on the way: its number, 0 for the start, seconds since the call, its losses."""

    step: int
    seconds: float
    losses: Losses


class Polished(NamedTuple):
    """The best picture, (1, 3, H, W) in whole 255ths; all rows; whether it was ended early."""

    picture: Tensor
    history: list[Row]
    stopped: bool


Watch = Callable[[Row, Tensor], object]  # sees every row with its picture; true ends the run


class Objective:
    """The loss that decoders are trained with, for one picture.

    Args:
        encoder: frozen, on its device and in its precision.
        target: the AdaIN output t, (1, 512, h, w).
        wanted: relu1_1 ... relu4_1 -> the style's statistics, (1, C, 1, 1).
    """

    def __init__(
        self, encoder: VGG19Encoder, target: Tensor, wanted: Mapping[str, ChannelStatistics]
    ) -> None:
        self.encoder = encoder
        with torch.inference_mode(False):  # a gradient needs tensors made outside of that mode
            self.target = target.clone()
            self.wanted = {k: ChannelStatistics(*(x.clone() for x in s)) for k, s in wanted.items()}

    def __call__(self, picture: Tensor) -> Losses:
        """Losses of a picture (1, 3, H, W) in [0, 1], differentiable."""
        padded = pad_to_multiple(picture).contiguous(memory_format=torch.channels_last)
        features = self.encoder(padded, self.wanted)
        content = content_loss(features["relu4_1"], self.target)  # equation 12
        style = style_loss(layer_statistics(features), self.wanted)  # equation 13
        return Losses(content, style, content + STYLE_WEIGHT * style)  # equation 11

    def gradient(self, picture: Tensor) -> tuple[Losses, Tensor]:
        """Losses of a picture (1, 3, H, W), and the gradient of the total, (1, 3, H, W)."""
        picture = picture.detach().clone().requires_grad_()
        losses = self(picture)
        count = picture.numel()  # float16 has no numbers as small as the gradient of a mean
        return losses, torch.autograd.grad(losses.total * count, picture)[0] / count


class Pixels:
    """The variables: changes of a picture (1, 3, H, W), at ``levels`` sizes.

    ``picture = start + v0 + g up(v1 + g up(v2 + ...))``, where v_k is 2^k times smaller. A tint
    that is wrong all over is then a matter of few variables: half as many steps are needed.
    """

    def __init__(self, start: Tensor, levels: int = LEVELS) -> None:
        self.start = start.clone().float()
        height, width = start.shape[-2:]
        self.shapes = [(1, 3, -(-height // 2**k), -(-width // 2**k)) for k in range(levels)]
        self.values = start.new_zeros(sum(map(math.prod, self.shapes)), dtype=torch.float32)
        self.values.requires_grad_()
        # L-BFGS begins with a step of length 1, summed over all values.
        self.unit = FIRST_MOVE * start.numel()

    def picture(self) -> Tensor:
        """The picture (1, 3, H, W), differentiable."""
        parts = (self.values * self.unit).split([math.prod(shape) for shape in self.shapes])
        *finer, change = (part.view(s) for part, s in zip(parts, self.shapes, strict=True))
        for part in reversed(finer):
            change = part + FADE * F.interpolate(change, part.shape[-2:], mode="bilinear")
        picture = (self.start + smooth(change)).clamp(0, 1)
        # As a file of 8 bits holds it, so that its loss is the file's; gradients ignore that.
        return picture + (picture.mul(255).round().div(255) - picture).detach()


def smooth(image: Tensor) -> Tensor:
    """Blur (N, C, H, W) by (1 2 1) / 4 in both directions.

    Nothing is left that alternates from pixel to pixel: the encoder would welcome it, where eyes
    see a lattice and specks.
    """
    framed = F.pad(image, (1, 1, 1, 1), mode="replicate")
    return F.avg_pool2d(F.avg_pool2d(framed, 2, stride=1), 2, stride=1)


def check_steps(steps: int) -> None:
    """Raise CourseError unless this is a whole number of steps from 0 to ``MAX_STEPS``."""
    if not isinstance(steps, int) or isinstance(steps, bool) or not 0 <= steps <= MAX_STEPS:
        raise CourseError(
            f"polish must be a whole number of steps from 0 to {MAX_STEPS}, got {steps!r}"
        )


@torch.inference_mode(False)
@torch.enable_grad()
def polish(
    objective: Objective,
    start: Tensor,
    steps: int = STEPS,
    progress: bool = False,
    watch: Watch | None = None,
    history: int = HISTORY,
) -> Polished:
    """Minimise an objective over the pixels: L-BFGS, one evaluation a step. Ctrl-C ends it early.

    Args:
        objective: ``StyleTransfer.objective`` makes one.
        start: the picture to begin with, (1, 3, H, W) in [0, 1], on the objective's device.
        steps: moves of the picture; each costs a pass through the encoder and back.
        progress: show a bar.
        history: pairs of vectors that L-BFGS remembers.

    Returns:
        The best picture, and a row for the start and each step.

    Raises:
        CourseError: ``steps`` is no whole number from 0 to ``MAX_STEPS``.
    """
    check_steps(steps)
    run = _Run(objective, Pixels(start), watch, history)
    bar = tqdm(total=steps, desc="polishing", unit="step", disable=no_bar(progress), leave=False)
    with bar:
        try:
            while len(run.rows) < steps and not run.stopped:
                run.step()
                bar.set_postfix_str(f"loss {run.rows[-1].losses.total:.3g}", refresh=False)
                bar.update()
            if not run.stopped:  # the last move is still to be judged
                picture = run.pixels.picture().detach()
                run.note(picture, objective(picture))
        except KeyboardInterrupt:
            run.stopped = True
    return Polished(run.best, run.rows, run.stopped)


class _Run:
    """The optimiser, and what it has seen so far."""

    def __init__(
        self, objective: Objective, pixels: Pixels, watch: Watch | None, size: int
    ) -> None:
        self.objective, self.pixels, self.watch = objective, pixels, watch
        self.options = {"max_iter": 1, "tolerance_grad": 0, "tolerance_change": 0}
        self.options["history_size"] = size
        self.optimizer = torch.optim.LBFGS([pixels.values], **self.options)
        self.rows: list[Row] = []
        self.best, self.lowest, self.stopped = pixels.start, math.inf, False
        self.started = time.perf_counter()

    def step(self) -> None:
        """Evaluate the picture, then move it."""
        self.optimizer.step(self._evaluate)
        if not self.rows[-1].losses.total <= ASTRAY * self.lowest:
            # Without a line search a move can leap: back to the best, to begin with shorter steps.
            with torch.no_grad():
                self.pixels.unit /= 4
                self.pixels.values.copy_(self.best_change / self.pixels.unit)
            self.optimizer = torch.optim.LBFGS([self.pixels.values], **self.options)

    def _evaluate(self) -> Tensor:
        picture = self.pixels.picture()
        losses, gradient = self.objective.gradient(picture)
        self.note(picture, losses)
        # In units of the first loss, so that the first move fits every style.
        scale = picture.numel() / max(self.rows[0].losses.total, 1e-12)
        values = self.pixels.values
        (values.grad,) = torch.autograd.grad(picture, values, gradient * scale)
        return losses.total * scale

    def note(self, picture: Tensor, losses: Losses) -> None:
        """Keep the losses, and the picture if it is the best."""
        values = Losses(*(loss.item() for loss in losses))
        self.rows.append(Row(len(self.rows), time.perf_counter() - self.started, values))
        if values.total < self.lowest or len(self.rows) == 1:
            self.best, self.lowest = picture.detach().clamp(0, 1), values.total
            self.best_change = self.pixels.values.detach() * self.pixels.unit
        self.stopped = bool(self.watch and self.watch(self.rows[-1], picture.detach()))
