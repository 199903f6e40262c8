"""Common mistakes of surveys, each with simulated participants who make it visible.

The people here are random numbers with a skill that somebody chose. They show what a mistake does
to a result, never how real people judge real pictures.
"""

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from course_lib import CourseError
from course_lib.survey.intervals import binomial_test, people_interval
from course_lib.survey.simulating import draw_skills


def simulated_answers(
    people: int,
    questions: int,
    rate: float,
    spread: float,
    rng: np.random.Generator,
    pushed: float = 0.0,
) -> np.ndarray:
    """Whether simulated people are right, shape (people, questions).

    Args:
        rate: probability of a right answer at average skill, in (0, 1).
        spread: standard deviation of people's skill, on the log-odds scale.
        pushed: probability that an answer counts as right whatever the person saw: because the
            right one always stands where lazy people click, or because the question suggests it.

    Raises:
        CourseError: numbers out of range.
    """
    if not 0 <= pushed <= 1:
        raise CourseError(f"a probability lies between 0 and 1, not at {pushed}")
    skills = draw_skills(people, rate, spread, rng)
    right = rng.random((people, questions)) < skills[:, None]
    return right | (rng.random((people, questions)) < pushed)


def fixed_side(
    surveys: int, people: int, questions: int, rate: float, habit: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Success rates if the right answer always stands first, and if its side is drawn by lot.

    Args:
        habit: probability that somebody clicks the first answer without looking.

    Returns:
        Two arrays of shape (surveys,): with the mistake, and without it.
    """
    fixed, drawn = np.empty(surveys), np.empty(surveys)
    for k in range(surveys):
        fixed[k] = simulated_answers(people, questions, rate, 0.0, rng, pushed=habit).mean()
        knows = simulated_answers(people, questions, rate, 0.0, rng)
        lazy = rng.random(knows.shape) < habit
        stands_first = rng.random(knows.shape) < 0.5
        drawn[k] = np.where(lazy, stands_first, knows).mean()
    return fixed, drawn


def leading_question(
    surveys: int, people: int, questions: int, rate: float, agrees: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Shares of yes to "do you see the style of ...?", for the right style and for another one.

    Args:
        rate: probability of yes to the right style of somebody who is not swayed; for the other
            style it is 1 - rate.
        agrees: probability that somebody says yes because the question expects it.

    Returns:
        Two arrays of shape (surveys,). Whoever asks about the right style only sees the first.
    """
    size = people, questions
    right = [simulated_answers(*size, rate, 0.0, rng, pushed=agrees).mean() for _ in range(surveys)]
    other = [
        simulated_answers(*size, 1 - rate, 0.0, rng, pushed=agrees).mean() for _ in range(surveys)
    ]
    return np.array(right), np.array(other)


def chance_of_success(own: Sequence[float], other: Sequence[float], noise: float) -> float:
    """How often a noisy observer finds the nearer of two paintings (Thurstone 1927, case V).

    Both distances are seen with normal errors of standard deviation ``noise``, so the right one
    seems nearer with probability Phi((other - own) / (noise sqrt 2)); the mean over all pairs.

    Args:
        own, other: distance of each picture to its painting and to the distractor.

    Raises:
        CourseError: noise not above 0, or lists of different length.
    """
    if noise <= 0:
        raise CourseError(f"an observer's noise is above 0, not {noise}")
    gaps = [b - a for a, b in zip(own, other, strict=True)]
    return float(np.mean([NormalDist().cdf(gap / (noise * 2**0.5)) for gap in gaps]))


def false_alarms(
    surveys: int, people: int, questions: int, spread: float, rng: np.random.Generator
) -> tuple[float, float]:
    """How often "better than chance or worse" is claimed at 5 % although the mean skill is chance.

    Returns:
        The share of surveys: by the binomial test over all answers, as if they were independent,
        and by the interval over people.
    """
    answers = persons = 0
    for _ in range(surveys):
        right = simulated_answers(people, questions, 0.5, spread, rng)
        answers += binomial_test(int(right.sum()), right.size) < 0.05
        low, high = people_interval(right)
        persons += not low <= 0.5 <= high
    return answers / surveys, persons / surveys


def power(
    surveys: int, people: int, questions: int, rate: float, spread: float, rng: np.random.Generator
) -> float:
    """The share of surveys whose interval over people lies above chance."""
    found = 0
    for _ in range(surveys):
        right = simulated_answers(people, questions, rate, spread, rng)
        found += people_interval(right)[0] > 0.5
    return found / surveys
