"""The checks of notebook 03: right answers pass in any style, wrong ones are named."""

import json
import re

import pytest
import torch
import torch.nn.functional as F

from course_lib import REPOSITORY
from course_lib.adain import adain, apply_statistics, channel_statistics
from course_lib.checks import CheckFailed, check_mirror, check_style_loss, check_training_step
from course_lib.checks.training import VGG_TO_RELU4_1
from course_lib.decoder import AFTER_UPSAMPLING, LAYERS
from course_lib.images import normalize
from course_lib.losses import STYLE_LAYERS, content_loss, style_loss
from course_lib.training import adain_losses

# --- mirror ---------------------------------------------------------------------------------


def mirror(layers):
    names = {"conv": "conv", "pool": "upsample"}
    return [(names[kind], out, into) for kind, into, out in reversed(layers)]


def mirror_by_loop(layers):
    result = []
    for i in range(len(layers) - 1, -1, -1):
        kind, into, out = layers[i]
        result.append(["upsample" if kind == "pool" else kind, out, into])
    return result


@pytest.mark.parametrize("answer", [mirror, mirror_by_loop])
def test_right_mirrors_pass(answer, capsys):
    check_mirror(answer)
    assert "correct" in capsys.readouterr().out


def test_the_mirror_of_the_exercise_is_the_decoder_of_the_course():
    expected = []
    for name, into, out in LAYERS:
        if name in AFTER_UPSAMPLING:
            expected.append(("upsample", into, into))
        expected.append(("conv", into, out))
    assert mirror(VGG_TO_RELU4_1) == expected


def mirror_in_place(layers):
    layers.reverse()
    return [("upsample" if k == "pool" else k, o, i) for k, i, o in layers]


WRONG_MIRRORS = {
    "unchanged": (lambda layers: layers, "encoder itself"),
    "not reversed": (lambda layers: mirror(layers)[::-1], "the order"),
    "channels": (lambda layers: [(k, o, i) for k, i, o in mirror(layers)], "not exchanged"),
    "reversed only": (lambda layers: layers[::-1], "not exchanged, and 'pool'"),
    "pool": (lambda layers: [(k, o, i) for k, i, o in layers[::-1]], "halve the maps once more"),
    "no upsampling": (
        lambda layers: [layer for layer in mirror(layers) if layer[0] == "conv"],
        "nothing enlarges",
    ),
    "one lost": (lambda layers: mirror(layers)[:-1], "12 layers give 12, got 11"),
    "one wrong": (
        lambda layers: [*mirror(layers)[:-1], ("conv", 64, 1)],
        re.escape("layer 12 from relu4_1 should be ('conv', 64, 3)"),
    ),
    "in place": (mirror_in_place, "own list was changed"),
    "iterator": (lambda layers: reversed(layers), "return a list"),
    "made for VGG alone": (lambda layers: mirror(VGG_TO_RELU4_1), "4 layers give 4, got 12"),
}


@pytest.mark.parametrize("name", WRONG_MIRRORS)
def test_wrong_mirrors_are_named(name):
    answer, diagnosis = WRONG_MIRRORS[name]
    with pytest.raises(CheckFailed, match=diagnosis):
        check_mirror(answer)


# --- style_loss -----------------------------------------------------------------------------


def style_loss_by_hand(features, targets):
    total = 0
    for name, (mean, std) in targets.items():
        my_mean, my_std = channel_statistics(features[name])
        total = total + ((my_mean - mean) ** 2).mean() + ((my_std - std) ** 2).mean()
    return total


@pytest.mark.parametrize("answer", [style_loss, style_loss_by_hand])
def test_right_style_losses_pass(answer, capsys):
    check_style_loss(answer)
    assert "correct" in capsys.readouterr().out


def pairs(features, targets):
    return [
        pair
        for name in targets
        for pair in zip(channel_statistics(features[name]), targets[name], strict=True)
    ]


def only_pairs(chosen, error=F.mse_loss):
    return lambda f, t: sum(error(a, b) for a, b in pairs(f, t)[chosen])


def with_variances(features, targets):
    return sum(
        F.mse_loss(a, b) if i % 2 == 0 else F.mse_loss(a**2, b**2)
        for i, (a, b) in enumerate(pairs(features, targets))
    )


def unbiased(features, targets):
    total = 0
    for name, (mean, std) in targets.items():
        x = features[name]
        total = total + F.mse_loss(x.mean((2, 3), True), mean)
        total = total + F.mse_loss(x.std((2, 3), keepdim=True), std)
    return total


def without_gradient(features, targets):
    return style_loss({name: values.detach() for name, values in features.items()}, targets)


def in_place(features, targets):
    result = style_loss(features, targets)
    for values in features.values():
        values.detach().sub_(1)
    return result


def sum_of_squares(a, b):
    return (a - b).square().sum()


WRONG_STYLE_LOSSES = {
    "means alone": (only_pairs(slice(0, None, 2)), "deviations are missing"),
    "deviations alone": (only_pairs(slice(1, None, 2)), "means are missing"),
    "variances": (with_variances, "variances"),
    "unbiased": (unbiased, "unbiased"),
    "averaged over layers": (lambda f, t: style_loss(f, t) / len(t), "averaged"),
    "halved": (lambda f, t: style_loss(f, t) / 2, "average"),
    "last layer": (only_pairs(slice(-2, None)), "only the last layer"),
    "first layer": (only_pairs(slice(2)), "only the first layer"),
    "absolute": (only_pairs(slice(None), F.l1_loss), "absolute"),
    "root": (only_pairs(slice(None), lambda a, b: F.mse_loss(a, b).sqrt()), "square root"),
    "the authors' sum": (
        only_pairs(slice(None), lambda a, b: (a - b).square().sum(1).mean()),
        "Torch code",
    ),
    "sum": (only_pairs(slice(None), sum_of_squares), "sums over batch and channels"),
    "detached": (without_gradient, "no gradient leads back"),
    "a number": (lambda f, t: style_loss(f, t).item(), "plain number"),
    "a list": (lambda f, t: [F.mse_loss(a, b) for a, b in pairs(f, t)], "one scalar"),
    "a vector": (lambda f, t: style_loss(f, t) * torch.ones(2), "one scalar, got the shape"),
    "in place": (in_place, "in place"),
    "nonsense": (lambda f, t: style_loss(f, t) * 3 + 1, "style_loss: "),
}


@pytest.mark.parametrize("name", WRONG_STYLE_LOSSES)
def test_wrong_style_losses_are_named(name):
    answer, diagnosis = WRONG_STYLE_LOSSES[name]
    with pytest.raises(CheckFailed, match=diagnosis):
        check_style_loss(answer)


# --- training_step --------------------------------------------------------------------------


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


@pytest.mark.parametrize("answer", [step_with(adain_losses), by_hand, clearing_at_the_end])
def test_right_training_steps_pass(answer, capsys):
    check_training_step(answer)
    assert "correct" in capsys.readouterr().out


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


WRONG_STEPS = {
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


@pytest.mark.parametrize("name", WRONG_STEPS)
def test_wrong_training_steps_are_named(name):
    answer, diagnosis = WRONG_STEPS[name]
    with pytest.raises(CheckFailed, match=diagnosis):
        check_training_step(answer)


def test_a_strange_error_is_passed_on():
    def step(*arguments):
        raise RuntimeError("the size of tensor a must match")

    with pytest.raises(RuntimeError, match="size of tensor a"):
        check_training_step(step)


# --- the lesson -----------------------------------------------------------------------------


@pytest.mark.parametrize("check", [check_mirror, check_style_loss, check_training_step])
def test_an_empty_answer_is_not_an_error(check, capsys):
    check(lambda *inputs: None)
    assert "not attempted" in capsys.readouterr().out


def test_the_solutions_of_the_lesson_pass_its_checks(capsys):
    path = REPOSITORY / "notebooks" / "03_decoder_training.ipynb"
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    text = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    solutions = re.findall(r"<summary>Solution</summary>\s*```python\n(.*?)```", text, re.DOTALL)
    assert len(solutions) == 3
    names = {
        "F": F,
        "channel_statistics": channel_statistics,
        "adain_losses": adain_losses,
    }
    for solution in solutions:
        exec(solution, names)
    check_mirror(names["my_mirror"])
    check_style_loss(names["my_style_loss"])
    check_training_step(names["my_training_step"])
    assert capsys.readouterr().out.count("correct") == 3
