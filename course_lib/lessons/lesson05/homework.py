"""Checks of assignment A4 (Gram matrices, optimisation); each takes the answer and a seed."""

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from course_lib.lessons.agreement import close
from course_lib.lessons.answers import VISIBLE, CheckFailed, attempts
from course_lib.lessons.checking import exercise, explained, random_features
from course_lib.lessons.homework_checking import draw, draw_shapes
from course_lib.lessons.lesson05 import checks
from course_lib.lessons.smallest_case import contrast, plain_list, show
from course_lib.losses import gram_matrix


def _entry_mistakes(a: Tensor, b: Tensor) -> dict[str, float]:
    (h, w), total, means = a.shape, (a * b).sum().item(), (a.mean() * b.mean()).item()
    return {
        "the sum is not divided by the number of positions": total,
        "divided by the height only: the positions are H * W": total / h,
        "divided by the width only: the positions are H * W": total / w,
        "zeros count, too: divide by all positions": total / (a * b).count_nonzero().item(),
        "the product of the two means: multiply position by position first": means,
        "the maps are added: multiply position by position": (a + b).mean().item(),
        "only the first map is used: multiply it by the second": (a * a).mean().item(),
        "this is a covariance: the means are not subtracted in a Gram matrix": (
            total / a.numel() - means
        ),
        "this is a correlation: the maps are used as they are, not divided by their norms": (
            total / (a.norm() * b.norm()).item()
        ),
    }


@exercise(
    "gram_entry",
    "square, tall and wide maps",
    checks.GRAM_SECTION,
    lambda a, b: (a * b).mean().item(),
    ("a", "b"),
    lambda: [(torch.tensor([[1.0, 3.0]]), torch.tensor([[2.0, 5.0]]))],
    mistakes=_entry_mistakes,
)
def check_gram_entry(seed: int = VISIBLE) -> Iterator[tuple]:
    """A4.1: ``answer(a, b)``: two maps (H, W) -> one entry of the Gram matrix, a number."""
    for n, _, h, w in draw_shapes(seed):
        yield tuple(random_features((1, 2, h, w), seed + n)[0])


def _shifted_gram(features: Tensor, shift: int) -> Tensor:
    width = features.shape[3] - shift
    here, there = features[..., :width].flatten(2), features[..., shift:].flatten(2)
    return here @ there.transpose(1, 2) / here.shape[2]


def _gram_mistakes(features: Tensor, shift: int) -> dict[str, Tensor]:
    (_, c, h, w), right = features.shape, _shifted_gram(features, shift)
    width = w - shift
    centred = features - features.mean((2, 3), keepdim=True)
    here, there = features[..., :width].flatten(2), features[..., shift:].flatten(2)
    rolled = features.roll(-shift, 3).flatten(2)
    mistakes = {
        "the shift is not used": gram_matrix(features),
        "the picture is rolled round: what is left of the first column does not count": (
            features.flatten(2) @ rolled.transpose(1, 2) / (h * w)
        ),
        "the first map is the one that is shifted: entry (a, b) takes b further right": (
            right.transpose(1, 2)
        ),
        "divided by all positions: only those that have a neighbour count": right * width / w,
        "the products are not divided: take their mean": right * h * width,
        "divided by the channels, too: take the mean over the positions": right / c,
        "both maps are cut, and none is shifted": gram_matrix(features[..., :width]),
        "the other side of the picture is cut off, and none is shifted": gram_matrix(
            features[..., shift:]
        ),
        "that is the covariance: the means are not subtracted in a Gram matrix": (
            _shifted_gram(centred, shift)
        ),
        "the products run over the channels and leave the positions": (
            here.transpose(1, 2) @ there / (h * width)
        ),
        "the samples of the batch are summed: one matrix per sample": right.sum(0),
        "this is one number per channel: multiply each with every other, too": right.diagonal(
            dim1=1, dim2=2
        ),
    }
    if shift < h:
        mistakes["the rows are shifted: columns are the last axis"] = _shifted_gram(
            features.transpose(2, 3), shift
        )
    return mistakes


@exercise(
    "shifted_gram",
    "batches, shifts from none to almost the width, gradient",
    checks.GRAM_SECTION,
    _shifted_gram,
    ("features", "shift"),
    lambda: [
        (torch.tensor([[[[1.0, 3.0, 4.0]]]]), 0),
        (torch.tensor([[[[1.0, 3.0, 4.0]]]]), 1),
        (torch.tensor([[[[1.0, 3.0, 4.0], [0, 1, 5]], [[2.0, 0.0, 9.0], [7, 1, 1]]]]), 1),
    ],
    mistakes=_gram_mistakes,
    gradient="the image cannot be improved",
)
def check_shifted_gram(seed: int = VISIBLE) -> Iterator[tuple]:
    """A4.2: ``answer(features, shift)`` -> (N, C, C), of positions ``shift`` columns apart."""
    for shape in [(2, 3, 5, 4), *draw_shapes(seed)]:
        for shift in dict.fromkeys((0, 1, shape[3] - 1)):
            yield random_features(shape, seed + shape[3]), shift


def _root_mistakes(gram: Tensor) -> dict[str, Tensor]:
    diagonal = gram.diagonal(dim1=1, dim2=2)
    mistakes = {
        "the square root is missing": diagonal,
        "the diagonal is squared: take its root": diagonal.square(),
        "the means over the channels are no diagonal": gram.mean(2).sqrt(),
        "row sums mix the channels: the diagonal alone holds a channel times itself": (
            gram.sum(2).sqrt()
        ),
        "the norm of a row: the diagonal alone holds a channel times itself": gram.norm(dim=2),
        "the largest entry of a row: the diagonal alone holds a channel times itself": (
            gram.amax(2).sqrt()
        ),
        "divided once more: the matrix is divided by the positions already": (
            diagonal / gram.shape[1]
        ).sqrt(),
        "this is one number per picture: keep the channels apart": diagonal.mean(1).sqrt(),
    }
    if gram.shape[0] == gram.shape[1]:
        mistakes["the diagonal of the batch: diagonal(dim1=1, dim2=2)"] = gram.diagonal().sqrt()
    return mistakes


@exercise(
    "root_mean_square",
    "batches, silent channels",
    checks.GRAM_SECTION,
    lambda gram: gram.diagonal(dim1=1, dim2=2).sqrt(),
    ("gram",),
    lambda: [(torch.tensor([[[4.0]]]),), (torch.tensor([[[4.0, 5.0], [5.0, 9.0]]]),)],
    mistakes=_root_mistakes,
)
def check_root_mean_square(seed: int = VISIBLE) -> Iterator[tuple]:
    """A4.3: ``answer(gram)``: (N, C, C) -> (mean of squares) ** 0.5 of each channel, (N, C)."""
    for shape in [(3, 3, 4, 5), *draw_shapes(seed)]:
        features = random_features(shape, seed + shape[3])
        features[:, -1] = 0
        yield (gram_matrix(features),)


# --- the loop ---


@dataclass
class Landscape:
    """A loss of pictures whose evaluations are written down; one of them is lucky.

    The lowest loss lies outside [0, 1] for some pixels. The lucky evaluation's loss is much lower
    than the others, as with a batch of easy pictures: so the last is not the best. Its gradient is
    no other, and L-BFGS without a line search takes the same way.
    """

    seed: int
    start: Tensor = field(init=False)
    images: list[Tensor] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        rng = draw(self.seed)
        side = rng.randint(4, 7)
        generator = torch.Generator().manual_seed(self.seed)
        rows = torch.rand(3, 1, 3, side, side + 1, generator=generator)
        self.goal, self.start, self.weight = 2 * rows[0] - 0.5, rows[1], 0.1 + 5 * rows[2]
        self.lucky = rng.randint(4, 9)

    def loss(self, image: Tensor) -> Tensor:
        far = image - self.goal
        loss = (far.square() * self.weight).sum() + far.pow(4).sum()
        if len(self.losses) == self.lucky:
            loss = loss - 1000
        self.images.append(image.detach().clone())
        self.losses.append(loss.item())
        return loss

    def way(self) -> list[Tensor]:
        """The pictures in the order of their evaluation; those evaluated again count once."""
        found: list[Tensor] = []
        for image in self.images:
            if not found or not torch.equal(image, found[-1]):
                found.append(image)
        return found


@functools.cache
def _way_of(seed: int, steps: int, clear: bool = True) -> list[Tensor]:
    """The pictures that L-BFGS evaluates, with or without clearing the gradient."""
    landscape = Landscape(seed)
    pixels = landscape.start.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([pixels], lr=1)

    def closure() -> Tensor:
        if clear:
            optimizer.zero_grad()
        loss = landscape.loss(pixels)
        loss.backward()
        return loss

    for _ in range(steps):
        optimizer.step(closure)
    return landscape.way()


@explained('lesson 05, section 6 "Optimisers"')
def check_minimise(answer: Callable, seed: int = VISIBLE) -> None:
    """A4.4: ``answer(objective, image, steps)`` -> (best image, losses of all evaluations).

    L-BFGS with ``torch.optim.LBFGS([image], lr=1)``; ``objective(image)`` is a scalar. The pictures
    that it evaluates are compared, one after the other, with those of a loop of our own.
    """
    counts = (1, 3)
    landscapes = [Landscape(seed) for _ in counts]
    cases = [(x.loss, x.start, steps) for x, steps in zip(landscapes, counts, strict=True)]
    # A method would be copied together with what it has seen.
    cases = [(lambda image, f=f: f(image), start, steps) for f, start, steps in cases]
    results, error = attempts(answer, cases, "minimise", seed)
    for landscape, steps, result in zip(landscapes, counts, results, strict=False):
        if not isinstance(result, tuple | list) or len(result) != 2:
            raise CheckFailed(
                "return two things: the best image, and the list of losses",
                f"Expected two things, got {show(result)}",
            )
        image, losses = result
        _check_image(image, landscape)
        losses = _check_losses(losses, landscape, steps)
        _check_way(landscape, seed, steps)
        if any(abs(a - b) > 1e-3 * abs(b) for a, b in zip(losses, landscape.losses, strict=True)):
            raise CheckFailed(
                "the losses are not those of the evaluations, one after the other",
                contrast(landscape.losses[:4], losses[:4]),
            )
        _check_best(image, landscape)
    if error is not None:
        raise error
    if results:
        print(f"minimise: correct ({len(losses)} evaluations in {counts[-1]} steps)")


def _check_image(image: object, landscape: Landscape) -> None:
    if not isinstance(image, Tensor) or image.shape != landscape.start.shape:
        kind = tuple(image.shape) if isinstance(image, Tensor) else type(image).__name__
        raise CheckFailed(
            "the first result should be an image of the start's shape",
            f"Expected a tensor of shape {tuple(landscape.start.shape)}, got {kind}",
        )
    if image.requires_grad:
        raise CheckFailed(
            "the image still asks for gradients: return best.detach()",
            "Expected requires_grad False, got True",
        )


def _check_losses(losses: object, landscape: Landscape, steps: int) -> list[float]:
    """The losses as numbers, one for each evaluation; complain if they are anything else."""
    seen = len(landscape.losses)
    if isinstance(losses, list | tuple) and any(isinstance(x, Tensor) for x in losses):
        raise CheckFailed(
            "tensors in the list keep their graphs in memory: append loss.item()",
            "Expected numbers, got tensors",
        )
    losses = plain_list(losses)
    if not isinstance(losses, list):
        raise CheckFailed(
            "the second result should be a list of numbers", f"Expected a list, got {show(losses)}"
        )
    if seen <= steps:
        raise CheckFailed(
            f"the objective was evaluated {seen} times in {steps} steps: L-BFGS evaluates many "
            "times in each step, through the closure; lr=1, max_iter as it is",
            f"Expected more than {steps} evaluations, got {seen}",
        )
    if len(losses) != seen:
        cure = (
            "append inside the closure. A closure is not a step"
            if len(losses) <= steps
            else "note one loss for each call of the objective"
        )
        raise CheckFailed(
            f"{len(losses)} losses, but {seen} evaluations: {cure}",
            f"Expected {seen} losses, got {len(losses)}",
        )
    return losses


def _check_way(landscape: Landscape, seed: int, steps: int) -> None:
    """Complain unless the pictures evaluated are those of L-BFGS with its own settings."""
    mine, right = landscape.way(), _way_of(seed, steps)
    # The last picture of all is not evaluated by L-BFGS itself; looking at it is no mistake.
    if _same_way(mine[: len(right)], right) and len(mine) <= len(right) + 1:
        return
    example = f"Expected {len(right)} evaluations for steps = {steps}, got {len(mine)}"
    for other in (1, steps - 1, steps + 1, 2 * steps):
        if other != steps and _same_way(mine, _way_of(seed, other)):
            raise CheckFailed(f"{steps} steps were asked for, this makes {other}", example)
    if _same_way(mine, _way_of(seed, steps, clear=False)):
        raise CheckFailed(
            "the gradients of all evaluations add up: optimizer.zero_grad() at the start of the "
            "closure",
            example,
        )
    if all(torch.equal(image, landscape.start) for image in mine):
        raise CheckFailed(
            "the picture never moves: zero_grad(), backward() and the loss returned by the closure "
            "are all needed",
            example,
        )
    pairs = zip(mine, right, strict=False)
    first = next((k for k, (a, b) in enumerate(pairs) if not close(a, b)), len(mine))
    raise CheckFailed(
        "this takes another way than torch.optim.LBFGS([pixels], lr=1) with its other settings "
        "untouched: another optimiser, rate or number of iterations, a picture that is cut off, or "
        "a closure that does something else",
        f"Evaluation {first + 1} should be of another picture",
    )


def _same_way(mine: Sequence[Tensor], right: Sequence[Tensor]) -> bool:
    return len(mine) == len(right) and all(map(close, mine, right))


def _check_best(image: Tensor, landscape: Landscape) -> None:
    lowest = min(range(len(landscape.losses)), key=landscape.losses.__getitem__)
    if close(image, landscape.images[lowest]):
        return
    if close(image, landscape.images[-1]):
        which = "the last evaluation's"
    elif close(image, landscape.start):
        which = "the one that was given"
    else:
        which = "another one"
    raise CheckFailed(
        f"the returned image is {which}, not the one with the lowest loss: keep a copy "
        "(detach().clone()) whenever the loss is the lowest",
        f"Expected the image of evaluation {lowest + 1} with the loss "
        f"{landscape.losses[lowest]:.4g}; the last had {landscape.losses[-1]:.4g}",
    )
