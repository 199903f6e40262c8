"""The check of lesson 06 on a timer, with a clock and a device of our own.

So nothing here depends on this machine. ``checks`` holds the lesson's other checks.
"""

import math
import random
import statistics
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from types import FunctionType

from course_lib.lessons.agreement import number_of
from course_lib.lessons.answers import CheckFailed
from course_lib.lessons.checking import explained

WHERE = "lesson 06, section 1 (a wrong timer, and why)"
REPEATS = (5, 7, 9)
LAUNCH = 0.002  # seconds that the program itself takes to hand a piece of work to the device
FIRST = 0.9  # seconds of the first call: loading, choosing kernels, fetching memory


# --- a clock and a device that tell no surprises ---


class PretendDevice:
    """A device beside the program, as a GPU is, and the clock on the wall.

    ``work()`` takes ``LAUNCH`` seconds of the program and hands the device some work, which it does
    when it is done with what it was given before. ``wait()`` returns when the device has finished.

    Args:
        costs: seconds of the device for each call; the last one again if there are more calls.
    """

    def __init__(self, costs: Sequence[float]) -> None:
        self.costs = list(costs)
        self.now, self.busy_until, self.own = 1000.0, 0.0, 0.0
        self.calls = 0
        self.read: set[str] = set()  # the clocks that were asked

    def work(self) -> None:
        cost = self.costs[min(self.calls, len(self.costs) - 1)]
        self.calls += 1
        self.busy_until = max(self.now, self.busy_until) + cost
        self.pass_time(LAUNCH)
        self.own += LAUNCH

    def wait(self, device: object = None) -> None:
        self.now = max(self.now, self.busy_until)

    def pass_time(self, seconds: float) -> None:
        self.now += seconds

    def clock(self, name: str) -> Callable[[], float]:
        """The function ``time.name`` on this clock."""

        def ask() -> float:
            self.read.add(name)
            value = self.own if name.startswith(("process", "thread")) else self.now
            return round(value * 1e9) if name.endswith("_ns") else value

        return ask


CLOCKS = (
    "perf_counter",
    "perf_counter_ns",
    "time",
    "time_ns",
    "monotonic",
    "monotonic_ns",
    "process_time",
    "process_time_ns",
    "thread_time",
)


class PretendTime:
    """Stands in for the module ``time`` in the namespace of the answer."""

    def __init__(self, device: PretendDevice) -> None:
        for name in CLOCKS:
            setattr(self, name, device.clock(name))
        self.sleep = device.pass_time


@contextmanager
def on_pretend_device(answer: FunctionType, device: PretendDevice) -> object:
    """Let the names ``time``, its clocks and ``synchronize`` in the answer's module mean ours."""
    names = getattr(answer, "__globals__", {})
    pretended = {"time": PretendTime(device), "synchronize": device.wait}
    for clock in CLOCKS[:2]:
        pretended[clock] = device.clock(clock)
    kept = {name: names[name] for name in pretended if name in names}
    if "time" in kept and not hasattr(kept["time"], "perf_counter"):  # from time import time
        pretended["time"] = device.clock("time")
    names.update({name: pretended[name] for name in kept})
    try:
        yield
    finally:
        names.update(kept)


# --- exercise 06.1 ---


@explained(WHERE)
def check_timer(answer: Callable[[Callable[[], None], int], float]) -> None:
    """Exercise 06.1: ``answer(work, repeats)`` -> the median seconds of a call."""
    results, devices = [], []
    for repeats in REPEATS:
        device = PretendDevice(made_up_costs(repeats))
        with on_pretend_device(answer, device):
            result = answer(device.work, repeats)
        results.append(result)
        devices.append(device)
    if all(result is None for result in results):
        return print("measure: not attempted yet")
    results = [number_of(result, "measure") for result in results]
    _check_use(devices)
    calls = max(devices[0].calls, REPEATS[0] + 1)
    right = _simulate(_right, REPEATS[0], calls)
    example = f"For {REPEATS[0]} repeats expected {right:.4g} s, got {results[0]:.4g} s"
    for diagnosis, timer in (("", _right), *_mistakes()):
        if all(
            math.isclose(result, _simulate(timer, repeats, device.calls), rel_tol=1e-6)
            for result, repeats, device in zip(results, REPEATS, devices, strict=True)
        ):
            if diagnosis:
                raise CheckFailed(diagnosis, example)
            return print("measure: correct (a slow first call, a busy device, an outlier)")
    raise CheckFailed(
        f"measure: for {REPEATS[0]} repeats it should be {right:.6f} s, got {results[0]:.6f} s"
    )


def made_up_costs(repeats: int) -> list[float]:
    """About 50 ms a call, a slow first one, and among those that count one outlier."""
    draw = random.Random(repeats)
    costs = [FIRST, *(0.05 + draw.uniform(-0.01, 0.01) for _ in range(4 * repeats))]
    costs[1] = 0.035  # a queue that is still busy would hide that this one is fast
    costs[1 + repeats // 2] = 0.6
    return costs


def _check_use(devices: Sequence[PretendDevice]) -> None:
    """Complain about the wrong clock or the wrong number of calls, whatever the result is."""
    read = set().union(*(device.read for device in devices))
    if not any(device.calls for device in devices):
        raise CheckFailed(
            "work was never called: write work()",
            f"For {REPEATS[0]} repeats expected {REPEATS[0] + 1} calls, got 0",
        )
    if not read:
        raise CheckFailed(
            "no clock was read: take time.perf_counter() of the module imported at the top of the "
            "lesson, so that the check can put its own clock there",
            "Expected a clock that is read before and after each call, got none",
        )
    if any(name.startswith(("process", "thread")) for name in read):
        raise CheckFailed(
            "process_time counts what this program computes and not what it waits for: the "
            "device's work is missing; take time.perf_counter()",
            f"Expected perf_counter, got {sorted(read)[0]}",
        )
    if read & {"time", "time_ns"}:
        raise CheckFailed(
            "time.time() is the calendar's clock, which is corrected now and then and may jump: "
            "take time.perf_counter()",
            f"Expected perf_counter, got {sorted(read)[0]}",
        )
    for device, repeats in zip(devices, REPEATS, strict=True):
        if device.calls < repeats:
            raise CheckFailed(
                f"work was called {device.calls} times for {repeats} repeats: time {repeats} calls "
                "after one that does not count",
                f"Expected {repeats + 1} calls or more, got {device.calls}",
            )


def _simulate(timer: Callable[[PretendDevice, int, int], float], repeats: int, calls: int) -> float:
    """What a timer says, which has ``calls - repeats`` calls to warm up."""
    return timer(PretendDevice(made_up_costs(repeats)), repeats, calls - repeats)


def _each(
    device: PretendDevice,
    repeats: int,
    warm_up: int,
    wait_before: bool = True,
    wait_after: bool = True,
    late: bool = False,
) -> list[float]:
    """Seconds of each call, taken the right way or with a mistake."""
    for _ in range(warm_up):
        device.work()
    if wait_before:
        device.wait()
    times = []
    for _ in range(repeats):
        begin = device.now
        device.work()
        if late:
            begin = device.now
        if wait_after:
            device.wait()
        times.append(device.now - begin)
    return times


def _right(device: PretendDevice, repeats: int, warm_up: int) -> float:
    times = _each(device, repeats, warm_up)
    if warm_up == 0:
        return math.nan  # without a warm-up nothing is right
    return statistics.median(times)


def _total(device: PretendDevice, repeats: int, warm_up: int, begin_first: bool = False) -> float:
    """One reading of the clock before and one after all calls."""
    begin = device.now
    for _ in range(warm_up):
        device.work()
    device.wait()
    begin = begin if begin_first else device.now
    for _ in range(repeats):
        device.work()
    device.wait()
    return device.now - begin


Timer = Callable[[PretendDevice, int, int], float]

NO_WARM_UP = (
    "the first call is among those that count: it loads, chooses kernels and fetches memory; "
    "call work() once before"
)
MEAN = "this is the mean, and one interrupted call spoils it: take statistics.median of the calls"
TOTAL = "these are the seconds of all calls: return those of one, the median"
QUEUE = (
    "the device is not waited for after a call, so this is the time to hand the work over: call "
    "synchronize(device) before you read the clock again"
)
BUSY = (
    "the device was still busy with the warm-up when the clock started: call synchronize(device) "
    "before it, too"
)
EARLY = "the clock is started before the warm-up: its seconds are among those of the calls"


def _by(rule: Callable[[list[float]], float], **how: bool) -> Timer:
    return lambda device, n, w: rule(_each(device, n, w, **how))


def _cold(rule: Callable[[list[float]], float], **how: bool) -> Timer:
    """Without a warm-up: all ``n + w`` calls were timed."""
    return lambda device, n, w: rule(_each(device, n + w, 0, **how))


def _mistakes() -> list[tuple[str, Timer]]:
    """Diagnoses, and timers (device, repeats, calls to warm up) with that mistake."""
    median, mean = statistics.median, statistics.fmean
    mistakes = [
        (NO_WARM_UP, _cold(median)),
        (f"{NO_WARM_UP}; and {MEAN}", _cold(mean)),
        (f"{NO_WARM_UP}; and {TOTAL}", _cold(sum)),
        (MEAN, _by(mean)),
        (
            "this is the fastest call: a lower bound, and no picture of an ordinary call; take "
            "the median",
            _by(min),
        ),
        ("this is the slowest call: take the median", _by(max)),
        (TOTAL, _by(sum)),
        (TOTAL, _total),
        (f"{MEAN}; for that, time each call by itself", lambda d, n, w: _total(d, n, w) / n),
        (EARLY, lambda d, n, w: _total(d, n, w, begin_first=True) / n),
        (
            "the seconds are divided by all calls, but those of the warm-up were not timed",
            lambda d, n, w: sum(_each(d, n, w)) / (n + w),
        ),
        (BUSY, _by(median, wait_before=False)),
        (f"{BUSY}; and {MEAN}", _by(mean, wait_before=False)),
        ("the clock is started after work() has begun: read it before", _by(median, late=True)),
        ("milliseconds: return seconds", lambda d, n, w: 1000 * median(_each(d, n, w))),
        ("nanoseconds: return seconds", lambda d, n, w: 1e9 * median(_each(d, n, w))),
        ("calls per second: return seconds per call", lambda d, n, w: 1 / median(_each(d, n, w))),
    ]
    for rule in (median, mean, min, max, sum):
        for before in (True, False):
            how = {"wait_before": before, "wait_after": False}
            mistakes += [(QUEUE, _by(rule, **how)), (QUEUE, _cold(rule, **how))]
    return mistakes
