"""``survey coverage``: how often do the intervals of a survey hold the truth?"""

import numpy as np

from course_lib.survey.intervals import people_interval, wilson
from course_lib.survey.simulating import draw_skills, true_rate


def coverage(
    people: int,
    questions: int,
    rate: float,
    spread: float,
    surveys: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, float]:
    """How often the intervals hold the truth, over many simulated surveys.

    Returns:
        The share of surveys whose interval holds the true rate: ``independent`` for Wilson's
        interval over answers, ``people`` for the one over people.
    """
    rng = np.random.default_rng(seed)
    truth = true_rate(rate, spread)
    hits = {"independent": 0, "people": 0}
    for _ in range(surveys):
        skills = draw_skills(people, rate, spread, rng)
        right = rng.random((people, questions)) < skills[:, None]
        for name, (low, high) in (
            ("independent", wilson(int(right.sum()), right.size, level)),
            ("people", people_interval(right, level)),
        ):
            hits[name] += int(low <= truth <= high)
    return {name: count / surveys for name, count in hits.items()}
