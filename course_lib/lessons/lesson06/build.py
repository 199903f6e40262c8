"""Check of lesson 06's build: a race of two programs on a machine that slows down."""

import statistics
from collections.abc import Callable, Sequence

from course_lib.lessons.agreement import compare
from course_lib.lessons.answers import CheckFailed
from course_lib.lessons.checking import explained
from course_lib.lessons.lesson06.timer_checks import FIRST, PretendDevice, on_pretend_device

Work = Callable[[], None]
WHERE = 'lesson 06, section 8 "Build it: a fair race"'
NAMES = ("the ratio", "the smallest", "the largest")


def race(
    first: Work,
    second: Work,
    repeats: int,
    clock: Callable[[], float],
    wait: Callable[[], object],
    *,
    warm: int = 2,
    waits: bool = True,
    alternate: bool = True,
    blocks: bool = False,
    middle: Callable[[Sequence[float]], float] = statistics.median,
    of_medians: bool = False,
    upside_down: bool = False,
    extremes_of_times: bool = False,
) -> tuple[float, float, float]:
    """Median, smallest and largest ratio of ``second`` to ``first`` over so many rounds.

    The options are what a mistaken answer would do otherwise.
    """

    def timed(work: Work) -> float:
        begin = clock()
        work()
        if waits:
            wait()
        return clock() - begin

    for work in (first, second)[:warm]:
        timed(work)
    if blocks:
        pairs = list(
            zip(*([timed(w) for _ in range(repeats)] for w in (first, second)), strict=True)
        )
    else:
        pairs = []
        for turn in range(repeats):
            order = (first, second) if turn % 2 == 0 or not alternate else (second, first)
            times = {work: timed(work) for work in order}
            pairs.append((times[first], times[second]))
    if upside_down:
        pairs = [(b, a) for a, b in pairs]
    ratios = [b / a for a, b in pairs]
    own, other = zip(*pairs, strict=True)
    ratio = middle(other) / middle(own) if of_medians else middle(ratios)
    if extremes_of_times:
        return ratio, min(other) / max(own), max(other) / min(own)
    return ratio, min(ratios), max(ratios)


MISTAKES = {
    "the device was not waited for: synchronize(device) after each call, before the clock": {
        "waits": False
    },
    "one call of each should not count: warm both up first": {"warm": 0},
    "only the first program was warmed up": {"warm": 1},
    "all calls of one, then all of the other: the machine slows down meanwhile; take turns": {
        "blocks": True
    },
    "the same one goes first in every round: let them alternate": {"alternate": False},
    "the mean of the ratios: one interruption spoils it; take the median": {
        "middle": statistics.fmean
    },
    "the ratio of the medians: take the ratio in each round, then the median": {"of_medians": True},
    "the ratio is upside down: the second over the first": {"upside_down": True},
    "smallest and largest belong to the ratios of the rounds, not to the times": {
        "extremes_of_times": True
    },
}


class SlowingDevice(PretendDevice):
    """A device with two kinds of work that heats up: every call takes a little longer.

    The first call of each kind is a cold one, and one call is interrupted.
    """

    def __init__(self, costs: tuple[float, float], interrupted: int) -> None:
        super().__init__([0.0])
        self.kinds, self.interrupted, self.seen = costs, interrupted, set()

    def call(self, kind: int) -> None:
        cold = 0.0 if kind in self.seen else FIRST
        self.seen.add(kind)
        cost = self.kinds[kind] * 1.03**self.calls + cold
        self.costs = [cost + 0.5 * (self.calls == self.interrupted)]
        self.work()

    def first(self) -> None:
        self.call(0)

    def second(self) -> None:
        self.call(1)


def made_up_devices() -> list[tuple[SlowingDevice, int]]:
    """Devices, each with the number of rounds that it is raced for."""
    return [
        (SlowingDevice((0.05, 0.1), 6), 5),
        (SlowingDevice((0.2, 0.07), 9), 7),
        (SlowingDevice((0.03, 0.05), 4), 6),
    ]


@explained(WHERE)
def check_race(answer: Callable[[Work, Work, int], tuple[float, float, float]]) -> None:
    """Build 06: ``answer(first, second, repeats)`` -> (median, smallest, largest) ratio."""
    results = []
    for device, repeats in made_up_devices():
        first, second = device.first, device.second
        with on_pretend_device(answer, device):
            result = answer(first, second, repeats)
        if result is None:
            return print("race: not attempted yet")
        if device.calls < 2 * repeats:
            raise CheckFailed(
                "each round times both programs once",
                f"For {repeats} rounds expected {2 * repeats + 2} calls, got {device.calls}",
            )
        results.append(result)
    for result, (_, repeats), number in zip(results, made_up_devices(), range(3), strict=True):
        expected = _simulated(number, repeats)
        faulty = {text: _simulated(number, repeats, **how) for text, how in MISTAKES.items()}
        compare(result, expected, faulty, "race", NAMES)
    print("race: correct (waiting, warm, in turns, paired)")


def _simulated(number: int, repeats: int, **how: object) -> tuple[float, float, float]:
    device = made_up_devices()[number][0]
    return race(
        device.first, device.second, repeats, device.clock("perf_counter"), device.wait, **how
    )
