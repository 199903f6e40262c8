"""Answers to assignment A4."""

import numpy as np
import torch

from course_lib.lessons.lesson05 import homework
from course_lib.losses import gram_matrix
from wrong_answers.answers import Answers, as_numbers, sometimes

BRANCH = "missing in one branch"


def entry(a, b):
    return (a * b).mean().item()


def by_dot(a, b):
    return a.flatten() @ b.flatten() / a.numel()


def by_loops(a, b):
    pairs = zip(a.flatten().tolist(), b.flatten().tolist(), strict=True)
    return sum(x * y for x, y in pairs) / np.prod(a.shape)


def shifted(x, shift):
    here, there = x[..., : x.shape[3] - shift], x[..., shift:]
    return torch.einsum("nahw,nbhw->nab", here, there) / here[0, 0].numel()


def shifted_by_loops(x, shift):
    pairs = [(x[..., w], x[..., w + shift]) for w in range(x.shape[3] - shift)]
    return sum(a @ b.transpose(1, 2) for a, b in pairs) / (x.shape[2] * len(pairs))


def shifted_by_narrow(x, shift):
    width = x.shape[3] - shift
    here, there = (x.narrow(3, k, width).flatten(2) for k in (0, shift))
    return torch.bmm(here, there.mT) / here.shape[2]


def shifted_by_roll(x, shift):
    return torch.einsum("nahw,nbhw->nab", x, x.roll(-shift, 3)) / x[0, 0].numel()


def roots(gram):
    return gram.diagonal(dim1=1, dim2=2).sqrt()


def roots_by_mask(gram):
    return (gram * torch.eye(gram.shape[1])).sum(2).sqrt()


def roots_by_loops(gram):
    return torch.stack([torch.stack([g[c, c] for c in range(len(g))]) for g in gram]) ** 0.5


def minimise(
    objective,
    image,
    steps,
    make=lambda p: torch.optim.LBFGS([p], lr=1),
    clear=True,
    keep=lambda best, loss, losses: loss < min(losses, default=float("inf")),
    copy=lambda p: p.detach().clone(),
    note=lambda loss: loss.item(),
    afterwards=lambda objective, pixels: [],
    after_step=lambda pixels: None,
):
    """The loop, in every variation that a mistake makes of it."""
    pixels = image.clone().requires_grad_()
    optimizer = make(pixels)
    losses, best = [], image

    def closure():
        nonlocal best
        if clear:
            optimizer.zero_grad()
        loss = objective(pixels)
        loss.backward()
        if keep(best, loss.item(), losses):
            best = copy(pixels)
        losses.append(note(loss))
        return loss

    for _ in range(steps):
        optimizer.step(closure)
        after_step(pixels)
    losses += afterwards(objective, pixels)
    return best, losses


def wrong(**changes):
    return lambda objective, image, steps: minimise(objective, image, steps, **changes)


def by_index(objective, image, steps):
    pixels = image.detach().clone().requires_grad_(True)
    optimizer = torch.optim.LBFGS((pixels,), lr=1)
    seen = []

    def closure():
        pixels.grad = None
        loss = objective(pixels)
        loss.backward()
        seen.append((float(loss.detach()), pixels.detach().clone()))
        return loss

    for _ in range(steps):
        optimizer.step(closure)
    return [min(seen, key=lambda pair: pair[0])[1], np.array([loss for loss, _ in seen])]


def looks_at_the_last(objective, pixels):
    return [objective(pixels).item()]


def one_per_step(objective, image, steps):
    best, losses = minimise(objective, image, steps)
    return best, losses[:: len(losses) // steps][:steps]


def on_the_input(objective, image, steps):
    optimizer = torch.optim.LBFGS([image.requires_grad_()], lr=1)
    optimizer.step(lambda: objective(image))
    return image, []


def no_leaf(objective, image, steps):
    return torch.optim.LBFGS([image.clone().requires_grad_() + 0], lr=1)


def in_place(objective, image, steps):
    pixels = image.clone().requires_grad_()
    pixels -= 0.1


def clipped(pixels):
    with torch.no_grad():
        pixels.clamp_(0, 1)


ANOTHER = "another way than"
EXERCISES = {
    "gram_entry": Answers(
        homework.check_gram_entry,
        {"mean": entry, "dot": by_dot, "loops": by_loops, **as_numbers(entry)},
        {
            "a matrix product": (lambda a, b: a @ b.T, "return a number"),
            "a map": (lambda a, b: a * b, "return a number"),
            "true": (lambda a, b: True, "return a number"),
            "one branch": (sometimes(entry, lambda a, b: len(a) > len(a[0])), BRANCH),
        },
    ),
    "shifted_gram": Answers(
        homework.check_shifted_gram,
        {"einsum": shifted, "loops": shifted_by_loops, "narrow": shifted_by_narrow},
        {
            "the course's": (lambda x, k: gram_matrix(x), "shift is not used"),
            "to the left": (lambda x, k: shifted(x.flip(3), k), "is the one that is shifted"),
            "rolled": (shifted_by_roll, "rolled round"),
            "batch summed": (lambda x, k: shifted(x, k).sum(0), "one matrix per sample"),
            "detached": (lambda x, k: shifted(x.detach(), k), "no gradient leads back"),
            "half detached": (
                lambda x, k: (
                    torch.einsum("nahw,nbhw->nab", x[..., : x.shape[3] - k], x[..., k:].detach())
                    / (x.shape[2] * (x.shape[3] - k))
                ),
                "its gradient is not",
            ),
            "a list": (lambda x, k: shifted(x, k).tolist(), "expected a tensor"),
            "one branch": (sometimes(shifted, lambda x, k: k == 0), BRANCH),
        },
        {"minus nothing": lambda x, k: x[..., :-k].flatten(2) @ x[..., k:].flatten(2).mT},
    ),
    "root_mean_square": Answers(
        homework.check_root_mean_square,
        {"diagonal": roots, "mask": roots_by_mask, "loops": roots_by_loops},
        {
            "the other axes": (lambda g: g.diagonal().sqrt(), "diagonal of the batch"),
            "a list": (lambda g: roots(g).tolist(), "expected a tensor"),
            "in place": (lambda g: roots(g.mul_(4)) / 2, "in place"),
        },
    ),
    "minimise": Answers(
        homework.check_minimise,
        {
            "the loop": minimise,
            "all kept": by_index,
            "a look at the last": wrong(afterwards=looks_at_the_last),
        },
        {
            "the last image": (wrong(keep=lambda *_: True), "not the one with the lowest loss"),
            "the first image": (wrong(keep=lambda *_: False), "the one that was given"),
            "a reference": (wrong(copy=lambda p: p.data), "not the one with the lowest loss"),
            "no zero_grad": (wrong(clear=False), "zero_grad"),
            "Adam": (wrong(make=lambda p: torch.optim.Adam([p], lr=0.1)), "evaluates many times"),
            "SGD": (wrong(make=lambda p: torch.optim.SGD([p], lr=0.01)), "evaluates many times"),
            "half the rate": (wrong(make=lambda p: torch.optim.LBFGS([p], lr=0.5)), ANOTHER),
            "fewer iterations": (
                wrong(make=lambda p: torch.optim.LBFGS([p], lr=1, max_iter=10)),
                ANOTHER,
            ),
            "a line search": (
                wrong(make=lambda p: torch.optim.LBFGS([p], lr=1, line_search_fn="strong_wolfe")),
                ANOTHER,
            ),
            "steps ignored": (lambda f, x, n: minimise(f, x, 1), "3 steps were asked for"),
            "one step too many": (lambda f, x, n: minimise(f, x, n + 1), "1 steps were asked for"),
            "cut off": (wrong(after_step=clipped), f"{ANOTHER}|lowest loss"),
            "from noise": (lambda f, x, n: minimise(f, x.flip(3), n), ANOTHER),
            "one loss per step": (one_per_step, "A closure is not a step"),
            "tensors": (wrong(note=lambda loss: loss.detach()), "append loss.item"),
            "asks for gradients": (
                lambda f, x, n: (minimise(f, x, n)[0].requires_grad_(), [1.0]),
                "best.detach",
            ),
            "the image alone": (lambda f, x, n: minimise(f, x, n)[0], "two things"),
            "rounded": (wrong(note=lambda loss: round(loss.item(), -1)), "not those of the eval"),
            "not noted once": (
                lambda f, x, n: (minimise(f, x, n)[0], minimise(f, x, n)[1]),
                "note one loss for each call",
            ),
        },
        {"no leaf": no_leaf, "on the leaf": in_place},
    ),
}
