"""Answers to assignment A6. Its exercise 2 is lesson 07's ``wilson_interval``."""

import math
import statistics

import numpy as np

from course_lib.lessons.lesson07 import homework
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


def p_value(successes, answers):
    far = abs(2 * successes - answers)
    count = sum(math.comb(answers, k) for k in range(answers + 1) if abs(2 * k - answers) >= far)
    return count / 2**answers


def by_likelihood(successes, answers):
    chances = np.array([math.comb(answers, k) / 2**answers for k in range(answers + 1)])
    return chances[chances <= chances[successes]].sum()


def by_doubling(successes, answers):
    smaller = min(successes, answers - successes)
    return min(1, 2 * sum(math.comb(answers, k) for k in range(smaller + 1)) / 2**answers)


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
        {"a count": p_value, "by likelihood": by_likelihood, "by doubling": by_doubling}
        | as_numbers(p_value),
        {
            "a percentage": (lambda k, n: 100 * p_value(k, n), "expected"),
            "a list": (lambda k, n: [p_value(k, n)], "return a number"),
            "one branch": (sometimes(p_value, lambda k, n: 2 * k == n), BRANCH),
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
}
