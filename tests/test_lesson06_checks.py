"""What the checks of lesson 06 promise beside the bank of answers (``wrong_answers/``)."""

import statistics
import time

import pytest

from course_lib.lessons.answers import CheckFailed
from course_lib.lessons.lesson06.checks import check_job_seconds, check_macs
from course_lib.lessons.lesson06.timer_checks import FIRST, LAUNCH, PretendDevice, check_timer
from course_lib.system.devices import synchronize

device = None  # what the timer below waits for; the check waits in its own way


def mean_timer(work, repeats):
    """A mistake: the mean instead of the median."""
    work()
    synchronize(device)
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        work()
        synchronize(device)
        times.append(time.perf_counter() - begin)
    return statistics.fmean(times)


def test_the_real_clock_is_back_afterwards():
    clock, wait = time, synchronize
    with pytest.raises(CheckFailed, match="this is the mean"):
        check_timer(mean_timer)
    assert globals()["time"] is clock and globals()["synchronize"] is wait


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


@pytest.mark.parametrize("check", [check_timer, check_job_seconds, check_macs])
def test_a_stub_is_not_attempted_yet(check, capsys):
    check(lambda *inputs: None)
    assert "not attempted yet" in capsys.readouterr().out
