"""``benchmark train``: both sides take the same steps, and the record says what was measured."""

import json

import pytest
import torch

from course_lib import DATA_DIR
from course_lib.__main__ import main
from course_lib.cli import options
from course_lib.records import train_step_speed
from course_lib.records.train_step_speed import (
    PlainTrainer,
    benchmark_training,
    compare_losses,
    new_trainer,
    next_pair,
)
from course_lib.training.trainer import Trainer

CPU = torch.device("cpu")
LOSSES = ("content_loss", "style_loss")
AGREEMENT = {"largest_relative_difference": {"content_loss": 0.001, "style_loss": 0.0025}}


@pytest.fixture(scope="module")
def trainer():
    """Tests may step it, but only in pairs with a plain one made from it."""
    return new_trainer(CPU, "float32", 2, 16)


@pytest.fixture
def quick(monkeypatch):
    """No matrix products, and no comparison of losses."""
    rates = {torch.float32: 2e12, torch.bfloat16: 4e12}
    monkeypatch.setattr(train_step_speed, "matrix_rate", lambda dtype, device: rates[dtype])
    monkeypatch.setattr(train_step_speed, "compare_losses", lambda device: AGREEMENT)


def relative_gap(one, other):
    return ((one - other).norm() / other.norm()).item()


def test_losses_of_both_agree_over_twenty_float32_steps():
    agreement = compare_losses(CPU, batch=2, crop=32)
    assert agreement["steps"] == 20
    assert agreement["start"] == "data/decoder/original.safetensors"
    apart = agreement["largest_relative_difference"]
    assert set(apart) == set(LOSSES)
    assert all(0 < value < 0.01 for value in apart.values())


def test_a_plain_side_that_learns_otherwise_does_not_agree(monkeypatch):
    class Faster(PlainTrainer):
        def __init__(self, trainer):
            super().__init__(trainer)
            self.optimizer = torch.optim.Adam(self.decoder.parameters(), 1e-4)

    monkeypatch.setattr(train_step_speed, "PlainTrainer", Faster)
    monkeypatch.setattr(train_step_speed, "AGREEMENT_STEPS", 3)
    apart = compare_losses(CPU, batch=2, crop=32)["largest_relative_difference"]
    assert max(apart.values()) > 0.01


def test_one_step_from_random_weights_has_the_same_losses_and_gradients(trainer):
    plain = PlainTrainer(trainer)
    losses = plain.step(*next_pair(trainer))
    trainer.step()
    record = trainer.log_record()
    assert losses == pytest.approx([record[name] for name in LOSSES], rel=1e-4)
    mine, theirs = trainer.decoder.parameters(), plain.decoder.parameters()
    for ours, other in zip(mine, theirs, strict=True):
        assert relative_gap(ours.grad, other.grad) < 2e-3


def test_the_plain_side_is_plain_whatever_the_precision():
    rounded = new_trainer(CPU, "bfloat16", 2, 16)
    assert rounded.precision == torch.bfloat16
    plain = PlainTrainer(rounded)
    parameters = [p for module in (*plain.stages, plain.decoder) for p in module.parameters()]
    assert {p.dtype for p in parameters} == {torch.float32}
    assert all(p.is_contiguous() for p in parameters)
    assert not any(p.requires_grad for stage in plain.stages for p in stage.parameters())
    assert all(p.requires_grad for p in plain.decoder.parameters())
    mine = {p.data_ptr() for p in rounded.decoder.parameters()}
    assert not mine & {p.data_ptr() for p in plain.decoder.parameters()}
    first = parameters[0]  # of the encoder, and not rounded on the way
    assert not torch.equal(first, first.bfloat16().float())


def test_both_sides_get_the_same_crops(trainer, monkeypatch):
    drawn = []
    draw = Trainer.batch

    def recorded(self, number):
        drawn.append(draw(self, number))
        return drawn[-1]

    monkeypatch.setattr(Trainer, "batch", recorded)
    before = [next_pair(trainer)]
    drawn.clear()
    trainer.step()
    before.append(next_pair(trainer))
    for mine, theirs in zip(drawn[:2], before[0], strict=True):
        assert torch.equal(mine, theirs) and theirs.is_contiguous()
    assert not torch.equal(before[0][0], before[1][0])  # the next step has others


def test_settings_and_results_are_complete_and_fit_together(quick):
    settings, results = benchmark_training(CPU, "bfloat16", batch=1, crop=16, repeats=2)
    assert settings | {"device": ""} == {
        "device": "",
        "threads": torch.get_num_threads(),
        "precision": "bfloat16",
        "batch": 1,
        "crop": 16,
        "repeats": 2,
    }
    for side in ("plain", "ours"):
        low, high = results[f"{side}_spread"]
        assert 0 < low <= results[f"{side}_seconds"] <= high
        assert results[f"{side}_images_per_second"] == 1 / results[f"{side}_seconds"]
    assert results["ratio"] == results["plain_seconds"] / results["ours_seconds"]
    assert results["matrix_tflops"] == {"float32": 2.0, "bfloat16": 4.0}
    speed = results["ours_gflop_per_step"] / results["ours_seconds"] / 1000
    assert results["ours_share_of_bfloat16_rate"] == pytest.approx(speed / 4.0)
    assert results["float32_agreement"] == AGREEMENT
    assert results["plain_gflop_per_step"] == arithmetic_by_hand(16) / 1e9
    assert results["ours_gflop_per_step"] == arithmetic_by_hand(16) / 1e9
    json.dumps([settings, results])


def arithmetic_by_hand(crop):
    """Three encodings, one decoding, and gradients: of weights for the decoder alone."""
    encoder = [(3, 64, 1), (64, 64, 1), (64, 128, 2), (128, 128, 2), (128, 256, 4)]
    encoder += 3 * [(256, 256, 4)] + [(256, 512, 8)]
    decoder = [(512, 256, 8), *3 * [(256, 256, 4)], (256, 128, 4), (128, 128, 2), (128, 64, 2)]
    decoder += [(64, 64, 1), (64, 3, 1)]

    def operations(layers):
        return sum(2 * 9 * i * o * (crop // reduced) ** 2 for i, o, reduced in layers)

    # Backward, each layer costs as much for its input as forward and once more for its weights;
    # the decoder's first layer needs no gradient of its input.
    return 4 * operations(encoder) + 3 * operations(decoder) - operations(decoder[:1])


def test_warm_up_steps_are_not_counted(quick, monkeypatch):
    measured = iter([90.0, 91.0, 8.0, 2.0, 6.0, 1.0, 4.0, 3.0])
    monkeypatch.setattr(train_step_speed, "seconds", lambda work, device: next(measured))
    _, results = benchmark_training(CPU, "float32", batch=1, crop=16, repeats=3)
    assert (results["plain_seconds"], results["ours_seconds"], results["ratio"]) == (6.0, 2.0, 3.0)
    assert results["plain_spread"] == [4.0, 8.0] and results["ours_spread"] == [1.0, 3.0]


# --- the command ---

ROW = {
    "plain_seconds": 6.0,
    "ours_seconds": 2.0,
    "ratio": 3.0,
    "ours_share_of_bfloat16_rate": 0.254,
    "float32_agreement": AGREEMENT,
}


def test_the_record_goes_into_the_data_folder_if_asked(monkeypatch, tmp_path, capsys):
    asked = []

    def measure(*arguments):
        asked.append(arguments)
        return {"batch": 8, "crop": 256}, ROW

    monkeypatch.setattr("course_lib.records.train_step_speed.benchmark_training", measure)
    monkeypatch.setattr(options, "DATA_DIR", tmp_path)
    assert main(["benchmark", "train", "--device", "cpu", "--record"]) == 0
    assert asked == [(CPU, "auto", 8, 256, 5)]
    out = tmp_path / "runs" / "train_step_cpu.json"
    record = json.loads(out.read_text())
    assert record["settings"] == {"batch": 8, "crop": 256} and record["results"] == ROW
    assert capsys.readouterr().out.splitlines() == [
        "batch 8, 256 px: plain 6.000 s, ours 2.000 s per step, 3.00x, "
        "25% of the bfloat16 matrix rate",
        "float32 losses differ by at most 0.10% (content) and 0.25% (style)",
        f"made {out}",
        f"made {out.with_suffix('.png')}",
    ]


def test_the_command_measures_and_leaves_nothing_but_its_record(
    quick, monkeypatch, tmp_path, capsys
):
    monkeypatch.chdir(tmp_path)
    small = ["--batch", "1", "--crop", "16", "--repeats", "1", "--precision", "float32"]
    assert main(["benchmark", "train", "--device", "cpu", *small, "-o", "new/b.json"]) == 0
    assert sorted(p.name for p in tmp_path.rglob("*") if p.is_file()) == ["b.json", "b.png"]
    record = json.loads((tmp_path / "new" / "b.json").read_text())
    assert record["settings"]["precision"] == "float32"
    assert f"{record['results']['ratio']:.2f}x" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments, word",
    [
        (["train", "--crop", "20"], "multiple of 8"),
        (["train", "--crop", "8"], "16 pixels"),
        (["train", "--batch", "0"], "--batch"),
        (["train", "--repeats", "many"], "--repeats"),
        (["train", "--precision", "float8"], "--precision"),
        (["train", "--device", "abacus"], "abacus"),
        (["train", "--sizes", "256"], "--sizes"),
        (["swim"], "swim"),
        ([], "required"),
    ],
)
def test_bad_arguments_are_one_line_and_exit_code_2(monkeypatch, tmp_path, capsys, arguments, word):
    monkeypatch.setattr(train_step_speed, "matrix_rate", lambda *a: pytest.fail("too late"))
    monkeypatch.chdir(tmp_path)
    try:
        code = main(["benchmark", *arguments])
    except SystemExit as stop:
        code = stop.code
    printed = capsys.readouterr()
    assert code == 2 and printed.out == ""
    assert printed.err.startswith("error: ") and printed.err.count("\n") == 1
    assert word in printed.err
    assert not list(tmp_path.iterdir())


def test_the_bundled_pictures_are_what_is_trained_on(trainer):
    assert len(trainer.content_pool) == len(list((DATA_DIR / "content").glob("*.jpg")))
    assert len(trainer.style_pool) == len(list((DATA_DIR / "style").glob("*.jpg")))
