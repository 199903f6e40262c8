"""Answers to step 1 of lesson 07's build: from the rows of an export to people."""

from collections import Counter

from course_lib.lessons.lesson07 import build

check = build.check_tally


def with_dictionaries(rows):
    last = {(person, question): right for person, question, right in rows}
    counts = {}
    for (person, question), right in last.items():
        if question != "practice" and right is not None:
            k, n = counts.get(person, (0, 0))
            counts[person] = k + right, n + 1
    order = dict.fromkeys(person for person, _, _ in rows)
    return [counts[person] for person in order if person in counts]


def backwards(rows):
    seen, right, given = set(), Counter(), Counter()
    for person, question, value in reversed(rows):
        if question == "practice" or (person, question) in seen:
            continue
        seen.add((person, question))
        given[person] += value is not None
        right[person] += bool(value)
    order = dict.fromkeys(person for person, _, _ in rows)
    return [[right[person], given[person]] for person in order if given[person]]


RIGHT = {"the course's": build.tally, "dictionaries": with_dictionaries, "backwards": backwards}


def of_questions(rows):
    return build.tally([(question, person, right) for person, question, right in rows])


WRONG = {
    "a dictionary": (lambda rows: dict.fromkeys("ab", (1, 2)), "list of numbers"),
    "questions": (of_questions, "tally"),
    "drops people who skipped": (
        lambda rows: build.tally(
            [r for r in rows if r[0] not in {p for p, _, x in rows if x is None}]
        ),
        "the shape is",
    ),
}
