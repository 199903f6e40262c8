"""The benchmark: both sides do the same job, and the arithmetic of the comparison is right."""

import json
import statistics

import pytest
import torch

from course_lib import DATA_DIR
from course_lib.images import find_images
from course_lib.measuring import timing
from course_lib.measuring.timing import compare, matrix_rate, seconds
from course_lib.records import stylize_speed
from course_lib.records.stylize_speed import PlainTransfer, benchmark_stylize
from course_lib.stylize import StyleStatistics, StyleTransfer
from course_lib.system.devices import describe

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def transfer():
    return StyleTransfer.load(device="cpu", precision="float32")


@pytest.fixture
def two_photos(monkeypatch):
    """Let the benchmark see two photographs and one style only."""
    monkeypatch.setattr(stylize_speed, "find_images", lambda folder: find_images(folder)[:2])


@pytest.fixture
def loads(monkeypatch, transfer):
    """Give the benchmark the loaded model; the precisions that it asked for are collected."""
    asked = []

    def load(device, precision):
        asked.append((device, precision))
        return transfer

    monkeypatch.setattr(StyleTransfer, "load", load)
    return asked


@pytest.mark.parametrize("height, width", [(16, 16), (32, 48)])
def test_the_plain_implementation_gives_the_same_pictures(transfer, height, width):
    content, style = torch.rand(2, 3, height, width), torch.rand(1, 3, 40, 24)
    plain = PlainTransfer(transfer)(content, style)
    torch.testing.assert_close(plain, transfer.stylize(content, style), atol=2e-3, rtol=0)


def test_the_plain_implementation_does_not_share_weights(transfer):
    plain = PlainTransfer(transfer)
    mine = {p.data_ptr() for p in plain.parameters()}
    theirs = {p.data_ptr() for m in (transfer.encoder, transfer.decoder) for p in m.parameters()}
    assert len(mine) > 30 and not mine & theirs


def test_the_plain_implementation_stays_float32_beside_a_rounded_one():
    rounded = StyleTransfer.load(device="cpu", precision="bfloat16")
    plain = PlainTransfer(rounded)
    assert {p.dtype for p in plain.parameters()} == {torch.float32}


def test_seconds_waits_for_the_device_before_and_after(monkeypatch):
    events = []
    monkeypatch.setattr(timing, "synchronize", lambda device: events.append("wait"))
    clock = iter([10.0, 12.5])

    def tick():
        events.append("clock")
        return next(clock)

    monkeypatch.setattr(timing.time, "perf_counter", tick)
    assert seconds(lambda: events.append("work"), CPU) == 2.5
    assert events == ["wait", "clock", "work", "wait", "clock"]


def test_medians_are_compared_not_means():
    row = compare(plain=[9.0, 1.0, 6.0], ours=[2.0, 4.0, 1.0])
    assert (row["plain_seconds"], row["ours_seconds"], row["ratio"]) == (6.0, 2.0, 3.0)
    assert row["plain_spread"] == [1.0, 9.0] and row["ours_spread"] == [1.0, 4.0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_matrix_rate_is_that_of_the_fastest_product(monkeypatch, dtype):
    products = []
    monkeypatch.setattr(torch, "mm", lambda a, b, out: products.append((a, b)))
    clock = iter([0.5, 0.25, 1.0])

    def one(work, device):
        work()
        return next(clock)

    monkeypatch.setattr(timing, "seconds", one)
    assert matrix_rate(dtype, CPU) == 2 * 1024**3 / 0.25
    assert len(products) == 3
    assert all(m.shape == (1024, 1024) and m.dtype == dtype for pair in products for m in pair)


def test_results_are_complete_and_settings_say_what_was_run(two_photos, loads):
    settings, results = benchmark_stylize(CPU, "float32", [16, 24], repeats=2)
    assert list(results) == ["16", "24"]
    for row in results.values():
        for side in ("plain", "ours"):
            low, high = row[f"{side}_spread"]
            assert 0 < low <= row[f"{side}_seconds"] <= high
        assert row["ratio"] == pytest.approx(row["plain_seconds"] / row["ours_seconds"])
        assert 0 <= row["mean_difference_255"] <= row["largest_mean_difference_255"] < 0.5
    photos = [path.stem for path in find_images(DATA_DIR / "content")[:2]]
    assert settings["photographs"] == photos
    assert settings["style"] == find_images(DATA_DIR / "style")[0].stem
    assert settings["precision"] == "float32" and settings["repeats"] == 2
    assert settings["device"].startswith(describe(torch.device("cpu")))
    json.dumps([settings, results])


def test_the_plain_side_is_always_float32(two_photos, loads):
    benchmark_stylize(CPU, "bfloat16", [16], repeats=1)
    assert loads == [("cpu", "float32"), ("cpu", "bfloat16")]


def test_the_warm_up_is_not_counted_and_medians_are_compared(two_photos, loads, monkeypatch):
    plain = [90.0, 91.0, 8.0, 1.0, 3.0, 5.0]  # the first round of two photographs is warm-up
    ours = [90.0, 91.0, 1.0, 2.0, 2.0, 7.0]
    measured = iter([value for pair in zip(plain, ours, strict=True) for value in pair])
    monkeypatch.setattr(stylize_speed, "seconds", lambda work, device: next(measured))
    _, results = benchmark_stylize(CPU, "float32", [16], repeats=2)
    row = results["16"]
    assert row["plain_seconds"] == statistics.median(plain[2:]) == 4.0
    assert row["ours_seconds"] == statistics.median(ours[2:]) == 2.0
    assert row["ratio"] == 2.0
    assert row["plain_spread"] == [1.0, 8.0] and row["ours_spread"] == [1.0, 7.0]


def test_the_plain_side_encodes_the_style_each_time_and_ours_once(two_photos, loads, monkeypatch):
    styles = {"encoded": [], "plain": [], "ours": []}

    def spy(owner, name, key, argument):
        method = getattr(owner, name)

        def recorded(self, *arguments):
            styles[key].append(type(arguments[argument]))
            return method(self, *arguments)

        monkeypatch.setattr(owner, name, recorded)

    spy(StyleTransfer, "encode_style", "encoded", 0)
    spy(StyleTransfer, "stylize", "ours", 1)
    spy(PlainTransfer, "forward", "plain", 1)
    benchmark_stylize(CPU, "float32", [16], repeats=1)
    assert styles["encoded"] == [torch.Tensor]
    # warm-up and one repeat for each of two photographs, and once more to compare the pictures
    assert styles["plain"] == [torch.Tensor] * 6
    assert styles["ours"] == [StyleStatistics] * 6


@pytest.mark.parametrize("size", [8, 20, 15])
def test_sizes_that_the_plain_side_cannot_do_are_refused_at_once(monkeypatch, size):
    def load(device, precision):
        pytest.fail("nothing should be loaded")

    monkeypatch.setattr(StyleTransfer, "load", load)
    with pytest.raises(ValueError, match=f"multiples of 8 from 16 pixels up, got {size}"):
        benchmark_stylize(CPU, "float32", [64, size], repeats=1)
