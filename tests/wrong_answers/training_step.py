"""Answers to the exercise on one step of training (lesson 03)."""

import torch
import torch.nn.functional as F

from course_lib.adain import adain, apply_statistics, channel_statistics
from course_lib.images import normalize
from course_lib.lessons.lesson03 import step_checks
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


def no_zero_grad(loss, optimizer):
    loss.backward()
    optimizer.step()


def wiped(loss, optimizer):
    loss.backward()
    optimizer.zero_grad()
    optimizer.step()


def weighted(total):
    def step(encoder, decoder, optimizer, content, style, style_weight):
        loss = total(*adain_losses(encoder, decoder, content, style), style_weight)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def parts_of(encoder, decoder, content, style, fed="t", wanted="t", style_image=None, layers=None):
    """Content and style loss with something confused."""
    layers = layers or STYLE_LAYERS
    maps = {"content": encoder.encode(content), "style": encoder.encode(style)}
    maps["t"] = adain(maps["content"], maps["style"])
    maps["swapped"] = adain(maps["style"], maps["content"])
    features = encoder(decoder(maps[fed]), STYLE_LAYERS)
    targets = encoder(style if style_image is None else style_image, layers)
    return content_loss(features["relu4_1"], maps[wanted]), style_loss(features, targets)


def confused(**changes):
    def losses(encoder, decoder, content, style):
        if changes.get("style_image") == "content":
            return parts_of(encoder, decoder, content, style, **changes | {"style_image": content})
        return parts_of(encoder, decoder, content, style, **changes)

    return step_with(losses)


def pixels(encoder, decoder, content, style):
    t = adain(encoder.encode(content), encoder.encode(style))
    image = decoder(t)
    features = encoder(image, STYLE_LAYERS)
    return F.mse_loss(image, content), style_loss(features, encoder(style, STYLE_LAYERS))


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
    "photograph's target not detached": (step_with(moving_targets), "through t back to the photo"),
    "painting's target not detached": (
        step_with(lambda *arguments: moving_targets(*arguments, detached=("content",))),
        "statistics back to the painting",
    ),
    "no zero_grad": (step_of(no_zero_grad), "zero_grad"),
    "wiped": (step_of(wiped), "wiped it out"),
    "no backward": (step_of(lambda loss, optimizer: optimizer.step()), "backward"),
    "no step": (step_of(lambda loss, optimizer: loss.backward()), r"call optimizer.step\(\)"),
    "no weight": (weighted(lambda c, s, w: c + s), "style weight is missing"),
    "weight at the content": (weighted(lambda c, s, w: w * c + s), "stands at the content"),
    "weight at both": (weighted(lambda c, s, w: w * (c + s)), "both losses"),
    "no style": (weighted(lambda c, s, w: c), "style loss is missing"),
    "no content": (weighted(lambda c, s, w: w * s), "content loss is missing"),
    "photograph's features": (confused(wanted="content"), "photograph's features: compare"),
    "fed the photograph": (confused(fed="content", wanted="content"), "was fed the photograph"),
    "fed the photograph, compared with t": (confused(fed="content"), "was fed the photograph"),
    "swapped in AdaIN": (confused(fed="swapped", wanted="swapped"), "swapped in AdaIN"),
    "swapped": (
        confused(fed="swapped", wanted="swapped", style_image="content"),
        "content and style are swapped$",
    ),
    "style of the photograph": (confused(style_image="content"), "photograph's statistics"),
    "one style layer": (confused(layers=("relu4_1",)), "relu4_1 alone"),
    "pixels": (step_with(pixels), "compares pixels"),
    "clamped": (step_with(adain_losses, lambda decoder, t: decoder(t).clamp(0, 1)), "clamped"),
    "normalised twice": (
        step_with(adain_losses, lambda decoder, t: normalize(decoder(t))),
        "normalised before the encoder",
    ),
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
