"""Answers to step 4 of lesson 04's build: a figure of all signs of all runs."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from course_lib.lessons.lesson04 import build

check = build.check_chart


def chart(signs, scaled=None, clim=(0, 2), columns=None, rows=None, form="{:.2g}", images=1):
    """A right chart, or one with the mistake that the options say."""
    values = np.array(list(signs.values()))
    shown = values / list(build.LIMITS.values()) if scaled is None else scaled(values)
    figure = Figure()
    axis = figure.subplots()
    for _ in range(images):
        axis.imshow(shown, vmin=clim[0], vmax=clim[1], cmap="Reds")
    names = list(build.LIMITS) if columns is None else columns
    axis.set_xticks(range(len(names)), names)
    names = list(signs) if rows is None else rows
    axis.set_yticks(range(len(names)), names)
    for (row, column), value in np.ndenumerate(values):
        axis.text(column, row, form.format(value), ha="center", va="center")
    return figure


def with_pyplot(signs):
    figure, axis = plt.subplots(layout="constrained")
    values = [
        [x / limit for x, limit in zip(s, build.LIMITS.values(), strict=True)]
        for s in signs.values()
    ]
    axis.imshow(values, vmin=0, vmax=2)
    axis.set(xticks=range(6), xticklabels=build.LIMITS)
    axis.set(yticks=range(len(signs)), yticklabels=signs)
    for row, name in enumerate(signs):
        for column, value in enumerate(signs[name]):
            axis.annotate(f"{value:.2g}", (column, row), ha="center")
    return figure


def with_a_bar(signs):
    figure = chart(signs)
    figure.colorbar(figure.axes[0].images[0])
    return figure


RIGHT = {"the course's": chart, "pyplot": with_pyplot, "a colour bar": with_a_bar}


def wrong(diagnosis, **options):
    return lambda signs: chart(signs, **options), diagnosis


LIMITS = np.array(list(build.LIMITS.values()))
WRONG = {
    "unscaled": wrong("no common scale", scaled=lambda x: x),
    "transposed": wrong("a run is a row", scaled=lambda x: (x / LIMITS).T),
    "by the worst": wrong("need not be sick", scaled=lambda x: x / x.max(0)),
    "upside down": wrong("in the order given", scaled=lambda x: (x / LIMITS)[::-1]),
    "logarithms": wrong("sign / limit", scaled=lambda x: np.log(x / LIMITS)),
    "its own scale": wrong("one scale", clim=(None, None)),
    "no names below": wrong("name the signs", columns=[]),
    "runs by number": wrong("name the runs", rows=["1", "2", "3"]),
    "many digits": wrong("into its cell", form="{:.6f}"),
    "no numbers": wrong("into its cell", form=""),
    "two images": wrong("one image", images=2),
    "no figure": (lambda signs: chart(signs).axes[0], "return the figure"),
}
