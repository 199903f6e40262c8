"""Answers to the exercise on one step of training (lesson 03)."""

import re

import torch
import torch.nn.functional as F

from course_lib.adain import adain, apply_statistics, channel_statistics
from course_lib.lessons import step_checks
from course_lib.losses import STYLE_LAYERS, content_loss, style_loss
from course_lib.training.objective import adain_losses

check = step_checks.check_training_step


def step_with(losses, decode=lambda decoder, t: decoder(t)):
    """A training step from a function that gives content and style loss."""

    def step(encoder, decoder, optimizer, content, style, style_weight):
        parts = losses(encoder, lambda t: decode(decoder, t), content, style)
        loss = parts[0] + style_weight * parts[1]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def by_hand(encoder, decoder, optimizer, content, style, style_weight):
    optimizer.zero_grad()
    with torch.no_grad():
        targets = {k: channel_statistics(f) for k, f in encoder(style, STYLE_LAYERS).items()}
    t = apply_statistics(encoder.encode(content), targets["relu4_1"]).detach()
    features = encoder(decoder(t), STYLE_LAYERS)
    loss = F.mse_loss(features["relu4_1"], t) + style_weight * style_loss(features, targets)
    loss.backward()
    optimizer.step()
    return float(loss.detach())


def clearing_at_the_end(encoder, decoder, optimizer, content, style, style_weight):
    parts = adain_losses(encoder, decoder, content, style)
    loss = parts[0] + style_weight * parts[1]
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return loss.detach()


def moving_targets(encoder, decoder, content, style, detached=()):
    """The losses of the course, with gradients that run through the targets."""
    images = {"content": content, "style": style}
    c, s = (x.detach() if name in detached else x for name, x in images.items())
    t = adain(encoder.encode(c), encoder.encode(s.detach()))
    features = encoder(decoder(t), STYLE_LAYERS)
    return content_loss(features["relu4_1"], t), style_loss(features, encoder(s, STYLE_LAYERS))


def detaching(encoder, decoder, content, style):
    return moving_targets(encoder, decoder, content, style, ("content", "style"))


RIGHT = {
    "adain_losses": step_with(adain_losses),
    "by hand": by_hand,
    "zero_grad at the end": clearing_at_the_end,
    "detach": step_with(detaching),
}


def step_of(body):
    """A step whose middle part, given the loss and the optimiser, is ``body``."""

    def step(encoder, decoder, optimizer, content, style, style_weight):
        parts = adain_losses(encoder, decoder, content, style)
        loss = parts[0] + style_weight * parts[1]
        body(loss, optimizer)
        return loss.item()

    return step


def wiped(loss, optimizer):
    loss.backward()
    optimizer.zero_grad()
    optimizer.step()


def all_without_gradient(encoder, decoder, content, style):
    with torch.no_grad():
        return adain_losses(encoder, decoder, content, style)


def trains_the_encoder(encoder, decoder, optimizer, content, style, style_weight):
    loss = step_with(adain_losses)(encoder, decoder, optimizer, content, style, style_weight)
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.mul_(0.99)
    return loss


def returning(value):
    def step(*arguments):
        encoder, decoder, _, content, style, style_weight = arguments
        before = adain_losses(encoder, decoder, content, style)
        step_with(adain_losses)(*arguments)
        after = adain_losses(encoder, decoder, content, style)
        return value(before, after, style_weight)

    return step


WRONG = {
    **{text: (step, f"^{re.escape(text)}$") for text, step in step_checks.step_mistakes().items()},
    "photograph's target not detached": (step_with(moving_targets), "through t back to the photo"),
    "painting's target not detached": (
        step_with(lambda *arguments: moving_targets(*arguments, detached=("content",))),
        "statistics back to the painting",
    ),
    "wiped": (step_of(wiped), "wiped it out"),
    "no backward": (step_of(lambda loss, optimizer: optimizer.step()), "backward"),
    "no step": (step_of(lambda loss, optimizer: loss.backward()), r"call optimizer.step\(\)"),
    "no gradient": (step_with(all_without_gradient), "outside torch.no_grad"),
    "detached image": (
        step_with(adain_losses, lambda decoder, t: decoder(t).detach()),
        "without detach",
    ),
    "encoder trained": (trains_the_encoder, "only the decoder learns"),
    "nothing returned": (returning(lambda before, after, w: None), "now return the loss"),
    "graph returned": (returning(lambda before, after, w: before[0] + w * before[1]), "graph"),
    "later loss": (
        returning(lambda before, after, w: (after[0] + w * after[1]).item()),
        "before the update",
    ),
    "content loss returned": (
        returning(lambda before, after, w: before[0].item()),
        "the number is not content",
    ),
    "two steps": (
        step_of(lambda loss, optimizer: (loss.backward(), optimizer.step(), optimizer.step())),
        "the decoder's weights after two steps",
    ),
}
