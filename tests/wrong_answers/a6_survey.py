"""Answers to assignment A6. Its exercise 2 is lesson 07's ``wilson_interval``."""

import math
import re
import statistics

import numpy as np

from course_lib.lessons.lesson07 import homework
from course_lib.survey.intervals import binomial_test
from wrong_answers.answers import Answers, as_numbers, as_rows, sometimes

BRANCH = "missing in one branch"


def rate(right):
    answers = [answer for person in right for answer in person]
    return sum(answers) / len(answers), len(answers)


def rate_by_arrays(right):
    flat = np.concatenate([np.array(person) for person in right])
    return [flat.mean(), flat.size]


def sorts(right):
    for person in right:
        person.sort()
    return rate(right)


def p_value(successes, answers, chance):
    chances = [chance_of(k, answers, chance) for k in range(answers + 1)]
    return sum(p for p in chances if p <= chances[successes])


def chance_of(k, answers, chance):
    return math.comb(answers, k) * chance**k * (1 - chance) ** (answers - k)


def by_likelihood(successes, answers, chance):
    k = np.arange(answers + 1)
    ways = np.array([float(math.comb(answers, j)) for j in k])
    chances = ways * chance**k * (1 - chance) ** (answers - k)
    return chances[chances <= chances[successes] * 1.000001].sum()


def by_steps(successes, answers, chance):
    chances = np.zeros(answers + 1)
    chances[0] = 1
    for _ in range(answers):
        chances[1:], chances[0] = (
            (1 - chance) * chances[1:] + chance * chances[:-1],
            (1 - chance) * chances[0],
        )
    return float(chances[chances <= chances[successes] + 1e-12].sum())


def interval(right):
    rates = [sum(person) / len(person) for person in right]
    half = 1.96 * statistics.stdev(rates) / math.sqrt(len(rates))
    return statistics.fmean(rates) - half, statistics.fmean(rates) + half


def interval_by_arrays(right):
    rates = np.array([np.mean(person) for person in right])
    return rates.mean() + np.array([-1.96, 1.96]) * rates.std(ddof=1) / np.sqrt(rates.size)


def interval_by_hand(right):
    rates, n = [person.count(True) / len(person) for person in right], len(right)
    mean = sum(rates) / n
    error = (sum((x - mean) ** 2 for x in rates) / (n - 1) / n) ** 0.5
    return [mean - 1.96 * error, mean + 1.96 * error]


def needed(spread, half_width):
    return math.ceil((1.96 * spread / half_width) ** 2)


def by_counting(spread, half_width):
    people = 1
    while 1.96 * spread / math.sqrt(people) > half_width:
        people += 1
    return people


def own(name="ada", change=lambda share, low, high: (share, low, high), give=tuple):
    share, low, high = change(*homework.own_right(name))
    return lambda: give([name, share, low, high])


def own_by_functions():
    right = homework.participants("Grace H. ")
    return "grace h.", rate(right)[0], *interval(right)


EXERCISES = {
    "rate": Answers(
        homework.check_rate,
        {"a flat list": rate, "arrays": rate_by_arrays, **as_rows(rate)},
        {
            "the share alone": (lambda right: rate(right)[0], "return 2 numbers"),
            "sorted in place": (sorts, "in place"),
            "one branch": (sometimes(rate, lambda right: len(right) > 15), BRANCH),
            "a list of lists": (lambda right: [[x] for x in rate(right)], "return a number"),
        },
        {"a sum of lists": lambda right: sum(right) / len(right)},
    ),
    "p_value": Answers(
        homework.check_p_value,
        {"a sum": p_value, "by likelihood": by_likelihood, "step by step": by_steps}
        | as_numbers(p_value),
        {
            "the course's": (lambda k, n, c: binomial_test(k, n), "not every guess is a coin"),
            "a percentage": (lambda *x: 100 * p_value(*x), "expected"),
            "a list": (lambda *x: [p_value(*x)], "return a number"),
            "one branch": (sometimes(p_value, lambda k, n, c: 2 * k == n), BRANCH),
        },
    ),
    "people_interval": Answers(
        homework.check_people_interval,
        {"statistics": interval, "arrays": interval_by_arrays, "by hand": interval_by_hand}
        | as_rows(interval),
        {
            "one branch": (sometimes(interval, lambda right: len(right) > 15), BRANCH),
            "the half width": (lambda right: interval(right)[1], "return 2 numbers"),
            "90 %": (
                lambda right: tuple(
                    sum(interval(right)) / 2 + sign * np.ptp(interval(right)) / 2 * 1.645 / 1.96
                    for sign in (-1, 1)
                ),
                "expected",
            ),
        },
    ),
    "people_needed": Answers(
        homework.check_people_needed,
        {"a formula": needed, "counting": by_counting, **as_numbers(needed)},
        {
            "a list": (lambda s, h: [needed(s, h)], "return a number"),
            "true": (lambda s, h: needed(s, h) > 0, "return a number"),
            "one branch": (sometimes(needed, lambda s, h: s == 0.3), BRANCH),
        },
    ),
    "own_numbers": Answers(
        homework.check_own_numbers,
        {
            "a tuple": own(),
            "a list": own("ben", give=list),
            "printed": own(change=lambda *x: [round(number, 3) for number in x]),
            "of NumPy": own(change=lambda *x: np.array(x)),
            "by functions": own_by_functions,
        },
        {
            **{
                text: (lambda x=numbers: ("ada", *x), f"^{re.escape(text)}")
                for text, numbers in homework.own_mistakes("ada").items()
                if "around the people's mean" not in text
            },
            "somebody else's": (
                lambda: ("ben", *homework.own_right("ada")),
                "not the numbers of ben's participants",
            ),
            "no name": (lambda: homework.own_right("ada"), "return four things"),
            "the share alone": (lambda: ("ada", 0.77), "return four things"),
            "an empty name": (lambda: (" ", *homework.own_right(" ")), "the name is empty"),
            "words": (lambda: ("ada", "high", "low", "share"), "return a number"),
            "the report's": (lambda: ("ada", 0.769, 0.72, 0.81), "not the numbers of ada's"),
            "rounded": (own(change=lambda *x: [round(n, 1) for n in x]), "not the numbers"),
        },
    ),
}
