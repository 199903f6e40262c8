"""The checks of lesson 05: right answers pass in any style, wrong ones are named."""

import pytest
import torch
import torch.nn.functional as F

from course_lib.checks import CheckFailed
from course_lib.checks.gatys import check_gatys_loss, check_gram_matrix, gatys_loss
from course_lib.gatys import GatysConfig, GatysObjective
from course_lib.losses import gram_matrix

# --- the Gram matrix ---


def flat(x):
    return x.flatten(2)


def by_einsum(x):
    return torch.einsum("nchw,ndhw->ncd", x, x) / (x.shape[2] * x.shape[3])


def by_loops(x):
    n, c = x.shape[:2]
    rows = [(x[k, i] * x[k, j]).mean() for k in range(n) for i in range(c) for j in range(c)]
    return torch.stack(rows).view(n, c, c)


def by_bmm(x):
    f = x.reshape(x.shape[0], x.shape[1], -1)
    return torch.bmm(f, f.permute(0, 2, 1)).div(f.shape[-1])


@pytest.mark.parametrize("answer", [gram_matrix, by_einsum, by_loops, by_bmm])
def test_right_gram_matrices_pass(answer, capsys):
    check_gram_matrix(answer)
    assert capsys.readouterr().out.startswith("gram_matrix: correct")


def in_place(x):
    with torch.no_grad():
        x -= x.mean((2, 3), keepdim=True)
    return gram_matrix(x)


def area(x):
    return x.shape[2] * x.shape[3]


WRONG_GRAMS = {
    "not divided": (lambda x: by_einsum(x) * area(x), "not divided by the number of positions"),
    "by CHW": (lambda x: by_einsum(x) / x.shape[1], "divided by C \\* H \\* W"),
    "by C": (lambda x: by_einsum(x) * area(x) / x.shape[1], "divided by C alone"),
    "by N": (lambda x: by_einsum(x) / x.shape[0], "divided by N"),
    "by H": (lambda x: by_einsum(x) * x.shape[3], "divided by the height only"),
    "by W": (lambda x: by_einsum(x) * x.shape[2], "divided by the width only"),
    "twice": (lambda x: by_einsum(x) / area(x), "twice"),
    "half": (lambda x: by_einsum(x) / 2, "belongs to the loss"),
    "batch summed": (lambda x: by_einsum(x).sum(0), "one matrix per sample"),
    "batch summed, kept": (
        lambda x: by_einsum(x).sum(0, True).expand(x.shape[0], -1, -1), "summed over the batch"),
    "batch mean": (
        lambda x: by_einsum(x).mean(0, True).expand(x.shape[0], -1, -1), "averaged over the batch"),
    "over channels": (lambda x: flat(x).transpose(1, 2) @ flat(x) / area(x), "F F\\^T"),
    "not flattened": (lambda x: x @ x.transpose(2, 3), "flatten the positions first"),
    "covariance": (
        lambda x: by_einsum(x - x.mean((2, 3), keepdim=True)), "that is the covariance"),
    "cosines": (
        lambda x: F.normalize(flat(x), dim=2) @ F.normalize(flat(x), dim=2).transpose(1, 2),
        "these are cosines"),
    "means": (
        lambda x: x.mean((2, 3))[:, :, None] * x.mean((2, 3))[:, None], "the channels' means"),
    "one mean": (lambda x: x.mean((2, 3)), "one number per channel"),
    "squared": (lambda x: by_einsum(x).square(), "the matrix is squared"),
    "root": (lambda x: by_einsum(x).sqrt(), "square root too many"),
    "squared first": (lambda x: by_einsum(x.square()), "squared before they are multiplied"),
    "diagonal": (
        lambda x: torch.diag_embed(x.square().mean((2, 3))), "only the diagonal"),
    "reshaped": (
        lambda x: flat(x) @ flat(x).reshape(x.shape[0], area(x), x.shape[1]) / area(x),
        "tears the channels apart"),
    "detached": (lambda x: by_einsum(x.detach()), "no gradient leads back"),
    "in place": (in_place, "in place"),
    "a number": (lambda x: by_einsum(x).sum().item(), "return one tensor"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG_GRAMS)
def test_wrong_gram_matrices_are_named(name):
    answer, diagnosis = WRONG_GRAMS[name]
    with pytest.raises(CheckFailed, match=diagnosis) as failure:
        check_gram_matrix(answer)
    assert "See lesson 05" in str(failure.value)


def test_the_smallest_case_shows_numbers():
    with pytest.raises(CheckFailed, match="Smallest case: for features = .* expected .*, got"):
        check_gram_matrix(lambda x: by_einsum(x) / 2)


# --- the loss ---


def mse(a, b):
    return F.mse_loss(a, b)


def terms(image, content, style, gram=gram_matrix):
    c = sum(mse(image[k], content[k]) for k in content)
    return c, [mse(gram(image[k]), gram(style[k])) for k in style]


def by_hand(image, content, style, style_weight):
    loss = 0
    for layer, wanted in content.items():
        loss = loss + (image[layer] - wanted).square().mean()
    for layer, wanted in style.items():
        difference = by_einsum(image[layer]) - by_einsum(wanted)
        loss = loss + style_weight / len(style) * difference.square().mean()
    return loss


@pytest.mark.parametrize("answer", [gatys_loss, by_hand])
def test_right_losses_pass(answer, capsys):
    check_gatys_loss(answer)
    assert capsys.readouterr().out.startswith("gatys_loss: correct")


def test_the_loss_of_the_exercise_is_that_of_the_objective():
    torch.manual_seed(0)
    image, content, style = torch.rand(3, 1, 3, 24, 32)
    config = GatysConfig(relative=False, precision="float32", device="cpu", style_weight=3.0)
    objective = GatysObjective(content, style, config)
    network = objective.network
    mine = gatys_loss(
        network(image, config.layers), network(content, config.content_layers),
        network(style, config.style_layers), 3.0,
    )  # fmt: skip
    assert mine.item() == pytest.approx(objective.measure(image).total, rel=1e-3)


def answer_from(combine, **options):
    def answer(image, content, style, weight):
        c, s = terms(image, content, style, **options)
        return combine(c, s, weight)

    return answer


def average(values):
    return sum(values) / len(values)


WRONG_LOSSES = {
    "no style": (lambda c, s, w: c, "style term is missing"),
    "no content": (lambda c, s, w: w * average(s), "content term is missing"),
    "no weight": (lambda c, s, w: c + average(s), "not used"),
    "weight on content": (lambda c, s, w: w * c + average(s), "multiplies the content"),
    "weight on both": (lambda c, s, w: w * (c + average(s)), "multiplies both"),
    "divided": (lambda c, s, w: c / w + average(s), "divided by the weight"),
    "shares": (lambda c, s, w: (1 - w) * c + w * average(s), "1 - weight"),
    "minus": (lambda c, s, w: c - w * average(s), "subtracted"),
    "layers summed": (lambda c, s, w: c + w * sum(s), "added up"),
    "last layer": (lambda c, s, w: c + w * s[-1], "only the last style layer"),
    "overwritten": (lambda c, s, w: c + w * s[-1] / len(s), "divided by their number"),
    "first layer": (lambda c, s, w: c + w * s[0], "only the first style layer"),
    "roots": (lambda c, s, w: c.sqrt() + w * average(s).sqrt(), "square roots"),
    "two numbers": (lambda c, s, w: (c, w * average(s)), "return one number"),
    "item": (lambda c, s, w: (c + w * average(s)).item(), "no gradient"),
    "detached": (lambda c, s, w: (c + w * average(s)).detach(), "no gradient leads back"),
}
SWAPPED = {
    "raw Gram": (lambda x: by_einsum(x) * area(x), "not divided by H \\* W"),
    "by C, too": (lambda x: by_einsum(x) / x.shape[1], "divided by C, too"),
    "means": (lambda x: x.mean((2, 3)), "means of the features"),
}


@pytest.mark.parametrize("name", WRONG_LOSSES)
def test_wrong_losses_are_named(name):
    combine, diagnosis = WRONG_LOSSES[name]
    with pytest.raises(CheckFailed, match=diagnosis):
        check_gatys_loss(answer_from(combine))


@pytest.mark.parametrize("name", SWAPPED)
def test_wrong_matrices_in_the_loss_are_named(name):
    gram, diagnosis = SWAPPED[name]
    with pytest.raises(CheckFailed, match=diagnosis):
        check_gatys_loss(answer_from(lambda c, s, w: c + w * average(s), gram=gram))


def summed_content(image, content, style, weight):
    c = sum((image[k] - content[k]).square().sum() for k in content)
    return c + weight * average(terms(image, content, style)[1])


def content_by_gram(image, content, style, weight):
    c = sum(mse(gram_matrix(image[k]), gram_matrix(content[k])) for k in content)
    return c + weight * average(terms(image, content, style)[1])


def no_target(image, content, style, weight):
    c, _ = terms(image, content, style)
    return c + weight * average([gram_matrix(image[k]).square().mean() for k in style])


@pytest.mark.parametrize(
    ("answer", "diagnosis"),
    [
        (summed_content, "content are summed"),
        (content_by_gram, "forget where things are"),
        (no_target, "subtract the style's"),
    ],
)
def test_other_wrong_losses_are_named(answer, diagnosis):
    with pytest.raises(CheckFailed, match=diagnosis):
        check_gatys_loss(answer)


@pytest.mark.parametrize("check", [check_gram_matrix, check_gatys_loss])
def test_an_answer_that_is_not_there_yet_is_no_failure(check, capsys):
    check(lambda *inputs: None)
    assert "not attempted yet" in capsys.readouterr().out
