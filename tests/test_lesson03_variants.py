"""Decoders with one choice undone: what they share with the course's, and where they differ."""

import json

import pytest
import torch

from course_lib import DATA_DIR
from course_lib.__main__ import main
from course_lib.decoder import Decoder
from course_lib.images import open_image
from course_lib.lessons.lesson03.variants import (
    FRAME,
    VARIANTS,
    VariantDecoder,
    decode_flat,
    flat_corner,
    flat_test,
)
from course_lib.records.decoder_variants import train_variants
from course_lib.training.config import TrainingConfig


def test_without_a_change_it_is_the_course_s_decoder():
    ours, variant = Decoder(), VariantDecoder()
    variant.load_state_dict(ours.state_dict())
    features = torch.rand(2, 512, 3, 4)
    assert torch.allclose(variant(features), ours(features), atol=1e-4)


@pytest.mark.parametrize("upsampling", ["nearest", "transposed"])
@pytest.mark.parametrize("padding", ["reflect", "zeros"])
def test_every_variant_gives_pictures_of_the_right_size(upsampling, padding):
    images = VariantDecoder(upsampling, padding)(torch.rand(1, 512, 2, 3))
    assert images.shape == (1, 3, 16, 24)
    assert images.isfinite().all()


@pytest.mark.parametrize(
    "options", [{"upsampling": "bilinear"}, {"padding": "mirror"}], ids=["upsampling", "padding"]
)
def test_unknown_choices_are_refused(options):
    with pytest.raises(ValueError, match="unknown"):
        VariantDecoder(**options)


def test_only_the_course_s_choices_keep_a_flat_picture_flat(encoder):
    tests = {name: flat_test(encoder, VariantDecoder(*VARIANTS[name])) for name in VARIANTS}
    ours, transposed, zeros = tests.values()
    assert max(ours.values()) < 0.01
    assert transposed["pattern"] > 0.1
    assert zeros["pattern"] < 0.01 < 0.1 < zeros["halo"]


def test_zeros_reach_exactly_the_frame():
    """The width is counted with weights of one, so that nothing cancels and nothing is lost."""
    decoder = VariantDecoder(padding="zeros").double()
    reflecting = VariantDecoder().double()
    for network in (decoder, reflecting):
        for layer in network.children():
            layer.weight.data.fill_(1 / layer.weight[0].numel())
    features = torch.ones(1, 512, 12, 12).double()
    with torch.no_grad():
        difference = (decoder(features) - reflecting(features)).abs()[0].amax(0)
    touched = difference[difference.shape[0] // 2].nonzero().flatten()
    middle = touched[touched < len(difference) // 2]
    # float32 at the end rounds the faintest influences away, never the other way round
    assert FRAME - 4 <= middle.max() + 1 <= FRAME


def test_the_corner_is_enlarged_and_has_more_contrast():
    picture = torch.full((1, 3, 80, 80), 0.4)
    picture[..., 0, 0] = 0.41
    corner = flat_corner(picture, contrast=10, pixels=8, enlarge=3)
    assert corner.shape == (1, 3, 24, 24)
    assert torch.allclose(corner[..., :3, :3], torch.tensor(0.6), atol=1e-4)
    assert torch.allclose(corner[..., 3:, 3:], torch.tensor(0.5), atol=1e-4)


def test_the_flat_picture_can_have_any_size(encoder):
    assert decode_flat(encoder, VariantDecoder(), side=64).shape == (1, 3, 64, 64)


def small_run(make_images, tmp_path):
    make_images(tmp_path / "content", 2)
    make_images(tmp_path / "style", 2, seed=1)
    return str(tmp_path / "content"), str(tmp_path / "style")


def test_training_changes_every_variant_and_writes_nothing(make_images, tmp_path):
    content, style = small_run(make_images, tmp_path)
    out = tmp_path / "out"
    config = TrainingConfig(
        (content,),
        (style,),
        str(out),
        steps=1,
        warmup_steps=1,
        batch=1,
        size=32,
        crop=16,
        precision="float32",
        device="cpu",
    )
    settings, results, sheet = train_variants(config, torch.rand(1, 3, 96, 96), progress=False)
    assert (settings["steps"], settings["precision"]) == (1, "float32")
    assert list(results) == list(VARIANTS)
    assert all(result["loss"] > 0 for result in results.values())
    transposed = results["transposed, reflection"]
    assert transposed["before"]["pattern"] != transposed["after"]["pattern"]
    assert sheet.width == sheet.height > 3 * 96
    assert not out.exists()


def test_the_command_writes_a_record_and_the_pictures(make_images, tmp_path, capsys):
    content, style = small_run(make_images, tmp_path)
    out = tmp_path / "record.json"
    arguments = ["--content", content, "--style", style, "--steps", "1", "--batch", "1"]
    options = ["--crop", "16", "--device", "cpu", "--precision", "float32", "-o", str(out)]
    assert main(["ablate", *arguments, *options]) == 0
    record = json.loads(out.read_text())
    assert set(record["results"]) == set(VARIANTS)
    assert record["settings"]["steps"] == 1
    assert open_image(out.with_suffix(".png")).width > 3 * 192
    assert "pattern" in capsys.readouterr().out


def test_the_committed_record_says_what_the_lesson_says():
    record = json.loads((DATA_DIR / "runs" / "decoder_variants.json").read_text())
    ours, transposed, zeros = (record["results"][name] for name in VARIANTS)
    assert max(ours["before"]["pattern"], ours["after"]["pattern"], ours["after"]["halo"]) < 0.001
    assert 0.5 < transposed["after"]["pattern"] < transposed["before"]["pattern"] / 4
    assert 1 < zeros["after"]["halo"] < zeros["before"]["halo"]
    losses = [result["loss"] for result in (ours, transposed, zeros)]
    assert max(losses) < 1.05 * min(losses)
