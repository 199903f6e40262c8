"""``benchmark runtime``: the timer, both methods, scaling, quality at equal time, the table."""

import json
import subprocess
import time
from types import SimpleNamespace

import pytest
import torch
from command_kit import complains

from course_lib import DATA_DIR
from course_lib.gatys.config import GatysConfig
from course_lib.gatys.loop import HistoryRow
from course_lib.images import eight_bit
from course_lib.lessons.lesson06.macs import count_macs
from course_lib.lessons.lesson06.report_table import (
    REPORT,
    differences,
    in_words,
    runtime_table,
    table_in_words,
)
from course_lib.measuring import peak_memory, timing
from course_lib.measuring.peak_memory import PeakMemory
from course_lib.measuring.timing import repeated, seconds, summary
from course_lib.records import runtime as runtime_module
from course_lib.records import runtime_methods
from course_lib.records.runtime import (
    BenchmarkError,
    benchmark_runtime,
    check_process,
    time_process,
)
from course_lib.records.runtime_config import RuntimeConfig
from course_lib.records.runtime_methods import durations, measure_gatys, steady_state, whole_run
from course_lib.records.runtime_quality import until
from course_lib.stylize import StyleTransfer

CPU = torch.device("cpu")


@pytest.fixture
def clock(monkeypatch):
    """A clock that only moves when ``clock.pass_(seconds)`` is called."""
    fake = SimpleNamespace(now=100.0)
    fake.pass_ = lambda s: setattr(fake, "now", fake.now + s)
    monkeypatch.setattr(timing.time, "perf_counter", lambda: fake.now)
    return fake


# --- the timer ---


def test_a_workload_of_50_ms_takes_50_ms(clock):
    assert seconds(lambda: clock.pass_(0.05), CPU) == pytest.approx(0.05)
    assert repeated(lambda: clock.pass_(0.05), 3, CPU) == pytest.approx([0.05] * 3)


def test_the_warm_up_does_not_count(clock):
    costs = iter([0.9, 0.7, 0.05, 0.06, 0.05])
    times = repeated(lambda: clock.pass_(next(costs)), 3, CPU, warm_up=2)
    assert times == pytest.approx([0.05, 0.06, 0.05])


def test_an_outlier_does_not_move_the_summary(clock):
    assert summary([0.05, 0.6, 0.04, 0.05, 0.06]) == {
        "median": 0.05,
        "spread": [0.04, 0.6],
        "count": 5,
    }


def test_work_that_goes_on_behind_the_programs_back_is_waited_for(clock, monkeypatch):
    queue = []
    monkeypatch.setattr(
        timing, "synchronize", lambda device: clock.pass_(sum(queue)) or queue.clear()
    )

    def hand_over():
        clock.pass_(0.001)
        queue.append(0.05)

    assert repeated(hand_over, 2, CPU) == pytest.approx([0.051, 0.051])


def test_a_real_sleep_of_50_ms_is_about_that():
    assert 0.045 <= seconds(lambda: time.sleep(0.05), CPU) < 10


# --- memory ---


def test_the_peak_is_seen_although_the_memory_is_free_again():
    def work():
        big = torch.ones(40_000_000)  # 160 MB
        time.sleep(0.05)
        del big

    with PeakMemory(CPU) as peak:
        work()
    assert 120 < peak.record()["added_mb"] < 600
    assert peak.record()["peak_mb"] > peak.record()["before_mb"] > 50


def test_a_larger_piece_of_work_before_does_not_hide_a_smaller_one():
    for megabytes in (400, 80):
        with PeakMemory(CPU) as peak:
            big = torch.ones(megabytes * 250_000)
            time.sleep(0.05)
            del big
        assert peak.record()["added_mb"] > 0.6 * megabytes


def test_on_cuda_the_allocator_is_asked(monkeypatch):
    held = {"memory_allocated": 3e6, "max_memory_allocated": 8e6}
    for name, value in held.items():
        monkeypatch.setattr(torch.cuda, name, lambda device, value=value: value)
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda device: None)
    monkeypatch.setattr(peak_memory, "release_freed_memory", lambda: None)
    with PeakMemory(torch.device("cuda")) as peak:
        pass
    assert peak.record() == {"before_mb": 3.0, "peak_mb": 8.0, "added_mb": 5.0}


# --- the optimisation ---


def fake_run(costs, setup=0.5, stopped="finished"):
    """A result whose evaluations took ``costs`` seconds; the first two must be equal."""
    ends = [setup + sum(costs[: i + 1]) for i in range(len(costs))]
    rows = tuple(
        HistoryRow(i, 1, end, 1.0, 1.0, 0.0, 10.0 / i, 16, 16) for i, end in enumerate(ends, 1)
    )
    setup_seconds = 2 * ends[0] - ends[1] if len(ends) > 1 else ends[0]
    return SimpleNamespace(
        history=rows,
        evaluations=len(rows),
        seconds=ends[-1] + 0.25,
        stopped=stopped,
        setup_seconds=setup_seconds,
        saved_loss=0.4,
    )


def test_evaluations_are_told_from_the_setup():
    assert durations(fake_run([0.2, 0.2, 0.3])) == pytest.approx([0.2, 0.2, 0.3])


def test_the_steady_state_begins_when_the_memory_of_lbfgs_is_full():
    run = fake_run([0.1] * 50 + [0.2] * 20 + [0.22] * 20)
    steady = steady_state(run, GatysConfig(history_size=50))
    assert steady["from_evaluation"] == 51 and steady["count"] == 40
    assert steady["median"] == pytest.approx(0.21)
    assert steady["drift"] == pytest.approx(0.1)


def test_a_short_run_takes_its_last_quarter_as_steady():
    steady = steady_state(fake_run([0.1] * 6 + [0.2] * 2), GatysConfig())
    assert steady["from_evaluation"] == 7 and steady["median"] == pytest.approx(0.2)


def test_the_rest_of_a_run_is_extrapolated_from_the_first_run_and_the_steady_state():
    first = fake_run([0.1, 0.1, 0.3, 0.2])
    other = fake_run([0.1, 0.1])
    assert whole_run(first, first, 0.2, 10, False) == pytest.approx(first.seconds + 6 * 0.2)
    assert whole_run(other, first, 0.2, 10, False) == pytest.approx(
        other.seconds + 0.3 + 0.2 + 6 * 0.2
    )


def test_nothing_is_added_to_a_run_that_was_measured_whole_or_has_converged():
    run = fake_run([0.1, 0.1])
    assert whole_run(run, run, 0.2, 10, True) == run.seconds
    converged = fake_run([0.1, 0.1], stopped="converged")
    assert whole_run(converged, run, 0.2, 10, False) == converged.seconds


@pytest.mark.parametrize(("steps", "measured"), [(1, [4, 4]), (10, [9, 8])])
def test_the_record_says_whether_it_was_extrapolated(monkeypatch, steps, measured):
    monkeypatch.setattr(runtime_methods, "build_encoder", lambda config: None)
    asked = []

    def optimize(content, style, config, network):
        asked.append(config.max_evaluations)
        return fake_run([0.1] * config.max_evaluations)

    monkeypatch.setattr(runtime_methods, "optimize", optimize)
    image = torch.rand(1, 3, 16, 16)
    config = GatysConfig(steps=steps, evaluations_per_step=4)
    record = measure_gatys([(image, image)] * 2, config, CPU, 9, lambda line: None)
    assert record["evaluations_measured"] == asked[:2] == measured
    assert record["extrapolated"] == (steps == 10)
    assert record["evaluations_of_the_recipe"] == 4 * steps
    assert record["per_image_seconds"]["median"] == pytest.approx(0.75 + 0.4 * steps)
    assert record["memory"]["lbfgs_vectors_mb"] == pytest.approx(0.6)
    json.dumps(record)


# --- quality at equal time ---


def test_the_first_evaluation_that_is_as_good_counts():
    found = until(fake_run([0.2] * 6), 3.0)  # losses 10, 5, 3.33, 2.5 ...
    assert found["evaluations"] == 4 and found["seconds"] == pytest.approx(0.5 + 0.8)
    assert found["history"]["total"] == pytest.approx([10, 5, 3.3333, 2.5, 2, 1.6667], rel=1e-3)


def test_a_quality_that_is_not_reached_is_said_to_be():
    found = until(fake_run([0.2] * 6), 0.5)
    assert found["evaluations"] is None and found["seconds"] is None
    row = {"content": "cat", "style": "waves", "adain_loss": 0.5, "adain_seconds": 0.1}
    text = in_words(row | {"gatys": {"noise": found, "content": until(fake_run([0.2] * 6), 3.0)}})
    assert "more than 6 evaluations from noise or 4 evaluations and 1.30 s from content" in text


def test_images_are_judged_as_a_file_holds_them():
    image = torch.tensor([-0.1, 0.5 / 255 + 1e-4, 0.2, 1.4])
    assert eight_bit(image).tolist() == pytest.approx([0, 1 / 255, 51 / 255, 1])


# --- arithmetic ---


def test_the_arithmetic_is_that_of_the_real_networks():
    transfer = StyleTransfer.load(device="cpu", precision="float32")
    found = []

    def counted(input_, weight, bias=None, **more):
        result = convolve(input_, weight, bias, **more)
        found.append(weight.numel() * result.shape[-2] * result.shape[-1])
        return result

    convolve = torch.nn.functional.conv2d
    torch.nn.functional.conv2d = counted
    try:
        transfer.stylize(torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 32))
    finally:
        torch.nn.functional.conv2d = convolve
    assert sorted(found) == sorted(row["macs"] for row in count_macs(32))
    assert len(found) == 9 + 9 + 9


def test_arithmetic_grows_with_the_pixels():
    one, four = (sum(row["macs"] for row in count_macs(size)) for size in (64, 128))
    assert four == 4 * one


# --- a fresh process ---


def test_a_fresh_process_is_timed_from_its_start_to_its_end(monkeypatch, clock):
    monkeypatch.setattr(runtime_module, "time_import", lambda: 2.0)
    costs = iter([6.0, 5.0, 5.5])

    def run(command, cwd, capture_output, text):
        clock.pass_(next(costs))
        assert command[1:4] == ["-m", "course_lib", "stylize"]
        assert command[-4:] == ["--size", "64", "--device", "cpu"]
        content, out = command[4], command[command.index("-o") + 1]
        assert sorted(p.name for p in runtime_module.Path(content).iterdir()) == [
            "cat.jpg",
            "city.jpg",
        ]
        runtime_module.Path(out).mkdir()
        for name in ("cat", "city"):
            (runtime_module.Path(out) / f"{name}.jpg").touch()
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(runtime_module.subprocess, "run", run)
    record = time_process(
        ["cat", "city"], "ink_wash", 64, ["--device", "cpu"], 3, lambda line: None
    )
    assert record["seconds"] == {"median": 5.5, "spread": [5.0, 6.0], "count": 3}
    assert record["import_seconds"]["median"] == 2.0
    assert "/" not in record["command"].replace("data/style/", "")


@pytest.mark.parametrize(
    ("code", "saved", "words"), [(2, 2, "no such file"), (0, 1, "saved 1 of 2")]
)
def test_a_process_that_failed_is_no_time(tmp_path, code, saved, words):
    for i in range(saved):
        (tmp_path / f"{i}.jpg").touch()
    error = "error: no such file\n" if code else ""
    with pytest.raises(BenchmarkError, match=words):
        check_process(subprocess.CompletedProcess([], code, "", error), tmp_path, 2)


# --- the whole ---


@pytest.fixture
def no_process(monkeypatch):
    """The real command is timed elsewhere: here it would take most of the test."""
    record = {"seconds": summary([5.0]), "import_seconds": summary([2.0])}
    monkeypatch.setattr("course_lib.records.runtime.time_process", lambda *a: record)


@pytest.fixture
def tiny(monkeypatch, no_process):
    monkeypatch.setattr("course_lib.records.runtime.QUALITY_PAIRS", 1)
    options = "--images 1 --size 16 --evaluations 3 --sizes 16 32 --repeats 1 --device cpu"
    return f"{options} --quality-size 16 --quality-evaluations 3".split()


def test_the_command_writes_all_that_lesson_06_shows(run, tiny, tmp_path):
    out, pictures = tmp_path / "runtime.json", tmp_path / "pictures"
    code, printed, progress = run("benchmark", "runtime", *tiny, "--pictures", pictures, "-o", out)
    assert code == 0
    record = json.loads(out.read_text())
    results = record["results"]
    assert set(results) == {
        "process",
        "adain",
        "gatys",
        "sizes",
        "layers",
        "equal_quality",
        "table",
        "report",
        "differences",
    }
    adain, gatys = results["adain"], results["gatys"]
    assert adain["cumulative_seconds"][0] == pytest.approx(
        adain["load_seconds"] + adain["first_image_seconds"]
    )
    assert gatys["evaluations_of_the_recipe"] == 1000 and gatys["extrapolated"]
    assert list(results["sizes"]) == ["16", "32"]
    (row,) = results["equal_quality"]
    assert row["adain_loss"] > 0 and set(row["gatys"]) == {"noise", "content"}
    assert len(list(pictures.glob("cat_van_gogh_street_in_auvers_*.jpg"))) == 3
    assert record["settings"]["pairs"] == [["cat", "van_gogh_street_in_auvers"]]
    assert record["settings"]["steps"] == 50 and record["settings"]["init"] == "noise"
    assert "26.46" in printed and "3921.12" in printed and "extrapolated" in printed
    assert "two different GPUs" in printed and "to match it" in printed
    assert "per evaluation" in progress
    method = results["table"][1]
    assert method["our_seconds"] == gatys["cumulative_seconds"][-1]
    assert method["our_ratio_to_adain"] == pytest.approx(
        gatys["cumulative_seconds"][-1] / adain["cumulative_seconds"][-1]
    )


def test_the_whole_recipe_can_be_run_without_pictures(no_process, monkeypatch):
    monkeypatch.setattr("course_lib.records.runtime.QUALITY_PAIRS", 1)
    config = RuntimeConfig(
        images=1,
        size=16,
        evaluations=40,
        sizes=(16,),
        quality_size=16,
        quality_evaluations=2,
        repeats=1,
    )
    recipe = GatysConfig(steps=2, evaluations_per_step=3, device="cpu")
    settings, results = benchmark_runtime(config, recipe=recipe)
    assert results["gatys"]["extrapolated"] is False
    (measured,) = results["gatys"]["evaluations_measured"]
    assert 4 <= measured <= 6  # a step that leaps astray ends early
    assert not any("extrapolated" in line for line in results["differences"])
    assert any("pictures; ours 1" in line for line in results["differences"])
    json.dumps([settings, results])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--images", "9"], ["images must be at least 1 and at most 8, got 9"]),
        (["--size", "20"], ["multiples of 8", "20"]),
        (["--sizes", "64", "8192"], ["multiples of 8", "8192"]),
        (["--sizes"], ["sizes must be at least one number"]),
        (["--evaluations", "1"], ["evaluations", "at least 2"]),
        (["--device", "cuda:99"], ["cuda:99"]),
    ],
)
def test_what_cannot_be_measured_is_refused_at_once(run, monkeypatch, tmp_path, arguments, words):
    monkeypatch.setattr(
        "course_lib.records.runtime.benchmark_runtime", lambda *a: pytest.fail("nothing should run")
    )
    out = tmp_path / "out.json"
    complains(run("benchmark", "runtime", *arguments, "-o", out), *words)
    assert not out.exists()


def made_up_results():
    return {
        "adain": {"cumulative_seconds": [1.0, 2.0]},
        "gatys": {
            "cumulative_seconds": [100.0, 200.0],
            "extrapolated": True,
            "evaluations_of_the_recipe": 1000,
            "evaluations_measured": [70, 8],
        },
    }


def test_the_table_has_the_reports_numbers_beside_ours():
    rows = runtime_table(made_up_results(), "a laptop")
    assert [row["method"] for row in rows] == ["AdaIN", "optimisation"]
    assert [row["report_seconds"] for row in rows] == [26.46, 3921.12]
    assert [row["our_seconds"] for row in rows] == [2.0, 200.0]
    assert rows[1]["our_ratio_to_adain"] == 100
    assert rows[1]["report_ratio_to_adain"] == pytest.approx(148.19, abs=0.01)
    assert rows[0]["report_device"] != rows[1]["report_device"]
    text = table_in_words(rows)
    assert len(text) == 4 and "148x" in text[3] and "100x" in text[3]
    assert "(extrapolated)" in text[2] and "(extrapolated)" not in text[1]


def test_what_differed_is_listed():
    text = "\n".join(differences(made_up_results(), {"images": 5, "size": 512}))
    for words in ("two different GPUs", "loading", "70, 8", "1000 evaluations", "training"):
        assert words in text


# --- the committed record ---


@pytest.fixture(scope="module")
def committed():
    return json.loads((DATA_DIR / "runs" / "runtime_cpu.json").read_text())


def test_five_saved_pictures_are_faster_than_the_reports_on_its_gpu(committed):
    process = committed["results"]["process"]
    assert len(process["photographs"]) == committed["settings"]["images"] == REPORT["images"] == 5
    assert committed["settings"]["size"] == 512 and committed["settings"]["threads"] == 2
    assert max(process["each_seconds"]) < REPORT["adain_seconds"]


def test_the_extrapolation_rests_on_a_constant_time_per_evaluation(committed):
    gatys = committed["results"]["gatys"]
    assert gatys["extrapolated"]
    assert abs(gatys["per_evaluation_seconds"]["drift"]) < 0.15
    assert all(0.8 < ratio < 1.25 for ratio in gatys["other_pictures_over_first"])


def test_quality_at_equal_time_is_recorded_for_five_pairs_with_their_pictures(committed):
    rows = committed["results"]["equal_quality"]
    assert len(rows) >= 5
    for row in rows:
        assert all(run["evaluations"] and run["seconds"] for run in row["gatys"].values())
        for kind in ("adain", "noise", "content"):
            path = DATA_DIR / "runs" / "runtime" / f"{row['content']}_{row['style']}_{kind}.jpg"
            assert path.stat().st_size <= 60_000
