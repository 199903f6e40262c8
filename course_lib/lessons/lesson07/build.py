"""Checks of lesson 07's build: the analysis of a survey whose answers come in clusters."""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from course_lib.lessons.checking import exercise
from course_lib.survey.intervals import Interval
from course_lib.survey.simulating import draw_skills

Row = tuple[str, str, bool | None]  # person, question, whether the answer was right
Counts = list[tuple[int, int]]  # right and given answers of each person
WHERE = 'lesson 07, section 10 "Build it: answers that come in clusters"'
PRACTICE = "practice"


def simulated_rows(people: int, rate: float, spread: float, seed: int) -> list[Row]:
    """An export as it comes: simulated people who skip questions, go back and change answers."""
    rng = np.random.default_rng(seed)
    clicks = []  # (minute, row): people overlap in time
    for number, skill in enumerate(draw_skills(people, rate, spread, rng)):
        asked = [PRACTICE, *range(1, int(rng.integers(2, 13)))]
        again = rng.choice(asked, size=int(rng.integers(0, 3))).tolist()
        minutes = 4 * number + rng.random(len(asked + again)).cumsum()
        for minute, question in zip(minutes, asked + again, strict=True):
            skipped = question != PRACTICE and rng.random() < 0.15
            right = None if skipped else bool(rng.random() < skill)
            clicks.append((minute, (f"p{97 * number % 89:02}", str(question), right)))
    return [row for _, row in sorted(clicks)]


# --- step 1: from rows to people ---


def tally(
    rows: Sequence[Row],
    first: bool = False,
    every: bool = False,
    skipped: bool = False,
    practice: bool = False,
    silent: bool = False,
) -> Counts:
    """(right, given answers) of everybody who gave one; the options are mistakes."""
    last: dict[str, dict[object, bool | None]] = {}
    for number, (person, question, right) in enumerate(rows):
        answers = last.setdefault(person, {})
        if question != PRACTICE or practice:
            key = (question, number) if every else question
            answers[key] = answers.get(key, right) if first else right
    counts = []
    for answers in last.values():
        given = [bool(x) for x in answers.values() if skipped or x is not None]
        if given or silent:
            counts.append((sum(given), len(given)))
    return counts


def _few_rows() -> list[tuple[list[Row]]]:
    return [
        ([("b", "1", True), ("a", "1", False), ("b", "2", True)],),
        ([("b", PRACTICE, True), ("b", "1", True), ("a", "1", None), ("b", "1", False)],),
    ]


def _tally_mistakes(rows: Sequence[Row]) -> dict[str, Counts]:
    right = tally(rows)
    return {
        "an answer that was changed counts once, as it was last: this is the first": tally(
            rows, first=True
        ),
        "an answer that was changed counts once, as it was last: all are counted": tally(
            rows, every=True
        ),
        "a skipped question (None) is no answer: it counts as a wrong one here": tally(
            rows, skipped=True
        ),
        "the practice question does not count": tally(rows, practice=True),
        "somebody without any answer is nobody: leave (0, 0) out": tally(rows, silent=True),
        "these are the wrong answers: count the right ones": [(n - k, n) for k, n in right],
        "the two are swapped: (right, given)": [(n, k) for k, n in right],
        "these are rates: give counts, which know how much each person said": [
            (k / n, n) for k, n in right
        ],
        "in the order in which people first appear, not in another": sorted(right),
    }


@exercise(
    "tally",
    "changed, skipped, practised",
    WHERE,
    tally,
    ("rows",),
    _few_rows,
    mistakes=_tally_mistakes,
)
def check_tally() -> Iterator[tuple]:
    """Build 07, step 1: ``answer(rows)`` -> (right, given answers) of each person."""
    silent = ("quiet", "1", None), ("quiet", PRACTICE, True)
    for seed in (1, 2):
        yield ([*silent, *simulated_rows(9, 0.6, 1.0, seed)],)


# --- step 2: two standard errors ---


def errors(counts: Counts) -> tuple[float, float, float]:
    """Rate, its standard error as if answers were independent, and with people as the sample."""
    k, n = np.array(counts, dtype=float).T
    return _errors(k, n, k.sum() / n.sum())


def _errors(k: np.ndarray, n: np.ndarray, p: float) -> tuple[float, float, float]:
    people, answers = len(n), n.sum()
    clustered = math.sqrt(people / (people - 1) * ((k - p * n) ** 2).sum()) / answers
    return float(p), math.sqrt(p * (1 - p) / answers), clustered


def _few_counts() -> list[tuple[Counts]]:
    return [([(1, 2), (3, 3)],), ([(4, 4), (1, 5), (2, 2)],)]


def _errors_mistakes(counts: Counts) -> dict[str, tuple[float, ...]]:
    k, n = np.array(counts, dtype=float).T
    p, naive, clustered = errors(counts)
    people, answers = len(n), n.sum()
    rates = k / n
    return {
        "each answer counts alike in the rate: this is the mean of the people's rates": _errors(
            k, n, rates.mean()
        ),
        "take roots: these are variances": (p, naive**2, clustered**2),
        "standard errors are asked for, without 1.96": (p, 1.96 * naive, 1.96 * clustered),
        "the naive error divides by the answers, not by the people": (
            p,
            naive * math.sqrt(answers / people),
            clustered,
        ),
        "k / (k - 1) is missing under the root": (
            p,
            naive,
            clustered * math.sqrt((people - 1) / people),
        ),
        "this is the naive error twice: add up a person's answers before you square": (
            p,
            naive,
            naive,
        ),
        "a person's surplus is r - p n: here all are compared with the mean count": (
            p,
            naive,
            math.sqrt(people * k.var(ddof=1)) / answers,
        ),
        "this is the error of the mean of the people's rates: weigh people by their answers": (
            p,
            naive,
            rates.std(ddof=1) / math.sqrt(people),
        ),
    }


@exercise(
    "errors",
    "people with few answers and with many",
    WHERE,
    errors,
    ("counts",),
    _few_counts,
    mistakes=_errors_mistakes,
    parts=("rate", "naive", "clustered"),
)
def check_errors() -> Iterator[tuple]:
    """Build 07, step 2: ``answer(counts)`` -> (rate, naive error, clustered error)."""
    for seed in (3, 4):
        yield (tally(simulated_rows(12, 0.6, 1.5, seed)),)


# --- step 3: how alike one person's answers are ---


def alike(counts: Counts) -> tuple[float, float]:
    """Intraclass correlation by one-way analysis of variance, and the effective answers."""
    return _alike(counts)


def _alike(
    counts: Counts,
    freedom: int = 1,
    size: float | None = None,
    weighted: bool = True,
    swap: bool = False,
    typical: float | None = None,
) -> tuple[float, float]:
    k, n = np.array(counts, dtype=float).T
    people, answers, rates = len(n), n.sum(), k / n
    between = ((n if weighted else 1) * (rates - k.sum() / answers) ** 2).sum() / (people - 1)
    within = (k * (1 - rates)).sum() / (answers - people * freedom)
    if swap:
        between, within = within, between
    size = size or (answers - (n**2).sum() / answers) / (people - 1)
    rho = (between - within) / (between + (size - 1) * within)
    effect = 1 + ((typical or (n**2).sum() / answers) - 1) * rho
    return float(rho), float(answers / effect)


def _alike_mistakes(counts: Counts) -> dict[str, tuple[float, float]]:
    n = np.array([n for _, n in counts], dtype=float)
    rho, effective = alike(counts)
    return {
        "within people divide by answers - people: each person's own rate was estimated": _alike(
            counts, freedom=0
        ),
        "n0 is not the mean number of answers": _alike(counts, size=n.mean()),
        "between people weigh each by the answers given": _alike(counts, weighted=False),
        "between and within are swapped": _alike(counts, swap=True),
        "(n0 - 1) is missing below": _alike(counts, size=2.0),
        "the typical person of an answer gave sum(n^2) / sum(n) of them: more than the mean": (
            _alike(counts, typical=n.mean())
        ),
        "this is the design effect: the effective number is answers / effect": (
            rho,
            n.sum() / effective,
        ),
        "the two are swapped: (correlation, effective answers)": (effective, rho),
    }


@exercise(
    "alike",
    "unequal people, little and much in common",
    WHERE,
    alike,
    ("counts",),
    _few_counts,
    mistakes=_alike_mistakes,
    parts=("correlation", "effective answers"),
)
def check_alike() -> Iterator[tuple]:
    """Build 07, step 3: ``answer(counts)`` -> (intraclass correlation, effective answers)."""
    for seed, spread in ((5, 0.5), (6, 3.0)):
        yield (tally(simulated_rows(14, 0.6, spread, seed)),)


# --- step 4: drawing people again ---


def bootstrap(counts: Counts, drawn: Sequence[Sequence[int]]) -> Interval:
    """95 % interval of the rate from draws (draws, people) of people's numbers."""
    low, high = np.quantile(_rates(counts, drawn), [0.025, 0.975])
    return float(low), float(high)


def _rates(counts: Counts, drawn: Sequence[Sequence[int]]) -> np.ndarray:
    k, n = np.array(counts, dtype=float)[np.asarray(drawn)].transpose(2, 0, 1)
    return k.sum(1) / n.sum(1)


def _few_draws() -> list[tuple[Counts, list[list[int]]]]:
    return [([(1, 2), (3, 3)], [[0, 0], [0, 1], [1, 1], [1, 0]])]


def _bootstrap_mistakes(counts: Counts, drawn: Sequence[Sequence[int]]) -> dict[str, Interval]:
    k, n = np.array(counts, dtype=float).T
    rates, (low, high) = _rates(counts, drawn), bootstrap(counts, drawn)
    quantiles = np.quantile
    p = k.sum() / n.sum()
    return {
        "this is a 90 % interval: leave 2.5 % on either side": quantiles(rates, [0.05, 0.95]),
        "leave 2.5 % on either side: these are the smallest and the largest": quantiles(
            rates, [0, 1]
        ),
        "np.percentile counts in percent: 2.5 and 97.5": np.percentile(rates, [0.025, 0.975]),
        "each draw has a rate of its own: its right answers over its answers, which differ": (
            quantiles(k[drawn].sum(1) / n.sum(), [0.025, 0.975])
        ),
        "this is the mean of the drawn people's rates: divide sums": quantiles(
            (k / n)[drawn].mean(1), [0.025, 0.975]
        ),
        "this is the spread of people, not of draws: add up along axis 1": quantiles(
            k / n, [0.025, 0.975]
        ),
        "these are standard errors around the rate: take quantiles of the draws": (
            p - 1.96 * rates.std(),
            p + 1.96 * rates.std(),
        ),
        "the ends are in reverse order: (low, high)": (high, low),
    }


@exercise(
    "bootstrap",
    "whole people, quantiles, every draw its own sum",
    WHERE,
    bootstrap,
    ("counts", "drawn"),
    _few_draws,
    mistakes=_bootstrap_mistakes,
    parts=("low", "high"),
)
def check_bootstrap() -> Iterator[tuple]:
    """Build 07, step 4: ``answer(counts, drawn)`` -> (low, high)."""
    for seed in (7, 8):
        counts = tally(simulated_rows(10, 0.6, 1.0, seed))
        rng = np.random.default_rng(seed)
        yield counts, rng.integers(0, len(counts), (60, len(counts))).tolist()
