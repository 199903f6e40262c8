"""Checks of lesson 08's build: two new sliders for the playground, by pixels and by widgets."""

import dataclasses
import functools
import io
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch
from PIL import Image, ImageChops, ImageStat
from torch import Tensor

from course_lib.adain import ChannelStatistics, channel_statistics
from course_lib.images import to_image
from course_lib.lessons.agreement import compare
from course_lib.lessons.answers import CheckFailed
from course_lib.lessons.checking import exercise, explained
from course_lib.lessons.smallest_case import show
from course_lib.playground.picture_store import PictureStore
from course_lib.playground.settings import Look
from course_lib.playground.widget import Playground
from course_lib.stylize import StyleStatistics, StyleTransfer

WHERE = 'lesson 08, section 6 "Build it: two sliders of your own"'
NAMES = ("means", "deviations")
LOOK = Look("cat", ("impasto_night",), size=64, style_scale=0.25)  # small, hence fast


# --- step 1: statistics on the way ---


def between(
    content: ChannelStatistics, style: ChannelStatistics, means: float, deviations: float
) -> ChannelStatistics:
    """Statistics on the way from the content's to the style's, for both kinds its own share."""
    return ChannelStatistics(
        torch.lerp(content.mean, style.mean, means), torch.lerp(content.std, style.std, deviations)
    )


def _few_statistics() -> list[tuple]:
    content, style = (
        ChannelStatistics(*(torch.tensor(x).view(1, -1, 1, 1) for x in pair))
        for pair in (((1.0, 2.0), (4.0, 3.0)), ((5.0, 0.0), (2.0, 9.0)))
    )
    return [
        (content, style, share, other) for share, other in ((0.5, 0.25), (1.0, 0.0), (0.2, 0.7))
    ]


def _between_mistakes(
    content: ChannelStatistics, style: ChannelStatistics, means: float, deviations: float
) -> dict[str, ChannelStatistics]:
    right = between(content, style, means, deviations)
    squares = torch.lerp(content.std.square(), style.std.square(), deviations)
    return {
        "one share for both: each kind has its own": between(content, style, means, means),
        "the shares are swapped: the first is that of the means": between(
            content, style, deviations, means
        ),
        "share 1 is the style: at the moment it is the content": between(
            style, content, means, deviations
        ),
        "the deviations stayed the style's": right._replace(std=style.std),
        "the means stayed the style's": right._replace(mean=style.mean),
        "the content's part shrinks as the style's grows: (1 - share) * content": ChannelStatistics(
            content.mean + means * style.mean, content.std + deviations * style.std
        ),
        "deviations are mixed, not variances": right._replace(std=squares.sqrt()),
        "the two are swapped: return means first": ChannelStatistics(right.std, right.mean),
    }


@exercise(
    "between",
    "both ends, and everything on the way",
    WHERE,
    between,
    ("content", "style", *NAMES),
    _few_statistics,
    mistakes=_between_mistakes,
    parts=("mean", "std"),
)
def check_between() -> Iterator[tuple]:
    """Build 08, step 1: ``answer(content, style, means, deviations)`` -> (mean, std)."""
    generator = torch.Generator().manual_seed(8)
    for shares in ((0.3, 0.8), (1.0, 0.0), (0.0, 0.6)):
        pairs = 0.5 + torch.rand(2, 2, 1, 5, 1, 1, generator=generator)
        yield (*(ChannelStatistics(*pair) for pair in pairs), *shares)


# --- step 2: a store of pictures that uses them ---


class TwoShares(PictureStore):
    """A picture store whose styles go part of the way, means and deviations apart."""

    means = deviations = 1.0

    def statistics(self, name: str, look: Look) -> StyleStatistics:
        """The style's statistics, after the two shares."""
        style = super().statistics(name, look)
        content = channel_statistics(self.features(look).float().cpu())
        mean, std = between(content, style, self.means, self.deviations)
        return dataclasses.replace(style, mean=mean, std=std)


class _Counting:
    """A stylising network that counts how often something is encoded."""

    def __init__(self, transfer: StyleTransfer) -> None:
        self._transfer, self.encoded = transfer, 0

    def __getattr__(self, name: str) -> object:
        self.encoded += name.startswith("encode")
        return getattr(self._transfer, name)


@functools.cache
def _transfer() -> StyleTransfer:
    return StyleTransfer.load(device="cpu", precision="float32")


@functools.cache
def _right_store() -> TwoShares:
    return TwoShares(_transfer())


@functools.cache
def _picture(means: float, deviations: float, alpha: float = 1.0) -> Tensor:
    store = _right_store()
    store.means, store.deviations = means, deviations
    return store.render(dataclasses.replace(LOOK, alpha=alpha))


@explained(WHERE)
def check_store(answer: type[PictureStore]) -> None:
    """Build 08, step 2: a ``PictureStore`` whose ``statistics`` heed ``means``, ``deviations``."""
    store = answer(_Counting(_transfer()))
    if store.statistics(LOOK.styles[0], LOOK) is None:
        return print("store: not attempted yet")
    for number, (means, deviations) in enumerate(((1, 1), (0, 1), (1, 0), (0, 0), (0.4, 0.7))):
        store.means, store.deviations = means, deviations
        encoded = store.transfer.encoded
        given = store.render(LOOK)
        if number and store.transfer.encoded > encoded:
            times = store.transfer.encoded - encoded
            _complain(
                "a move encodes again, which is slow: take self.features(look), which is kept",
                "no encoding",
                times,
            )
        mistakes = {
            "the sliders have changed places: means first": _picture(deviations, means),
            "self.means is not used": _picture(1, deviations),
            "self.deviations are not used": _picture(means, 1),
        }
        where = f"the picture at means {means} and deviations {deviations}"
        compare(given, _picture(means, deviations), mistakes, where)
    print("store: correct (pixel by pixel, and nothing is encoded twice)")


# --- step 3: the sliders ---


def add_sliders(studio: Playground) -> Sequence[object]:
    """Two sliders in the form, that set the store's shares and ask for a new picture."""
    import ipywidgets as widgets

    def watch(name: str) -> widgets.FloatSlider:
        slider = widgets.FloatSlider(value=1, min=0, max=1, step=0.01, description=name)

        def move(change: dict) -> None:
            setattr(studio.store, name, change["new"])
            studio.changed()

        slider.observe(move, "value")
        return slider

    sliders = [watch(name) for name in NAMES]
    studio.controls.widget.children = (*studio.controls.widget.children, *sliders)
    return sliders


@explained(WHERE)
def check_sliders(answer: Callable[[Playground], Sequence[object]]) -> None:
    """Build 08, step 3: ``answer(studio)`` puts two sliders into the form and returns them."""
    with tempfile.TemporaryDirectory() as folder:
        studio = Playground(LOOK, TwoShares(_transfer()), Path(folder))
        try:
            _check_sliders(answer, studio)
        finally:
            studio.worker.close()


def _check_sliders(answer: Callable[[Playground], Sequence[object]], studio: Playground) -> None:
    form = studio.controls.widget.children
    sliders = answer(studio)
    if sliders is None:
        return print("sliders: not attempted yet")
    if not isinstance(sliders, list | tuple) or len(sliders) != 2:
        _complain("return the two sliders, that of the means first", "2 sliders", sliders)
    for slider, name in zip(sliders, NAMES, strict=True):
        if type(slider).__name__ != "FloatSlider":
            _complain("a share is any number: take widgets.FloatSlider", "FloatSlider", slider)
        if slider.description != name:
            _complain("name it with description=", name, slider.description)
        if (state := (slider.min, slider.max, slider.value)) != (0, 1, 1):
            _complain("it runs from 0 to 1 and begins at 1, the full style", (0, 1, 1), state)
    now = studio.controls.widget.children
    if any(child not in now for child in form):
        _complain("the controls that were there are gone: keep them", len(form) + 2, len(now))
    if any(slider not in now for slider in sliders):
        _complain(
            "they are not in the form: studio.controls.widget.children", len(form) + 2, len(now)
        )
    moves = [(sliders[0], 0.0), (sliders[1], 0.25), (studio.controls.alpha, 0.5), (sliders[0], 1.0)]
    for control, value in moves:
        asked = studio.worker.done + studio.worker.dropped
        control.value = value
        studio.worker.wait(60)
        asked = studio.worker.done + studio.worker.dropped - asked
        shares, wanted = [getattr(studio.store, name) for name in NAMES], [s.value for s in sliders]
        if shares != wanted:
            _complain("a moved slider sets its share in studio.store, and no other", wanted, shares)
        if asked != 1:
            _complain("one move asks for one picture: studio.changed()", 1, asked)
        _check_pixels(studio, wanted)
    print("sliders: correct (in the form, heard, and seen in the picture)")


def _check_pixels(studio: Playground, shares: Sequence[float]) -> None:
    from course_lib.playground.gallery import jpeg

    expected = jpeg(to_image(_picture(*shares, studio.look.alpha)))
    if studio.picture.value != expected:
        pictures = [Image.open(io.BytesIO(data)) for data in (studio.picture.value, expected)]
        apart = max(ImageStat.Stat(ImageChops.difference(*pictures)).mean)
        _complain(
            "the picture is not that of the sliders: set the share first, then ask",
            f"the picture at means {shares[0]:g} and deviations {shares[1]:g}",
            f"one that is {apart:.0f} of 255 levels off",
        )


def _complain(diagnosis: str, wanted: object, got: object) -> None:
    raise CheckFailed(diagnosis, f"Expected {show(wanted)}, got {show(got)}")
