"""Lesson 04's build: six vital signs of a training log, and the chart that they make."""

import math
import random
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from course_lib.lessons.answers import CheckFailed
from course_lib.lessons.checking import exercise, explained
from course_lib.lessons.lesson04.checks import check_letters
from course_lib.lessons.lesson04.figures import windowed, windowed_means
from course_lib.lessons.smallest_case import show

Log = Mapping[str, list[float]]
WHERE = 'lesson 04, section 8 "Build it: six sick runs on one page"'
WINDOW = 15  # records
LIMITS = {"stuck": 0.7, "rebound": 1.3, "relapse": 1.3, "content": 1.3, "spikes": 2, "rhythm": 0.5}
ILLNESSES = {
    "nothing is learned": "without learning the end is as high as the start, all the way",
    "learning rate too high": "steps that are too long drive up all losses, of unseen pairs, too",
    "damaged images": "a few bad images leave single records high, and the trend untouched",
    "never shuffled": "the same order in every epoch makes the same bumps, again and again",
    "learned by heart": "what is learned by heart helps with the training pairs and no others",
    "style weight too large": "where style pays too well the total falls, at the content's expense",
}


def shuffled_numbers() -> dict[str, str]:
    """Number of a sick run -> its illness; shuffled, so that the numbers give nothing away."""
    names = list(ILLNESSES)
    random.Random(15).shuffle(names)
    return dict(zip("123456", names, strict=True))


def made_up_runs() -> dict[str, Log]:
    """Logs of a healthy run and of six sick ones: made up, from seeds."""
    names = {"healthy": ""} | shuffled_numbers()
    return {run: made_up_log(illness, seed) for seed, (run, illness) in enumerate(names.items())}


def made_up_log(illness: str, seed: int, records: int = 120) -> Log:
    """Lists of total, content and held-out losses, one number for each record."""
    rng, time = np.random.default_rng(seed), np.arange(records)
    fall = np.exp(-time / 25) if illness != "nothing is learned" else np.ones(records)
    late = np.maximum(0, time - records / 2)
    content, style = 3 + 2 * fall, 4 + 16 * fall
    if illness == "style weight too large":
        content, style = 8 - 3 * fall, style - 3 * (1 - fall)
    wild = np.exp(0.05 * late * (illness == "learning rate too high"))
    bumps = np.exp(0.06 * rng.standard_normal(records))
    if illness == "never shuffled":
        bumps *= np.tile(np.exp(rng.uniform(-0.25, 0.25, 12)), records // 12 + 1)[:records]
    if illness == "damaged images":
        bumps[rng.choice(np.arange(10, records - 10), 6, replace=False)] *= 2.2
    by_heart = np.exp(0.015 * late * (illness == "learned by heart"))
    held_out = (
        1.1 * (content + style) * wild * by_heart * np.exp(0.02 * rng.standard_normal(records))
    )
    log = {"loss": (content + style) * wild * bumps, "content": content * wild * bumps}
    return {name: x.tolist() for name, x in (log | {"held_out": held_out}).items()}


# --- step 1: a trend that no spike can move ---


def trend(values: Sequence[float], window: int) -> list[float]:
    """The median of each value and its ``window // 2`` neighbours on either side."""
    return windowed(values, window // 2, window // 2, statistics.median)


def _short_series() -> list[tuple[list[float], int]]:
    return [([6.0, 1.0, 3.0], 3), ([6.0, 0.0, 3.0, 90.0, 12.0, 1.0, 4.0], 3)]


def _trend_mistakes(values: Sequence[float], window: int) -> dict[str, list[float]]:
    half, median = window // 2, statistics.median
    padded = [0.0] * half + list(values) + [0.0] * half
    return {
        "this is the mean, which one spike pulls up: take the median": windowed_means(
            values, half, half
        ),
        "it lags: take half of the window from either side": windowed(
            values, window - 1, 0, median
        ),
        "it runs ahead: take half of the window from either side": windowed(
            values, 0, window - 1, median
        ),
        "the window is twice too wide: window // 2 to either side": windowed(
            values, window, window, median
        ),
        "near an end the number of values may be even: take the mean of the two in the middle": (
            windowed(values, half, half, statistics.median_high)
        ),
        "the ends are filled up with zeros: take the values that there are": windowed(
            padded, half, half, median
        )[half:-half],
        "the result is shorter than its input: near an end take the values that there are": trend(
            values, window
        )[half:-half],
        "the values in each window are not sorted: the middle one in time is no median": list(
            values
        ),
    }


@exercise(
    "trend",
    "unmoved by spikes, as long as its input",
    WHERE,
    trend,
    ("values", "window"),
    _short_series,
    mistakes=_trend_mistakes,
)
def check_trend() -> Iterator[tuple]:
    """Build 04, step 1: ``answer(values, window)`` -> running medians, as many as values."""
    for seed, window in ((1, 5), (2, 9)):
        yield made_up_log("damaged images", seed, 40)["loss"], window


# --- step 2: a rhythm ---


def rhythm(values: Sequence[float], line: Sequence[float]) -> tuple[int, float]:
    """The best lag of what a trend leaves over, 2 to a third of the length; autocorrelation."""
    return _best_lag([math.log(v / t) for v, t in zip(values, line, strict=True)])


def _best_lag(
    rest: Sequence[float],
    first: int = 2,
    share: int = 3,
    centred: bool = True,
    unbiased: bool = False,
) -> tuple[int, float]:
    r = np.array(rest) - (np.mean(rest) if centred else 0)
    lags = range(first, len(r) // share + 1)
    found = {lag: float(r[: len(r) - lag] @ r[lag:] / (r @ r)) for lag in lags}
    if unbiased:
        found = {lag: value * len(r) / (len(r) - lag) for lag, value in found.items()}
    best = max(found, key=found.get)
    return best, found[best]


def _short_rhythms() -> list[tuple[list[float], list[float]]]:
    return [([2.0, 1.0, 1.0, 2.0, 1.0, 1.0, 2.0, 1.0, 1.0], [1.0] * 9)]


def _rhythm_mistakes(values: Sequence[float], line: Sequence[float]) -> dict[str, tuple]:
    rest = [math.log(v / t) for v, t in zip(values, line, strict=True)]
    period, strength = _best_lag(rest)
    return {
        "every list is like itself: begin at lag 2, not at 0": _best_lag(rest, first=0),
        "neighbours are alike in any curve: begin at lag 2, not at 1": _best_lag(rest, first=1),
        "the mean of the rest was not subtracted": _best_lag(rest, centred=False),
        "divide by the sum over all records, not over those that overlap: long lags have few "
        "pairs": _best_lag(rest, unbiased=True),
        "lags go up to a third of the length: of longer ones there are too few": _best_lag(
            rest, share=1
        ),
        "take the logarithm of value / trend, not the difference: a bump grows with its curve": (
            _best_lag([v - t for v, t in zip(values, line, strict=True)])
        ),
        "the trend is still in it: divide by the line first": _best_lag(
            list(map(math.log, values))
        ),
        "the two are swapped: (period, strength)": (strength, period),
        "the list began at lag 2, so its first place is not lag 0": (period - 2, strength),
    }


@exercise(
    "rhythm",
    "noise, a true period, a falling curve",
    WHERE,
    rhythm,
    ("values", "line"),
    _short_rhythms,
    mistakes=_rhythm_mistakes,
    parts=("period", "strength"),
)
def check_rhythm() -> Iterator[tuple]:
    """Build 04, step 2: ``answer(values, line)`` -> (period in records, its strength)."""
    for seed, illness, records in ((11, "never shuffled", 70), (12, "", 33)):
        values = made_up_log(illness, seed, records)["loss"]
        yield values, trend(values, 7)
        yield values, [statistics.fmean(values)] * records


# --- step 3: six vital signs ---


def vital_signs(log: Log, window: int) -> tuple[float, ...]:
    """Six numbers in the order of ``LIMITS``, each of them larger in sicker runs."""
    line, content, held_out = (trend(log[x], window) for x in ("loss", "content", "held_out"))
    return (
        line[-1] / line[0],
        line[-1] / min(line),
        held_out[-1] / min(held_out),
        content[-1] / content[0],
        sum(value > 1.5 * t for value, t in zip(log["loss"], line, strict=True)),
        rhythm(log["loss"], line)[1],
    )


def _short_logs() -> list[tuple[Log, int]]:
    loss = [9.0, 8.0, 30.0, 6.0, 5.0, 5.5, 5.0, 6.0, 7.0]
    held_out = [9.0, 8.0, 7.5, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0]
    return [({"loss": loss, "content": [x / 3 for x in held_out], "held_out": held_out}, 3)]


def _signs_mistakes(log: Log, window: int) -> dict[str, tuple[float, ...]]:
    signs = dict(zip(LIMITS, vital_signs(log, window), strict=True))
    loss, line = log["loss"], trend(log["loss"], window)
    held_out = trend(log["held_out"], window)
    pairs = list(zip(loss, line, strict=True))
    single = {
        "stuck": loss[-1] / loss[0],
        "rebound": loss[-1] / min(loss),
        "relapse": log["held_out"][-1] / min(log["held_out"]),
        "content": log["content"][-1] / log["content"][0],
    }
    wrong = {
        "stuck is end / start, not start / end": {"stuck": 1 / signs["stuck"]},
        "the ends are the trend's, not those of single records": single,
        "rebound compares with the lowest of the trend, not with its start": {
            "rebound": signs["stuck"]
        },
        "relapse is that of the held-out loss: this is the training loss's": {
            "relapse": signs["rebound"]
        },
        "relapse compares with the lowest of the held-out trend, not with its start": {
            "relapse": held_out[-1] / held_out[0]
        },
        "relapse compares the held-out loss with itself, not with the training loss": {
            "relapse": held_out[-1] / line[-1]
        },
        "content is that of the content loss: this is the total's": {"content": signs["stuck"]},
        "spikes are counted: this is their share": {"spikes": signs["spikes"] / len(loss)},
        "a spike lies above 1.5 times the trend: this compares with the trend": {
            "spikes": sum(v > t for v, t in pairs)
        },
        "rhythm is the strength, not the period": {"rhythm": rhythm(loss, line)[0]},
    }
    return {text: tuple((signs | change).values()) for text, change in wrong.items()}


@exercise(
    "vital_signs",
    "falling, rebounding and relapsing runs",
    WHERE,
    vital_signs,
    ("log", "window"),
    _short_logs,
    mistakes=_signs_mistakes,
    parts=tuple(LIMITS),
)
def check_vital_signs() -> Iterator[tuple]:
    """Build 04, step 3: ``answer(log, window)`` -> six numbers, in the order of ``LIMITS``."""
    for seed, illness in enumerate(ILLNESSES):
        yield made_up_log(illness, 20 + seed, 60), 9


# --- step 4: the chart ---


@explained(WHERE)
def check_chart(answer: Callable[[Mapping[str, Sequence[float]]], Figure]) -> None:
    """Build 04, step 4: ``answer(signs)``: run -> six numbers; a figure with one image."""
    rng = np.random.default_rng(3)
    signs = {name: tuple(rng.uniform(0.1, 3, len(LIMITS))) for name in ("x", "first", "last")}
    figure = answer(dict(signs))
    if figure is None:
        return print("chart: not attempted yet")
    if not isinstance(figure, Figure):
        _complain("return the figure", "a figure", figure)
    plt.close(figure)  # or the notebook would show it
    images = [image for axis in figure.axes for image in axis.images]
    if len(images) != 1:
        _complain("draw one image, with axis.imshow", "1 image", len(images))
    rows = np.array(list(signs.values()))
    shares = rows / list(LIMITS.values())
    given, axis = np.asarray(images[0].get_array(), dtype=float), images[0].axes
    mistakes = {
        "divide each sign by its limit: a count and a ratio have no common scale": rows,
        "a run is a row, a sign a column": shares.T,
        "divide by the limits: the worst of a few runs need not be sick": rows / rows.max(0),
        "a row for each run, in the order given": shares[::-1],
    }
    for text, wrong in mistakes.items():
        if given.shape == wrong.shape and np.allclose(given, wrong):
            _complain(text, shares[0].tolist(), given[0].tolist())
    if given.shape != shares.shape or not np.allclose(given, shares):
        _complain(
            "the image holds sign / limit, a row for each run", shares.tolist(), given.tolist()
        )
    if images[0].get_clim() != (0, 2):
        limits = tuple(map(float, images[0].get_clim()))
        _complain("one scale for every chart: vmin=0, vmax=2", (0, 2), limits)
    ticks = [[t.get_text() for t in x.get_ticklabels()] for x in (axis.xaxis, axis.yaxis)]
    for found, wanted, text in zip(
        ticks, (LIMITS, signs), ("name the signs below", "name the runs at the left"), strict=True
    ):
        if found != list(wanted):
            _complain(text, list(wanted), found)
    written = {tuple(map(float, t.get_position())): t.get_text() for t in axis.texts}
    for row, column in np.ndindex(rows.shape):
        wanted = f"{rows[row, column]:.2g}"
        if (said := written.get((float(column), float(row)), "nothing")) != wanted:
            _complain("write each sign into its cell, as f'{sign:.2g}'", wanted, said)
    print("chart: correct (one scale, every name, every number)")


def _complain(diagnosis: str, wanted: object, got: object) -> None:
    raise CheckFailed(diagnosis, f"In the chart expected {show(wanted)}, got {show(got)}")


@explained(WHERE)
def check_illnesses(answer: Mapping[str, str | None]) -> None:
    """Build 04, step 5: number of a run -> its illness; the check names overlooked clues only."""
    check_letters(answer, shuffled_numbers(), ILLNESSES, "six sick runs")
