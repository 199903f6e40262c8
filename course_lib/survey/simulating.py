"""Simulated participants, labelled as such, to try a survey's analysis before real people come.

They test the arithmetic, never the pictures: their skill is a number that somebody chose.
"""

import math

import numpy as np

from course_lib import CourseError
from course_lib.survey.items import Key, make_result, present


def simulate_results(
    key: Key,
    people: int,
    rate: float = 0.75,
    spread: float = 0.0,
    habit: float = 0.0,
    seed: int = 0,
) -> list[dict[str, object]]:
    """Answers of simulated participants, each with ``"simulated": true``.

    In a preference survey, "right" stands for the method whose name comes first in the alphabet.

    Args:
        rate: probability of a right answer for somebody of average skill, in (0, 1).
        spread: standard deviation of people's skill, on the log-odds scale.
        habit: probability that an answer is position 1 whatever the pictures show.

    Raises:
        CourseError: numbers out of range.
    """
    if seed < 0:
        raise CourseError(f"a seed is 0 or more, not {seed}")
    if not 0 <= habit <= 1:
        raise CourseError(f"a probability lies between 0 and 1, not at {habit}")
    skills = draw_skills(people, rate, spread, np.random.default_rng(seed))
    rng = np.random.default_rng(seed + 1)
    items = {item.id: item for item in key.items}
    results = []
    for skill in skills:
        name = f"{int(rng.integers(0, 2**63)):016x}"
        answers = []
        for item_id, swapped in present(key.survey, key.kind, list(items), name).items:
            item = items[item_id]
            right = item.right or min(item.options, key=item.labels.__getitem__)
            shown = item.options[::-1] if swapped else item.options
            knows = item.attention or rng.random() < skill
            position = 1 + shown.index(right) if knows else 2 - shown.index(right)
            if rng.random() < habit:
                position = 1
            time = int(rng.integers(1500, 9000))
            answers.append((item_id, shown[position - 1], position, time))
        results.append(make_result(key.survey, name, answers, simulated=True))
    return results


def draw_skills(people: int, rate: float, spread: float, rng: np.random.Generator) -> np.ndarray:
    """Each person's probability of a right answer: log-odds normal around those of ``rate``."""
    if people < 1:
        raise CourseError(f"at least one participant is needed, not {people}")
    if not 0 < rate < 1:
        raise CourseError(f"a rate of success lies between 0 and 1, not at {rate}")
    if not 0 <= spread < math.inf:
        raise CourseError(f"a spread is 0 or more, not {spread}")
    return _logistic(math.log(rate / (1 - rate)) + spread * rng.standard_normal(people))


def _logistic(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def true_rate(rate: float, spread: float) -> float:
    """The mean of ``draw_skills`` over infinitely many people (quadrature over the normal)."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    values = _logistic(math.log(rate / (1 - rate)) + spread * nodes)
    return float((weights * values).sum() / weights.sum())
