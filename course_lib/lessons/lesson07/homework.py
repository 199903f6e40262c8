"""Checks of assignment A6 (a survey).

Each takes the answer and a seed; see ``homework_checking``.
"""

import math
import statistics
from collections.abc import Callable

from course_lib.lessons.checking import call, compare
from course_lib.lessons.homework_checking import VISIBLE, Cases, attempted, draw, homework
from course_lib.lessons.lesson07.checks import check_wilson_interval
from course_lib.survey.intervals import binomial_test, wilson


@homework("rate", names=("rate", "answers"))
def check_rate(seed: int) -> Cases:
    """A6.1: ``answer(right)``: lists of True and False, one per person -> (rate, answers)."""
    for table in _tables(seed):
        hits, count = sum(map(sum, table)), sum(map(len, table))
        mistakes = {
            "percent: here a rate lies between 0 and 1": (100 * hits / count, count),
            "people were counted, not answers": (hits / len(table), len(table)),
            "the number of right answers is not the number of answers": (hits / count, hits),
        }
        yield (table,), (hits / count, count), mistakes


def _tables(seed: int) -> list[list[list[bool]]]:
    """Answers of people who differ in skill: (people, questions)."""
    rng = draw(seed)
    tables = []
    for people, questions in ((8, 5), (12 + seed % 5, 4), (20, 3 + seed % 4)):
        skills = [rng.choice((0.3, 0.7, 0.95)) for _ in range(people)]
        rows = [[rng.random() < skill for _ in range(questions)] for skill in skills]
        rows[0], rows[1] = [True] * questions, [False] + [True] * (questions - 1)
        tables.append(rows)
    return tables


def check_wilson(answer: Callable, seed: int = VISIBLE) -> None:
    """A6.2: ``answer(successes, answers)``: Wilson's interval at 95 %, (low, high)."""
    rng = draw(seed)
    cases = [(9, 10), (10, 10)] + [(rng.randint(0, 40), rng.randint(40, 90)) for _ in range(3)]
    for successes, answers in cases:
        result = call(answer, successes, answers)
        if not attempted(result, "wilson", seed):
            return
        right = wilson(successes, answers)
        mistakes = check_wilson_interval.mistakes(successes, answers)
        what = f"wilson({successes}, {answers})"
        low, high = result if isinstance(result, tuple | list) and len(result) == 2 else (9, 9)
        if isinstance(low, float) and max(abs(low - right[0]), abs(high - right[1])) < 1e-3:
            continue  # 1.96 or the exact quantile
        compare(result, right, mistakes, what, ("low", "high"))
    print("wilson: correct, also where everybody is right")


@homework("p_value")
def check_p_value(seed: int) -> Cases:
    """A6.3: ``answer(successes, answers)``: two-sided exact p-value against a fair coin."""
    rng = draw(seed)
    cases = [(9, 10), (5, 10), (2, 11)] + [(rng.randint(8, 20), 20 + rng.randint(0, 9))] * 2
    for successes, answers in cases:
        tail = [math.comb(answers, k) / 2**answers for k in range(answers + 1)]
        upper, lower = sum(tail[successes:]), sum(tail[: successes + 1])
        right = binomial_test(successes, answers)
        mistakes = {
            "this is one-sided: as far from one half on either side counts": min(upper, lower),
            "this is the upper side alone: as far from one half on either side counts": upper,
            "the probability of exactly this many: 'at least as far' sums over more": (
                tail[successes]
            ),
            "a probability is at most 1: with exactly one half right it is 1": 2 * upper,
        }
        yield (successes, answers), right, mistakes


@homework("people_interval", "correct (people are the sample)", names=("low", "high"))
def check_people_interval(seed: int) -> Cases:
    """A6.4: ``answer(right)``: mean of the people's rates +- 1.96 standard errors over people."""
    for table in _tables(seed):
        rates = [sum(row) / len(row) for row in table]
        mean, people = statistics.fmean(rates), len(rates)
        count = people * len(table[0])

        def around(half: float, mean: float = mean) -> tuple[float, float]:
            return mean - half, mean + half

        spread = statistics.stdev(rates)
        mistakes = {
            "all answers are counted as independent: a person's five answers are alike, so the "
            "people are the sample": around(1.96 * math.sqrt(mean * (1 - mean) / count)),
            "divided by the root of the number of answers: by that of the people": around(
                1.96 * spread / math.sqrt(count)
            ),
            "the spread of the people, not of their mean: divide by the root of their number": (
                around(1.96 * spread)
            ),
            "divide the squares by people - 1 here: the mean was estimated from the same rates": (
                around(1.96 * statistics.pstdev(rates) / math.sqrt(people))
            ),
            "1.96 standard errors to either side, not one": around(spread / math.sqrt(people)),
        }
        right = around(1.96 * spread / math.sqrt(people))
        yield (table,), right, mistakes


@homework("people_needed")
def check_people_needed(seed: int) -> Cases:
    """A6.5: ``answer(spread, half_width)``: people for an interval of +- half_width."""
    rng = draw(seed)
    for _ in range(3):
        spread, half = round(rng.uniform(0.15, 0.35), 3), round(rng.uniform(0.03, 0.1), 3)
        exact = (1.96 * spread / half) ** 2
        mistakes = {
            "round up: with fewer the interval is a little too wide": float(math.floor(exact)),
            "square it: half the width costs four times as many people": float(
                math.ceil(math.sqrt(exact))
            ),
            "1.96 is missing": float(math.ceil((spread / half) ** 2)),
            "half the width, on either side: this is for the whole width": float(
                math.ceil((2 * 1.96 * spread / half) ** 2)
            ),
            "a whole number of people: round up": exact,
        }
        yield (spread, half), math.ceil(exact), mistakes
