"""Answers to the exercise on analysing a survey (lesson 07)."""

import math

import numpy as np

from course_lib.lessons.lesson07 import checks
from course_lib.survey.intervals import (
    binomial_test,
    cluster_bootstrap,
    design_effect,
    people_interval,
    wilson,
)

check = checks.check_survey_analysis


def analyse(answers, rate=None, interval=None, p_value=None):
    """The right analysis, with one of its numbers computed otherwise."""
    right = np.array(answers)
    k, n = int(right.sum()), right.size
    return {
        "rate": rate(right) if rate else k / n,
        "interval": interval(right) if interval else people_interval(right),
        "p_value": p_value(k, n, right) if p_value else binomial_test(k, n),
    }


def by_hand(answers):
    """In plain Python: Wilson's interval of the effective number of answers."""
    people, questions = len(answers), len(answers[0])
    means = [sum(row) / questions for row in answers]
    n, p = people * questions, sum(means) / people
    effect = questions
    if 0 < p < 1:
        variance = sum((m - p) ** 2 for m in means) / (people - 1)
        effect = min(max(variance / (p * (1 - p) / questions), 1), questions)
    n_eff, z2 = n / effect, 1.96**2
    centre = (p + z2 / (2 * n_eff)) / (1 + z2 / n_eff)
    half = math.sqrt(z2 * (p * (1 - p) / n_eff + z2 / (4 * n_eff**2))) / (1 + z2 / n_eff)
    k = sum(map(sum, answers))
    far = max(k, n - k)
    tail = sum(math.comb(n, i) for i in range(far, n + 1)) / 2**n
    return {"rate": p, "interval": [centre - half, centre + half], "p_value": min(1, 2 * tail)}


def with_numpy(answers):
    right = np.asarray(answers, float)
    n = right.size / design_effect(right)
    k = int(right.sum())
    chances = [math.comb(right.size, i) / 2**right.size for i in range(right.size + 1)]
    p_value = sum(c for c in chances if c <= chances[k])
    return {
        "rate": right.mean(),
        "interval": np.array(wilson(right.mean() * n, n)),
        "p_value": np.float64(p_value),
        "people": len(right),
    }


RIGHT = {"people_interval": analyse, "plain Python": by_hand, "numpy": with_numpy}


def tail(k, n, chance=0.5):
    return sum(math.comb(n, i) * chance**i * (1 - chance) ** (n - i) for i in range(k, n + 1))


def normal(k, n, *_):
    return math.erfc(abs(k - n / 2) / math.sqrt(n / 4) / math.sqrt(2))


def wald(right):
    p = right.mean()
    half = 1.96 * math.sqrt(p * (1 - p) / right.size)
    return p - half, p + half


def over_people(right, divisor=None):
    means = right.mean(1)
    half = 1.96 * means.std(ddof=1) / math.sqrt(divisor or len(means))
    return means.mean() - half, means.mean() + half


def sorts_the_answers(answers):
    for row in answers:
        row.sort()
    return analyse(answers)


def wrong(**changes):
    return lambda answers: analyse(answers, **changes)


WRONG = {
    "percentage": (wrong(rate=lambda r: 100 * r.mean()), "a percentage"),
    "count": (wrong(rate=lambda r: r.sum()), "a count"),
    "share of wrong answers": (wrong(rate=lambda r: 1 - r.mean()), "wrong answers"),
    "divided by people": (wrong(rate=lambda r: r.sum() / len(r)), "divided by the people"),
    "people with most right": (wrong(rate=lambda r: (r.mean(1) > 0.5).mean()), "counts people"),
    "people with all right": (wrong(rate=lambda r: r.all(1).mean()), "every time"),
    "first question": (wrong(rate=lambda r: r[:, 0].mean()), "first question"),
    "independent answers": (
        wrong(interval=lambda r: wilson(int(r.sum()), r.size)),
        "counted as independent",
    ),
    "independent answers, Wald": (wrong(interval=wald), r"independent.*Wald"),
    "Wald over people": (wrong(interval=over_people), "shrinks to a point"),
    "bootstrap over people": (
        wrong(interval=lambda r: cluster_bootstrap(r, samples=4000)),
        "shrinks to a point",
    ),
    "percentages": (wrong(interval=lambda r: [100 * x for x in people_interval(r)]), "percentages"),
    "middle and half width": (
        wrong(interval=lambda r: (r.mean(), np.ptp(people_interval(r)) / 2)),
        "half width",
    ),
    "reversed": (wrong(interval=lambda r: people_interval(r)[::-1]), "reverse order"),
    "90 %": (wrong(interval=lambda r: people_interval(r, 0.9)), "90 %"),
    "spread of people": (wrong(interval=lambda r: over_people(r, 1)), "how much people differ"),
    "questions for people": (wrong(interval=lambda r: people_interval(r.T)), "rows are people"),
    "one number": (wrong(interval=lambda r: 0.1), "pair"),
    "one-sided": (wrong(p_value=lambda k, n, r: tail(k, n)), "one-sided"),
    "exactly so many": (wrong(p_value=lambda k, n, r: math.comb(n, k) / 2**n), "exactly this many"),
    "normal approximation": (wrong(p_value=normal), "normal approximation"),
    "chance forgotten": (wrong(p_value=lambda k, n, r: 0.0), "chance is forgotten"),
    "one of the questions by chance": (
        wrong(p_value=lambda k, n, r: tail(k, n, 1 / r.shape[1])),
        "chance is 0.5",
    ),
    "people instead of answers": (
        wrong(p_value=lambda k, n, r: binomial_test(int((r.mean(1) > 0.5).sum()), len(r))),
        "how many people",
    ),
    "1 - p": (wrong(p_value=lambda k, n, r: 1 - binomial_test(k, n)), "1 - p"),
    "a tuple": (lambda answers: tuple(analyse(answers).values()), "dictionary"),
    "no p-value": (lambda answers: {"rate": 0.5, "interval": (0, 1)}, "dictionary"),
    "answers sorted": (sorts_the_answers, "in place"),
}
