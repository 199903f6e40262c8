"""Answers to step 3 of lesson 08's build: two sliders in the playground's form."""

import functools

import ipywidgets as widgets

from course_lib.lessons.lesson08 import build

check = build.check_sliders


def sliders(
    studio,
    kind=widgets.FloatSlider,
    names=build.NAMES,
    texts=build.NAMES,
    start=1.0,
    placed=True,
    replaces=False,
    sets=True,
    asks=1,
    late=False,
):
    """Two sliders, or with the options some with a mistake."""
    made = []
    for name, text in zip(names, texts, strict=True):
        slider = kind(value=start, min=0, max=1, step=0.01, description=text)

        def move(change, name=name):
            for _ in range(asks * late):
                studio.changed()
            studio.worker.wait()
            if sets:
                setattr(studio.store, name, change["new"])
            for _ in range(asks * (not late)):
                studio.changed()

        slider.observe(move, "value")
        made.append(slider)
    if placed:
        there = () if replaces else studio.controls.widget.children
        studio.controls.widget.children = (*there, *made)
    return made


def written_out(studio):
    means = widgets.FloatSlider(1.0, min=0, max=1, description="means")
    deviations = widgets.FloatSlider(1.0, min=0, max=1, description="deviations")

    def move(_):
        studio.store.means, studio.store.deviations = means.value, deviations.value
        studio.changed()

    means.observe(move, names="value")
    deviations.observe(move, names="value")
    studio.controls.widget.children = (means, deviations, *studio.controls.widget.children)
    return means, deviations


RIGHT = {"the course's": build.add_sliders, "options": sliders, "written out": written_out}


def wrong(diagnosis, **options):
    return functools.partial(sliders, **options), diagnosis


WRONG = {
    "whole numbers": wrong("FloatSlider", kind=widgets.IntSlider, start=1),
    "no names": wrong("description", texts=("", "")),
    "swapped": wrong("sets its share", names=build.NAMES[::-1]),
    "begins at zero": wrong("begins at 1", start=0.0),
    "not in the form": wrong("not in the form", placed=False),
    "the form replaced": wrong("keep them", replaces=True),
    "nothing set": wrong("sets its share", sets=False),
    "nothing asked": wrong("one picture", asks=0),
    "asked twice": wrong("one picture", asks=2),
    "asked too early": wrong("set the share first", late=True),
    "one slider": (lambda studio: sliders(studio)[:1], "return the two sliders"),
}
