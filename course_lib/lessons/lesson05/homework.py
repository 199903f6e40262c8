"""Checks of assignment A4 (Gram matrices, optimisation).

Each takes the answer and a seed; see ``homework_checking``.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.lessons.checking import CheckFailed, call, random_features
from course_lib.lessons.homework_checking import (
    VISIBLE,
    Cases,
    attempted,
    draw,
    draw_shapes,
    homework,
)
from course_lib.lessons.lesson05 import checks
from course_lib.losses import gram_matrix


@homework("gram_entry")
def check_gram_entry(seed: int) -> Cases:
    """A4.1: ``answer(a, b)``: two maps (H, W) -> one entry of the Gram matrix, a number."""
    for n, _, h, w in draw_shapes(seed):
        a, b = random_features((1, 2, h, w), seed + n)[0]
        right = (a * b).mean().item()
        mistakes = {
            "the sum is not divided by the number of positions": (a * b).sum().item(),
            "the product of the two means: multiply position by position first": (
                (a.mean() * b.mean()).item()
            ),
            "this is a covariance: the means are not subtracted in a Gram matrix": (
                right - (a.mean() * b.mean()).item()
            ),
        }
        yield (a, b), right, mistakes


@homework("gram_matrix", "correct, for batches and any size")
def check_gram(seed: int) -> Cases:
    """A4.2: ``answer(features)``: (N, C, H, W) -> (N, C, C), divided by H * W."""
    for shape in [(2, 3, 4, 4), *draw_shapes(seed)]:
        features = random_features(shape, seed + shape[2])
        right, flat = gram_matrix(features), features.flatten(2)
        mistakes = checks.check_gram_matrix.mistakes(features) | {
            "summed over the batch: each picture has a matrix of its own": right.sum(0),
            "averaged over the batch: each picture has a matrix of its own": right.mean(0),
            "positions by positions: multiply (C, HW) by (HW, C), so that places are summed away": (
                flat.transpose(1, 2) @ flat / flat.shape[2]
            ),
        }
        yield (features,), right, mistakes


@homework("root_mean_square")
def check_root_mean_square(seed: int) -> Cases:
    """A4.3: ``answer(gram)``: (N, C, C) -> (mean of squares) ** 0.5 of each channel, (N, C)."""
    for shape in draw_shapes(seed):
        features = random_features(shape, seed + shape[3])
        gram = gram_matrix(features)
        mistakes = {
            "the square root is missing": gram.diagonal(dim1=1, dim2=2),
            "row sums mix the channels: the diagonal alone holds a channel times itself": (
                gram.sum(2).sqrt()
            ),
            "the norm of a row: the diagonal alone holds a channel times itself": gram.norm(dim=2),
            "the largest entry of a row: the diagonal alone holds a channel times itself": (
                gram.amax(2).sqrt()
            ),
        }
        if shape[0] == shape[1]:
            mistakes["the diagonal of the batch: diagonal(dim1=1, dim2=2)"] = gram.diagonal().sqrt()
        yield (gram,), features.square().mean((2, 3)).sqrt(), mistakes


def check_minimise(answer: Callable, seed: int = VISIBLE) -> None:
    """A4.4: ``answer(objective, image, steps)`` -> (best image, losses of all evaluations).

    L-BFGS with ``torch.optim.LBFGS([image], lr=1)``; ``objective(image)`` is a scalar.
    """
    rng = draw(seed)
    generator = torch.Generator().manual_seed(seed)
    side = rng.randint(4, 7)
    goal, start, weight = torch.rand(3, 1, 3, side, side + 1, generator=generator)
    seen: list[float] = []

    def objective(image: Tensor) -> Tensor:
        loss = ((image - goal).square() * (0.1 + 5 * weight)).sum() + (image - goal).pow(4).sum()
        seen.append(loss.item())
        return loss

    result = call(answer, objective, start, 3)
    if not attempted(result, "minimise", seed):
        return
    if not isinstance(result, tuple | list) or len(result) != 2:
        raise CheckFailed("return two things: the best image, and the list of losses")
    best, losses = result
    _check_losses(losses, seen)
    if not isinstance(best, Tensor) or best.shape != start.shape:
        raise CheckFailed("the first result should be an image of the start's shape")
    if best.requires_grad:
        raise CheckFailed("the image still asks for gradients: return best.detach()")
    value = objective(best).item()
    if value > min(losses) * 1.001 + 1e-6:
        raise CheckFailed(
            f"the returned image has the loss {value:.4g}, the best evaluation had "
            f"{min(losses):.4g}: keep a copy (detach().clone()) whenever the loss is the lowest"
        )
    print(f"minimise: correct ({len(losses)} evaluations in 3 steps)")


def _check_losses(losses: object, seen: list[float]) -> None:
    """Complain unless the losses are those of every evaluation."""
    if not isinstance(losses, list | tuple):
        raise CheckFailed("the second result should be a list of numbers")
    if any(isinstance(loss, Tensor) for loss in losses):
        raise CheckFailed("tensors in the list keep their graphs in memory: append loss.item()")
    if len(seen) <= 3:
        raise CheckFailed(
            f"the objective was evaluated {len(seen)} times in 3 steps: L-BFGS evaluates many "
            "times in each step, through the closure; lr=1, max_iter as it is"
        )
    if len(losses) == 3 != len(seen):
        raise CheckFailed(
            f"3 losses, but {len(seen)} evaluations: append inside the closure. A closure is not a "
            "step"
        )
    if len(losses) != len(seen):
        raise CheckFailed(f"{len(losses)} losses, but the objective was called {len(seen)} times")
    if seen[-1] > 0.9 * seen[0]:
        raise CheckFailed(
            f"the loss went from {seen[0]:.4g} to {seen[-1]:.4g}: zero_grad(), backward() and the "
            "loss returned by the closure are all needed"
        )
    if any(abs(a - b) > 1e-3 * abs(b) + 1e-6 for a, b in zip(losses, seen, strict=True)):
        raise CheckFailed("the losses are not those of the evaluations, one after the other")
