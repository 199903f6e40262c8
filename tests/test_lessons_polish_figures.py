"""The figures of polishing hold the numbers of the record."""

import json

import matplotlib.pyplot as plt
import pytest

from course_lib import DATA_DIR
from course_lib.lessons import polish_figures

RECORD = DATA_DIR / "runs" / "polish_cpu.json"


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def results():
    return json.loads(RECORD.read_text(encoding="utf-8"))["results"]


def test_quality_against_time_marks_the_cross_over():
    row = {"seconds": [1, 2, 4], "adain": [9, 5, 6], "gatys": [3, 2, 1]}
    names = (
        "decoder + polish",
        "polish from the photograph",
        "Gatys from content",
        "Gatys from noise",
    )
    methods = dict.fromkeys(names, row) | {
        "decoder": {"seconds": [0.5], "adain": [8], "gatys": [2.5]}
    }
    never = {"decoder": None, "decoder + polish": None}
    overtaken = {
        "adain": {
            "Gatys from content": {"decoder": 2, "decoder + polish": None},
            "Gatys from noise": never,
        },
        "gatys": {
            "Gatys from content": {"decoder": 2, "decoder + polish": 4},
            "Gatys from noise": never,
        },
    }
    figure = polish_figures.plot_quality_against_time({"methods": methods, "overtaken": overtaken})
    left, right = figure.axes
    assert [len(axis.lines) for axis in (left, right)] == [6, 7]
    assert list(left.lines[0].get_ydata()) == [9, 5, 5]
    ring = next(line for line in left.lines if line.get_markerfacecolor() == "white")
    assert (list(ring.get_xdata()), list(ring.get_ydata())) == ([2], [5])


def test_ways_down_show_the_best_so_far():
    tried = {"a": {"seconds": [1, 2, 3], "total": [5, 7, 4]}}
    (axis,) = polish_figures.plot_ways_down(tried).axes
    assert list(axis.lines[0].get_ydata()) == [5, 5, 4] and axis.get_yscale() == "log"


def test_the_committed_record_holds_what_the_lessons_show(results):
    pairs = results["pairs"]
    assert len(pairs) >= 7
    style, content = polish_figures.plot_multiples(pairs).axes
    assert len(style.get_yticks()) == len(pairs) and len(content.collections) == 3
    for row in pairs:
        shares = [row["steps"][mark]["style_share"] for mark in ("0", "10", "20", "50", "100")]
        assert shares[0] == 1 and shares == sorted(shares, reverse=True)
        assert row["steps"]["100"]["of_optimum"]["total"] < 2
    assert results["medians"]["12"]["style_share"] < 0.2
    for row in results["curves"]:
        polish_figures.plot_quality_against_time(row)
    for row in results["optimizers"]:
        polish_figures.plot_ways_down(row["tried"])
        last = {name: min(columns["total"]) for name, columns in row["tried"].items()}
        assert last["L-BFGS, pyramid"] < 0.9 * min(last["Adam, logits"], last["Adam, pixels"])
