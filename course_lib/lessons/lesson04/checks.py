"""Checks of lesson 04: epoch means, moving averages, and which curve has which fault."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from pathlib import Path

import torch

from course_lib import DATA_DIR
from course_lib.lessons.answers import CheckFailed
from course_lib.lessons.checking import exercise, explained
from course_lib.lessons.lesson04.figures import windowed_means
from course_lib.training.logs import epoch_losses

KEY_FILE = DATA_DIR / "runs" / "faults" / "key.json"


# --- exercise 04.1 ---


def _epoch_means(records: Sequence[Mapping[str, object]]) -> list[float]:
    return [epoch["loss"] for epoch in epoch_losses(records)]


def _short_logs() -> list[tuple[list[dict[str, object]]]]:
    """Logs of two or three records: unequal spans, an end at 1.0, a warm-up, two epochs."""

    def log(*rows: tuple) -> tuple[list[dict[str, object]]]:
        names = ("step", "phase", "epoch", "loss")
        return (
            [
                dict(zip(names, row, strict=True)) | {"content_loss": 1.0, "style_loss": 0.0}
                for row in rows
            ],
        )

    return [
        log((1, "adain", 0.2, 6.0), (5, "adain", 1.0, 2.0)),
        log((2, "autoencoder", 0.0, 0.1), (4, "adain", 0.5, 6.0), (5, "adain", 0.75, 3.0)),
        log((1, "adain", 0.5, 8.0), (2, "adain", 1.0, 6.0), (3, "adain", 1.5, 4.0)),
    ]


def _epoch_mistakes(records: Sequence[Mapping[str, object]]) -> dict[str, list[float]]:
    """Results of the likely mistakes in averaging over epochs."""
    ends = [0, *(record["step"] for record in records)]
    spans = [after - before for before, after in pairwise(ends)]
    rows = list(zip(records, spans, strict=True))
    adain = [(r, n) for r, n in rows if r["phase"] == "adain"]
    first = adain[0][0]["step"]

    def means(pairs: Sequence, number: Callable, weight: Callable) -> list[float]:
        sums: dict[int, list[float]] = {}
        for record, span in pairs:
            entry = sums.setdefault(number(record), [0.0, 0.0])
            entry[0] += weight(record, span) * record["loss"]
            entry[1] += weight(record, span)
        return [total / count for total, count in sums.values()]

    def epoch(record: Mapping[str, object]) -> int:
        return max(1, -int(-record["epoch"] // 1))

    def steps(record: Mapping[str, object], span: int) -> int:
        return span

    right = means(adain, epoch, steps)
    sizes = [sum(n for r, n in adain if epoch(r) == number) for number in range(1, len(right) + 1)]
    return {
        "all records count alike: a record of 10 steps must weigh less than one of 50; weigh by "
        "the steps that it spans": means(adain, epoch, lambda r, n: 1),
        "the warm-up is mixed in: its loss is of another kind; keep records whose phase is "
        "'adain'": means(rows, epoch, steps),
        "the warm-up is mixed in, and all records count alike": means(rows, epoch, lambda r, n: 1),
        "off by one epoch: the record that ends exactly at epoch 1.0 belongs to the first epoch; "
        "round up, not down": means(adain, lambda r: int(r["epoch"]), steps),
        "off by one epoch, and all records count alike: round up, and weigh by steps": means(
            adain, lambda r: int(r["epoch"]), lambda r, n: 1
        ),
        "epochs are rounded to the nearest: a record at epoch 0.3 belongs to the first epoch, one "
        "at 1.3 to the second": means(adain, lambda r: round(r["epoch"]), steps),
        "'step' counts from the start of the run: a record spans its own minus the one before": (
            means(adain, epoch, lambda r, n: r["step"])
        ),
        "the first record after the warm-up seems to span the warm-up, too: take differences of "
        "'step' first, and leave the warm-up out afterwards": means(
            adain, epoch, lambda r, n: r["step"] if r["step"] == first else n
        ),
        "the last epoch is missing, though unfinished: average the records that it has": right[:-1],
        "these are sums over the steps: divide by the steps of the epoch": [
            mean * size for mean, size in zip(right, sizes, strict=True)
        ],
        "this is the content loss alone: take 'loss'": [0.2 * mean for mean in right],
        "this is the last value of each epoch, not its mean": list(
            {epoch(r): r["loss"] for r, _ in adain}.values()
        ),
    }


@exercise(
    "epoch_means",
    "unequal records, warm-up left out, an unfinished last epoch",
    'lesson 04, section 1 "The report\'s Figure 2, redrawn"',
    _epoch_means,
    ("records",),
    _short_logs,
    mistakes=_epoch_mistakes,
)
def check_epoch_means() -> Iterator[tuple]:
    """Exercise 04.1: ``answer(records)`` -> list with the mean total loss of each epoch."""
    for case, (warmup, length, every, epochs) in enumerate(((0, 60, 25, 3), (40, 70, 50, 2.5))):
        yield (_records(warmup, length, every, epochs, seed=case),)


def _records(
    warmup: int, length: int, every: int, epochs: float, seed: int
) -> list[dict[str, object]]:
    """A log whose records end every ``every`` steps, and where the warm-up or an epoch ends."""
    last = warmup + round(length * epochs)
    ends = {*range(every, last + 1, every), *range(warmup + length, last + 1, length), last}
    ends |= {warmup} - {0}
    noise = torch.rand(len(ends), generator=torch.Generator().manual_seed(seed)).tolist()
    records = []
    for step, extra in zip(sorted(ends), noise, strict=True):
        adain = step > warmup
        loss = (20 if adain else 0.3) * (extra + 100 / (step + 50))
        records.append(
            {
                "step": step,
                "phase": "adain" if adain else "autoencoder",
                "epoch": round(max(0, step - warmup) / length, 6),
                "loss": loss,
            }
            | {"content_loss": 0.2 * loss, "style_loss": 0.04 * loss}
        )
    return records


# --- exercise 04.2 ---


def _moving_average(values: Sequence[float], window: int) -> list[float]:
    return windowed_means(values, window // 2, window // 2)


def _short_series() -> list[tuple[list[float], int]]:
    return [([1.0, 5.0], 1), ([6.0, 0.0, 3.0], 3), ([6.0, 0.0, 3.0, 9.0, 12.0, 0.0], 3)]


def _average_mistakes(values: Sequence[float], window: int) -> dict[str, list[float]]:
    """Results of the likely mistakes in a moving average; in a short list many look alike."""
    if not len(values) > window > 1:
        return {}
    half, count = window // 2, len(values)
    zeros = [0.0] * half + list(values) + [0.0] * half
    edges = [values[0]] * half + list(values) + [values[-1]] * half
    padded = [[sum(x[i : i + window]) / window for i in range(count)] for x in (zeros, edges)]
    alpha, smooth = 2 / (window + 1), [values[0]]
    for value in values[1:]:
        smooth.append(alpha * value + (1 - alpha) * smooth[-1])
    complete = windowed_means(values, half, half)[half : count - half]
    wide = windowed_means(values, window, window)
    return {
        "it lags: each mean runs over the values before it, so that every bend comes too late; "
        "take half of the window from either side": windowed_means(values, window - 1, 0),
        "it runs ahead: each mean runs over the values after it; take half of the window from "
        "either side": windowed_means(values, 0, window - 1),
        "the ends are pulled to zero: near an end divide by the number of values there are, not "
        "by the window": padded[0],
        "the ends are filled up with copies of the first and last value, which then count "
        "several times: average the values there are": padded[1],
        "the result is shorter than its input, so that it no longer lines up with the steps: at "
        "the ends average the values there are": complete,
        "the window reaches too far: it goes window // 2 to either side, not window": wide,
        "the window is one short: values[a:b] ends before b": windowed_means(
            values, half, half - 1
        ),
        "the window is one too long": windowed_means(values, half, half + 1),
        "this is an exponential average: it lags, too": smooth,
        "this averages everything so far, not a window": [
            total / (i + 1) for i, total in enumerate(accumulate(values))
        ],
        "these are sums: divide by the number of values": [
            sum(values[max(0, i - half) : i + half + 1]) for i in range(count)
        ],
        "the values come back as they are": list(values),
    }


@exercise(
    "moving_average",
    "centred, as long as its input, honest at both ends",
    'lesson 04, section 3 "Smoothing and its dangers"',
    _moving_average,
    ("values", "window"),
    _short_series,
    mistakes=_average_mistakes,
)
def check_moving_average() -> Iterator[tuple]:
    """Exercise 04.2: ``answer(values, window)`` -> centred means, as many as there are values."""
    generator = torch.Generator().manual_seed(3)
    for count, window in ((12, 5), (9, 3), (4, 7), (6, 1)):
        yield (10 * torch.rand(count, generator=generator)).tolist(), window


# --- exercise 04.3 ---

# What the log or the pictures of a run with this fault would show, so what was overlooked by
# somebody who sees it in another run.
EVIDENCE = {
    "healthy": (
        "a healthy run falls from the first records of AdaIN on, both its terms stay believable, "
        "and its pictures show the photograph's outlines in strokes that were not there before"
    ),
    "learning rate too high": (
        "steps that are too long throw both terms up by orders of magnitude when the AdaIN phase "
        "begins, and whatever follows stays above the level that it started from"
    ),
    "normalisation forgotten": (
        "an encoder that gets the wrong range answers with features of another size, so the very "
        "first losses lie off those of the runs that differ in nothing but training"
    ),
    "target not detached": (
        "where the yardstick itself may move, the content loss sinks far below what an "
        "honest run reaches, within a few steps, and the pictures have no part in it"
    ),
    "style weight 0": (
        "with style weight 0 the total is the content loss, to the last digit: compare the two "
        "in the log"
    ),
    "decoder frozen": (
        "where nothing learns, the curve has no trend at all, only the bumps of easier and "
        "harder batches, and the pictures are those of a decoder at its first step"
    ),
}


@explained('lesson 04, section 5 "Which is which?"')
def check_diagnosis(answer: Mapping[str, str | None], key_file: Path = KEY_FILE) -> None:
    """Exercise 04.3: letter of a run -> its fault; the check names overlooked clues only."""
    key = json.loads(Path(key_file).read_text(encoding="utf-8"))["results"]["letters"]
    check_letters(answer, key, EVIDENCE, "which is which")


def check_letters(
    answer: Mapping[str, str | None], key: Mapping[str, str], evidence: Mapping[str, str], what: str
) -> None:
    """Compare a diagnosis with its key; of a wrong one the clue is told, not the right answer.

    Args:
        answer: letter of a run -> fault, or None where nothing is said yet.
        key: letter -> fault; each occurs once.
        evidence: fault -> what a run with it shows.
        what: the exercise's name.
    """
    given = {letter: name for letter, name in answer.items() if name is not None}
    if not given:
        return print(f"{what}: not attempted yet")
    if unknown := sorted(set(given) - set(key)):
        raise CheckFailed(f"there is no run {unknown[0]}; the runs are {', '.join(sorted(key))}")
    for letter, name in sorted(given.items()):
        if name not in evidence:
            names = ", ".join(f"'{known}'" for known in evidence)
            raise CheckFailed(f"{letter}: '{name}' is not one of {names}")
    for name in evidence:
        letters = sorted(letter for letter, chosen in given.items() if chosen == name)
        if len(letters) > 1:
            raise CheckFailed(f"{' and '.join(letters)} cannot both be '{name}': each occurs once")
    right = [letter for letter, name in given.items() if key[letter] == name]
    for letter, name in sorted(given.items()):
        if letter not in right:
            raise CheckFailed(
                f"{len(right)} of {len(key)} are right. Run {letter} is not '{name}': "
                f"{evidence[name]}"
            )
    if len(right) < len(key):
        return print(f"{what}: {len(right)} of {len(key)} so far, all of them right")
    print(f"{what}: correct, all six")
