"""The log of a run: one line per record, cut lines, averages per epoch, TensorBoard."""

import json
import sys
from types import SimpleNamespace

import pytest

from course_lib.training.config import TrainingError
from course_lib.training.logs import Log, epoch_losses, read_log


def record(step, epoch=0.0, phase="adain", content=1.0, style=2.0):
    return {
        "step": step,
        "phase": phase,
        "epoch": epoch,
        "content_loss": content,
        "style_loss": style,
        "loss": content + 10 * style,
        "learning_rate": 1e-4,
        "seconds": 1.5 * step,
    }


def test_what_is_written_is_read_back(tmp_path):
    records = [record(5), record(10, 1.0)]
    with Log(tmp_path, 0) as log:
        for item in records:
            log.write(item)
            assert read_log(tmp_path / "log.jsonl")[-1] == item  # flushed at once
    assert read_log(tmp_path / "log.jsonl") == records


def test_a_resumed_log_loses_only_the_steps_that_are_done_again(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps(record(step)) + "\n" for step in (5, 10, 15)) + '{"step": 2')
    with Log(tmp_path, 10) as log:
        log.write(record(14))
    assert [item["step"] for item in read_log(path)] == [5, 10, 14]


def test_a_process_that_does_not_write_leaves_no_file(tmp_path):
    with Log(tmp_path, 0, writes=False) as log:
        log.write(record(1))
    assert list(tmp_path.iterdir()) == []


def test_epochs_are_averages_over_steps_without_the_warm_up():
    records = [
        record(7, 0.0, "autoencoder", 9.0, 0.0),
        record(10, 0.3, content=1.0, style=4.0),  # 3 steps
        record(17, 1.0, content=2.0, style=3.0),  # 7 steps
        record(27, 2.0, content=0.5, style=1.0),
        record(32, 2.5, content=0.25, style=0.5),
    ]
    first, second, third = epoch_losses(records)
    assert (first["epoch"], first["steps"]) == (1, 10)
    assert first["content_loss"] == pytest.approx((3 * 1.0 + 7 * 2.0) / 10)
    assert first["style_loss"] == pytest.approx((3 * 4.0 + 7 * 3.0) / 10)
    assert first["loss"] == pytest.approx(first["content_loss"] + 10 * first["style_loss"])
    assert (second["epoch"], second["style_loss"]) == (2, 1.0)
    assert (third["epoch"], third["steps"], third["content_loss"]) == (3, 5, 0.25)


@pytest.mark.parametrize("steps_per_epoch", [3, 7, 365])
def test_rounded_epochs_still_end_where_they_should(steps_per_epoch):
    count = 3 * steps_per_epoch
    records = [record(i, round(i / steps_per_epoch, 6)) for i in range(1, count + 1)]
    assert [epoch["steps"] for epoch in epoch_losses(records)] == [steps_per_epoch] * 3


def test_an_empty_log_has_no_epochs():
    assert epoch_losses([]) == []


def test_tensorboard_gets_the_records_where_it_is_installed(tmp_path, monkeypatch):
    written, opened = [], []

    class Writer:
        def __init__(self, folder, purge_step):
            opened.append((folder, purge_step))

        def add_scalar(self, name, value, step):
            written.append((name, value, step))

        def flush(self):
            written.append("flush")

        def close(self):
            written.append("close")

    module = SimpleNamespace(SummaryWriter=Writer)
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    with Log(tmp_path, 40) as log:
        log.write(record(50))
    assert opened == [(str(tmp_path / "tensorboard"), 41)]
    assert ("adain/style_loss", 2.0, 50) in written
    assert written[-2:] == ["flush", "close"]


def test_without_tensorboard_the_log_is_written_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)  # its import fails
    with Log(tmp_path, 0) as log:
        log.write(record(1))
    assert [path.name for path in tmp_path.iterdir()] == ["log.jsonl"]


@pytest.mark.parametrize(
    "line",
    [
        "[]",
        "3",
        '"x"',
        "{}",
        '{"step": "x"}',
        '{"step": -1}',
        '{"step": 7, "loss": "x"}',
        "\x80",
        '{"step": 7, "phase": 3}',
        "nonsense",
        "[" * 9000,
    ],
)
def test_a_malformed_line_is_named(tmp_path, line):
    good = json.dumps(record(5))
    path = tmp_path / "log.jsonl"
    path.write_bytes(f"{good}\n{line}\n{good}\n".encode("latin-1"))
    with pytest.raises(TrainingError, match="log.jsonl, line 2 is not a record"):
        read_log(path)
    path.write_bytes(f"{good}\n{line}".encode("latin-1"))
    assert read_log(path) == [record(5)]


@pytest.mark.parametrize("records", [[{"step": 5}], [record(5), record(5)], [record(0)]])
def test_records_that_cannot_be_averaged_are_named(records):
    with pytest.raises(TrainingError, match="the record of step"):
        epoch_losses(records)
