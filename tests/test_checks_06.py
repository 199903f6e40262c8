"""The checks of lesson 06: right answers pass, and each mistake is called by its name."""

import json
import re
import statistics
import time

import pytest

from course_lib import REPOSITORY, checks
from course_lib.checks import CheckFailed, check_job_seconds, check_macs, check_timer
from course_lib.checks.timing import FIRST, LAUNCH, PretendDevice
from course_lib.devices import synchronize

device = None  # what the timers below wait for; the check waits in its own way


# --- the timer ---


def each(work, repeats, warm_up=1, before=True, after=True, late=False, clock=None):
    """Seconds of each call, the right way or with a mistake."""
    clock = clock or time.perf_counter
    for _ in range(warm_up):
        work()
    if before:
        synchronize(device)
    times = []
    for _ in range(repeats):
        begin = clock()
        work()
        if late:
            begin = clock()
        if after:
            synchronize(device)
        times.append(clock() - begin)
    return times


def right(work, repeats):
    return statistics.median(each(work, repeats))


def two_warm_ups(work, repeats):
    return statistics.median(each(work, repeats, warm_up=2))


def with_nanoseconds(work, repeats):
    return statistics.median(each(work, repeats, clock=time.perf_counter_ns)) / 1e9


def total(work, repeats, before_warm_up=False):
    begin = time.perf_counter()
    work()
    synchronize(device)
    if not before_warm_up:
        begin = time.perf_counter()
    for _ in range(repeats):
        work()
    synchronize(device)
    return time.perf_counter() - begin


@pytest.mark.parametrize("answer", [right, two_warm_ups, with_nanoseconds])
def test_right_timers_pass(answer, capsys):
    check_timer(answer)
    assert "correct" in capsys.readouterr().out


WRONG_TIMERS = {
    "no warm-up": (lambda w, n: statistics.median(each(w, n, warm_up=0)), "first call is among"),
    "no warm-up, mean": (lambda w, n: statistics.fmean(each(w, n, warm_up=0)), "first call.*mean"),
    "all calls count": (
        lambda w, n: statistics.median(each(w, n + 1, warm_up=0)),
        "first call is among",
    ),
    "not waited for": (lambda w, n: statistics.median(each(w, n, after=False)), "not waited for"),
    "never waited for": (
        lambda w, n: statistics.fmean(each(w, n, before=False, after=False)),
        "not waited for",
    ),
    "busy at the start": (lambda w, n: statistics.median(each(w, n, before=False)), "still busy"),
    "mean": (lambda w, n: statistics.fmean(each(w, n)), "this is the mean"),
    "mean of one go": (lambda w, n: total(w, n) / n, "this is the mean"),
    "fastest": (lambda w, n: min(each(w, n)), "fastest call"),
    "slowest": (lambda w, n: max(each(w, n)), "slowest call"),
    "sum": (lambda w, n: sum(each(w, n)), "all calls: return those of one"),
    "one go, not divided": (total, "all calls: return those of one"),
    "clock before warm-up": (lambda w, n: total(w, n, True) / n, "before the warm-up"),
    "clock before warm-up, not divided": (lambda w, n: total(w, n, True), "first call.*all calls"),
    "divided by too many": (lambda w, n: sum(each(w, n)) / (n + 1), "divided by all calls"),
    "clock too late": (lambda w, n: statistics.median(each(w, n, late=True)), "read it before"),
    "milliseconds": (lambda w, n: 1000 * right(w, n), "milliseconds"),
    "nanoseconds": (lambda w, n: 1e9 * right(w, n), "nanoseconds"),
    "rate": (lambda w, n: 1 / right(w, n), "per second"),
    "time.time": (lambda w, n: statistics.median(each(w, n, clock=time.time)), "calendar's clock"),
    "process_time": (
        lambda w, n: statistics.median(each(w, n, clock=time.process_time)),
        "what it waits for",
    ),
    "no clock": (lambda w, n: [w() for _ in range(n)] and 0.05, "no clock was read"),
    "no call": (lambda w, n: time.perf_counter(), "never called"),
    "too few calls": (lambda w, n: statistics.median(each(w, n - 2)), "times for 5 repeats"),
    "a list": (lambda w, n: each(w, n), "return a number"),
    "nonsense": (lambda w, n: 3 * right(w, n) + 1, "it should be"),
}


@pytest.mark.parametrize("name", WRONG_TIMERS)
def test_wrong_timers_are_named(name):
    answer, diagnosis = WRONG_TIMERS[name]
    with pytest.raises(CheckFailed, match=diagnosis):
        check_timer(answer)


def test_the_real_clock_is_back_afterwards():
    clock, wait = time, synchronize
    with pytest.raises(CheckFailed):
        check_timer(WRONG_TIMERS["mean"][0])
    assert globals()["time"] is clock and globals()["synchronize"] is wait
    assert time.perf_counter() < time.perf_counter() + 1


def test_an_error_in_the_answer_is_shown_and_the_real_clock_comes_back():
    def broken(work, repeats):
        time.perf_counter()
        raise ZeroDivisionError

    clock = time
    with pytest.raises(ZeroDivisionError):
        check_timer(broken)
    assert time is clock


def test_the_pretended_device_works_beside_the_program():
    pretended = PretendDevice([FIRST, 0.05])
    start = pretended.now
    pretended.work()
    assert pretended.now == pytest.approx(start + LAUNCH)  # handed over, not done
    pretended.work()  # queues behind the first
    pretended.wait()
    assert pretended.now == pytest.approx(start + FIRST + 0.05)
    pretended.wait()  # nothing left
    assert pretended.now == pytest.approx(start + FIRST + 0.05)


# --- seconds of a whole job ---


def job(load, first, steady, images):
    return load + first + (images - 1) * steady


WRONG_JOBS = {
    "no load": (lambda a, f, s, n: f + (n - 1) * s, "loading is missing"),
    "load each time": (lambda a, f, s, n: n * a + f + (n - 1) * s, "every picture: a program"),
    "first twice": (lambda a, f, s, n: a + f + n * s, "counted twice"),
    "no first": (lambda a, f, s, n: a + n * s, "not a steady one"),
    "all first": (lambda a, f, s, n: a + n * f, "as long as the first"),
    "per picture": (lambda a, f, s, n: job(a, f, s, n) / n, "per picture"),
    "text": (lambda a, f, s, n: "soon", "return a number"),
    "nonsense": (lambda a, f, s, n: 77.0, "should be"),
}


@pytest.mark.parametrize("name", WRONG_JOBS)
def test_wrong_job_seconds_are_named(name):
    answer, diagnosis = WRONG_JOBS[name]
    with pytest.raises(CheckFailed, match=diagnosis):
        check_job_seconds(answer)


# --- arithmetic of a convolution ---


def macs(i, o, k, h, w):
    return i * o * k * k * h * w


WRONG_MACS = {
    "kernel once": (lambda i, o, k, h, w: i * o * k * h * w, "kernel is a square"),
    "no kernel": (lambda i, o, k, h, w: i * o * h * w, "kernel is missing"),
    "operations": (lambda *a: 2 * macs(*a), "twice as many"),
    "no input channels": (lambda i, o, k, h, w: o * k * k * h * w, "input's channels"),
    "no output channels": (lambda i, o, k, h, w: i * k * k * h * w, "output's channels"),
    "weights": (lambda i, o, k, h, w: i * o * k * k, "these are the weights"),
    "valid": (lambda i, o, k, h, w: i * o * k * k * (h - k + 1) * (w - k + 1), "border"),
    "bias": (lambda i, o, k, h, w: (i * k * k + 1) * o * h * w, "bias"),
    "sum of sides": (lambda i, o, k, h, w: i * o * k * k * (h + w), "not height \\+ width"),
    "nonsense": (lambda *a: 12, "should be"),
}


@pytest.mark.parametrize("name", WRONG_MACS)
def test_wrong_macs_are_named(name):
    answer, diagnosis = WRONG_MACS[name]
    with pytest.raises(CheckFailed, match=diagnosis):
        check_macs(answer)


# --- all ---


@pytest.mark.parametrize(("check", "answer"), [(check_job_seconds, job), (check_macs, macs)])
def test_right_answers_pass(check, answer, capsys):
    check(answer)
    assert "correct" in capsys.readouterr().out


@pytest.mark.parametrize("check", [check_timer, check_job_seconds, check_macs])
def test_a_stub_is_not_attempted_yet(check, capsys):
    check(lambda *inputs: None)
    assert "not attempted yet" in capsys.readouterr().out


def test_the_notebooks_own_solutions_pass(capsys):
    notebook = REPOSITORY / "notebooks" / "06_runtime_benchmark.ipynb"
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    text = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    names = {"time": time, "statistics": statistics, "synchronize": synchronize, "device": None}
    for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(code, names)
    checks.check_timer(names["measure"])
    checks.check_job_seconds(names["job_seconds"])
    checks.check_macs(names["conv_macs"])
    assert capsys.readouterr().out.count("correct") == 3
