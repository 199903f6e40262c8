"""Training with torchrun: two gloo processes on the CPU compute what one process computes."""

import json
import os
import subprocess
import sys

import pytest
import torch

from course_lib import DATA_DIR, REPOSITORY
from course_lib.decoder import load_decoder
from course_lib.training.config import TrainingConfig, TrainingError
from course_lib.training.loop import train
from course_lib.training.processes import Processes
from course_lib.training.trainer import Trainer

SETTINGS = {
    "images": 6,
    "batch": 8,
    "size": 32,
    "crop": 32,
    "style_weight": 2.0,
    "learning_rate": 1e-5,
    "log_every": 1,
    "checkpoint_every": 3,
    "device": "cpu",
    "precision": "float32",
    # From random weights, or at a high rate, Adam turns rounding errors into different steps.
    "initial_decoder": str(DATA_DIR / "decoder" / "original.safetensors"),
}


@pytest.fixture(scope="module")
def data(tmp_path_factory, make_images):
    folder = tmp_path_factory.mktemp("data")
    make_images(folder / "content", 5, size=(48, 40), seed=1)
    make_images(folder / "style", 3, size=(40, 44), seed=2)
    (folder / "style" / "broken.jpg").write_bytes(b"not an image")
    return folder


def alone(data, out, steps):
    """Train in this process."""
    config = TrainingConfig(
        (str(data / "content"),), (str(data / "style"),), str(out), steps=steps, **SETTINGS
    )
    train(config, progress=False)


def together(data, out, steps):
    """Train in two processes with the README's command and return what they printed."""
    options = {"content": data / "content", "style": data / "style", "out": out, "steps": steps}
    options = {name.replace("_", "-"): value for name, value in (options | SETTINGS).items()}
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "torch.distributed.run",
            "--standalone",
            "--nproc-per-node=2",
            "-m",
            "course_lib",
            "train",
            *[str(part) for name, value in options.items() for part in (f"--{name}", value)],
        ],
        cwd=REPOSITORY,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def runs(data, tmp_path_factory):
    """The same six steps: by one process; by two; by two, then one."""
    folder = tmp_path_factory.mktemp("runs")
    outs = {name: folder / name for name in ("one", "two", "changed")}
    alone(data, outs["one"], 6)
    printed = together(data, outs["two"], 6)
    together(data, outs["changed"], 3)
    alone(data, outs["changed"], 6)
    return outs, printed


def losses(out):
    records = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert [record["step"] for record in records] == list(range(1, 7))
    return [[record["content_loss"], record["style_loss"]] for record in records]


def movement(out):
    """All weights after the run minus those before it, as one vector."""
    before = load_decoder(SETTINGS["initial_decoder"]).state_dict()
    after = torch.load(out / "checkpoint.pt", weights_only=True)["decoder"]
    return torch.cat([(after[key] - before[key]).double().flatten() for key in before])


@pytest.mark.parametrize("name", ["two", "changed"])
def test_the_number_of_processes_does_not_change_the_run(runs, name):
    outs, _ = runs
    assert losses(outs[name]) == [pytest.approx(step, rel=1e-3) for step in losses(outs["one"])]
    # The weights moved the same way: with the gradients of one process alone they would not.
    mine, wanted = (movement(outs[key]) for key in (name, "one"))
    assert torch.cosine_similarity(mine, wanted, dim=0) > 0.99


def test_the_processes_share_each_batch(data, tmp_path):
    settings = {"images": 6, "batch": 4, "size": 32, "crop": 32, "device": "cpu", "seed": 3}
    config = TrainingConfig(
        (str(data / "content"),), (str(data / "style"),), str(tmp_path), **settings
    )
    whole = Trainer(config, progress=False)
    parts = []
    for rank in range(2):
        whole.processes = Processes(rank, 2)
        parts.append(whole.batch(0))
    whole.processes = Processes()
    assert torch.equal(torch.cat(parts), whole.batch(0))


def test_only_the_first_process_writes_and_speaks(runs):
    outs, printed = runs
    names = {"checkpoint.pt", "config.json", "decoder.safetensors", "log.jsonl", "preview.jpg"}
    for name, out in outs.items():
        assert {path.name for path in out.iterdir()} - {"tensorboard", "loss.png"} == names, name
    assert printed.count("skipped") == 1 and "broken.jpg" in printed
    assert printed.count("made ") == 3 and printed.count("\nnext ") == 1


def test_a_batch_that_cannot_be_shared_is_refused(data, tmp_path):
    config = TrainingConfig((str(data / "content"),), (str(data / "style"),), str(tmp_path))
    with pytest.raises(TrainingError, match="batch of 8 cannot be shared equally by 3 processes"):
        Trainer(config, progress=False, processes=Processes(0, 3))
