"""Answers to the last part of lesson 03's build: a trainer that can be stopped."""

import copy
import functools
import re

import torch

from course_lib.lessons.lesson03 import build
from course_lib.training.objective import adain_losses

check = build.check_train


def by_hand(encoder, decoder, photographs, paintings, until, state=None):
    """Another right answer: the optimiser's rate by a scheduler of PyTorch, a plain loop."""
    optimizer = torch.optim.Adam(decoder.parameters(), build.RATE)
    scheduler = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: build.rate(step, build.STEPS, 1.0, build.WARMUP)
    )
    generator = torch.Generator().manual_seed(build.SEED)
    averaged = copy.deepcopy(decoder)
    state = state or {"step": 0}
    if state["step"]:
        decoder.load_state_dict(state["decoder"])
        averaged.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        scheduler.load_state_dict(state["scheduler"])
        generator.set_state(state["generator"])
    for _ in range(until - state["step"]):
        photos = build.crops(photographs, build.BATCH, build.SIDE, generator)
        styles = build.crops(paintings, build.BATCH, build.SIDE, generator)
        parts = adain_losses(encoder, decoder, photos, styles)
        optimizer.zero_grad()
        (parts[0] + build.STYLE_WEIGHT * parts[1]).backward()
        optimizer.step()
        scheduler.step()
        for old, new in zip(averaged.parameters(), decoder.parameters(), strict=True):
            old.data = build.DECAY * old.data + (1 - build.DECAY) * new.data
    parts = {"decoder": decoder, "average": averaged, "optimizer": optimizer}
    parts["scheduler"] = scheduler
    kept = {name: part.state_dict() for name, part in parts.items()}
    return kept | {"step": until, "generator": generator.get_state()}


RIGHT = {"the check's own": build.train, "by hand": by_hand}


def changed(change):
    """A right trainer whose state is spoilt afterwards."""

    def train(*arguments):
        state = build.train(*arguments)
        return change(state, arguments)

    return train


def paintings_first(encoder, decoder, photographs, paintings, until, state=None):
    return build.train(encoder, decoder, paintings, photographs, until, state)


def nothing_after_the_stop(encoder, decoder, photographs, paintings, until, state=None):
    return build.train(encoder, decoder, photographs, paintings, until) if state is None else None


WRONG = {
    **{
        f"forgets: {lost}": (functools.partial(build.train, lost=lost), f"^{re.escape(text)}")
        for lost, text in build.FORGOTTEN.items()
    },
    "networks in the state": (
        changed(lambda state, arguments: state | {"network": arguments[1]}),
        "cannot be saved and read again",
    ),
    "no average": (
        changed(lambda state, arguments: {k: v for k, v in state.items() if k != "average"}),
        "needs the key 'average'",
    ),
    "photographs and paintings are swapped": (paintings_first, "not those of the recipe"),
    "nothing after the stop": (nothing_after_the_stop, "returned nothing"),
    "the average is the decoder": (
        changed(lambda state, arguments: state | {"average": state["decoder"]}),
        "not those of the recipe",
    ),
}
