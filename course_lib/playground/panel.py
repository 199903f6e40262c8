"""The playground's controls, built from ipywidgets alone, and the look that they describe."""

import functools
import io
from collections.abc import Callable, Sequence
from pathlib import Path

import ipywidgets as widgets
from PIL import Image

from course_lib.images import ImageError, square
from course_lib.playground.picture_store import PictureStore
from course_lib.playground.settings import COLOUR_MODES, MAX_STYLES, Look
from course_lib.playground.shapes import Ellipse, Split
from course_lib.stylize import MAX_ALPHA

SIZES = (128, 192, 256, 320, 384, 512)
SCALES = (0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0)
SHAPES = {"split": Split, "ellipse": Ellipse}
SHAPE_NAMES = ("no mask", "split", "ellipse")
NO_STYLE = ""  # ipywidgets would show nothing at all for None
THUMBNAIL = 40  # pixels

LABELLED = {"description_width": "84px"}
FULL = widgets.Layout(width="100%", min_width="0")


class Controls:
    """Everything that can be set; ``look()`` reads it.

    Args:
        changed: called without arguments after every change of the look.
        complained: called with the error when an upload cannot be used.
    """

    def __init__(
        self,
        store: PictureStore,
        start: Look,
        changed: Callable[[], None],
        complained: Callable[[Exception], None],
    ) -> None:
        self.store, self._complained, self._muted = store, complained, False
        self.photograph = _dropdown("photo", store.files["photograph"], start.content)
        self.styles, self.weights = [], []
        for number in range(MAX_STYLES):
            name = start.styles[number] if number < len(start.styles) else NO_STYLE
            weight = start.weights[number] if start.weights and name else 1.0
            options = store.files["style"]
            self.styles.append(_dropdown(f"style {number + 1}", options, name, none=number > 0))
            self.weights.append(_slider("", weight, 0, 1, tooltip=f"weight of style {number + 1}"))
        self.alpha = _slider("alpha", min(start.alpha, 1.0), 0, 1)
        self.exaggerate = widgets.Checkbox(
            value=start.alpha > 1, description=f"exaggerate (alpha up to {MAX_ALPHA:g})",
            indent=False,
        )  # fmt: skip
        self.style_scale = _choice("style scale", SCALES, start.style_scale)
        self.size = _choice("size, px", SIZES, start.size)
        self.colour = widgets.ToggleButtons(
            options=[("style's", "style"), ("photo's, luminance", "luminance"),
                     ("photo's, CORAL", "coral")],
            value=start.colour, description="colours", style=LABELLED | {"button_width": "auto"},
        )  # fmt: skip
        assert {value for _, value in self.colour.options} == set(COLOUR_MODES)
        self.mask = widgets.Dropdown(
            options=SHAPE_NAMES, description="mask", style=LABELLED, layout=FULL
        )
        self.shapes = {
            "split": {
                "position": _slider("position", 0.5, 0, 1),
                "angle": _slider("angle", 0, -90, 90, step=5),
                "softness": _slider("softness", 0.1, 0, 0.5),
            },
            "ellipse": {
                name: _slider(label, value, low, 1)
                for name, label, value, low in (
                    ("x", "across", 0.5, 0), ("y", "down", 0.5, 0), ("width", "width", 0.5, 0.05),
                    ("height", "height", 0.6, 0.05), ("softness", "softness", 0.1, 0),
                )
            },
        }  # fmt: skip
        self._lay_out()
        self._watch(changed)
        self._update()
        self.exaggerate.observe(self._set_range, "value")
        self._set_range()
        self.alpha.value = start.alpha

    def look(self) -> Look:
        """What the controls say now.

        Raises:
            CourseError: together they make no sense, for example with all weights at 0.
        """
        chosen = [
            (style.value, weight.value)
            for style, weight in zip(self.styles, self.weights, strict=True)
            if style.value != NO_STYLE
        ]
        names, weights = zip(*chosen, strict=True)
        mask: object = None
        if self.mask.value in SHAPES:
            settings = self.shapes[self.mask.value]
            mask = SHAPES[self.mask.value](**{name: s.value for name, s in settings.items()})
        elif self.mask.value != SHAPE_NAMES[0]:
            mask = self.mask.value
        return Look(
            self.photograph.value, names, self.size.value, mask, weights=weights,
            alpha=self.alpha.value, colour=self.colour.value, style_scale=self.style_scale.value,
        )  # fmt: skip

    # --- building ---

    def _lay_out(self) -> None:
        self.uploads = {
            kind: widgets.FileUpload(
                accept="image/*", description=f"upload a {noun}",
                layout=widgets.Layout(width="auto"),
            )
            for kind, noun in (("photograph", "photo"), ("style", "style"), ("mask", "mask"))
        }  # fmt: skip
        pixels = f"{THUMBNAIL}px"
        size = widgets.Layout(width=pixels, height=pixels, flex="0 0 auto")
        choices = (self.photograph, *self.styles)
        self.thumbnails = [widgets.Image(format="jpeg", layout=size) for _ in choices]
        row = widgets.Layout(align_items="center", width="100%")
        rows = [
            widgets.HBox([image, choice, *weight], layout=row)
            for image, choice, weight in zip(
                self.thumbnails, choices, [[], *([w] for w in self.weights)], strict=True
            )
        ]
        self.shape_boxes = {
            name: widgets.VBox(list(settings.values())) for name, settings in self.shapes.items()
        }
        uploads = widgets.HBox(
            list(self.uploads.values()), layout=widgets.Layout(flex_flow="row wrap")
        )
        self.widget = widgets.VBox(
            [*rows, uploads, self.alpha, self.exaggerate, self.style_scale, self.size, self.colour,
             self.mask, *self.shape_boxes.values()],
            layout=widgets.Layout(flex="1 1 400px", min_width="320px", max_width="520px"),
        )  # fmt: skip

    def _watch(self, changed: Callable[[], None]) -> None:
        settings = [slider for group in self.shapes.values() for slider in group.values()]
        for control in (
            self.photograph, *self.styles, *self.weights, self.alpha, self.style_scale, self.size,
            self.colour, self.mask, *settings,
        ):  # fmt: skip
            control.observe(lambda _: self._moved(changed), "value")
        for kind, upload in self.uploads.items():
            upload.observe(functools.partial(self._take, kind), "value")

    def _moved(self, changed: Callable[[], None]) -> None:
        if not self._muted:
            self._update()
            changed()

    def _update(self) -> None:
        """Bring thumbnails and what is shown in line with the choices."""
        masked = self.mask.value != SHAPE_NAMES[0]
        files = [("photograph", self.photograph), *(("style", s) for s in self.styles)]
        for image, (kind, choice) in zip(self.thumbnails, files, strict=True):
            path = choice.value and self.store.files[kind].get(choice.value)
            image.value = thumbnail(path) if path else BLANK
        for choice, weight in zip(self.styles, self.weights, strict=True):
            weight.disabled = masked or choice.value == NO_STYLE
        for name, box in self.shape_boxes.items():
            box.layout.display = "flex" if self.mask.value == name else "none"

    def _set_range(self, _: object = None) -> None:
        self.alpha.max = MAX_ALPHA if self.exaggerate.value else 1.0

    # --- uploads ---

    def _take(self, kind: str, change: dict) -> None:
        """Take an upload in and choose it; a wrong one changes nothing but the message."""
        if not change["new"]:
            return
        file = change["new"][-1]
        self.uploads[kind].value = ()  # or its bytes would stay in memory, and in the notebook
        try:
            name = self.store.add(kind, file["name"], bytes(file["content"]))
        except ImageError as error:
            self._complained(error)
            return
        if kind == "mask":
            self._muted = True
            self.mask.options = (*SHAPE_NAMES, *self.store.files["mask"])
            self._muted = False
            self.mask.value = name
            return
        choices = [self.photograph] if kind == "photograph" else self.styles
        for choice in choices:
            chosen = choice.value
            self._muted = True  # new options choose the first of them for a moment
            choice.options = _options(self.store.files[kind], choice.options[0][1] == NO_STYLE)
            choice.value = chosen
            self._muted = False
        # A style goes to the first free place, or the last one.
        target = next((choice for choice in choices if choice.value == NO_STYLE), choices[-1])
        target.value = name


@functools.lru_cache(maxsize=64)
def thumbnail(path: Path) -> bytes:
    """A small square JPEG of a picture file."""
    return jpeg(square(path, 2 * THUMBNAIL), 85)


def jpeg(image: Image.Image, quality: int = 90) -> bytes:
    """A picture as JPEG bytes: a hundredth of a millisecond per kilobyte where PNG takes ten."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


BLANK = jpeg(Image.new("RGB", (2, 2), "white"))


def _options(files: Sequence[str], none: bool) -> list[tuple[str, str]]:
    named = [(name.replace("_", " "), name) for name in files]
    return [("none", NO_STYLE), *named] if none else named


def _dropdown(label: str, files: Sequence[str], value: str, none: bool = False) -> widgets.Dropdown:
    style = {"description_width": "48px"}
    return widgets.Dropdown(
        options=_options(files, none), value=value, description=label, style=style, layout=FULL
    )


def _slider(
    label: str, value: float, low: float, high: float, step: float = 0.01, tooltip: str = ""
) -> widgets.FloatSlider:
    narrow = {} if label else {"layout": widgets.Layout(width="46%", min_width="0", flex="0 0 46%")}
    options = {"style": LABELLED, "layout": FULL} | narrow
    return widgets.FloatSlider(
        value=value, min=low, max=high, step=step, description=label, tooltip=tooltip or label,
        readout_format=".2f" if step < 1 else ".0f", **options,
    )  # fmt: skip


def _choice(label: str, values: Sequence[float], value: float) -> widgets.SelectionSlider:
    options = sorted({*values, value})
    return widgets.SelectionSlider(
        options=options, value=value, description=label, style=LABELLED, layout=FULL
    )
