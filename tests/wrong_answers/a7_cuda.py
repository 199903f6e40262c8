"""Answers to assignment A7."""

import json
import math

import torch

from course_lib.adain import adain, channel_statistics
from course_lib.images import normalize
from course_lib.lessons.lesson04 import homework, interrupted_run
from course_lib.lessons.step_checks import FORGOTTEN, PICTURE_MISTAKES
from course_lib.losses import STYLE_LAYERS
from course_lib.training.objective import adain_losses
from wrong_answers.answers import Answers, as_rows, sometimes

BRANCH = "missing in one branch"


def moved(images, device):
    return images.to(device).float() / 255


def with_empty(images, device):
    there = torch.empty(images.shape, dtype=torch.uint8, device=device)
    there.copy_(images)
    return there.to(torch.float32).div_(255)


def mixed(
    encoder,
    decoder,
    content,
    style,
    dtype,
    autocast=lambda dtype: torch.autocast("cpu", dtype),
    second=lambda dtype: torch.autocast("cpu", dtype),
    statistics=channel_statistics,
    features_of=lambda features: features.float(),
    paint=lambda decoder, t: decoder(t),
    mean=lambda x: x.mean((1, 2, 3)),
):
    """The losses of each pair, in every variation that a mistake makes of them."""
    with torch.no_grad(), autocast(dtype):
        wanted = encoder(style, STYLE_LAYERS)
        t = adain(encoder.encode(content), wanted["relu4_1"])
        targets = {layer: statistics(f) for layer, f in wanted.items()}
    with second(dtype):
        features = encoder(paint(decoder, t), STYLE_LAYERS)
        content_losses = mean((features_of(features["relu4_1"]) - features_of(t)).square())
        style_losses = 0
        for layer, pair in targets.items():
            for mine, its in zip(statistics(features[layer]), pair, strict=True):
                style_losses = style_losses + mean((mine - its).square())
    return content_losses, style_losses


def varied(**changes):
    return lambda *inputs: mixed(*inputs, **changes)


def by_hand(encoder, decoder, content, style, dtype):
    with torch.autocast(device_type=content.device.type, dtype=dtype):
        with torch.no_grad():
            c, s = encoder.encode(content), encoder(style, STYLE_LAYERS)
            t = adain(c, s["relu4_1"]).float()
        maps = encoder(decoder(t), STYLE_LAYERS)
    losses = [((maps["relu4_1"].float() - t) ** 2).flatten(1).mean(1), 0]
    for layer in STYLE_LAYERS:
        a, b = in_64(maps[layer]), in_64(s[layer])
        losses[1] = losses[1] + sum(((x - y) ** 2).mean(1) for x, y in zip(a, b, strict=True))
    return [losses[0], losses[1].float()]


def in_64(features):
    flat = features.double().flatten(2)
    return flat.mean(2), (flat.var(2, correction=0) + 1e-5).sqrt()


def pair_by_pair(encoder, decoder, content, style, dtype):
    with torch.autocast("cpu", dtype):
        pairs = zip(content.split(1), style.split(1), strict=True)
        rows = [torch.stack(adain_losses(encoder, decoder, *pair)) for pair in pairs]
    return torch.stack(rows).unbind(1)


def low(features):
    mean = features.mean((2, 3), keepdim=True)
    return mean, ((features - mean).square().mean((2, 3), keepdim=True) + 1e-5).sqrt()


def converted_late(*inputs):
    return [loss.float() for loss in mixed(*inputs, features_of=lambda f: f, statistics=low)]


def whole_batch(encoder, decoder, content, style, dtype):
    with torch.autocast("cpu", dtype):
        return adain_losses(encoder, decoder, content, style)


def converted(encoder, decoder, content, style, dtype):
    decoder.to(dtype)
    return mixed(encoder, decoder, content, style, dtype)


def off(dtype):
    return torch.autocast("cpu", dtype, enabled=False)


def train(
    one_step,
    decoder,
    optimizer,
    generator,
    until,
    every,
    folder,
    note=lambda step, loss: {"step": step, "loss": loss},
    cut=True,
    keep=True,
    at_once=True,
    is_due=lambda step, every, until: (step + 1) % every == 0 or step + 1 == until,
    change=lambda state: state,
    begin=lambda step: step,
    result=lambda records: records,
):
    """The trainer with a log that lines are appended to, in every variation of a mistake."""
    log, file, done = folder / "log.jsonl", folder / "state.pt", 0
    if file.exists():
        state = torch.load(file, weights_only=False)
        decoder.load_state_dict(state["decoder"])
        optimizer.load_state_dict(state["optimizer"])
        generator.set_state(state["generator"])
        done = begin(state["step"])
        lines = log.read_text().splitlines(keepends=True)
        log.write_text("".join((lines[:done] if cut else lines) if keep else []))
    lines = []
    for step in range(done, until):
        lines.append(json.dumps(note(step, one_step())) + "\n")
        if at_once:
            with log.open("a") as stream:
                stream.write(lines[-1])
        if is_due(step, every, until):
            state = {"decoder": decoder.state_dict(), "optimizer": optimizer.state_dict()}
            torch.save(change(state | {"generator": generator.get_state(), "step": step + 1}), file)
    if not at_once:
        with log.open("a") as stream:
            stream.writelines(lines)
    return result([json.loads(line) for line in log.read_text().splitlines()])


def trained(**changes):
    return lambda *inputs: train(*inputs, **changes)


def with_pairs(one_step, decoder, optimizer, generator, until, every, folder):
    """Another right answer: the whole log in the state as well."""
    log, file = folder / "log.jsonl", folder / "state.pt"
    records = []
    if file.exists():
        weights, averages, numbers, records = torch.load(file)
        decoder.load_state_dict(weights)
        optimizer.load_state_dict(averages)
        generator.set_state(numbers)
    while len(records) < until:
        records = [*records, {"step": len(records), "loss": one_step(), "seconds": 0.1}]
        log.write_text("\n".join(map(json.dumps, records)))
        if len(records) in range(0, until, every) or len(records) == until:
            parts = decoder.state_dict(), optimizer.state_dict(), generator.get_state(), records
            torch.save(parts, file)
    return records


def forgets(lost):
    return lambda *inputs: interrupted_run.train(*inputs, lost=lost)


def halved(state):
    return state | {"decoder": {k: v.half() for k, v in state["decoder"].items()}}


def another_seed(state):
    numbers = torch.Generator().manual_seed(state["step"]).get_state()
    return state | {"generator": numbers}


def choose(measured, minutes, least):
    steps = [int(60 * minutes / row[2]) for row in measured]
    enough = [k for k in range(len(steps)) if steps[k] >= least]
    if not enough:
        best = max(range(len(steps)), key=steps.__getitem__)
    else:
        best = max(enough, key=lambda k: measured[k][0] * measured[k][1] ** 2 / measured[k][2])
    return best, steps[best]


def by_sorting(measured, minutes, least):
    rows = [
        (math.floor(60 * minutes / s) >= least, (b * n * n / s), 60 * minutes // s, k)
        for k, (b, n, s) in enumerate(measured)
    ]
    if not any(row[0] for row in rows):
        rows = [(0, steps, steps, k) for _, _, steps, k in rows]
    _, _, steps, k = sorted(rows, key=lambda row: row[:2])[-1]
    return k, int(steps)


EXERCISES = {
    "to_device": Answers(
        homework.check_to_device,
        {
            "to": moved,
            "copied": with_empty,
            "multiplied": lambda x, d: x.to(d, non_blocking=True).to(torch.float32) * (1 / 255),
        },
        {
            "stays here": (lambda x, d: x.float() / 255, "not on the device that was asked for"),
            "floats cross": (lambda x, d: (x.float() / 255).to(d), "four bytes cross the bus"),
            "both at once": (lambda x, d: x.to(d, torch.float32) / 255, "four bytes cross the bus"),
            "float16": (lambda x, d: moved(x, d).half(), "float32 images are asked for"),
            "float64": (lambda x, d: moved(x, d).double(), "float32 images are asked for"),
            "normalised here": (lambda x, d: normalize(moved(x, d)), "does by itself"),
            "in place": (lambda x, d: moved(x.zero_(), d), "in place"),
            "a list": (lambda x, d: list(moved(x, d)), "expected a tensor"),
            "one branch": (sometimes(moved, lambda x, d: x.shape[3] > x.shape[2]), BRANCH),
        },
    ),
    "mixed_losses": Answers(
        homework.check_mixed_losses,
        {"two blocks": mixed, "by hand": by_hand, "pair by pair": pair_by_pair},
        {
            **{
                text: (lambda *x, c=change: tuple(homework.pair_losses(*x, **c)), f"^{text[:40]}")
                for text, change in PICTURE_MISTAKES.items()
            },
            "no autocast": (varied(autocast=off, second=off), "not every convolution"),
            "targets alone": (varied(second=off), "not every convolution"),
            "losses alone": (varied(autocast=off), "not every convolution"),
            "always bfloat16": (
                lambda e, d, c, s, dtype: mixed(e, d, c, s, torch.bfloat16),
                "take the dtype that is given",
            ),
            "for another device": (
                varied(second=lambda dtype: torch.autocast("mps", dtype)),
                "not every convolution",
            ),
            "the weights too": (converted, "weights were converted"),
            "low losses": (varied(features_of=lambda f: f, statistics=low), "losses are in 16 bi"),
            "low losses, converted": (converted_late, "float16 is not"),
            "of the batch": (whole_batch, "hides the pair that spoils it"),
            "axes kept": (varied(mean=lambda x: x.mean((1, 2, 3), keepdim=True)), "of each pair"),
            "sums": (varied(mean=lambda x: x.sum((1, 2, 3))), "content losses differ"),
            "swapped": (lambda *x: mixed(*x)[::-1], "content first"),
            "averaged": (lambda *x: (mixed(*x)[0], mixed(*x)[1] / 4), "add their losses up"),
            "no gradient": (torch.no_grad()(mixed), "cannot learn"),
            "detached": (varied(paint=lambda decoder, t: decoder(t).detach()), "cannot learn"),
            "numbers": (
                lambda *x: [loss.tolist() for loss in mixed(*x)],
                "numbers have no gradient",
            ),
            "one alone": (lambda *x: sum(mixed(*x)), "return two things"),
            "one branch": (sometimes(mixed, lambda *x: x[4] == torch.float16), BRANCH),
        },
    ),
    "logged_run": Answers(
        homework.check_logged_run,
        {"the check's own": interrupted_run.train, "appended": train, "a tuple": with_pairs},
        {
            **{
                f"forgets: {lost}": (forgets(lost), FORGOTTEN[lost][:30])
                for lost in ("decoder", "optimizer", "generator")
            },
            "never saved": (trained(is_due=lambda *x: False), "cannot be read again"),
            "saved at the end": (
                trained(is_due=lambda step, every, until: step + 1 == until),
                "twice|number of steps",
            ),
            "not saved at the end": (
                trained(is_due=lambda step, every, until: (step + 1) % every == 0),
                "number of steps",
            ),
            "saved one step late": (
                trained(is_due=lambda step, every, until: step % every == 0 or step + 1 == until),
                "number of steps",
            ),
            "from the beginning": (trained(begin=lambda step: 0), "not those of the steps"),
            "a step left out": (trained(begin=lambda step: step + 1), "steps are missing"),
            "a step repeated": (trained(begin=lambda step: step - 1), "not those of the steps"),
            "nothing cut": (trained(cut=False), "twice: drop the lines"),
            "the old log lost": (trained(keep=False), "steps are missing"),
            "written at the end": (trained(at_once=False), "there is no log"),
            "counted from 1": (
                trained(note=lambda step, loss: {"step": step + 1, "loss": loss}),
                "counted from 0",
            ),
            "rounded": (
                trained(note=lambda step, loss: {"step": step, "loss": round(loss, 2)}),
                "not those of the steps",
            ),
            "another key": (
                trained(note=lambda step, loss: {"step": step, "total": loss}),
                "JSON of its own",
            ),
            "in half": (trained(change=halved), "not those of the steps"),
            "seeded anew": (trained(change=another_seed), "not those of the steps"),
            "objects": (
                trained(change=lambda state: state | {"more": interrupted_run.PowerCut()}),
                "cannot be read again",
            ),
            "nothing returned": (trained(result=lambda records: None), "return the log's records"),
            "the last alone": (trained(result=lambda records: records[-1:]), "log's records"),
        },
    ),
    "choose": Answers(
        homework.check_choose,
        {"max": choose, "sorted": by_sorting, **as_rows(choose)},
        {
            "the index alone": (lambda *x: choose(*x)[0], "return 2 numbers"),
            "one branch": (sometimes(choose, lambda m, t, least: least > 100), BRANCH),
        },
        {"max of nothing": lambda m, t, least: max([row for row in m if 60 * t / row[2] >= least])},
    ),
}
