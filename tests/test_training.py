"""Training: the loss and its gradient by hand, and runs that are stopped in every way.

Runs here are tiny: 32-pixel crops, batches of 2, a dozen steps, float32.
"""

import dataclasses
import json
import math
import os
import random
import shutil
import signal
import sys
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from command_kit import started
from PIL import Image
from safetensors.torch import load_file

from course_lib import CourseError
from course_lib.adain import apply_statistics, channel_statistics
from course_lib.decoder import Decoder, DecoderError, read_metadata, save_decoder
from course_lib.images import ImageError
from course_lib.losses import STYLE_LAYERS, content_loss, style_loss
from course_lib.system.devices import describe
from course_lib.system.files import locked
from course_lib.training import loop
from course_lib.training.checkpoints import load_run, read_recipes, save_run
from course_lib.training.config import (
    FREE_TO_CHANGE,
    PRESETS,
    TrainingConfig,
    TrainingError,
    check_config,
)
from course_lib.training.datasets import draw_crops
from course_lib.training.film import LARGEST_FILE, finish_film, read_film
from course_lib.training.loop import train
from course_lib.training.objective import adain_losses, shifted_losses
from course_lib.training.trainer import Trainer
from course_lib.vgg import VGG19Encoder

STEPS, WARMUP = 12, 3


def tiny(data, out, **changes):
    """A configuration of 3 warm-up steps and 9 others on 5 photographs and 3 paintings."""
    settings = {
        "content": (str(data / "content"),),
        "style": (str(data / "style"),),
        "out": str(out),
        "images": None,
        "steps": STEPS,
        "batch": 2,
        "size": 40,
        "crop": 32,
        "style_weight": 2.0,
        "learning_rate": 1e-3,
        "learning_rate_decay": 0.1,
        "warmup_steps": WARMUP,
        "warmup_learning_rate": 2e-3,
        "device": "cpu",
        "precision": "float32",
        "log_every": 1,
        "checkpoint_every": 4,
    }
    return TrainingConfig(**(settings | changes))


@pytest.fixture(scope="module")
def data(tmp_path_factory, make_images):
    folder = tmp_path_factory.mktemp("data")
    make_images(folder / "content", 5, size=(48, 40), seed=1)
    make_images(folder / "style", 3, size=(40, 44), seed=2)
    return folder


@pytest.fixture
def config(data, tmp_path):
    return lambda **changes: tiny(data, tmp_path / "run", **changes)


@pytest.fixture
def out(tmp_path):
    return tmp_path / "run"


@pytest.fixture(scope="module")
def reference(data, tmp_path_factory):
    """One run without any interruption, logged at every step."""
    out = tmp_path_factory.mktemp("reference") / "run"
    torch.manual_seed(99)  # a run does not depend on what was drawn before it
    assert run(tiny(data, out)) == out / "decoder.safetensors"
    return SimpleNamespace(out=out, log=read_log(out), state=checkpoint(out))


def run(config, **options):
    return train(config, progress=False, **options)


def read_log(out):
    lines = (out / "log.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k != "seconds"} for line in lines]


def checkpoint(out):
    return torch.load(out / "checkpoint.pt", weights_only=True)


def assert_same_result(out, reference):
    """Decoder, optimiser, preview and step count are those of the uninterrupted run, exactly."""
    state = checkpoint(out)
    assert state["completed"] == STEPS
    for part in ("decoder", "optimizer"):
        torch.testing.assert_close(state[part], reference.state[part], rtol=0, atol=0)
    mine, its = (load_file(folder / "decoder.safetensors") for folder in (out, reference.out))
    torch.testing.assert_close(mine, its, rtol=0, atol=0)
    assert read_metadata(out / "decoder.safetensors")["steps"] == str(STEPS)
    assert (out / "preview.jpg").read_bytes() == (reference.out / "preview.jpg").read_bytes()


def assert_averages(log, steps):
    """Every record is the mean of the steps since the record before it."""
    previous = 0
    for record in log:
        part = steps[previous : record["step"]]
        for key in ("content_loss", "style_loss"):
            wanted = sum(step[key] for step in part) / len(part)
            assert record[key] == pytest.approx(wanted, rel=1e-5)
        assert {step["phase"] for step in part} == {record["phase"]}
        previous = record["step"]
    assert previous == len(steps)


# one step ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shared_trainer(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("trainer")
    options = {"warmup_steps": 0, "seed": 3, "learning_rate_decay": 0.5}
    return Trainer(tiny(data, out, **options), progress=False)


@pytest.fixture
def trainer(shared_trainer):
    """A trainer without warm-up at its first step; its decoder's images overshoot [0, 1]."""
    torch.manual_seed(7)
    weights = Decoder().state_dict()
    weights["conv1_1.weight"] *= 30
    shared_trainer.decoder.load_state_dict(weights)
    shared_trainer.optimizer = shared_trainer.new_optimizer()
    shared_trainer.completed = shared_trainer.summed = 0
    shared_trainer.sums.zero_()
    return shared_trainer


def moments(features):
    mean = features.mean((2, 3), keepdim=True)
    return mean, ((features - mean) ** 2).mean((2, 3), keepdim=True).add(1e-5).sqrt()


def losses_by_hand(trainer, encoder, step):
    """Equations 8, 12 and 13 on the batch of this step; content, style, with a graph."""
    seed = 2 * trainer.config.seed
    content = draw_crops(trainer.content_pool, step, 2, 32, seed).double() / 255
    style = draw_crops(trainer.style_pool, step, 2, 32, seed + 1).double() / 255
    with torch.no_grad():
        features = encoder(content.float(), STYLE_LAYERS)["relu4_1"].double()
        styles = {k: v.double() for k, v in encoder(style.float(), STYLE_LAYERS).items()}
        mean, std = moments(features)
        style_mean, style_std = moments(styles["relu4_1"])
        target = style_std * (features - mean) / std + style_mean
    outputs = encoder(trainer.decoder(target.float()), STYLE_LAYERS)
    outputs = {name: value.double() for name, value in outputs.items()}
    style_loss = 0
    for name in STYLE_LAYERS:
        for a, b in zip(moments(outputs[name]), moments(styles[name]), strict=True):
            style_loss = style_loss + ((a - b) ** 2).mean()
    return ((outputs["relu4_1"] - target) ** 2).mean(), style_loss


@pytest.mark.parametrize("step", [0, 4])
def test_losses_equal_the_papers_equations(trainer, encoder, step):
    trainer.completed = step
    content, style = trainer.adain_loss()
    wanted_content, wanted_style = losses_by_hand(trainer, encoder, step)
    assert content.item() == pytest.approx(wanted_content.item(), rel=1e-4)
    assert style.item() == pytest.approx(wanted_style.item(), rel=1e-4)


def test_one_step_is_adam_on_the_weighted_sum(trainer, encoder):
    trainer.completed = 2
    before = [p.detach().clone() for p in trainer.decoder.parameters()]
    content, style = losses_by_hand(trainer, encoder, 2)
    wanted = torch.autograd.grad(content + 2.0 * style, list(trainer.decoder.parameters()))
    trainer.step()
    rate = 1e-3 / (1 + 0.5 * 2)
    for old, new, gradient in zip(before, trainer.decoder.parameters(), wanted, strict=True):
        assert (new.grad - gradient).norm() <= 1e-3 * gradient.norm()
        # Adam's first step: both moving averages, bias-corrected, are the gradient itself.
        update = rate * new.grad / (new.grad.abs() + 1e-8)
        torch.testing.assert_close(new.detach(), old - update, rtol=1e-4, atol=1e-8)
    assert trainer.completed == 3
    wanted = [content.item(), style.item()]
    assert trainer.sums.tolist() == pytest.approx(wanted, rel=1e-4)


def test_gradient_does_not_reach_the_targets(trainer, monkeypatch):
    batches = []
    draw = trainer.batch

    def watched(number):
        batches.append(draw(number).requires_grad_())
        return batches[-1]

    monkeypatch.setattr(trainer, "batch", watched)
    sum(trainer.adain_loss()).backward()
    trainer.completed = 0
    loss, _ = trainer.autoencoder_loss()
    loss.backward()
    assert len(batches) == 3 and all(b.grad is None for b in batches[:2])
    assert all(p.grad is None for p in trainer.encoder.parameters())
    assert all(p.grad.abs().sum() > 0 for p in trainer.decoder.parameters())


@pytest.mark.parametrize("step", [0, 1, 2, 3])
def test_warm_up_is_an_autoencoder_on_both_folders_in_turn(trainer, encoder, step):
    trainer.completed = step
    pool = trainer.style_pool if step % 2 else trainer.content_pool
    seed = 2 * trainer.config.seed + step % 2
    images = draw_crops(pool, step, 2, 32, seed).float() / 255
    wanted = (trainer.decoder(encoder.encode(images)) - images).abs().mean()
    loss, style = trainer.autoencoder_loss()
    assert loss.item() == pytest.approx(wanted.item(), rel=1e-5)
    assert style.item() == 0


def test_batches_are_images_in_0_to_1(trainer):
    batch = trainer.batch(0)
    wanted = draw_crops(trainer.content_pool, 0, 2, 32, 2 * trainer.config.seed)
    assert batch.dtype == torch.float32 and batch.shape == (2, 3, 32, 32)
    assert torch.equal((batch * 255).round().byte(), wanted)


def test_encoder_is_not_trained(trainer, encoder):
    trainer.step()
    for mine, original in zip(trainer.encoder.parameters(), encoder.parameters(), strict=True):
        assert not mine.requires_grad and torch.equal(mine, original)


# a run -------------------------------------------------------------------------------------------


def test_run_writes_all_its_files(reference, data):
    names = {"checkpoint.pt", "config.json", "decoder.safetensors", "log.jsonl", "preview.jpg"}
    assert set(os.listdir(reference.out)) == names
    settings = json.loads((reference.out / "config.json").read_text())
    assert settings == json.loads(json.dumps(dataclasses.asdict(tiny(data, reference.out))))
    saved = load_file(reference.out / "decoder.safetensors")
    for name, value in reference.state["decoder"].items():
        assert torch.equal(saved[name], value.half())


def test_log_has_both_phases_and_the_learning_rates(reference):
    log = reference.log
    assert [record["step"] for record in log] == list(range(1, STEPS + 1))
    assert [record["phase"] for record in log] == ["autoencoder"] * WARMUP + ["adain"] * 9
    rates = [2e-3] * WARMUP + [1e-3 / (1 + 0.1 * i) for i in range(9)]
    assert [record["learning_rate"] for record in log] == pytest.approx(rates)
    epochs = [0.0] * WARMUP + [round(i / 3, 6) for i in range(1, 10)]
    assert [record["epoch"] for record in log] == epochs
    for record in log:
        wanted = record["content_loss"] + 2.0 * record["style_loss"]
        assert record["loss"] == pytest.approx(wanted)
        assert (record["style_loss"] == 0) == (record["phase"] == "autoencoder")


def test_optimiser_starts_anew_after_the_warm_up(reference):
    steps = {int(state["step"]) for state in reference.state["optimizer"]["state"].values()}
    assert steps == {STEPS - WARMUP}


def test_metadata_hold_the_recipe_but_no_paths(reference, data):
    metadata = read_metadata(reference.out / "decoder.safetensors")
    (recipe,) = json.loads(metadata["recipe"])
    assert recipe["steps"] == STEPS
    assert recipe["style_weight"] == 2.0 and recipe["crop"] == 32 and recipe["seed"] == 0
    assert recipe["content_images"] == 5 and recipe["style_images"] == 3
    assert (recipe["device"], recipe["precision"]) == (describe(torch.device("cpu")), "float32")
    assert metadata["steps"] == str(STEPS) and metadata["data"] == "not stated"
    assert not [value for value in metadata.values() if str(data.parent) in value]


def test_preview_shows_photographs_down_and_paintings_across(reference, data, out):
    trainer = Trainer(tiny(data, out), progress=False)
    sheet = np.asarray(Image.open(reference.out / "preview.jpg")).astype(int)
    assert sheet.shape == (5 * 38 + 6, 5 * 38 + 6, 3)
    contents = draw_crops(trainer.content_pool, 0, 4, 32, 0).permute(0, 2, 3, 1).numpy()
    styles = draw_crops(trainer.style_pool, 0, 4, 32, 0).permute(0, 2, 3, 1).numpy()
    for i in range(4):
        start = 6 + (i + 1) * 38
        assert np.abs(sheet[start : start + 32, 6:38] - contents[i]).mean() < 12
        assert np.abs(sheet[6:38, start : start + 32] - styles[i]).mean() < 12


def test_loss_falls_when_overfitting_one_pair(tmp_path, make_images, out):
    make_images(tmp_path / "content", 1, size=(32, 32), seed=3)
    make_images(tmp_path / "style", 1, size=(32, 32), seed=4)
    log = []
    run(tiny(tmp_path, out, steps=24, warmup_steps=0, log_every=3), on_log=log.append)
    losses = [record["loss"] for record in log]
    assert losses[-1] < 0.5 * losses[0]
    assert log[-1]["style_loss"] < 0.5 * log[0]["style_loss"]


def test_on_log_gets_every_record(reference, config, out):
    records = []
    run(config(steps=2), on_log=records.append)
    assert [{k: v for k, v in r.items() if k != "seconds"} for r in records] == reference.log[:2]


def test_another_seed_is_another_run(reference, config, out):
    run(config(steps=2, seed=1))
    mine, its = (log[:2] for log in (read_log(out), reference.log))
    assert all(a["loss"] != b["loss"] for a, b in zip(mine, its, strict=True))


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_half_precision_keeps_float32_weights(config, precision):
    wanted = Trainer(config(crop=16, batch=1), progress=False).adain_loss()
    trainer = Trainer(config(crop=16, batch=1, precision=precision), progress=False)
    assert {p.dtype for p in trainer.encoder.parameters()} == {getattr(torch, precision)}
    trainer.step()  # the autoencoder, then both losses
    assert {p.dtype for p in trainer.decoder.parameters()} == {torch.float32}
    torch.manual_seed(trainer.config.seed)
    trainer.decoder.load_state_dict(Decoder().state_dict())
    trainer.completed, trainer.sums[:] = 0, 0
    with torch.autocast("cpu", trainer.precision):
        losses = trainer.adain_loss()
    for mine, its in zip(losses, wanted, strict=True):
        assert mine.dtype == torch.float32
        assert mine.item() == pytest.approx(its.item(), rel=0.05)
    trainer.completed = WARMUP
    trainer.step()
    assert trainer.sums.isfinite().all()
    assert all(p.isfinite().all() for p in trainer.decoder.parameters())


def test_length_in_epochs(config):
    trainer = Trainer(config(steps=None, epochs=4), progress=False)
    assert trainer.steps_per_epoch == 3  # 5 photographs in batches of 2
    assert trainer.total_steps == WARMUP + 4 * 3


def test_training_runs_outside_the_main_thread(config, out):
    thread = threading.Thread(target=run, args=[config(steps=1)])
    thread.start()
    thread.join()
    assert checkpoint(out)["completed"] == 1


# data --------------------------------------------------------------------------------------------


def test_bad_images_are_reported_and_counted(data, tmp_path, out, capsys):
    shutil.copytree(data / "content", tmp_path / "content")
    (tmp_path / "content" / "bad.png").write_bytes(b"not an image")
    run(tiny(data, out, content=(str(tmp_path / "content"),), steps=1))
    assert "skipped" in (text := capsys.readouterr().out) and "bad.png" in text
    (recipe,) = json.loads(read_metadata(out / "decoder.safetensors")["recipe"])
    assert recipe["content_images"] == 5


@pytest.mark.parametrize("role", ["content", "style"])
def test_empty_or_missing_folder_is_an_error_before_training(config, tmp_path, out, role):
    (tmp_path / "empty").mkdir()
    for name in ("empty", "gone"):
        with pytest.raises(ImageError, match=name):
            run(config(**{role: (str(tmp_path / name),)}))
    assert not out.exists()


def test_folders_excluded_names_and_limits_reach_the_pools(config, data):
    both = (str(data / "content"), str(data / "style"))
    names = ("image_00.png", "image_04.png")
    trainer = Trainer(config(content=both, exclude=names, images=4), progress=False)
    assert [len(group) for group in trainer.content_pool.groups] == [2, 2]
    assert [len(group) for group in trainer.style_pool.groups] == [2]


def test_folders_below_the_default_limit_are_used_whole(config):
    trainer = Trainer(config(images=TrainingConfig.images), progress=False)
    images = [image for group in trainer.content_pool.groups for image in group]
    assert len(images) == len({image.numpy().tobytes() for image in images}) == 5


def test_training_can_start_from_a_decoder(config, encoder, tmp_path):
    given = Decoder()
    path = save_decoder(given, tmp_path / "d.safetensors", encoder, {}, torch.float32)
    trainer = Trainer(config(initial_decoder=str(path)), progress=False)
    for mine, its in zip(trainer.decoder.parameters(), given.parameters(), strict=True):
        assert torch.equal(mine, its) and mine.requires_grad
    trainer.step()
    assert not torch.equal(trainer.decoder.conv4_1.weight, given.conv4_1.weight)


def test_initial_decoder_of_another_encoder_is_refused(config, tmp_path):
    path = tmp_path / "d.safetensors"
    save_decoder(Decoder(), path, VGG19Encoder(last="relu1_1", padding="zeros"), {})
    with pytest.raises(DecoderError, match="zeros padding"):
        Trainer(config(initial_decoder=str(path)), progress=False)


def test_metadata_remember_the_runs_before(reference, config, out):
    run(config(initial_decoder=str(reference.out / "decoder.safetensors"), steps=1))
    metadata = read_metadata(out / "decoder.safetensors")
    assert [recipe["steps"] for recipe in json.loads(metadata["recipe"])] == [STEPS, 1]
    assert metadata["steps"] == str(STEPS + 1)


def test_initial_weights_follow_the_seed_alone(config):
    weights = []
    for outer, seed in ((1, 0), (2, 0), (1, 5)):
        torch.manual_seed(outer)
        weights.append(Trainer(config(seed=seed), progress=False).decoder.conv4_1.weight)
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


@pytest.mark.parametrize(
    "name, value",
    [
        ("batch", 0),
        ("size", -1),
        ("crop", 0),
        ("crop", 20),
        ("epochs", 0),
        ("steps", 0),
        ("images", 0),
        ("log_every", 0),
        ("checkpoint_every", -5),
        ("learning_rate", 0.0),
        ("learning_rate", math.nan),
        ("style_weight", -1.0),
        ("warmup_steps", -1),
        ("warmup_learning_rate", 0.0),
        ("seed", -1),
        ("seed", 2**32),
        ("average", 1.0),
        ("minutes", 0),
        ("style_crop", 0),
        ("batch", 10**10),
        ("schedule", "linear"),
    ],
)
def test_bad_numbers_are_refused_before_anything_is_read(tmp_path, name, value):
    config = tiny(tmp_path / "no such folder", tmp_path / "run", **{name: value})
    with pytest.raises(TrainingError) as caught:
        run(config)
    assert name in str(caught.value) and str(value) in str(caught.value)
    assert os.listdir(tmp_path) == []


def test_errors_are_the_courses():
    assert issubclass(TrainingError, CourseError) and issubclass(ImageError, CourseError)


# stopping and going on ---------------------------------------------------------------------------


@pytest.mark.parametrize("stop", [2, WARMUP, 7])
def test_resumed_run_equals_the_uninterrupted_one(reference, config, out, stop):
    run(config(steps=stop))
    assert checkpoint(out)["completed"] == stop
    torch.manual_seed(stop)
    run(config())
    assert_same_result(out, reference)
    assert read_log(out) == reference.log


def test_finished_run_is_not_repeated(reference, config, out):
    shutil.copytree(reference.out, out)
    before = (out / "checkpoint.pt").read_bytes()
    records = []
    assert run(config(), on_log=records.append) == out / "decoder.safetensors"
    assert records == [] and (out / "checkpoint.pt").read_bytes() == before


def interrupt_after(monkeypatch, step):
    """Send Ctrl-C while this step is computed."""
    original = Trainer.step

    def interrupted(self):
        if self.completed == step - 1:
            signal.raise_signal(signal.SIGINT)
        original(self)

    monkeypatch.setattr(Trainer, "step", interrupted)


@pytest.mark.parametrize("stop", [1, 6])
def test_ctrl_c_finishes_the_step_saves_and_resumes(reference, config, out, monkeypatch, stop):
    handler = signal.getsignal(signal.SIGINT)
    interrupt_after(monkeypatch, stop)
    with pytest.raises(KeyboardInterrupt, match=f"after step {stop}"):
        run(config(log_every=5, checkpoint_every=100))
    assert signal.getsignal(signal.SIGINT) is handler
    monkeypatch.undo()
    assert checkpoint(out)["completed"] == stop
    run(config(log_every=4, checkpoint_every=100))
    assert_same_result(out, reference)
    assert_averages(read_log(out), reference.log)


def test_records_are_averages_also_when_a_run_is_prolonged(reference, config, out):
    run(config(steps=5, log_every=4))
    run(config(log_every=4))
    assert [record["step"] for record in read_log(out)] == [3, 4, 5, 8, 12]
    assert_averages(read_log(out), reference.log)


SCRIPT = """
import json, sys, time, torch
from course_lib.training.config import TrainingConfig; from course_lib.training.loop import train
settings = json.loads(sys.argv[1])
settings = {k: tuple(v) if isinstance(v, list) else v for k, v in settings.items()}
def report(record):
    print(record["step"], flush=True)
    time.sleep(0.1)
train(TrainingConfig(**settings), progress=False, on_log=report)
"""


def start(config):
    command = [sys.executable, "-c", SCRIPT, json.dumps(dataclasses.asdict(config))]
    return started(command, text=True)


@pytest.mark.skipif(os.name != "posix", reason="POSIX signals")
@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_a_process_that_is_asked_to_end_saves_and_says_how_to_go_on(reference, config, out, kind):
    with start(config(checkpoint_every=100)) as process:
        for line in process.stdout:
            if line.strip() == "5":
                process.send_signal(kind)
                break
        _, errors = process.communicate(timeout=120)
    assert process.returncode != 0
    completed = checkpoint(out)["completed"]
    assert 5 <= completed < STEPS
    told = f"stopped after step {completed}; run the same command again to go on"
    assert f"KeyboardInterrupt: {told}" in errors
    run(config())
    assert_same_result(out, reference)
    assert read_log(out) == reference.log


@pytest.mark.skipif(os.name != "posix", reason="POSIX signals")
def test_kills_at_random_moments_lose_nothing(reference, config, out):
    draw = random.Random(0)
    for _ in range(3):
        with start(config(checkpoint_every=1)) as process:
            wait = draw.randint(1, 3)
            for _ in zip(range(wait), process.stdout, strict=False):
                pass
            time.sleep(draw.uniform(0, 0.6))
        if (out / "checkpoint.pt").exists():
            checkpoint(out)
        if (out / "decoder.safetensors").exists():
            load_file(out / "decoder.safetensors")
    run(config())
    assert_same_result(out, reference)
    assert read_log(out) == reference.log


@pytest.fixture(scope="module")
def almost_done(data, tmp_path_factory):
    """A run one step before its end."""
    out = tmp_path_factory.mktemp("almost") / "run"
    run(tiny(data, out, steps=STEPS - 1))
    return out


class Killed(BaseException):
    pass


@pytest.mark.parametrize(
    "name, after",
    [
        ("decoder.safetensors", True),
        ("preview.jpg", False),
        ("checkpoint.pt", False),
        ("checkpoint.pt", True),
    ],
)
def test_a_kill_between_the_files_of_the_last_save(
    reference, almost_done, config, out, monkeypatch, name, after
):
    shutil.copytree(almost_done, out)
    replace = os.replace

    def dying(source, target):
        if os.path.basename(target) != name:
            return replace(source, target)
        if after:
            replace(source, target)
        raise Killed

    monkeypatch.setattr(os, "replace", dying)
    with pytest.raises(Killed):
        run(config())
    monkeypatch.undo()
    run(config())
    assert_same_result(out, reference)
    assert read_log(out) == reference.log


def test_log_lines_after_the_checkpoint_are_dropped(reference, config, out):
    shutil.copytree(reference.out, out)
    with (out / "log.jsonl").open("a") as file:
        file.write(json.dumps(reference.log[-1] | {"step": STEPS + 4}) + "\n")
        file.write('{"step": 1')
    run(config())
    assert read_log(out) == reference.log


@pytest.mark.parametrize(
    "name, value",
    [
        ("style_weight", 3.0),
        ("seed", 1),
        ("crop", 16),
        ("batch", 1),
        ("learning_rate", 1e-4),
        ("warmup_steps", 4),
        ("padding", "zeros"),
        ("exclude", ("image_00.png",)),
        ("images", 3),
        ("content", ("elsewhere",)),
    ],
)
def test_changed_settings_are_refused(reference, trainer, monkeypatch, name, value):
    settings = reference.state["config"]
    changed = TrainingConfig(**(settings | {name: value}))
    monkeypatch.setattr(trainer, "config", changed)
    with pytest.raises(TrainingError) as caught:
        load_run(trainer, reference.out / "checkpoint.pt")
    assert f"{name} {settings[name]!r} -> {value!r}" in str(caught.value)
    assert trainer.completed == 0


def test_free_settings_may_change(reference, trainer, monkeypatch):
    free = {
        "out": "x",
        "device": "cuda",
        "precision": "bfloat16",
        "compile": True,
        "epochs": 1,
        "steps": 99,
        "log_every": 7,
        "checkpoint_every": 9,
        "minutes": 3.0,
        "film": True,
    }
    assert set(free) == FREE_TO_CHANGE
    monkeypatch.setattr(trainer, "config", TrainingConfig(**(reference.state["config"] | free)))
    load_run(trainer, reference.out / "checkpoint.pt")
    assert trainer.completed == STEPS


def test_refused_run_is_left_as_it_was(reference, config, out):
    shutil.copytree(reference.out, out)
    with pytest.raises(TrainingError, match="use another out"):
        run(config(style_weight=3.0))
    for path in reference.out.iterdir():
        assert (out / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", None])
def test_damaged_checkpoint_is_named(config, out, content):
    out.mkdir()
    if content is None:
        torch.save({"something": "else"}, out / "checkpoint.pt")
    else:
        (out / "checkpoint.pt").write_bytes(content)
    with pytest.raises(TrainingError, match="is damaged") as caught:
        run(config())
    assert str(out / "checkpoint.pt") in str(caught.value)


# losses that are not finite ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "log_every, checkpoint_every, kept, bad",
    [(1, 4, 4, math.nan), (1, 4, 4, math.inf), (100, 2, 6, math.nan), (100, 4, 4, math.inf)],
)
def test_loss_that_is_not_finite_stops_and_keeps_the_last_good_checkpoint(
    reference, config, out, monkeypatch, log_every, checkpoint_every, kept, bad
):
    original = Trainer.adain_loss

    def broken(self):
        content, style = original(self)
        return content, style * bad if self.completed == 6 else style

    options = {"log_every": log_every, "checkpoint_every": checkpoint_every}
    monkeypatch.setattr(Trainer, "adain_loss", broken)
    found = 7 if log_every == 1 else 8  # found in the record, else when saving
    with pytest.raises(TrainingError, match=f"not finite at step {found}"):
        run(config(**options))
    assert checkpoint(out)["completed"] == kept
    for value in load_file(out / "decoder.safetensors").values():
        assert value.isfinite().all()
    assert all(math.isfinite(record["loss"]) for record in read_log(out))
    monkeypatch.undo()
    if kept == 6:
        run(config())
        assert_same_result(out, reference)


def test_diverging_run_stops_by_itself(config, out):
    with pytest.raises(TrainingError, match="lower learning rate"):
        run(config(warmup_steps=0, learning_rate=1e18, checkpoint_every=1))


# the loss against lattices ------------------------------------------------------------------------


class Painter(torch.nn.Module):
    """A stand-in for the decoder: paints ``pattern(features)``, eight pixels per feature."""

    def __init__(self, pattern):
        super().__init__()
        self.pattern = pattern

    def forward(self, features):
        flat = features.mean(1, keepdim=True) * 0 + 0.5
        images = torch.nn.functional.interpolate(flat, scale_factor=8).repeat(1, 3, 1, 1)
        return images + self.pattern(images)


def lattice(images):
    """A dot in the corner of every cell of 8x8 pixels."""
    dots = torch.zeros_like(images)
    dots[..., ::8, ::8] = 0.4
    return dots


@pytest.fixture(scope="module")
def pair():
    torch.manual_seed(5)
    return torch.rand(2, 3, 64, 56), torch.rand(2, 3, 40, 48)


def test_a_lattice_is_what_the_shift_loss_sees(encoder, pair):
    flat = shifted_losses(encoder, Painter(lambda x: 0), *pair, (3, 5))
    dotted = shifted_losses(encoder, Painter(lattice), *pair, (3, 5))
    assert flat[2] == 0
    assert dotted[2].item() == pytest.approx(2 * 0.4**2 / 64, rel=0.1)


@pytest.mark.parametrize("offset", [(0, 0), (0, 8), (8, 8)])
def test_whole_cells_move_a_lattice_onto_itself(encoder, pair, offset):
    assert shifted_losses(encoder, Painter(lattice), *pair, offset)[2] == 0


def test_content_and_style_loss_are_those_of_the_cut_picture(encoder, pair):
    content, style = pair
    torch.manual_seed(1)
    decoder = Decoder()
    mine = shifted_losses(encoder, decoder, content, style, (8, 0))
    targets = {k: channel_statistics(f) for k, f in encoder(style, STYLE_LAYERS).items()}
    whole = apply_statistics(encoder.encode(content), targets["relu4_1"])
    target = apply_statistics(encoder.encode(content[:, :, 8:, :-8]), targets["relu4_1"])
    features = encoder(decoder(whole)[:, :, 8:, :-8], STYLE_LAYERS)
    wanted = content_loss(features["relu4_1"], target), style_loss(features, targets)
    torch.testing.assert_close(mine[:2], wanted, rtol=1e-5, atol=1e-6)


def test_shift_loss_is_weighted_logged_and_resumed(data, out):
    options = {"crop": 48, "size": 56, "warmup_steps": 1, "shift_weight": 30.0, "log_every": 1}
    whole = run(tiny(data, out / "whole", **options, steps=4))
    log = read_log(whole.parent)
    assert log[0]["shift_loss"] == 0  # the warm-up
    for record in log[1:]:
        assert record["shift_loss"] > 0
        wanted = record["content_loss"] + 2 * record["style_loss"] + 30 * record["shift_loss"]
        assert record["loss"] == pytest.approx(wanted)
    run(tiny(data, out / "parts", **options, steps=2))
    again = run(tiny(data, out / "parts", **options, steps=4))
    torch.testing.assert_close(load_file(again), load_file(whole), rtol=0, atol=0)


def test_shift_loss_needs_room(config):
    with pytest.raises(TrainingError, match="crop must be at least 48"):
        Trainer(config(shift_weight=1.0), progress=False)


# torch.compile and presets -----------------------------------------------------------------------


def test_compiled_losses_are_the_same(trainer, config, monkeypatch):
    asked = []

    def compiled(function):
        asked.append(function)
        return function

    monkeypatch.setattr(torch, "compile", compiled)
    Trainer(config(compile=True), progress=False)
    assert [losses.func for losses in asked] == [adain_losses]


def test_a_compiler_that_fails_is_one_sentence(trainer, monkeypatch):
    def broken(*_):
        raise torch._dynamo.exc.BackendCompilerFailed(
            lambda: 0, RuntimeError("no C++ compiler"), None
        )

    monkeypatch.setattr(trainer, "losses", broken)
    with pytest.raises(TrainingError, match=r"torch\.compile failed .*train without --compile"):
        trainer.adain_loss()


def test_presets_are_valid_recipes(config):
    for name, recipe in PRESETS.items():
        check_config(config(**recipe))
        assert set(recipe) <= {field.name for field in dataclasses.fields(TrainingConfig)}, name
    assert dict(PRESETS["report"]) == {"encoder": "torchvision"}


def test_the_default_recipe_is_the_reports():
    config = TrainingConfig(("photos",), ("paintings",), "out")
    assert (config.images, config.epochs, config.batch, config.style_weight) == (1200, 54, 8, 20)
    assert (config.size, config.crop, config.learning_rate) == (512, 256, 1e-4)
    assert config.steps is None and config.warmup_steps == config.learning_rate_decay == 0


def test_the_average_follows_the_weights_and_is_what_is_saved(config):
    trainer = Trainer(config(average=0.9, warmup_steps=0), progress=False)
    mean = [p.detach().clone() for p in trainer.decoder.parameters()]
    for step in range(1, 4):
        trainer.step()
        decay = min(0.9, (1 + step - 1) / (10 + step - 1))
        for m, p in zip(mean, trainer.decoder.parameters(), strict=True):
            m.mul_(decay).add_(p.detach(), alpha=1 - decay)
    torch.testing.assert_close(list(trainer.averaged.parameters()), mean)
    save_run(trainer)
    saved = load_file(trainer.out / "decoder.safetensors")
    wanted = trainer.averaged.conv4_1.bias.detach().half()
    assert torch.equal(saved["conv4_1.bias"], wanted)
    assert not torch.equal(wanted, trainer.decoder.conv4_1.bias.detach().half())


def test_a_run_with_an_average_goes_on_as_if_nothing_had_happened(config, tmp_path):
    recipe = config(average=0.9, steps=6, schedule="cosine")
    whole = dataclasses.replace(recipe, out=str(tmp_path / "whole"))
    run(whole)
    cut = dataclasses.replace(whole, out=str(tmp_path / "cut"))
    trainer = Trainer(cut, progress=False)
    for _ in range(4):
        trainer.step()
    save_run(trainer)
    run(cut)
    mine, its = (load_file(tmp_path / n / "decoder.safetensors") for n in ("cut", "whole"))
    torch.testing.assert_close(mine, its, rtol=0, atol=0)


def test_the_cosine_falls_from_the_rate_to_zero(config):
    trainer = Trainer(config(schedule="cosine", warmup_steps=0, steps=8), progress=False)
    rates = [trainer.learning_rate(step) for step in range(9)]
    assert rates[0] == pytest.approx(1e-3) and rates[4] == pytest.approx(5e-4)
    assert rates[8] == pytest.approx(0, abs=1e-12) and rates == sorted(rates, reverse=True)


def test_a_run_may_end_by_time(config, out):
    run(config(minutes=1e-6, schedule="cosine"))
    state = checkpoint(out)
    assert state["completed"] == 1 and len(read_log(out)) == 1


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"average": 1.0}, "average must be at least 0 and below 1, got 1.0"),
        ({"batch": 10**10}, "batch must be at most 1,000,000,000"),
        ({"relative": True, "shift_weight": 1.0, "crop": 48}, "relative losses do not work"),
    ],
)
def test_settings_that_cannot_work_say_why(config, changes, words):
    with pytest.raises(TrainingError, match=words):
        check_config(config(**changes))


def test_relative_losses_weigh_each_pair_by_its_untouched_photograph(trainer):
    content, style = trainer.pair()
    encoder, decoder = trainer.encoder, trainer.decoder
    with torch.no_grad():
        plain = [
            adain_losses(encoder, decoder, c[None], s[None])
            for c, s in zip(content, style, strict=True)
        ]
        before = [
            style_loss(encoder(c[None], STYLE_LAYERS), encoder(s[None], STYLE_LAYERS))
            for c, s in zip(content, style, strict=True)
        ]
        mean = sum(before) / len(before)
        wanted = [
            sum(pair[k] * mean / b for pair, b in zip(plain, before, strict=True)) / 2
            for k in (0, 1)
        ]
        torch.testing.assert_close(
            adain_losses(encoder, decoder, content, style, relative=True),
            tuple(wanted),
            rtol=1e-3,
            atol=1e-4,
        )


def test_the_film_has_a_frame_after_0_1_2_5_and_10_steps_and_at_the_end(config, out):
    run(config(film=True))
    film = read_film(out / "film.png")
    assert [step for step, _ in film] == [0, 1, 2, 5, 10, STEPS]
    assert len({picture.tobytes() for _, picture in film}) == len(film)
    assert {picture.size for _, picture in film} == {(192, 384)}
    strip, animation = finish_film(out / "film.png")
    assert [step for step, _ in read_film(strip)] == [step for step, _ in film]
    assert max(strip.stat().st_size, animation.stat().st_size) <= LARGEST_FILE
    with Image.open(animation) as shown:
        assert shown.n_frames == len(film)


def test_style_crops_may_have_another_size(config):
    trainer = Trainer(config(style_crop=24), progress=False)
    content, style = trainer.pair()
    assert content.shape[-2:] == (32, 32) and style.shape[-2:] == (24, 24)
    trainer.completed = trainer.config.warmup_steps
    trainer.step()
    assert trainer.sums.isfinite().all()


# heavy hands -------------------------------------------------------------------------------------


def test_checkpoints_are_due_by_time_too(config, out, monkeypatch):
    saved = []
    monkeypatch.setattr(loop, "save_run", lambda trainer: saved.append(trainer.completed))
    monkeypatch.setattr(loop, "SAVE_EVERY", 0.0)
    run(config(steps=3, checkpoint_every=100))
    assert saved == [1, 2, 3]
    saved.clear()
    shutil.rmtree(out)
    monkeypatch.setattr(loop, "SAVE_EVERY", 120.0)
    run(config(steps=3, checkpoint_every=100))
    assert saved == [3]


def test_leftovers_of_a_killed_run_are_removed(config, out):
    out.mkdir()
    for name in (".checkpoint.0123abcd.pt", ".decoder.89abcdef.safetensors", ".mine.0123abcd.pt"):
        (out / name).write_bytes(b"half")
    run(config(steps=1))
    assert [path.name for path in out.glob(".*.*.*")] == [".mine.0123abcd.pt"]


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device"),
        RuntimeError("PytorchStreamWriter failed writing file data/3: file write failed"),
        RuntimeError("[enforce fail at inline_container.cc:664] . unexpected pos 64 vs 0"),
    ],
)
def test_a_full_disk_while_saving_is_one_sentence(reference, config, out, monkeypatch, error):
    shutil.copytree(reference.out, out)

    def full(state, path):
        path.write_bytes(b"half")
        raise error

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(TrainingError, match=r"cannot be written \(.*make room and run the same"):
        run(config(steps=STEPS + 1))
    monkeypatch.undo()
    assert not list(out.glob(".checkpoint.*"))
    assert checkpoint(out)["completed"] == STEPS


MALFORMED = {
    "a list": [1, 2],
    "no config": {"completed": 3},
    "config is text": {"config": "x"},
    "steps below zero": {"completed": -1},
    "time that is none": {"elapsed": math.nan},
    "time is text": {"elapsed": "soon"},
    "no decoder": {"decoder": {}},
    "decoder is text": {"decoder": "x"},
    "optimiser is a list": {"optimizer": []},
    "sums of another shape": {"sums": torch.zeros(7)},
    "sums are text": {"sums": "x"},
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_checkpoints_are_one_sentence(reference, trainer, tmp_path, monkeypatch, name):
    monkeypatch.setattr(trainer, "config", TrainingConfig(**reference.state["config"]))
    change = MALFORMED[name]
    whole = isinstance(change, list) or "config" in change or name == "no config"
    torch.save(change if whole else reference.state | change, tmp_path / "checkpoint.pt")
    with pytest.raises(TrainingError, match="is damaged") as caught:
        load_run(trainer, tmp_path / "checkpoint.pt")
    assert "\n" not in str(caught.value)


def test_averages_and_weights_of_other_kinds_are_refused(reference, trainer, tmp_path, monkeypatch):
    monkeypatch.setattr(trainer, "config", TrainingConfig(**reference.state["config"]))
    state = torch.load(reference.out / "checkpoint.pt", weights_only=True)
    state["optimizer"]["state"][0]["exp_avg"] = torch.zeros(3)
    torch.save(state, tmp_path / "a.pt")
    state = torch.load(reference.out / "checkpoint.pt", weights_only=True)
    state["decoder"]["conv4_1.bias"][0] = math.nan
    torch.save(state, tmp_path / "b.pt")
    for name, word in (("a.pt", "other shapes"), ("b.pt", "not finite")):
        with pytest.raises(TrainingError, match=f"is damaged .*{word}"):
            load_run(trainer, tmp_path / name)


@pytest.mark.parametrize("recipe", ["{", "3", '{"a": 1}', "[1]", '[{"steps": "x"}]', "[" * 9000])
def test_malformed_metadata_of_a_decoder_are_one_sentence(tmp_path, encoder, recipe):
    path = save_decoder(Decoder(), tmp_path / "d.safetensors", encoder, {"recipe": recipe})
    with pytest.raises(DecoderError, match="recipe that cannot be read"):
        read_recipes(path)


def test_two_runs_in_one_folder_are_refused(config, out):
    out.mkdir()
    with locked(out), pytest.raises(CourseError, match="another run is writing into"):
        run(config(steps=1))
    run(config(steps=1))


def test_paths_written_differently_are_the_same_run(data, config, out, monkeypatch):
    run(config(steps=1))
    monkeypatch.chdir(data)
    for content in ("content/", "./content", f"../{data.name}/content"):
        run(config(steps=1, content=(content,)))


def test_a_picture_added_to_the_folder_is_noticed(data, config, out, tmp_path):
    folder = tmp_path / "photos"
    shutil.copytree(data / "content", folder)
    run(config(steps=1, content=(str(folder),)))
    Image.new("RGB", (48, 40)).save(folder / "new.png")
    with pytest.raises(TrainingError, match=r"with 5 pictures .* 6 are now \(new.png\)"):
        run(config(steps=2, content=(str(folder),)))
    (folder / "new.png").unlink()
    run(config(steps=2, content=(str(folder),)))
