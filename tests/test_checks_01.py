"""The checks of notebook 01: right answers pass, wrong ones are told what is wrong with them."""

import json
import re

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from course_lib import REPOSITORY, checks
from course_lib.images import normalize, reflect_pad
from course_lib.vgg import VGG19Encoder, load_original_weights, normalize_activations

NOTEBOOK = REPOSITORY / "notebooks" / "01_vgg_encoder.ipynb"
MEAN = torch.tensor((0.485, 0.456, 0.406))
STD = torch.tensor((0.229, 0.224, 0.225))
M, S = MEAN[:, None, None], STD[:, None, None]


@pytest.fixture(scope="module")
def small_encoder():
    return VGG19Encoder(last="pool3")


def solutions():
    """The functions in the notebook's folded solutions, by name."""
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    text = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    names = {"torch": torch, "F": F, "normalize": normalize, "reflect_pad": reflect_pad}
    names |= {"MEAN": tuple(MEAN.tolist()), "STD": tuple(STD.tolist())}
    for source in re.findall(r"```python\n(def .*?)```", text, re.DOTALL):
        exec(source, names)
    return names


def test_the_solutions_in_the_notebook_pass(small_encoder, capsys):
    found = solutions()
    checks.check_normalize(found["my_normalize"])
    checks.check_tap(found["my_tap"], small_encoder)
    checks.check_rescale(found["my_rescale"])
    assert capsys.readouterr().out.count("correct") == 3


def test_the_library_passes(small_encoder, capsys):
    checks.check_normalize(normalize)
    checks.check_tap(lambda encoder, x, name: encoder(x, [name])[name], small_encoder)
    assert capsys.readouterr().out.count("correct") == 2


def test_nothing_written_yet_is_not_an_error(small_encoder, capsys):
    checks.check_normalize(lambda images: None)
    checks.check_tap(lambda encoder, images, name: None, small_encoder)
    checks.check_rescale(lambda *tensors: None)
    assert capsys.readouterr().out.count("not attempted yet") == 3


def in_place(images):
    return images.sub_(M).div_(S)


def own_statistics(images):
    return (images - images.mean((2, 3), keepdim=True)) / images.std((2, 3), keepdim=True)


@pytest.mark.parametrize(
    ("answer", "diagnosis"),
    [
        (lambda x: x, "unchanged"),
        (lambda x: x - M, "nothing is divided"),
        (lambda x: x / S, "means are not subtracted"),
        (lambda x: (x - M) * S, "multiplied by the standard deviations"),
        (lambda x: x * S + M, "the way back"),
        (lambda x: (x - M) / S**2, "variances"),
        (lambda x: (x.flip(1) - M) / S, "channel 0 is red"),
        (lambda x: (x - M.flip(0)) / S.flip(0), "0.485 belongs to red"),
        (lambda x: (255 * x - M) / S, "multiplied by 255"),
        (lambda x: 2 * x - 1, "other networks"),
        (lambda x: (x - MEAN) / STD, "(3, 1, 1)"),
        (lambda x: (x - MEAN[:, None]) / STD[:, None], "(3, 1, 1)"),
        (lambda x: ((x - M) / S)[0], "shape"),
        (lambda x: ((x - M) / S).numpy(), "expected a tensor, got ndarray"),
        (lambda x: (x - M) / S + 0.1, "of the values differ"),
        (own_statistics, "images themselves"),
        (in_place, "input itself was changed"),
    ],
)
def test_normalize_names_the_mistake(answer, diagnosis):
    with pytest.raises(checks.CheckFailed, match=re.escape(diagnosis)):
        checks.check_normalize(answer)


def walk(encoder, x, wanted, pad=reflect_pad, padding=0, keep="before the next layer"):
    """An answer with one thing to get wrong at a time."""
    kept = None
    for name, layer in zip(encoder.names, encoder.features, strict=True):
        if kept is not None and keep == "until the next layer has run":
            layer(x)
            return kept
        if isinstance(layer, nn.Conv2d):
            x = F.conv2d(pad(x), layer.weight, layer.bias, padding=padding)
        else:
            x = layer(x)
        if name == wanted:
            kept = x
            if keep == "before the next layer":
                return kept
    return kept


def trapped(encoder, images, name):
    return walk(encoder, normalize(images), name, keep="until the next layer has run")


def one_layer_late(encoder, images, name):
    after = encoder.names[encoder.names.index(name) + 1]
    return encoder(images, [after])[after]


def one_layer_early(encoder, images, name):
    before = encoder.names[encoder.names.index(name) - 1]
    return encoder(images, [before])[before]


@pytest.mark.parametrize(
    ("answer", "diagnosis"),
    [
        (trapped, "in-place ReLU"),
        (lambda e, x, n: walk(e, x, n), "not normalised"),
        (lambda e, x, n: walk(e, normalize(normalize(x)), n), "normalised twice"),
        (lambda e, x, n: walk(e, normalize(x), n, lambda y: y, 1), "border"),
        (lambda e, x, n: walk(e, normalize(x), n, lambda y: y, 0), "shape"),
        (lambda e, x, n: e(x, [n]), "not a dictionary"),
        (one_layer_late, "this is conv1_2"),
        (one_layer_early, "this is conv1_1"),
        (lambda e, x, n: walk(e, normalize(x.flip(1)), n), "of the values differ"),
    ],
)
def test_tap_names_the_mistake(answer, diagnosis, small_encoder):
    with pytest.raises(checks.CheckFailed, match=re.escape(diagnosis)):
        checks.check_tap(answer, small_encoder)


def right(weight, bias, next_weight, scale):
    by_output, by_input = scale[:, None, None, None], scale[:, None, None]
    return weight / by_output, bias / scale, next_weight * by_input


def replace(position, value):
    """The right answer with one of its three parts computed by ``value`` instead."""

    def answer(*tensors):
        parts = list(right(*tensors))
        parts[position] = value(*tensors)
        return parts

    return answer


def rescale_in_place(weight, bias, next_weight, scale):
    bias /= scale
    return weight / scale[:, None, None, None], bias, next_weight * scale[:, None, None]


@pytest.mark.parametrize(
    ("answer", "diagnosis"),
    [
        (replace(0, lambda w, b, n, k: w), "the weight is unchanged"),
        (replace(0, lambda w, b, n, k: w * k[:, None, None, None]), "weight is multiplied"),
        (replace(0, lambda w, b, n, k: w / k[:, None, None]), "weight is divided along its input"),
        (replace(0, lambda w, b, n, k: w / k), "a RuntimeError"),
        (replace(1, lambda w, b, n, k: b), "the bias is unchanged"),
        (replace(1, lambda w, b, n, k: b * k), "bias is multiplied"),
        (replace(2, lambda w, b, n, k: n), "next layer is unchanged"),
        (replace(2, lambda w, b, n, k: n / k[:, None, None]), "doubled"),
        (replace(2, lambda w, b, n, k: n * k[:, None, None, None]), "along its output"),
        (lambda w, b, n, k: right(w, b, n, k)[:2], "three tensors"),
        (rescale_in_place, "in place"),
    ],
)
def test_rescale_names_the_mistake(answer, diagnosis):
    with pytest.raises(checks.CheckFailed, match=re.escape(diagnosis)):
        checks.check_rescale(answer)


def test_rescale_agrees_with_the_library():
    weights = load_original_weights(["1_1", "1_2"], normalized=False)
    scale = torch.linspace(0.5, 50, 64)
    expected = normalize_activations(weights, {"1_1": scale, "1_2": torch.ones(64)})
    obtained = right(*weights["1_1"], weights["1_2"][0], scale)
    for a, b in zip(obtained, (*expected["1_1"], expected["1_2"][0]), strict=True):
        assert torch.allclose(a, b)


def test_a_failed_check_shows_one_line_in_a_notebook():
    assert checks.CheckFailed("too loud")._render_traceback_() == ["Not yet: too loud"]
