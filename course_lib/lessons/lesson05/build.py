"""Check of lesson 05's build: an L-BFGS loop on the pixels of one picture."""

from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.lessons.agreement import compare
from course_lib.lessons.answers import CheckFailed
from course_lib.lessons.checking import explained
from course_lib.lessons.smallest_case import show

Loss = Callable[[Tensor], Tensor]
WHERE = 'lesson 05, section 9 "Build it: the loop behind optimize"'


def lbfgs_loop(
    loss_of: Loss,
    start: Tensor,
    evaluations: int,
    *,
    rate: float = 1.0,
    zero: bool = True,
    clamp: bool = True,
    steps: bool = False,
    anew: bool = False,
    per_step: bool = False,
    last: bool = False,
) -> tuple[Tensor, list[float]]:
    """The best picture of at least so many evaluations of L-BFGS, and the loss of each.

    Args:
        loss_of: (1, 3, H, W) in [0, 1] -> scalar with a gradient.
        start: where to begin; stays as it is.
        rate, zero, clamp, steps, anew, per_step, last: what a mistaken answer would do otherwise.
    """
    pixels = start.clone().requires_grad_()
    losses, best, kept = [], [float("inf"), start], []

    def closure() -> Tensor:
        if zero:
            optimizer.zero_grad()
        picture = pixels.clamp(0, 1) if clamp else pixels
        loss = loss_of(picture)
        loss.backward()
        losses.append(loss.item())
        if losses[-1] < best[0] or last:
            best[:] = losses[-1], picture.detach().clone()
        return loss

    optimizer = torch.optim.LBFGS([pixels], lr=rate, history_size=50)
    while (len(kept) if steps else len(losses)) < evaluations:
        if anew:
            optimizer = torch.optim.LBFGS([pixels], lr=rate, history_size=50)
        optimizer.step(closure)
        kept.append(losses[-1])
    return best[1], kept if per_step else losses


MISTAKES = {
    "the gradients add up: zero_grad belongs into the closure": {"zero": False},
    "the loss was asked about values outside [0, 1]: give it pixels.clamp(0, 1)": {"clamp": False},
    "the learning rate is 1": {"rate": 0.1},
    "a new optimiser at every step forgets the curvature: make it once": {"anew": True},
    "evaluations are counted, not steps: a step has up to 20": {"steps": True},
    "one loss for every evaluation, not for every step": {"per_step": True},
}


class _Recorder:
    """A made-up loss of pictures that remembers what it was asked; its valley is long and narrow.

    Its lowest point lies partly outside [0, 1], so that the borders matter, and after 20 questions
    every answer is one higher, so that the last picture is not the best.
    """

    def __init__(self, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.target = 1.4 * torch.rand(1, 3, 3, 4, generator=generator, dtype=torch.float64) - 0.2
        self.scale = torch.logspace(0, 2, 36, dtype=torch.float64).view(1, 3, 3, 4)
        self.asked: list[Tensor] = []

    def __call__(self, picture: Tensor) -> Tensor:
        self.asked.append(picture.detach().clone())
        gap = picture.double() - self.target
        return (self.scale * gap.square()).mean() + (len(self.asked) > 20)


@explained(WHERE)
def check_lbfgs(answer: Callable[[Loss, Tensor, int], tuple[Tensor, list[float]]]) -> None:
    """Build 05: ``answer(loss_of, start, evaluations)`` -> (best picture, loss per evaluation)."""
    for seed, evaluations in enumerate((25, 12, 1)):
        start = torch.full((1, 3, 3, 4), 0.5, dtype=torch.float64)
        start[..., seed] = 0.9
        recorder, given = _Recorder(seed), start.clone()
        result = answer(recorder, given, evaluations)
        if result is None:
            return print("lbfgs: not attempted yet")
        if not isinstance(result, tuple | list) or len(result) != 2:
            _complain("return two things: the picture and the list of losses", type(result))
        if not torch.equal(given, start):
            _complain("the start was changed in place: optimise a clone of it", given[0, 0, 0])
        wanted, expected = lbfgs_loop(_Recorder(seed), start, evaluations)
        faulty = {
            text: lbfgs_loop(_Recorder(seed), start, evaluations, **fault)[1]
            for text, fault in MISTAKES.items()
        }
        _compare_losses(result[1], expected, faulty, recorder.asked, start)
        _compare_pictures(result[0], wanted, recorder.asked)
    print("lbfgs: correct (counting, borders, gradients, the best picture)")


def _compare_losses(
    losses: object,
    expected: list[float],
    faulty: dict[str, list[float]],
    asked: list[Tensor],
    start: Tensor,
) -> None:
    if not isinstance(losses, list | tuple) or not all(isinstance(x, float) for x in losses):
        _complain("losses should be a list of plain numbers: append loss.item()", losses)
    if not asked:
        _complain("loss_of was never called: call it in the closure", losses)
    if not torch.allclose(asked[0].to(start), start):
        _complain("the first evaluation should be that of the start", asked[0][0, 0, 0])
    values, wanted = (torch.tensor(x, dtype=torch.float64) for x in (losses, expected))
    mistakes = {text: torch.tensor(x, dtype=torch.float64) for text, x in faulty.items()}
    known = any(len(x) == len(values) for x in mistakes.values())
    if len(values) < len(wanted) and not known:
        _complain("too few evaluations: call optimizer.step until there are enough", len(values))
    compare(values, wanted, mistakes, "losses")


def _compare_pictures(picture: object, wanted: Tensor, asked: list[Tensor]) -> None:
    if not isinstance(picture, Tensor) or picture.requires_grad:
        _complain("the picture should be a tensor without a graph: detach() it", type(picture))
    mistakes = {
        "this is the last picture: return the one with the lowest loss": asked[-1],
        "this is the start: return the picture with the lowest loss": asked[0],
    }
    compare(picture, wanted.to(picture), mistakes, "picture")


def _complain(diagnosis: str, got: object) -> None:
    raise CheckFailed(diagnosis, f"Expected something else than {show(got)}")
