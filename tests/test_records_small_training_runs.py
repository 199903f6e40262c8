"""The small runs of lesson 04: every fault is a real one, and the committed files are theirs."""

import dataclasses
import json

import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from course_lib import DATA_DIR
from course_lib.__main__ import main
from course_lib.decoder import Decoder, save_decoder
from course_lib.images import reflect_pad
from course_lib.lessons.lesson04 import faults
from course_lib.lessons.lesson04.faults import RUNS
from course_lib.records import small_training_runs
from course_lib.records.small_training_runs import (
    FINE_TUNING,
    SMALL_RUN,
    run_faults,
    sweep_style_weights,
)
from course_lib.training.logs import epoch_losses, read_log
from course_lib.training.objective import adain_losses
from course_lib.training.trainer import Trainer

FAULTS, WEIGHTS = DATA_DIR / "runs" / "faults", DATA_DIR / "runs" / "style_weights"
LARGEST_LOG, LARGEST_SHEET = 60_000, 300_000  # bytes


@pytest.fixture(scope="module")
def tiny(tmp_path_factory, make_images):
    """A configuration of two warm-up steps and four others on a few tiny pictures."""
    folder = tmp_path_factory.mktemp("pictures")
    make_images(folder / "content", 2, size=(24, 20))
    make_images(folder / "style", 3, size=(24, 20), seed=1)
    return dataclasses.replace(
        SMALL_RUN,
        exclude=(),
        content=(str(folder / "content"),),
        style=(str(folder / "style"),),
        size=20,
        crop=16,
        batch=1,
        warmup_steps=2,
        steps=6,
        log_every=1,
        initial_decoder=None,
        device="cpu",
        precision="float32",
    )


@pytest.fixture(scope="module")
def out(tmp_path_factory, tiny):
    folder = tmp_path_factory.mktemp("faults")
    run_faults(folder, tiny, preview_size=16)
    return folder


def trained(name, config, steps=3):
    """A trainer of this run after some steps of AdaIN, and the weights that it started from."""
    kind, changes = RUNS[name]
    trainer = kind(dataclasses.replace(config, warmup_steps=0, **changes), progress=False)
    before = [
        {key: value.clone() for key, value in model.state_dict().items()}
        for model in (trainer.decoder, trainer.encoder)
    ]
    for _ in range(steps):
        trainer.step()
    return trainer, before


def changed(model, before):
    return [key for key, value in model.state_dict().items() if not torch.equal(value, before[key])]


# --- what the faults are ---


def test_the_healthy_run_trains_the_decoder_and_leaves_the_encoder_alone(tiny):
    trainer, (decoder, encoder) = trained("healthy", tiny)
    assert type(trainer) is Trainer
    assert len(changed(trainer.decoder, decoder)) == len(decoder)
    assert changed(trainer.encoder, encoder) == []


def test_a_frozen_decoder_keeps_every_weight(tiny):
    trainer, (decoder, _) = trained("decoder frozen", tiny)
    assert changed(trainer.decoder, decoder) == []
    assert trainer.decoder.conv1_1.weight.grad is not None  # gradients came, nobody used them


def test_undetached_targets_move_the_encoder(tiny):
    trainer, (decoder, encoder) = trained("target not detached", tiny)
    assert len(changed(trainer.encoder, encoder)) == len(encoder)
    assert len(changed(trainer.decoder, decoder)) == len(decoder)


def test_the_undetached_run_learns_from_the_undetached_losses(tiny, monkeypatch):
    calls = []

    def spy(*inputs):
        calls.append(undetached(*inputs))
        return calls[-1]

    undetached = faults.undetached_losses
    monkeypatch.setattr(faults, "undetached_losses", spy)
    trainer, _ = trained("target not detached", tiny)
    assert len(calls) == trainer.completed == 3


def test_undetached_losses_have_the_right_values_and_a_gradient_through_the_target(tiny, encoder):
    decoder = Decoder()
    pair = torch.rand(2, 1, 3, 16, 16)
    right = adain_losses(encoder, decoder, *pair)
    photo = pair[0].clone().requires_grad_()  # only the target depends on it other than by decoding
    wrong = faults.undetached_losses(encoder, decoder, photo, pair[1])
    torch.testing.assert_close(wrong, right)
    assert torch.autograd.grad(wrong[0], photo)[0].abs().max() > 0
    decoder.requires_grad_(False)
    assert not adain_losses(encoder, decoder, photo, pair[1])[0].requires_grad


def test_without_normalisation_the_first_layer_sees_the_image_as_it_is(tiny):
    kind, _ = RUNS["normalisation forgotten"]
    encoder = kind(tiny, progress=False).encoder
    images = torch.rand(2, 3, 16, 16)
    conv = encoder.features[0]
    by_hand = F.relu(F.conv2d(reflect_pad(images), conv.weight, conv.bias))
    for features in (encoder(images, ("relu1_1",)), encoder(images, layers=("relu1_1",))):
        torch.testing.assert_close(features["relu1_1"], by_hand, rtol=1e-3, atol=1e-3)


def test_the_other_faults_are_settings(tiny):
    healthy = SMALL_RUN
    assert RUNS["style weight 0"] == (Trainer, {"style_weight": 0.0})
    kind, changes = RUNS["learning rate too high"]
    assert kind is Trainer and set(changes) == {"learning_rate"}
    assert changes["learning_rate"] >= 10 * healthy.learning_rate


def test_renewing_replaces_the_named_layers_only():
    decoder, other = Decoder(), Decoder()
    before = {key: value.clone() for key, value in decoder.state_dict().items()}
    for model in (decoder, other):
        small_training_runs.renew_layers(model, seed=5)
    names = {key.split(".")[0] for key in changed(decoder, before)}
    assert names == set(small_training_runs.RENEWED)
    for name in names:
        new = [getattr(model, name).weight for model in (decoder, other)]
        assert torch.equal(*new)


# --- what the command writes ---


def test_six_logs_six_pictures_and_a_key_are_written(out):
    letters = json.loads((out / "key.json").read_text())["results"]["letters"]
    assert sorted(letters) == list("ABCDEF")
    assert set(letters.values()) == set(RUNS)
    expected = {f"{letter}.{kind}" for letter in letters for kind in ("jsonl", "jpg")}
    assert {path.name for path in out.iterdir()} == expected | {"key.json"}


def logs(folder):
    letters = json.loads((folder / "key.json").read_text())["results"]["letters"]
    return {name: read_log(folder / f"{letter}.jsonl") for letter, name in letters.items()}


def test_all_runs_are_alike_but_for_their_fault(out):
    runs = logs(out)
    warmup = {name: [r["loss"] for r in log[:2]] for name, log in runs.items()}
    assert warmup["style weight 0"] == warmup["healthy"] == warmup["target not detached"]
    assert warmup["normalisation forgotten"] != warmup["healthy"] != warmup["decoder frozen"]
    assert runs["style weight 0"][2]["content_loss"] == runs["healthy"][2]["content_loss"]
    assert all(r["loss"] == r["content_loss"] for r in runs["style weight 0"])
    assert all(r["loss"] > r["content_loss"] for r in runs["healthy"][2:])


def test_the_logs_have_what_the_lesson_reads(out):
    for log in logs(out).values():
        assert [record["step"] for record in log] == [1, 2, 3, 4, 5, 6]
        assert [record["phase"] for record in log] == ["autoencoder"] * 2 + ["adain"] * 4
        assert len(epoch_losses(log)) == 2
        assert "held_out_style_loss" in log[-1]
        assert "seconds" not in log[-1]


def test_one_run_alone_writes_the_same_log_and_leaves_the_others(out, tiny, tmp_path):
    run_faults(tmp_path, tiny, preview_size=16, only=["D"])
    assert {path.name for path in tmp_path.iterdir()} == {"D.jsonl", "D.jpg", "key.json"}
    assert (tmp_path / "D.jsonl").read_text() == (out / "D.jsonl").read_text()


def test_the_key_says_what_is_needed_to_judge_and_no_path_of_this_machine(out):
    settings = json.loads((out / "key.json").read_text())["settings"]
    assert settings["precision"] == "float32"
    assert settings["style_weight"] == SMALL_RUN.style_weight
    assert settings["changes"]["style weight 0"] == {"style_weight": 0.0}
    assert all(not name.startswith("/") for name in settings["content"])


def test_the_sweep_starts_every_weight_from_the_same_decoder(tiny, tmp_path, encoder):
    start = save_decoder(Decoder(), tmp_path / "start.safetensors", encoder, {})
    config = dataclasses.replace(tiny, warmup_steps=0, steps=3, initial_decoder=str(start))
    sweep_style_weights(tmp_path / "out", [0.1, 10.0], config, preview_size=16)
    low, high = (
        read_log(tmp_path / "out" / f"style_weight_{name}.jsonl") for name in ("0.1", "10")
    )
    assert low[0]["content_loss"] == high[0]["content_loss"]
    assert low[-1]["content_loss"] != high[-1]["content_loss"]
    record = json.loads((tmp_path / "out" / "record.json").read_text())
    assert list(record["results"]) == ["start", "0.1", "10"]
    assert record["settings"]["style_weight"] == [0.1, 10.0]
    assert record["settings"]["initial_decoder"] == "start.safetensors"
    with Image.open(tmp_path / "out" / "sheet.jpg") as sheet:
        assert sheet.width == 3 * 16 + 4 * 6 and sheet.height == 3 * 16 + 4 * 6


@pytest.mark.parametrize("command", ["faulty-runs", "style-weights"])
def test_the_commands_pass_their_options_on(command, tmp_path, monkeypatch, capsys):
    calls = []
    name = {"faulty-runs": "run_faults", "style-weights": "sweep_style_weights"}[command]
    monkeypatch.setattr(small_training_runs, name, lambda *given, **_: calls.append(given))
    assert main([command, "--out", str(tmp_path), "--steps", "7"]) == 0
    (folder, *_, config) = calls[0]
    standard = {"faulty-runs": SMALL_RUN, "style-weights": FINE_TUNING}[command]
    assert folder == tmp_path
    with pytest.raises(SystemExit):
        main([command, "--help"])
    assert f"of each run; {standard.steps} if not given" in capsys.readouterr().out
    assert config == dataclasses.replace(standard, steps=7)


# --- the committed files ---


def test_the_committed_key_is_the_commands_own():
    key = json.loads((FAULTS / "key.json").read_text())
    assert key["results"]["letters"] == faults.shuffled_letters()
    assert key["command"].startswith("python -m course_lib faulty-runs")
    assert key["settings"]["changes"] == {
        name: dict(changes) for name, (_, changes) in RUNS.items()
    }
    settings = {
        name: getattr(SMALL_RUN, name) for name in ("batch", "crop", "steps", "warmup_steps")
    }
    assert settings.items() <= key["settings"].items()


@pytest.mark.parametrize("letter", "ABCDEF")
def test_every_committed_log_is_whole_and_small(letter):
    path = FAULTS / f"{letter}.jsonl"
    assert path.stat().st_size < LARGEST_LOG
    assert read_log(path)[-1]["step"] == SMALL_RUN.steps
    with Image.open(FAULTS / f"{letter}.jpg") as picture:
        picture.load()


def test_the_committed_sweep_is_whole_and_small():
    record = json.loads((WEIGHTS / "record.json").read_text())
    assert record["command"].startswith("python -m course_lib style-weights")
    assert record["settings"]["steps"] == FINE_TUNING.steps
    weights = record["settings"]["style_weight"]
    assert list(record["results"]) == ["start", *(f"{weight:g}" for weight in weights)]
    for weight in weights:
        path = WEIGHTS / f"style_weight_{weight:g}.jsonl"
        assert path.stat().st_size < LARGEST_LOG
        last = read_log(path)[-1]
        assert last["step"] == FINE_TUNING.steps
        kept = {name: last[name] for name in ("held_out_content_loss", "held_out_style_loss")}
        assert kept == pytest.approx(record["results"][f"{weight:g}"], rel=1e-5)
    assert (WEIGHTS / "sheet.jpg").stat().st_size < LARGEST_SHEET
