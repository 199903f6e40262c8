"""Instant checks for the exercises: each says what is wrong, not only that it is."""


class CheckFailed(AssertionError):
    """An exercise answer is not right yet; the message names the likely mistake."""
