"""The statistics of a survey: intervals, tests, agreement, planning.

Answers come as matrices of shape (people, questions).
"""

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import bdtr, ndtri, stdtrit

from course_lib import CourseError

Interval = tuple[float, float]


def normal_quantile(level: float) -> float:
    """How many standard deviations a two-sided interval of this level reaches: 1.96 for 0.95."""
    if not 0 < level < 1:
        raise CourseError(f"a level of confidence lies between 0 and 1, not at {level}")
    return float(ndtri((1 + level) / 2))


def wilson(successes: float, answers: float, level: float = 0.95) -> Interval:
    """Wilson's interval for a proportion, from independent answers.

    It stays inside [0, 1] and does not shrink to a point when all or none succeed, as the textbook
    interval p +- 1.96 sqrt(p (1 - p) / n) does. Both numbers may be fractions, which an effective
    number of answers can be.
    """
    if not 0 <= successes <= answers or answers <= 0:
        raise CourseError(f"{successes} successes of {answers} answers are impossible")
    z2 = normal_quantile(level) ** 2
    p = successes / answers
    centre = (p + z2 / (2 * answers)) / (1 + z2 / answers)
    half = math.sqrt(z2 * (p * (1 - p) / answers + z2 / (4 * answers**2))) / (1 + z2 / answers)
    return max(0.0, centre - half), min(1.0, centre + half)


def binomial_test(successes: int, answers: int) -> float:
    """Two-sided exact p-value: how likely a fair coin lands at least as far from one half."""
    if not 0 <= successes <= answers:
        raise CourseError(f"{successes} successes of {answers} answers are impossible")
    extreme = max(successes, answers - successes)
    return min(1.0, 2 * float(bdtr(answers - extreme, answers, 0.5)))


def person_means(right: ArrayLike) -> np.ndarray:
    """Each person's share of successes, shape (people,)."""
    return np.asarray(right, dtype=float).mean(1)


def design_effect(right: ArrayLike) -> float:
    """How many times more the rate varies than if all answers were independent.

    The variance of the mean over people, from the spread of the people's own rates, divided by
    p (1 - p) / n. Five answers of one person are not five people's: if people differ in skill, it
    lies above 1. It is not allowed below 1, so that an interval never becomes narrower by it, and
    where nothing varies it is the number of questions, the most cautious value.
    """
    right = np.asarray(right, dtype=float)
    people, questions = right.shape
    p = right.mean()
    if people < 2 or p in (0, 1):
        return float(questions)
    ratio = person_means(right).var(ddof=1) / (p * (1 - p) / questions)
    return float(np.clip(ratio, 1, questions))


def people_interval(right: ArrayLike, level: float = 0.95) -> Interval:
    """Wilson's interval with the effective number of answers: people, not answers, are the sample.

    The effective number is the number of answers divided by the design effect, and a little fewer
    where the effect itself is uncertain, because it was measured on few people.
    """
    right = np.asarray(right, dtype=float)
    effective = right.size / design_effect(right)
    if len(right) > 1:
        effective *= (normal_quantile(level) / student_quantile(level, len(right) - 1)) ** 2
    return wilson(right.mean() * effective, effective, level)


def student_quantile(level: float, freedom: int) -> float:
    """``normal_quantile`` for Student's t: 12.7 for 0.95 and one degree of freedom."""
    if not 0 < level < 1:
        raise CourseError(f"a level of confidence lies between 0 and 1, not at {level}")
    return float(stdtrit(freedom, (1 + level) / 2))


def cluster_bootstrap(
    right: ArrayLike, level: float = 0.95, samples: int = 10_000, seed: int = 0
) -> Interval:
    """Percentile interval of the rate when whole people are drawn again with replacement."""
    means = person_means(right)
    rng = np.random.default_rng(seed)
    # Counting how often each person was drawn needs memory for one batch of draws at a time.
    rates = np.concatenate(
        [rng.choice(means, (500, len(means))).mean(1) for _ in range(-(-samples // 500))]
    )[:samples]
    low, high = np.quantile(rates, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def intraclass_correlation(right: ArrayLike) -> float | None:
    """How alike one person's answers are: 0 as strangers', 1 always the same (one-way ANOVA).

    None where it is not defined: fewer than two people or questions, or all answers alike.
    """
    right = np.asarray(right, dtype=float)
    people, questions = right.shape
    if people < 2 or questions < 2 or right.min() == right.max():
        return None
    between = questions * person_means(right).var(ddof=1)
    within = right.var(axis=1, ddof=1).mean()
    return float((between - within) / (between + (questions - 1) * within))


def agreement(choices: ArrayLike) -> tuple[float | None, float | None]:
    """How far people choose the same option: observed pairwise agreement, and kappa.

    Kappa is Randolph's, for two options whose names mean nothing across questions: 0 where people
    agree as often as tossed coins, one half of the time, and 1 where they always do.

    Args:
        choices: (people, questions), 0 or 1 for the two options of a question.

    Returns:
        Observed agreement and kappa; None for fewer than two people.
    """
    choices = np.asarray(choices, dtype=float)
    people = len(choices)
    if people < 2:
        return None, None
    ones = choices.sum(0)
    pairs = people * (people - 1)
    observed = float(((ones * (ones - 1) + (people - ones) * (people - ones - 1)) / pairs).mean())
    return observed, 2 * observed - 1


def people_needed(right: ArrayLike, precision: float, level: float = 0.95) -> int:
    """People in all for an interval of +- ``precision``, if they vary as those so far do.

    Raises:
        CourseError: ``precision`` is not between 0 and 1/2.
    """
    if not 0 < precision < 0.5:
        raise CourseError(f"a precision lies between 0 and 0.5, not at {precision}")
    right = np.asarray(right, dtype=float)
    questions = right.shape[1]
    p = right.mean()
    # A survey in which all agreed says little about the spread; assume it as at half an error.
    p = min(max(p, 0.5 / right.size), 1 - 0.5 / right.size)
    variance = design_effect(right) * p * (1 - p) / questions
    return math.ceil(normal_quantile(level) ** 2 * variance / precision**2)


# --- when only the totals are known ---


def spread_limits(successes: int, people: int, questions: int) -> tuple[list[int], list[int]]:
    """The most equal and the most unequal division of the successes among the people.

    Returns:
        Two lists with each person's successes: everybody as alike as can be, and as many as
        possible with all, the others with none.
    """
    if not 0 <= successes <= people * questions:
        raise CourseError(
            f"{people} people with {questions} questions cannot have {successes} successes"
        )
    low, more = divmod(successes, people)
    equal = [low + 1] * more + [low] * (people - more)
    full, rest = divmod(successes, questions)
    unequal = [questions] * full + ([rest] if full < people else []) + [0] * (people - full - 1)
    return equal, unequal


def answers_of(counts: list[int], questions: int) -> np.ndarray:
    """A matrix (people, questions) whose rows have the given numbers of successes."""
    return np.array([[k < count for k in range(questions)] for count in counts])
