"""Answers to lesson 05's build, the loop of L-BFGS on the pixels."""

import functools
import re

import torch

from course_lib.lessons.lesson05 import build

check = build.check_lbfgs


def with_lists(loss_of, start, evaluations):
    pixels = start.detach().clone()
    pixels.requires_grad = True
    optimizer = torch.optim.LBFGS([pixels], lr=1.0, history_size=50)
    seen = []

    def closure():
        pixels.grad = None
        clipped = torch.clamp(pixels, 0, 1)
        loss = loss_of(clipped)
        loss.backward()
        seen.append((loss.item(), clipped.detach().clone()))
        return loss

    while len(seen) < evaluations:
        optimizer.step(closure)
    return min(seen, key=lambda pair: pair[0])[1], [value for value, _ in seen]


RIGHT = {"the course's": build.lbfgs_loop, "lists": with_lists}


def with_adam(loss_of, start, evaluations):
    pixels = start.clone().requires_grad_()
    optimizer, losses = torch.optim.Adam([pixels], lr=0.05), []
    while len(losses) < evaluations:
        optimizer.zero_grad()
        loss = loss_of(pixels.clamp(0, 1))
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return pixels.detach().clamp(0, 1), losses


def one_step(loss_of, start, evaluations):
    return build.lbfgs_loop(loss_of, start, 1)


def from_noise(loss_of, start, evaluations):
    return build.lbfgs_loop(loss_of, torch.rand_like(start), evaluations)


def in_place(loss_of, start, evaluations):
    picture, losses = build.lbfgs_loop(loss_of, start, evaluations)
    start.copy_(picture)
    return start, losses


def with_its_graph(loss_of, start, evaluations):
    picture, losses = build.lbfgs_loop(loss_of, start, evaluations)
    return picture.requires_grad_(), losses


def with_tensors(loss_of, start, evaluations):
    picture, losses = build.lbfgs_loop(loss_of, start, evaluations)
    return picture, [torch.tensor(loss) for loss in losses]


def faulty(**fault):
    return functools.partial(build.lbfgs_loop, **fault)


WRONG = {
    **{text: (faulty(**fault), f"^{re.escape(text)}$") for text, fault in build.MISTAKES.items()},
    "the last picture": (faulty(last=True), "this is the last picture"),
    "Adam": (with_adam, "too few evaluations|losses"),
    "one step": (one_step, "too few evaluations"),
    "from noise": (from_noise, "that of the start"),
    "in place": (in_place, "changed in place"),
    "a graph": (with_its_graph, "without a graph"),
    "tensors": (with_tensors, "plain numbers"),
    "the picture alone": (lambda f, x, n: build.lbfgs_loop(f, x, n)[0], "return two things"),
}
