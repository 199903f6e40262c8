"""Which method do people prefer? The Bradley-Terry model, with intervals over people.

Every method has a strength; the logarithm of the odds that one is preferred to another is the
difference of their strengths, plus a bonus for standing in position 1. With two methods this says
no more than the share of votes; with three or more it joins all duels into one ranking.
"""

import math
from dataclasses import dataclass

import numpy as np

from course_lib import CourseError
from course_lib.survey.intervals import agreement, binomial_test, normal_quantile
from course_lib.survey.items import Key
from course_lib.survey.results import Answers
from course_lib.survey.scoring import Numbers, planning, position_bias, rate


@dataclass(frozen=True)
class BradleyTerry:
    """Fitted strengths (they sum to 0), the bonus of position 1, and the covariance of all.

    ``covariance`` is of shape (methods + 1, methods + 1), the bonus last.
    """

    methods: tuple[str, ...]
    strengths: np.ndarray
    first_bonus: float
    covariance: np.ndarray

    def preference(self, a: str, b: str, level: float = 0.95) -> tuple[float, float, float]:
        """The probability that ``a`` is preferred to ``b``, positions apart, and its interval."""
        direction = np.zeros(len(self.methods) + 1)
        direction[self.methods.index(a)], direction[self.methods.index(b)] = 1, -1
        middle = self.strengths[self.methods.index(a)] - self.strengths[self.methods.index(b)]
        half = normal_quantile(level) * math.sqrt(direction @ self.covariance @ direction)
        return _logistic(middle), _logistic(middle - half), _logistic(middle + half)


def _logistic(x: float) -> float:
    return 0.5 * (1 + math.tanh(x / 2))


def fit_bradley_terry(
    first: np.ndarray, second: np.ndarray, first_won: np.ndarray, person: np.ndarray, methods: list
) -> BradleyTerry:
    """Fit strengths by Newton's method.

    One vote each way is added to every duel, split between the positions: without it a method that
    won every time would be infinitely strong. The covariance is the larger of the model's own and
    the one that lets a person's votes hang together (sandwich estimate, people as clusters).

    Args:
        first, second: indices into ``methods`` of those in position 1 and 2, shape (votes,).
        first_won: whether position 1 was preferred.
        person: who voted, any integers.
        methods: names.

    Raises:
        CourseError: the duels do not connect all methods.
    """
    count = len(methods)
    duels = {(min(a, b), max(a, b)) for a, b in zip(first.tolist(), second.tolist(), strict=True)}
    if not _connected(duels, count):
        raise CourseError("the duels do not connect all methods, so that they cannot be compared")
    pseudo = [(a, b) for duel in sorted(duels) for a, b in (duel, duel[::-1])]
    design = np.zeros((len(first) + 2 * len(pseudo), count + 1))
    rows = np.arange(len(design))
    # Each added duel, in both positions, is won once and lost once, with weight one half.
    extra = np.array([pair for pair in pseudo for _ in range(2)])
    design[rows, np.concatenate([first, extra[:, 0]])] = 1
    design[rows, np.concatenate([second, extra[:, 1]])] = -1
    design[:, -1] = 1
    won = np.concatenate([first_won.astype(float), np.tile([1.0, 0.0], len(pseudo))])
    weight = np.concatenate([np.ones(len(first)), np.full(len(extra), 0.5)])
    values = np.zeros(count + 1)
    for _ in range(50):
        p = 1 / (1 + np.exp(-(design @ values)))
        information = (design * (weight * p * (1 - p))[:, None]).T @ design
        # Only differences are known: the pseudo-inverse picks the strengths whose sum is 0.
        inverse = np.linalg.pinv(information, rcond=1e-10, hermitian=True)
        step = inverse @ (design.T @ (weight * (won - p)))
        values += step
        if abs(step).max() < 1e-10:
            break
    scores = design[: len(first)] * (won - p)[: len(first), None]
    people, index = np.unique(person, return_inverse=True)
    sums = np.zeros((len(people), count + 1))
    np.add.at(sums, index, scores)
    n = len(people)
    clustered = inverse @ (sums.T @ sums) @ inverse * (n / (n - 1) if n > 1 else 1)
    return BradleyTerry(tuple(methods), values[:-1], float(values[-1]), _larger(inverse, clustered))


def _connected(duels: set[tuple[int, int]], count: int) -> bool:
    reached, edge = {0}, True
    while edge:
        edge = [d for d in duels if len(reached & set(d)) == 1]
        for duel in edge:
            reached |= set(duel)
    return len(reached) == count


def _larger(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The smallest convenient covariance that is nowhere below ``a`` or ``b``: a + (b - a)+."""
    values, vectors = np.linalg.eigh(b - a)
    return a + (vectors * np.clip(values, 0, None)) @ vectors.T


def votes(
    answers: Answers, key: Key
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, list]:
    """The answers as duels: first, second, first_won, person, and the methods' names, sorted."""
    methods = sorted({label for item in key.questions for label in item.labels.values()})
    index = {method: k for k, method in enumerate(methods)}
    pairs = np.array([[index[q.labels[o]] for o in q.options] for q in key.questions])
    first_won = answers.position == 1
    # The first option stands in position 1 if it was chosen there, or the other one elsewhere.
    in_order = answers.first_chosen == first_won
    first = np.where(in_order, pairs[:, 0], pairs[:, 1])
    second = np.where(in_order, pairs[:, 1], pairs[:, 0])
    person = np.repeat(np.arange(len(first)), first.shape[1])
    return first.ravel(), second.ravel(), first_won.ravel(), person, methods


def score_preference(
    answers: Answers, key: Key, precision: float = 0.05, level: float = 0.95, seed: int = 0
) -> Numbers:
    """All numbers of a survey of the second kind."""
    first, second, first_won, person, methods = votes(answers, key)
    model = fit_bradley_terry(first, second, first_won, person, methods)
    winner = np.where(first_won, first, second)
    duels = []
    for i, a in enumerate(methods):
        for j, b in list(enumerate(methods))[i + 1 :]:
            met = ((first == i) & (second == j)) | ((first == j) & (second == i))
            if not met.any():
                continue
            wins = int((winner[met] == i).sum())
            middle, low, high = model.preference(a, b, level)
            duels.append(
                {
                    "a": a,
                    "b": b,
                    "votes": int(met.sum()),
                    "a_wins": wins,
                    "probability": middle,
                    "interval": (low, high),
                    "p_value": binomial_test(wins, int(met.sum())),
                }
            )
    observed, kappa = agreement(answers.first_chosen)
    numbers: Numbers = {
        "simulated": answers.simulated,
        "level": level,
        "people": len(answers.people),
        "questions": len(key.questions),
        "strengths": dict(zip(methods, model.strengths.tolist(), strict=True)),
        "first_bonus": model.first_bonus,
        "duels": duels,
        "position": position_bias(answers),
        "agreement": {"observed": observed, "kappa": kappa},
        "left_out": dict(answers.left_out),
    }
    numbers["by_question"] = _by_question(answers, key)
    if len(methods) == 2:
        preferred = (winner == 0).reshape(len(answers.people), -1)
        numbers |= {"votes": rate(preferred, level, seed)}
        numbers |= {"planning": planning(preferred, precision, level)}
    return numbers


def _by_question(answers: Answers, key: Key) -> list[dict]:
    return [
        {
            "question": item.id,
            "pair": item.about.get("pair", ""),
            "votes": {
                item.labels[item.options[0]]: int(chosen.sum()),
                item.labels[item.options[1]]: int((~chosen).sum()),
            },
        }
        for item, chosen in zip(key.questions, answers.first_chosen.T, strict=True)
    ]
