"""From scores to means, a record and text; every table holds the three controls."""

from collections.abc import Collection, Mapping
from statistics import mean, median

from course_lib.measuring.comparison import Comparison, Pair
from course_lib.measuring.controls import CONTROLS, TRICKS
from course_lib.measuring.scores import SCORES
from course_lib.system.files import rounded

HEADINGS = {  # in two lines, so that a table fits into 80 columns
    "statistics": ("style:", "mean/std"),
    "gram": ("style:", "Gram"),
    "colours": ("", "colours"),
    "judge": ("judge", "right"),
    "content": ("content:", "relu4_1"),
    "edges": ("content:", "edges"),
}


def mean_scores(
    found: Comparison, pairs: Collection[Pair] | None = None
) -> dict[str, dict[str, float | None]]:
    """Name -> the mean of every score over ``pairs`` (all, if not given), and how many they are.

    The controls come first. A name that has not been run on all of ``pairs`` is left out, because
    means over different pairs cannot be compared. ``judge`` is None if there was only one style.
    """
    wanted = set(found.scores["content copied"] if pairs is None else pairs)
    table = {}
    for name in [*CONTROLS, *(n for n in found.scores if n not in CONTROLS)]:
        rows = found.scores[name]
        if not wanted or not wanted <= set(rows):
            continue
        kept = [rows[pair] for pair in sorted(wanted)]
        table[name] = {"pairs": len(kept)} | {
            score: None if kept[0][score] is None else mean(row[score] for row in kept)
            for score in SCORES
        }
    return table


def timings(found: Comparison) -> dict[str, dict[str, object]]:
    """Name of a method -> median, fastest and slowest seconds per picture, their number, all."""
    return {
        name: {
            "median": median(times),
            "fastest": min(times),
            "slowest": max(times),
            "pictures": len(times),
            "all": times,
        }
        for name, times in found.seconds.items()
    }


def as_results(found: Comparison) -> dict[str, object]:
    """All of a comparison but its pictures, for ``save_record``: numbers with four digits."""
    results = {
        "all_pairs": mean_scores(found),
        "few_pairs": mean_scores(found, found.few),
        "seconds": timings(found),
        "not_compared": found.missing,
        "the_few_pairs": [list(pair) for pair in found.few],
        "every_pair": {
            name: {
                "pairs": [list(pair) for pair in rows],
                **{score: [row[score] for row in rows.values()] for score in SCORES},
            }
            for name, rows in found.scores.items()
        },
    }
    return rounded(results)


def label(name: str) -> str:
    """A name with what it is: controls and tricks are marked."""
    kind = "control: " if name in CONTROLS else "trick: " if name in TRICKS else ""
    return kind + name


def format_table(
    table: Mapping[str, Mapping[str, float | None]],
    seconds: Mapping[str, Mapping[str, float]] | None = None,
) -> str:
    """Means as text, one line per name; ``-`` is what was not measured.

    Args:
        table: as ``mean_scores`` returns it.
        seconds: as ``timings`` returns it; the median is printed.
    """
    seconds = seconds or {}
    rows = [("", *line) for line in zip(*HEADINGS.values(), ("", "seconds"), strict=True)]
    for name, row in table.items():
        cells = [_cell(row[score], percent=score == "judge") for score in HEADINGS]
        cells.append(f"{seconds[name]['median']:.3g}" if name in seconds else "-")
        rows.append((label(name), *cells))
    first, *others = (max(map(len, column)) for column in zip(*rows, strict=True))
    return "\n".join(
        " ".join([f"{name:<{first}}", *(f"{c:>{w}}" for c, w in zip(cells, others, strict=True))])
        for name, *cells in rows
    )


def _cell(value: float | None, percent: bool) -> str:
    if value is None:
        return "-"
    return f"{value:.1%}" if percent else f"{value:.3f}"
