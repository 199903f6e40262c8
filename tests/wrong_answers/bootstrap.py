"""Answers to step 4 of lesson 07's build: an interval from people who are drawn again."""

import numpy as np

from course_lib.lessons.lesson07 import build

check = build.check_bootstrap


def with_loops(counts, drawn):
    rates = []
    for numbers in drawn:
        people = [counts[number] for number in numbers]
        rates.append(sum(k for k, _ in people) / sum(n for _, n in people))
    return np.quantile(rates, 0.025), np.quantile(rates, 0.975)


def with_percentile(counts, drawn):
    k, n = np.array(counts).T
    return np.percentile(k[drawn].sum(1) / n[drawn].sum(1), [2.5, 97.5])


RIGHT = {"the course's": build.bootstrap, "loops": with_loops, "percentile": with_percentile}

WRONG = {
    "all rates": (lambda counts, drawn: build._rates(counts, drawn), "return 2 numbers"),
    "draws by itself": (
        lambda counts, drawn: build.bootstrap(counts, np.zeros_like(drawn)),
        "bootstrap, low",
    ),
    "empties the draws": (lambda counts, drawn: drawn.clear() or (0.0, 1.0), "in place"),
}
