"""From answers to numbers: how often was the right painting found, how surely, by whom, where?"""

from collections.abc import Sequence

import numpy as np

from course_lib import CourseError
from course_lib.survey.exports import CsvQuestion
from course_lib.survey.intervals import (
    agreement,
    answers_of,
    binomial_test,
    cluster_bootstrap,
    design_effect,
    intraclass_correlation,
    people_interval,
    people_needed,
    spread_limits,
    wilson,
)
from course_lib.survey.items import Key
from course_lib.survey.results import Answers

Numbers = dict[str, object]


def right_answers(answers: Answers, key: Key) -> np.ndarray:
    """Whether each answer is right, shape (people, questions)."""
    right_is_first = np.array([item.right == item.options[0] for item in key.questions])
    return answers.first_chosen == right_is_first


def score_style(
    answers: Answers, key: Key, precision: float = 0.05, level: float = 0.95, seed: int = 0
) -> Numbers:
    """All numbers of a survey of the first kind; ``precision`` is the half width to plan for."""
    right = right_answers(answers, key)
    titles = [
        {
            "question": item.id,
            "painting": item.labels[item.right],
            "distractor": next(item.labels[o] for o in item.options if o != item.right),
            "photograph": item.about.get("content", ""),
        }
        for item in key.questions
    ]
    return _score(answers, right, titles, precision, level, seed)


def score_csv(
    answers: Answers,
    questions: Sequence[CsvQuestion],
    precision: float = 0.05,
    level: float = 0.95,
    seed: int = 0,
) -> Numbers:
    """The same from an export of a form, where ``first_chosen`` already means right."""
    titles = [{"question": question.title, "painting": question.right} for question in questions]
    return _score(answers, answers.first_chosen, titles, precision, level, seed)


def _score(
    answers: Answers,
    right: np.ndarray,
    titles: Sequence[dict],
    precision: float,
    level: float,
    seed: int,
) -> Numbers:
    observed, kappa = agreement(answers.first_chosen)
    return {
        "simulated": answers.simulated,
        "level": level,
        **rate(right, level, seed),
        "p_value": binomial_test(int(right.sum()), right.size),
        "by_question": by_question(right, titles, level),
        "by_person": by_person(answers, right),
        "position": position_bias(answers, right),
        "agreement": {"observed": observed, "kappa": kappa},
        "planning": planning(right, precision, level),
        "left_out": dict(answers.left_out),
    }


def rate(right: np.ndarray, level: float = 0.95, seed: int = 0) -> Numbers:
    """The share of successes, and its interval under two views of what the sample is."""
    effect = design_effect(right)
    return {
        "people": len(right),
        "questions": right.shape[1],
        "answers": right.size,
        "successes": int(right.sum()),
        "rate": float(right.mean()),
        "interval_if_independent": wilson(int(right.sum()), right.size, level),
        "interval_over_people": people_interval(right, level),
        "interval_bootstrap": cluster_bootstrap(right, level, seed=seed),
        "intraclass_correlation": intraclass_correlation(right),
        "design_effect": effect,
        "effective_answers": right.size / effect,
    }


def by_question(right: np.ndarray, titles: Sequence[dict], level: float = 0.95) -> list[dict]:
    """Each question's difficulty: how many found it; here people are independent."""
    counts = right.sum(0)
    return [
        {
            **title,
            "successes": int(count),
            "rate": float(count / len(right)),
            "interval": wilson(int(count), len(right), level),
        }
        for title, count in zip(titles, counts, strict=True)
    ]


def by_person(answers: Answers, right: np.ndarray) -> list[dict]:
    """Each participant's successes and median time."""
    rows = []
    for k, person in enumerate(answers.people):
        seconds = None if answers.seconds is None else float(np.median(answers.seconds[k]))
        rows.append({"person": person, "successes": int(right[k].sum()), "seconds": seconds})
    return rows


def position_bias(answers: Answers, right: np.ndarray | None = None) -> Numbers | None:
    """How often position 1 (left) was chosen, and whether being there helps the right answer."""
    if answers.position is None:
        return None
    first = answers.position == 1
    numbers: Numbers = {
        "chosen_first": int(first.sum()),
        "answers": first.size,
        "p_value": binomial_test(int(first.sum()), first.size),
    }
    if right is not None:
        right_is_first = first == right  # chosen first and right, or chosen second and wrong
        for name, where in (("right_first", right_is_first), ("right_second", ~right_is_first)):
            numbers[name] = {"successes": int(right[where].sum()), "answers": int(where.sum())}
    return numbers


def planning(right: np.ndarray, precision: float, level: float) -> Numbers:
    """How many more people an interval of +- ``precision`` would take."""
    needed = people_needed(right, precision, level)
    return {
        "precision": precision,
        "people_in_all": needed,
        "people_more": max(0, needed - len(right)),
    }


def score_totals(successes: int, people: int, questions: int, level: float = 0.95) -> Numbers:
    """What can be known when only totals are: 250 of 325 right, 65 people with 5 questions each.

    The interval depends on how alike one person's answers are, and totals do not tell. But they
    set limits: ``most_equal`` and ``most_unequal`` divide the successes among the people in the two
    extreme ways. What holds at both holds in any case.

    Raises:
        CourseError: impossible numbers.
    """
    if people < 2 or questions < 1:
        raise CourseError("totals need at least two people and one question")
    equal, unequal = spread_limits(successes, people, questions)
    answers = people * questions
    rows = []
    for correlation in (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0):
        effect = 1 + (questions - 1) * correlation
        effective = answers / effect
        rows.append(
            {
                "intraclass_correlation": correlation,
                "design_effect": effect,
                "effective_answers": effective,
                "interval": wilson(successes / effect, effective, level),
            }
        )
    return {
        "level": level,
        "people": people,
        "questions": questions,
        "answers": answers,
        "successes": successes,
        "rate": successes / answers,
        "interval_if_independent": wilson(successes, answers, level),
        "p_value": binomial_test(successes, answers),
        "by_correlation": rows,
        "most_equal": rate(answers_of(equal, questions), level),
        "most_unequal": rate(answers_of(unequal, questions), level),
        "p_value_if_people_decide_as_one": binomial_test(successes // questions, people),
    }
