"""The checks of lesson 07: the analysis of an A/B survey, and the interval of a share."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from course_lib.lessons.agreement import compare
from course_lib.lessons.answers import CheckFailed, attempts
from course_lib.lessons.checking import exercise, explained
from course_lib.lessons.homework_checking import draw
from course_lib.lessons.smallest_case import contrast, show
from course_lib.survey.intervals import (
    Interval,
    binomial_test,
    cluster_bootstrap,
    design_effect,
    people_interval,
    person_means,
    wilson,
)

Answers = list[list[bool]]
Survey = Mapping[str, object]
NAMES = ("rate", "interval", "p_value")

# Successes of each person, and questions. The first has people of very unequal skill, the second
# and third are near 1, where p +- 1.96 standard errors fails, the fourth is worse than chance.
SURVEYS = (
    ((8, 8, 8, 8, 8, 7, 7, 4, 4, 3, 3, 2, 2, 1, 8, 8, 7, 0, 1, 1, 0, 2, 8, 1), 8),
    ((5,) * 14, 5),
    ((4,) * 11 + (3,), 4),
    ((1, 2, 2, 1, 3, 2, 1, 0, 2, 1, 2, 3), 6),
)


@explained("lesson 07, section on the interval where people answer several questions each")
def check_survey_analysis(answer: Callable[[Answers], Survey]) -> None:
    """``answer(answers)``: whether each person's answers are right -> rate, interval, p-value.

    ``answers`` holds one list of True and False for each person, all equally long. The result is a
    dictionary: ``rate``, the share of right answers, from 0 to 1; ``interval`` = (low, high), the
    95 % interval of the rate with *people* as the sample, in [0, 1] and not a point where all are
    right (``people_interval``, or Wilson's interval of the effective number of answers); and
    ``p_value``, the two-sided exact one against guessing, where every answer is a fair coin.
    """
    tables = [(_answers(*survey, seed=10 + number),) for number, survey in enumerate(SURVEYS)]
    results, error = attempts(answer, tables, "survey_analysis")
    for (counts, questions), (answers,), result in zip(SURVEYS, tables, results, strict=False):
        shown = f"{len(counts)} people with {questions} questions, right: {show(list(counts))}"
        numbers = _numbers(result)
        right = np.array(answers)
        _check_rate(numbers["rate"], right, shown)
        _check_interval(numbers["interval"], right, shown)
        _check_p_value(numbers["p_value"], right, shown)
    if error is not None:
        raise error
    if results:
        print("survey_analysis: correct (people as the sample, all right, worse than chance)")


def _answers(counts: Sequence[int], questions: int, seed: int) -> Answers:
    """Rows with so many right answers, in an order drawn by lot."""
    rng = np.random.default_rng(seed)
    return [rng.permutation([k < count for k in range(questions)]).tolist() for count in counts]


def _numbers(result: object) -> dict[str, object]:
    """The three entries of a result, as floats and a pair of floats."""
    if not isinstance(result, Mapping) or not set(NAMES) <= set(result):
        given = sorted(result) if isinstance(result, Mapping) else type(result).__name__
        raise CheckFailed(
            "return a dictionary with rate, interval and p_value",
            f"Expected the keys {list(NAMES)}, got {given}",
        )
    try:
        low, high = (float(end) for end in result["interval"])
    except (TypeError, ValueError):
        raise CheckFailed(
            "the interval is a pair (low, high)",
            f"Expected two numbers, got {show(result['interval'])}",
        ) from None
    numbers = {"rate": float(result["rate"]), "p_value": float(result["p_value"])}
    return numbers | {"interval": (low, high)}


def _check_rate(rate: float, right: np.ndarray, shown: str) -> None:
    share, means = float(right.mean()), person_means(right)
    mistakes = {
        "a percentage: give the share, from 0 to 1": 100 * share,
        "a count: divide by the number of answers": float(right.sum()),
        "this is the share of wrong answers": 1 - share,
        "right answers were divided by the people: divide by the answers, people times questions": (
            float(right.sum()) / len(right)
        ),
        "this counts people, those with most answers right; the rate is a share of answers": float(
            (means > 0.5).mean()
        ),
        "this counts people, those with at least half of their answers right; the rate is a share "
        "of answers": float((means >= 0.5).mean()),
        "this counts the people who were right every time; the rate is a share of answers": float(
            (means == 1).mean()
        ),
        "this is the middle person (the median): take the mean": float(np.median(means)),
        "only the first question is counted": float(right[:, 0].mean()),
        "only the first person is counted": float(right[0].mean()),
        "this is how far the rate lies above chance: give the rate itself": share - 0.5,
    }
    compare(rate, share, mistakes, f"Rate of {shown}")


def _check_interval(interval: tuple[float, float], right: np.ndarray, shown: str) -> None:
    low, high = interval
    wanted = people_interval(right)
    example = f"Interval of {shown}: {contrast(wanted, interval)}"
    mistakes = _interval_mistakes(right)
    right_ways = [wanted, cluster_bootstrap(right, samples=4000), _student(right)]
    # Where the answers of a person are alike, all methods with people as the sample agree well
    # enough to be told from those without.
    if right.min() == right.max() or min(right_ways[2]) < 0 or max(right_ways[2]) > 1:
        effective = right.size / design_effect(right)
        right_ways = [wanted, wilson(right.mean() * effective, effective)]
    half = (wanted[1] - wanted[0]) / 2
    for way in right_ways:
        if max(abs(low - way[0]), abs(high - way[1])) < 0.2 * half and 0 <= low < high <= 1:
            return
    if low == high:
        raise CheckFailed(
            "the interval shrinks to a point where all are right (Wald, Student, bootstrap): so "
            "few people cannot prove that nobody ever errs; use Wilson's",
            example,
        )
    for diagnosis, wrong in mistakes.items():
        if max(abs(low - wrong[0]), abs(high - wrong[1])) < 2e-3 * max(1, abs(wrong[1])):
            raise CheckFailed(diagnosis, example)
    if low > high:
        raise CheckFailed("the ends are in reverse order: (low, high)", example)
    if low < 0 or high > 1:
        raise CheckFailed(
            "the interval leaves [0, 1], where no rate can be: use Wilson's interval", example
        )
    raise CheckFailed("this is not the 95 % interval with people as the sample", example)


def _student(right: np.ndarray, z: float = 1.96) -> tuple[float, float]:
    """Mean of the people's rates +- z standard errors."""
    means = person_means(right)
    half = z * means.std(ddof=1) / math.sqrt(len(means))
    return means.mean() - half, means.mean() + half


def _interval_mistakes(right: np.ndarray) -> dict[str, tuple[float, float]]:
    """Intervals of the likely mistakes."""
    k, n, people = int(right.sum()), right.size, len(right)
    p, means = k / n, person_means(right)
    wanted = people_interval(right)
    half = 1.96 * math.sqrt(p * (1 - p) / n)
    by_question = right.mean(0)
    rows = 1.96 * by_question.std(ddof=1) / math.sqrt(len(by_question))
    independent = (
        "the answers are counted as independent: one person's answers are alike, so "
        "people are the sample"
    )
    majority = int((means > 0.5).sum())
    return {
        independent: wilson(k, n),
        f"{independent}, and p +- 1.96 standard errors (Wald) fails near 0 and 1": (
            p - half,
            p + half,
        ),
        f"{independent} (and Wald's interval was cut off at 0 and 1)": (
            max(0.0, p - half),
            min(1.0, p + half),
        ),
        "p +- 1.96 standard errors over people (Wald, or Student) is wrong near 0 and 1, where it "
        "may leave [0, 1]: use Wilson's with the effective number of answers": _student(right),
        "p +- 1.96 standard errors over people (Wald, or Student), cut off at 0 and 1, is wrong "
        "near them: use Wilson's with the effective number of answers": (
            max(0.0, _student(right)[0]),
            min(1.0, _student(right)[1]),
        ),
        "whole people were drawn again (bootstrap), which is too narrow near 0 and 1 where hardly "
        "anybody erred: use Wilson's with the effective number of answers": cluster_bootstrap(
            right, samples=4000
        ),
        "percentages: give shares, from 0 to 1": (100 * wanted[0], 100 * wanted[1]),
        "(middle, half width) was given: give (low, high)": (p, (wanted[1] - wanted[0]) / 2),
        "this is a 90 % interval: 95 % leaves 2.5 % on either side": people_interval(right, 0.9),
        "this is a 99 % interval: 95 % leaves 2.5 % on either side": people_interval(right, 0.99),
        "one standard error instead of 1.96: this covers 68 %": _student(right, 1),
        "this is how much people differ (their standard deviation), not how surely the mean is "
        "known: divide by the root of their number": (
            p - 1.96 * means.std(ddof=1),
            p + 1.96 * means.std(ddof=1),
        ),
        "questions were taken for people: the rows are people": (p - rows, p + rows),
        "questions were taken for people in Wilson's interval: the rows are people": (
            people_interval(right.T)
        ),
        "this is the interval of the share of people with most answers right, another question: "
        "give that of the rate": wilson(majority, people),
    }


def _check_p_value(p_value: float, right: np.ndarray, shown: str) -> None:
    k, n = int(right.sum()), right.size
    two_sided = binomial_test(k, n)
    tail = sum(math.comb(n, i) for i in range(k, n + 1)) / 2**n
    below = sum(math.comb(n, i) for i in range(k + 1)) / 2**n
    z = (k - n / 2) / math.sqrt(n / 4)
    p = k / n
    majority = int((person_means(right) > 0.5).sum())
    mistakes = {
        "one-sided: count results as far below one half, too, which is twice the tail": tail,
        "one-sided, and the wrong side: count all results at least as far from one half": below,
        "the chance of exactly this many, not of at least so many": math.comb(n, k) / 2**n,
        "the normal approximation: the tail of the binomial distribution can be added up exactly": (
            math.erfc(abs(z) / math.sqrt(2))
        ),
        "the normal approximation with a continuity correction: add up the tail exactly": math.erfc(
            max(0.0, abs(k - n / 2) - 0.5) / math.sqrt(n / 4) / math.sqrt(2)
        ),
        "the normal approximation, one-sided: add up both tails exactly": (
            math.erfc(z / math.sqrt(2)) / 2
        ),
        "chance is forgotten: between two pictures a guess is right half of the time, so test "
        "against 0.5, not against 0": (
            math.erfc(p / math.sqrt(max(p * (1 - p), 1e-300) / n) / math.sqrt(2))
        ),
        "chance is forgotten: a test against 0 gives 0 as soon as anybody is right": 0.0,
        "a guess is taken to be right once in as many times as there are questions; between two "
        "pictures chance is 0.5": _upper_tail(k, n, 1 / right.shape[1]),
        "1 - p: the p-value is the chance of such a result if everybody guesses": 1 - two_sided,
        "this tests how many people had most answers right; here each answer counts": binomial_test(
            majority, len(right)
        ),
        "a p-value above 1: cut off at 1": 2 * tail if tail > 0.5 else -1.0,
        "a percentage: give the p-value as a share": 100 * two_sided,
    }
    compare(p_value, two_sided, mistakes, f"P-value of {shown}")


def _upper_tail(k: int, n: int, chance: float) -> float:
    return sum(math.comb(n, i) * chance**i * (1 - chance) ** (n - i) for i in range(k, n + 1))


# Successes and answers: ordinary, the report's, all right, none right, few.
SHARES = ((3, 4), (250, 325), (5, 5), (0, 7), (17, 20))


def _wilson_mistakes(successes: int, n: int, z: float = 1.96) -> dict[str, Interval]:
    """Intervals of the likely mistakes."""
    p, scale = successes / n, 1 + z**2 / n
    low, high = wilson(successes, n)
    centre, half = (low + high) / 2, (high - low) / 2
    wald = z * math.sqrt(p * (1 - p) / n)
    root = math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    without = z * math.sqrt(p * (1 - p) / n) / scale
    return {
        "this is Wald's interval, p +- z standard errors at the observed share; Wilson's takes the "
        "standard error at p": (p - wald, p + wald),
        "this is Wald's interval, cut off at 0 and 1; cutting off does not make it Wilson's": (
            max(0.0, p - wald),
            min(1.0, p + wald),
        ),
        "this is a 90 % interval: 95 % takes z = 1.96": wilson(successes, n, 0.9),
        "this is a 99 % interval: 95 % takes z = 1.96": wilson(successes, n, 0.99),
        "one standard error instead of 1.96 of them": wilson(successes, n, 0.6826895),
        "the middle is the observed share: Wilson's is pulled towards one half, by z^2 / 2n above "
        "and z^2 / n below the line": (p - half, p + half),
        "nothing is divided by 1 + z^2 / n": (
            centre * scale - half * scale,
            centre * scale + half * scale,
        ),
        "the half width is not divided by 1 + z^2 / n": (centre - z * root, centre + z * root),
        "the middle is not divided by 1 + z^2 / n": (centre * scale - half, centre * scale + half),
        "z^2 / 4n^2 is missing under the root": (centre - without, centre + without),
        "the half width is not multiplied by z": (centre - root / scale, centre + root / scale),
        "the ends are in reverse order: (low, high)": (high, low),
        "percentages: give shares, from 0 to 1": (100 * low, 100 * high),
        "(middle, half width) was given: give (low, high)": (centre, half),
        "this is the interval of the share of wrong answers": wilson(n - successes, n),
    }


@exercise(
    "wilson_interval",
    "few answers, many, all right, none right",
    "lesson 07, section 4.1, an interval",
    wilson,
    ("successes", "answers"),
    lambda: [SHARES[0]],
    mistakes=_wilson_mistakes,
    parts=("low", "high"),
)
def check_wilson_interval(seed: int = 0) -> Iterator[tuple]:
    """``answer(successes, answers)`` -> (low, high): Wilson's 95 % interval of a share."""
    rng = draw(seed)
    yield from SHARES
    yield from [(rng.randint(0, 40), rng.randint(40, 90)) for _ in range(3 if seed else 0)]
