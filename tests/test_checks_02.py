"""The checks of notebook 02: right answers pass in any style, wrong ones are named."""

import json
import re

import pytest
import torch

from course_lib import REPOSITORY
from course_lib import adain as course
from course_lib.checks import CheckFailed, check_adain, check_channel_statistics, check_mix


def statistics(x, axes=(2, 3), correction=0, epsilon=1e-5):
    """Every variation of the statistics that a mistake can make."""
    x = x.float()
    return x.mean(axes, True), (x.var(axes, correction=correction, keepdim=True) + epsilon).sqrt()


# --- channel_statistics ---------------------------------------------------------------------


def by_moments(features):
    x = features.double()
    mean = x.mean((2, 3), keepdim=True)
    variance = ((x * x).mean((2, 3), keepdim=True) - mean * mean).clamp_min(0)
    return mean.float(), (variance + 1e-5).sqrt().float()


def by_loops(features):
    n, c = features.shape[:2]
    mean, std = torch.empty(n, c, 1, 1), torch.empty(n, c, 1, 1)
    for i in range(n):
        for j in range(c):
            channel = features[i, j].float()
            mean[i, j] = channel.sum() / channel.numel()
            std[i, j] = (((channel - mean[i, j]) ** 2).sum() / channel.numel() + 1e-5) ** 0.5
    return mean, std


def by_view(features):
    n, c = features.shape[:2]
    flat = features.float().reshape(n, c, -1)
    std = torch.sqrt(flat.var(-1, unbiased=False) + 1e-5)
    return [flat.mean(-1).view(n, c, 1, 1), std.view(n, c, 1, 1)]


@pytest.mark.parametrize(
    "answer", [course.channel_statistics, statistics, by_moments, by_loops, by_view]
)
def test_right_channel_statistics_pass(answer, capsys):
    check_channel_statistics(answer)
    assert "correct" in capsys.readouterr().out


def in_place(features):
    mean = features.mean((2, 3), keepdim=True)
    features -= mean
    return mean, (features.square().mean((2, 3), keepdim=True) + 1e-5).sqrt()


def in_half(x):
    mean = x.mean((2, 3), keepdim=True)
    return mean, ((x - mean).square().mean((2, 3), keepdim=True) + 1e-5).sqrt()


WRONG_STATISTICS = {
    "variance": (lambda x: (statistics(x)[0], statistics(x)[1] ** 2), "square root"),
    "unbiased": (lambda x: statistics(x, correction=1), "unbiased"),
    "torch's std": (
        lambda x: (x.mean((2, 3), True), x.std((2, 3), keepdim=True)),
        "unbiased",
    ),
    "batch statistics": (lambda x: statistics(x, (0, 2, 3)), "batch"),
    "batch statistics, expanded": (
        lambda x: [t.expand(len(x), -1, -1, -1) for t in statistics(x, (0, 2, 3))],
        "batch",
    ),
    "layer norm": (lambda x: statistics(x, (1, 2, 3)), "channels too"),
    "over the channels": (lambda x: statistics(x, (1,)), "over the channels"),
    "over the width": (lambda x: statistics(x, (3,)), "width only"),
    "over the height": (lambda x: statistics(x, (2,)), "height only"),
    "no keepdim": (lambda x: [t.flatten(1) for t in statistics(x)], "keepdim"),
    "swapped": (lambda x: statistics(x)[::-1], "swapped"),
    "mean not subtracted": (
        lambda x: (x.mean((2, 3), True), x.square().mean((2, 3), True).add(1e-5).sqrt()),
        "subtract the mean",
    ),
    "absolute deviation": (
        lambda x: (x.mean((2, 3), True), (x - x.mean((2, 3), True)).abs().mean((2, 3), True)),
        "mean of |x - mean|",
    ),
    "no epsilon": (lambda x: statistics(x, epsilon=0), "before the square root"),
    "epsilon outside": (
        lambda x: (statistics(x)[0], statistics(x, epsilon=0)[1] + 1e-5),
        "before the square root",
    ),
    "large epsilon": (lambda x: statistics(x, epsilon=1e-4), r"not sqrt\(1e-5\)"),
    "epsilon outside, chosen to fit": (
        lambda x: (statistics(x)[0], statistics(x, epsilon=0)[1] + 1e-5**0.5 * (x.std() == 0)),
        "gradient",
    ),
    "in place": (in_place, "in place"),
    "half precision": (in_half, "float32"),
    "mean alone": (lambda x: x.mean((2, 3), True), "two tensors"),
    "numbers": (lambda x: (x.mean().item(), x.std(correction=0).item()), "must be a tensor"),
    "forgot a return": (lambda x: (statistics(x)[0], None), "must be a tensor"),
    "constant": (lambda x: (statistics(x)[0], torch.ones(*x.shape[:2], 1, 1)), "std: "),
}


@pytest.mark.parametrize("name", WRONG_STATISTICS)
def test_wrong_channel_statistics_are_named(name):
    answer, diagnosis = WRONG_STATISTICS[name]
    with pytest.raises(CheckFailed, match=diagnosis):
        check_channel_statistics(answer)


# --- adain ----------------------------------------------------------------------------------


def adain(c, s, **options):
    (mc, sc), (ms, ss) = statistics(c, **options), statistics(s, **options)
    return ss * (c - mc) / sc + ms


def with_scale_and_shift(content, style):
    (mc, sc), (ms, ss) = statistics(content), statistics(style)
    scale = ss / sc
    return content * scale + (ms - mc * scale)


def sample_by_sample(content, style):
    style = style.expand(len(content), -1, -1, -1)
    return torch.stack([adain(c[None], s[None])[0] for c, s in zip(content, style, strict=True)])


@pytest.mark.parametrize("answer", [course.adain, adain, with_scale_and_shift, sample_by_sample])
def test_right_adain_passes(answer, capsys):
    check_adain(answer)
    assert "correct" in capsys.readouterr().out


def parts(c, s):
    return *statistics(c), *statistics(s)


def adain_in_place(content, style):
    mc, sc, ms, ss = parts(content, style)
    content -= mc
    return content / sc * ss + ms


def adain_bare(content, style, after=0.0):
    mc, ms = content.mean((2, 3), True), style.mean((2, 3), True)
    sc = content.var((2, 3), correction=0, keepdim=True).sqrt() + after
    return style.var((2, 3), correction=0, keepdim=True).sqrt() * (content - mc) / sc + ms


def wrong_adain(formula):
    return lambda c, s: formula(c, s, *parts(c, s))


WRONG_ADAIN = {
    "the report's misprint": (
        wrong_adain(lambda c, s, mc, sc, ms, ss: ss * (c - mc) / mc + ms),
        "as the report prints it",
    ),
    "style's mean missing": (
        wrong_adain(lambda c, s, mc, sc, ms, ss: ss * (c - mc) / sc),
        "style's mean is missing",
    ),
    "style's deviation missing": (
        wrong_adain(lambda c, s, mc, sc, ms, ss: (c - mc) / sc + ms),
        "style's standard deviation is missing",
    ),
    "content's mean back": (
        wrong_adain(lambda c, s, mc, sc, ms, ss: ss * (c - mc) / sc + mc),
        "content's mean was added back",
    ),
    "content's mean kept": (
        wrong_adain(lambda c, s, mc, sc, ms, ss: ss * c / sc + ms),
        "content's mean was not subtracted",
    ),
    "not whitened": (
        wrong_adain(lambda c, s, mc, sc, ms, ss: ss * (c - mc) + ms),
        "not divided",
    ),
    "mean and deviation swapped": (
        wrong_adain(lambda c, s, mc, sc, ms, ss: ms * (c - mc) / sc + ss),
        "mean and standard deviation are swapped",
    ),
    "variances": (
        wrong_adain(lambda c, s, mc, sc, ms, ss: ss**2 * (c - mc) / sc**2 + ms),
        "square roots",
    ),
    "content and style swapped": (lambda c, s: adain(s, c), "content and style are swapped"),
    "unbiased": (lambda c, s: adain(c, s, correction=1), "unbiased"),
    "batch statistics": (lambda c, s: adain(c, s, axes=(0, 2, 3)), "batch"),
    "layer statistics": (lambda c, s: adain(c, s, axes=(1, 2, 3)), "all channels together"),
    "content returned": (lambda c, s: c, "unchanged"),
    "style returned": (lambda c, s: s, "swapped"),
    "no epsilon": (adain_bare, "epsilon is missing"),
    "epsilon outside": (lambda c, s: adain_bare(c, s, 1e-5), "inside the square root"),
    "in place": (adain_in_place, "in place"),
    "a tuple": (lambda c, s: (adain(c, s),), "expected a tensor|one tensor"),
    "nothing like it": (lambda c, s: torch.zeros_like(c), "adain: 100% of the values"),
}


@pytest.mark.parametrize("name", WRONG_ADAIN)
def test_wrong_adain_is_named(name):
    answer, diagnosis = WRONG_ADAIN[name]
    with pytest.raises(CheckFailed, match=diagnosis):
        check_adain(answer)


# --- mix ------------------------------------------------------------------------------------


def mix(content, styles, weights, alpha):
    total = sum(weights)
    results = [w / total * course.adain(content, s) for w, s in zip(weights, styles, strict=True)]
    return (1 - alpha) * content + alpha * sum(results)


def mix_by_statistics(content, styles, weights, alpha):
    mixed = course.mix_statistics([course.channel_statistics(s) for s in styles], weights)
    return torch.lerp(content, course.apply_statistics(content, mixed), alpha)


def mix_by_tensors(content, styles, weights, alpha):
    weights = torch.tensor(weights, dtype=torch.float32)
    images = torch.stack([course.adain(content, s) for s in styles])
    target = torch.einsum("k,knchw->nchw", weights / weights.sum(), images)
    return content + alpha * (target - content)


def mix_own_style(content, styles, weights, alpha):
    everything = [content.detach(), *styles]
    shares = [1 - alpha, *(alpha * w / sum(weights) for w in weights)]
    measured = [course.channel_statistics(s) for s in everything]
    return course.apply_statistics(content, course.mix_statistics(measured, shares))


@pytest.mark.parametrize("answer", [mix, mix_by_statistics, mix_by_tensors, mix_own_style])
def test_right_mix_passes(answer, capsys):
    check_mix(answer)
    assert "correct" in capsys.readouterr().out


def mix_variances(c, styles, weights, alpha):
    share = [w / sum(weights) for w in weights]
    measured = [statistics(s) for s in styles]
    mean = sum(w * m for w, (m, _) in zip(share, measured, strict=True))
    variance = sum(w * d**2 for w, (_, d) in zip(share, measured, strict=True))
    return (1 - alpha) * c + alpha * (course.whiten(c) * variance.sqrt() + mean)


def mix_chain(c, styles, weights, alpha):
    target = c
    for style in styles:
        target = course.adain(target, style)
    return (1 - alpha) * c + alpha * target


def mix_scales_the_list(c, styles, weights, alpha):
    total = sum(weights)
    for i in range(len(weights)):
        weights[i] /= total
    return mix(c, styles, weights, alpha)


def mix_unscaled(c, styles, weights, alpha):
    target = sum(w * course.adain(c, s) for w, s in zip(weights, styles, strict=True))
    return (1 - alpha) * c + alpha * target


WRONG_MIX = {
    "alpha reversed": (lambda c, s, w, a: mix(c, s, w, 1 - a), "alpha is reversed"),
    "alpha ignored": (lambda c, s, w, a: mix(c, s, w, 1), "alpha is not used"),
    "content's share missing": (
        lambda c, s, w, a: mix(c, s, w, a) - (1 - a) * c,
        "share .* is missing",
    ),
    "whole content": (lambda c, s, w, a: mix(c, s, w, a) + a * c, "not the whole content"),
    "weights not scaled": (mix_unscaled, "sum 1"),
    "weights ignored": (lambda c, s, w, a: mix(c, s, [1] * len(w), a), "weights are not used"),
    "first style": (lambda c, s, w, a: mix(c, s[:1], [1], a), "only the first style"),
    "one style after another": (mix_chain, "erases"),
    "reversed weights": (lambda c, s, w, a: mix(c, s, w[::-1], a), "reverse order"),
    "variances": (mix_variances, "variances were averaged"),
    "weights changed": (mix_scales_the_list, "in place"),
    "a list": (lambda c, s, w, a: [mix(c, s, w, a)], "expected a tensor|one tensor"),
    "nonsense": (lambda c, s, w, a: c * 0, "of the values differ"),
}


@pytest.mark.parametrize("name", WRONG_MIX)
def test_wrong_mix_is_named(name):
    answer, diagnosis = WRONG_MIX[name]
    with pytest.raises(CheckFailed, match=diagnosis):
        check_mix(answer)


# --- all ------------------------------------------------------------------------------------


@pytest.mark.parametrize("check", [check_channel_statistics, check_adain, check_mix])
def test_a_stub_is_not_attempted_yet(check, capsys):
    check(lambda *inputs: None)
    assert "not attempted yet" in capsys.readouterr().out


@pytest.mark.parametrize("check", [check_channel_statistics, check_adain, check_mix])
def test_an_exception_of_the_student_tells_the_shapes(check):
    def broken(*inputs):
        raise RuntimeError("my own mistake")

    with pytest.raises(RuntimeError, match="my own mistake") as caught:
        check(broken)
    assert "inputs of shape" in caught.value.__notes__[0]


def test_the_notebooks_own_solutions_pass(capsys):
    notebook = REPOSITORY / "notebooks" / "02_adain_statistics.ipynb"
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    text = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    solutions = {"adain": course.adain, "channel_statistics": course.channel_statistics}
    for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(code, solutions)
    check_channel_statistics(solutions["my_channel_statistics"])
    check_adain(solutions["my_adain"])
    check_mix(solutions["my_mix"])
    assert capsys.readouterr().out.count("correct") == 3
