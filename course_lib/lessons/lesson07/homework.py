"""Checks of assignment A6 (a survey); each takes the answer and a seed."""

import math
import statistics
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from course_lib.lessons import homework_checking
from course_lib.lessons.agreement import number_of
from course_lib.lessons.answers import VISIBLE, CheckFailed, NotAttempted
from course_lib.lessons.checking import exercise, explained
from course_lib.lessons.homework_checking import draw
from course_lib.lessons.lesson07 import checks
from course_lib.lessons.smallest_case import contrast, plain_list, show
from course_lib.survey.simulating import draw_skills

RATE = 'lesson 07, section 4 "250 of 325"'
PEOPLE = 'lesson 07, section 5 "How many people?"'
Table = Sequence[Sequence[bool]]
Pair = tuple[float, float]


def _tables(seed: int) -> Iterator[tuple[list[list[bool]]]]:
    """Answers of people who differ in skill, and in how many questions they answered.

    In the last tables nearly everybody is right, or wrong: an interval leaves [0, 1].
    """
    rng = draw(seed)
    for people, questions in ((8, 5), (12 + seed % 5, 4), (20, 3 + seed % 4)):
        skills = [rng.choice((0.3, 0.7, 0.95)) for _ in range(people)]
        counts = [questions + rng.randint(0, 3) for _ in skills]
        rows = [
            [rng.random() < skill for _ in range(count)]
            for skill, count in zip(skills, counts, strict=True)
        ]
        rows[0], rows[1] = [True] * questions, [False] + [True] * (questions + 1)
        yield (rows,)
    rows = [[True] * (2 + rng.randint(0, 3)) for _ in range(4 + seed % 3)]
    rows.insert(1, [False, True, False])
    yield (rows,)
    yield ([[not answer for answer in row] for row in rows],)


def _small_tables() -> list[tuple[list[list[bool]]]]:
    """Two people, three, and people who answered different numbers of questions."""
    return [
        ([[True, True], [True, False]],),
        ([[True, True], [True, False], [True, False]],),
        ([[True, True, True, True], [True, False]],),
    ]


def _rates(table: Table) -> list[float]:
    return [sum(row) / len(row) for row in table]


def _rate(right: Table) -> Pair:
    return sum(map(sum, right)) / sum(map(len, right)), sum(map(len, right))


def _rate_mistakes(right: Table) -> dict[str, Pair]:
    (rate, count), hits, people = _rate(right), sum(map(sum, right)), len(right)
    return {
        "percent: here a rate lies between 0 and 1": (100 * rate, count),
        "people were counted, not answers": (hits / people, people),
        "divided by the people: the answers are more": (hits / people, count),
        "people were counted, not answers; the rate is right": (rate, people),
        "the number of right answers is not the number of answers": (rate, hits),
        "this is the share of wrong answers": (1 - rate, count),
        "the people's rates are averaged: who answered more questions counts more in the share of "
        "answers": (statistics.fmean(_rates(right)), count),
        "everybody is taken to have answered as many questions as the first": (
            hits / (people * len(right[0])),
            people * len(right[0]),
        ),
        "the two results are swapped": (count, rate),
    }


@exercise(
    "rate",
    "people who answered different numbers of questions",
    RATE,
    _rate,
    ("right",),
    _small_tables,
    mistakes=_rate_mistakes,
    parts=("rate", "answers"),
)
def check_rate(seed: int = VISIBLE) -> Iterator[tuple]:
    """A6.1: ``answer(right)``: lists of True and False, one per person -> (rate, answers)."""
    yield from _tables(seed)


# A6.2 is the lesson's exercise.
check_wilson = checks.check_wilson_interval


def _chances(answers: int, chance: float) -> list[float]:
    """The probability of 0, 1, ... right answers by guessing."""
    return [
        math.comb(answers, k) * chance**k * (1 - chance) ** (answers - k)
        for k in range(answers + 1)
    ]


def _p_value(successes: int, answers: int, chance: float) -> float:
    chances = _chances(answers, chance)
    return sum(p for p in chances if p <= chances[successes] * (1 + 1e-9))


def _p_mistakes(successes: int, answers: int, chance: float) -> dict[str, float]:
    chances, mean = _chances(answers, chance), answers * chance
    here, right = chances[successes], _p_value(successes, answers, chance)
    upper, lower = sum(chances[successes:]), sum(chances[: successes + 1])
    far = abs(successes - mean)
    return {
        "this is one-sided: what is as improbable on either side counts": min(upper, lower),
        "this is the upper side alone: what is as improbable on either side counts": upper,
        "this is the lower side alone: what is as improbable on either side counts": lower,
        "the probability of exactly this many: add those that are no more probable": here,
        "'at most as probable' includes this result itself: use <=, not <": sum(
            p for p in chances if p < here * (1 - 1e-9)
        ),
        "twice one side is right for a chance of one half only": 2 * min(upper, lower),
        "twice one side, cut off at 1, is right for a chance of one half only": min(
            1.0, 2 * min(upper, lower)
        ),
        "as far from the mean is not as improbable: compare the probabilities": sum(
            p for k, p in enumerate(chances) if abs(k - mean) >= far - 1e-9
        ),
        "the chance is not used: not every guess is a coin": _p_value(successes, answers, 0.5),
        "chance and 1 - chance are exchanged": _p_value(successes, answers, 1 - chance),
        "this is the normal approximation: add up the exact probabilities": math.erfc(
            far / math.sqrt(2 * mean * (1 - chance))
        ),
        "this is the probability of being more probable: subtract it from 1": 1 - right,
    }


@exercise(
    "p_value",
    "pairs, fours and fives, above the guess and below",
    RATE,
    _p_value,
    ("successes", "answers", "chance"),
    lambda: [(2, 2, 0.5), (1, 2, 0.25), (2, 4, 0.25), (3, 5, 0.4)],
    mistakes=_p_mistakes,
)
def check_p_value(seed: int = VISIBLE) -> Iterator[tuple]:
    """A6.3: ``answer(successes, answers, chance)``: exact p-value against guessing."""
    rng = draw(seed)
    yield from ((9, 10, 0.5), (5, 10, 0.5), (2, 11, 0.5), (12, 12, 0.2), (0, 9, 0.25))
    yield from ((6, 10, 0.25), (1, 12, 0.3), (2, 20, 0.3))
    yield from [(rng.randint(4, 16), rng.randint(18, 25), rng.choice((0.2, 0.3))) for _ in range(2)]


def _people_interval(right: Table) -> Pair:
    rates = _rates(right)
    half = 1.96 * statistics.stdev(rates) / math.sqrt(len(rates))
    return statistics.fmean(rates) - half, statistics.fmean(rates) + half


def _people_mistakes(right: Table) -> dict[str, Pair]:
    rates, count, (share, _) = _rates(right), sum(map(len, right)), _rate(right)
    mean, people, spread = statistics.fmean(rates), len(rates), statistics.stdev(rates)
    low, high = _people_interval(right)

    def around(half: float, middle: float = mean) -> Pair:
        return middle - half, middle + half

    return {
        "all answers are counted as independent: a person's answers are alike, so the people are "
        "the sample": around(1.96 * math.sqrt(share * (1 - share) / count), share),
        "all answers are counted as independent, around the people's mean: the people are the "
        "sample": around(1.96 * math.sqrt(mean * (1 - mean) / count)),
        "divided by the root of the number of answers: by that of the people": around(
            1.96 * spread / math.sqrt(count)
        ),
        "the middle is the share of all answers: take the mean of the people's rates": around(
            1.96 * spread / math.sqrt(people), share
        ),
        "the spread of the people, not of their mean: divide by the root of their number": (
            around(1.96 * spread)
        ),
        "divided by the number of people: by its root": around(1.96 * spread / people),
        "divide the squares by people - 1 here: the mean was estimated from the same rates": (
            around(1.96 * statistics.pstdev(rates) / math.sqrt(people))
        ),
        "1.96 standard errors to either side, not one": around(spread / math.sqrt(people)),
        "the variance stands where the standard deviation belongs": around(
            1.96 * spread**2 / math.sqrt(people)
        ),
        "the ends are cut off at 0 and 1: leave them, they show that the interval fails there": (
            max(0.0, low),
            min(1.0, high),
        ),
        "(middle, half width) was given: give (low, high)": (mean, (high - low) / 2),
        "the ends are in reverse order: (low, high)": (high, low),
    }


@exercise(
    "people_interval",
    "people are the sample",
    PEOPLE,
    _people_interval,
    ("right",),
    _small_tables,
    mistakes=_people_mistakes,
    parts=("low", "high"),
)
def check_people_interval(seed: int = VISIBLE) -> Iterator[tuple]:
    """A6.4: ``answer(right)``: mean of the people's rates +- 1.96 standard errors over people."""
    yield from _tables(seed)


def _people_needed(spread: float, half_width: float) -> int:
    return math.ceil((1.96 * spread / half_width) ** 2)


def _needed_mistakes(spread: float, half_width: float) -> dict[str, float]:
    exact = (1.96 * spread / half_width) ** 2
    return {
        "round up: with fewer the interval is a little too wide": math.floor(exact),
        "round up, not to the nearest: with fewer the interval is a little too wide": round(exact),
        "one too many: a part of a person is rounded up once": math.ceil(exact) + 1,
        "square it: half the width costs four times as many people": math.ceil(math.sqrt(exact)),
        "1.96 is missing": math.ceil((spread / half_width) ** 2),
        "1.96 belongs inside the square": math.ceil(1.96 * (spread / half_width) ** 2),
        "half the width, on either side: this is for the whole width": math.ceil(4 * exact),
        "the spread belongs inside the square: it is a standard deviation": math.ceil(
            (1.96 / half_width) ** 2 * spread
        ),
        "a whole number of people: round up": exact,
    }


@exercise(
    "people_needed",
    "rounded up to whole people",
    PEOPLE,
    _people_needed,
    ("spread", "half_width"),
    lambda: [(0.5, 0.98), (0.5, 0.49), (0.3, 0.1)],
    mistakes=_needed_mistakes,
)
def check_people_needed(seed: int = VISIBLE) -> Iterator[tuple]:
    """A6.5: ``answer(spread, half_width)``: people for an interval of +- half_width."""
    rng = draw(seed)
    yield 0.3, 0.1  # 34.57: rounded to the nearest it is right, too
    yield 0.2, 0.07  # 31.36: it is not
    for _ in range(3):
        yield round(rng.uniform(0.15, 0.35), 3), round(rng.uniform(0.03, 0.1), 3)


# --- numbers of one's own ---


def participants(name: str) -> list[list[bool]]:
    """Answers of 65 simulated people to five questions each, drawn for the student of this name."""
    rng = np.random.default_rng(homework_checking.seed_of(name))
    skills = draw_skills(65, rate=0.77, spread=1.0, rng=rng)
    return [[bool(rng.random() < skill) for _ in range(5)] for skill in skills]


def own_right(name: str) -> tuple[float, float, float]:
    """The share of right answers of a student's own participants, and the interval over people."""
    right = participants(name)
    return _rate(right)[0], *_people_interval(right)


def own_mistakes(name: str) -> dict[str, tuple[float, ...]]:
    """Diagnosis -> the three numbers that this mistake gives."""
    right, (share, low, high) = participants(name), own_right(name)
    wrong = {text: (share, *pair) for text, pair in _people_mistakes(right).items()}
    wrong["this is the share of wrong answers"] = (1 - share, 1 - high, 1 - low)
    wrong["percent: here a rate lies between 0 and 1"] = (100 * share, 100 * low, 100 * high)
    return {text: x for text, x in wrong.items() if not _as_printed(x, (share, low, high))}


def _as_printed(given: Sequence[float], wanted: Sequence[float]) -> bool:
    """Whether numbers agree when they are printed with three decimals."""
    return all(abs(a - b) < 6e-4 for a, b in zip(given, wanted, strict=True))


@explained(PEOPLE)
def check_own_numbers(answer: Callable, seed: int = VISIBLE) -> None:
    """A6.6: ``answer()`` -> (name, share, low, high) of the participants drawn for that name.

    When graded, the name is the one that the grader knows the student by.
    """
    given = plain_list(answer())
    if given is None:
        if seed != VISIBLE:
            raise NotAttempted("own_numbers: not attempted")
        return print("own_numbers: not attempted yet")
    if not isinstance(given, list) or len(given) != 4 or not isinstance(given[0], str):
        raise CheckFailed(
            "return four things: your name, the share, and both ends of the interval",
            f"Expected such as ('ada', 0.77, 0.73, 0.81), got {show(given)}",
        )
    name, places = given[0], ("share", "low", "high")
    numbers = [number_of(x, place) for x, place in zip(given[1:], places, strict=True)]
    if not name.strip():
        raise CheckFailed(
            "the name is empty: write the one under which you hand in", "Expected a name, got ''"
        )
    graded = seed != VISIBLE and homework_checking.GRADED
    own = graded or name
    wanted = own_right(own)
    if not _as_printed(numbers, wanted):
        if not homework_checking.same_student(own, name) and _as_printed(numbers, own_right(name)):
            raise CheckFailed(
                f"these are the numbers of {name}'s participants; yours are drawn for the name "
                f"under which you hand in, {own}",
                contrast(wanted[0], numbers[0]).capitalize(),
            )
        for text, wrong in own_mistakes(own).items():
            if _as_printed(numbers, wrong):
                raise CheckFailed(text, f"For {own} {contrast(list(wanted), numbers)}")
        raise CheckFailed(
            f"these are not the numbers of {own}'s participants",
            f"For {own} {contrast(list(wanted), numbers)}",
        )
    print(f"own_numbers: correct (those of {own})")
