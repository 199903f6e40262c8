"""The checks of notebook 01: right answers pass, wrong ones are told what is wrong with them."""

import json
import re

import pytest
import torch
import torch.nn.functional as F
from wrong_answers.rescale import RIGHT

from course_lib import REPOSITORY
from course_lib.images import normalize, reflect_pad
from course_lib.lessons.answers import CheckFailed
from course_lib.lessons.lesson01 import build, checks
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
    build.check_layout(found["my_layout"])
    build.check_encode(found["my_encode"])
    assert capsys.readouterr().out.count("correct") == 5


def test_the_library_passes(small_encoder, capsys):
    checks.check_normalize(normalize)
    checks.check_tap(lambda encoder, x, name: encoder(x, [name])[name], small_encoder)
    assert capsys.readouterr().out.count("correct") == 2


def test_nothing_written_yet_is_not_an_error(small_encoder, capsys):
    checks.check_normalize(lambda images: None)
    checks.check_tap(lambda encoder, images, name: None, small_encoder)
    checks.check_rescale(lambda *tensors: None)
    assert capsys.readouterr().out.count("not attempted yet") == 3


def test_rescale_agrees_with_the_library():
    weights = load_original_weights(["1_1", "1_2"], normalized=False)
    scale = torch.linspace(0.5, 50, 64)
    expected = normalize_activations(weights, {"1_1": scale, "1_2": torch.ones(64)})
    obtained = RIGHT["shaped"](*weights["1_1"], weights["1_2"][0], scale)
    for a, b in zip(obtained, (*expected["1_1"], expected["1_2"][0]), strict=True):
        assert torch.allclose(a, b)


def test_a_failed_check_shows_one_line_in_a_notebook():
    assert CheckFailed("too loud")._render_traceback_() == ["Not yet: too loud"]
