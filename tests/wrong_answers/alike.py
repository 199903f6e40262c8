"""Answers to step 3 of lesson 07's build: how alike one person's answers are."""

from course_lib.lessons.lesson07 import build

check = build.check_alike


def with_loops(counts):
    people, answers = len(counts), sum(n for _, n in counts)
    p = sum(k for k, _ in counts) / answers
    between = sum(n * (k / n - p) ** 2 for k, n in counts) / (people - 1)
    within = sum(n * (k / n) * (1 - k / n) for k, n in counts) / (answers - people)
    squares = sum(n * n for _, n in counts)
    n0 = (answers - squares / answers) / (people - 1)
    rho = (between - within) / (between + (n0 - 1) * within)
    return rho, answers / (1 + (squares / answers - 1) * rho)


def answer_by_answer(counts):
    """The sums of squares from single answers, 1 or 0, as a textbook has them."""
    people = [[1.0] * k + [0.0] * (n - k) for k, n in counts]
    everything = [x for row in people for x in row]
    n, p = len(everything), sum(everything) / len(everything)
    means = [sum(row) / len(row) for row in people]
    within = sum((x - m) ** 2 for row, m in zip(people, means, strict=True) for x in row)
    total = sum((x - p) ** 2 for x in everything)
    between = (total - within) / (len(people) - 1)
    within /= n - len(people)
    squares = sum(len(row) ** 2 for row in people) / n
    n0 = (n - squares) / (len(people) - 1)
    rho = (between - within) / (between + (n0 - 1) * within)
    return [rho, n / (1 + (squares - 1) * rho)]


RIGHT = {"the course's": build.alike, "loops": with_loops, "answer by answer": answer_by_answer}

WRONG = {
    "one number": (lambda counts: build.alike(counts)[0], "return 2 numbers"),
    "people": (lambda counts: (build.alike(counts)[0], len(counts)), "alike, effective answers"),
    "nothing in common": (lambda counts: (0.0, sum(n for _, n in counts)), "alike, correlation"),
}
