"""Answers to the exercise on the seconds of a whole job (lesson 06)."""

from course_lib.lessons.lesson06 import checks

check = checks.check_job_seconds


def job(load, first, steady, images):
    return load + first + (images - 1) * steady


def one_by_one(load, first, steady, images):
    return sum([load, first] + [steady] * (images - 1))


RIGHT = {"formula": job, "one by one": one_by_one}

WRONG = {
    "no load": (lambda a, f, s, n: f + (n - 1) * s, "loading is missing"),
    "load each time": (lambda a, f, s, n: n * a + f + (n - 1) * s, "every picture: a program"),
    "first twice": (lambda a, f, s, n: a + f + n * s, "counted twice"),
    "no first": (lambda a, f, s, n: a + n * s, "not a steady one"),
    "all first": (lambda a, f, s, n: a + n * f, "as long as the first"),
    "per picture": (lambda a, f, s, n: job(a, f, s, n) / n, "per picture"),
    "text": (lambda a, f, s, n: "soon", "return a number"),
    "nonsense": (lambda a, f, s, n: 77.0, "should be"),
}
