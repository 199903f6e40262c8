"""The playground's controls, built from ipywidgets alone, and the look that they describe."""

import functools
from collections.abc import Callable, Sequence

import ipywidgets as widgets

from course_lib.images import ImageError
from course_lib.playground.gallery import Gallery
from course_lib.playground.picture_store import PictureStore
from course_lib.playground.settings import COLOUR_MODES, MAX_STYLES, Look, shown_name
from course_lib.playground.shapes import Ellipse, Split
from course_lib.stylize import MAX_ALPHA

SIZES = (128, 192, 256, 320, 384, 512, 768, 1024)
SCALES = (0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0)
SHAPES = {"split": Split, "ellipse": Ellipse}
SHAPE_NAMES = ("no mask", "split", "ellipse")
NO_STYLE = ""  # ipywidgets would show nothing at all for None

LABELLED = {"description_width": "84px"}
FULL = widgets.Layout(width="100%", min_width="0")


class Controls:
    """Everything that can be set; ``look()`` reads it.

    Args:
        changed: called without arguments after every change of the look.
        complained: called with the error when an upload cannot be used.
        busy: called with a sentence before an upload is read.
    """

    def __init__(
        self,
        store: PictureStore,
        start: Look,
        changed: Callable[[], None],
        complained: Callable[[Exception], None],
        busy: Callable[[str], None],
    ) -> None:
        self.store, self._muted = store, True
        self._changed, self._complained, self._busy = changed, complained, busy
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
            value=start.alpha > 1,
            description=f"exaggerate (alpha up to {MAX_ALPHA:g})",
            indent=False,
            tooltip="let alpha go beyond the style",
        )
        self.style_scale = _choice("style scale", SCALES, start.style_scale)
        self.size = _choice("size, px", SIZES, start.size)
        self.colour = widgets.ToggleButtons(
            options=[
                ("style's", "style"),
                ("photo's, luminance", "luminance"),
                ("photo's, CORAL", "coral"),
            ],
            value=start.colour,
            description="colours",
            tooltip="colours",
            style=LABELLED | {"button_width": "auto"},
        )
        assert {value for _, value in self.colour.options} == set(COLOUR_MODES)
        self.mask = widgets.Dropdown(
            options=SHAPE_NAMES, description="mask", tooltip="mask", style=LABELLED, layout=FULL
        )
        self.show_mask = widgets.Checkbox(
            value=False,
            description="show the mask on the picture",
            indent=False,
            tooltip="tint what the mask leaves out",
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
                    ("x", "across", 0.5, 0),
                    ("y", "down", 0.5, 0),
                    ("width", "width", 0.5, 0.05),
                    ("height", "height", 0.6, 0.05),
                    ("softness", "softness", 0.1, 0),
                )
            },
        }
        self._lay_out()
        self._watch()
        self._update()
        self.exaggerate.observe(self._set_range, "value")
        self._set_range()
        self.alpha.value = start.alpha
        self._muted = False

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
            self.photograph.value,
            names,
            self.size.value,
            mask,
            weights=weights,
            alpha=self.alpha.value,
            colour=self.colour.value,
            style_scale=self.style_scale.value,
        )

    def set(self, look: Look) -> None:
        """Bring all controls to a look, and say once that it changed."""
        self._muted = True
        self.photograph.value = look.content
        for number, (style, weight) in enumerate(zip(self.styles, self.weights, strict=True)):
            used = number < len(look.styles)
            style.value = look.styles[number] if used else NO_STYLE
            weight.value = look.weights[number] if used and look.weights else 1.0
        self.exaggerate.value = look.alpha > 1
        self.alpha.value, self.colour.value = look.alpha, look.colour
        self.style_scale.value, self.size.value = look.style_scale, look.size
        kinds = {shape: name for name, shape in SHAPES.items()}
        self.mask.value = kinds.get(type(look.mask), look.mask or SHAPE_NAMES[0])
        for name, slider in self.shapes.get(self.mask.value, {}).items():
            slider.value = getattr(look.mask, name)
        self._muted = False
        self._moved()

    # --- building ---

    def _lay_out(self) -> None:
        self.uploads = {
            kind: widgets.FileUpload(
                accept="image/*",
                description=f"upload a {noun}",
                tooltip=f"upload a {noun}",
                layout=widgets.Layout(width="auto"),
            )
            for kind, noun in (("photograph", "photo"), ("style", "style"), ("mask", "mask"))
        }
        self.galleries = {
            "photograph": Gallery("photograph", "Photographs", self._click_photograph),
            "style": Gallery("style", f"Styles, one to {MAX_STYLES}", self._click_style),
        }
        for kind, gallery in self.galleries.items():
            gallery.fill(self.store.files[kind])
        row = widgets.Layout(align_items="center", width="100%", overflow="visible")
        rows = [
            widgets.HBox([choice, *weight], layout=row)
            for choice, weight in zip(
                (self.photograph, *self.styles), [[], *([w] for w in self.weights)], strict=True
            )
        ]
        self.shape_boxes = {
            name: widgets.VBox(list(settings.values())) for name, settings in self.shapes.items()
        }
        uploads = widgets.HBox(
            list(self.uploads.values()), layout=widgets.Layout(flex_flow="row wrap")
        )
        self.widget = widgets.VBox(
            [
                *(gallery.widget for gallery in self.galleries.values()),
                uploads,
                *rows,
                self.exaggerate,
                self.style_scale,
                self.size,
                self.colour,
                self.mask,
                self.show_mask,
                *self.shape_boxes.values(),
            ],
            layout=widgets.Layout(flex="1 1 380px", min_width="300px", overflow="visible"),
        )

    def _watch(self) -> None:
        settings = [slider for group in self.shapes.values() for slider in group.values()]
        for control in (
            self.photograph,
            *self.styles,
            *self.weights,
            self.alpha,
            self.style_scale,
            self.size,
            self.colour,
            self.mask,
            *settings,
        ):
            control.observe(lambda _: self._moved(), "value")
        for kind, upload in self.uploads.items():
            upload.observe(functools.partial(self._take, kind), "value")

    def _moved(self) -> None:
        if not self._muted:
            self._update()
            self._changed()

    def _update(self) -> None:
        """Bring the galleries and what is shown in line with the choices."""
        masked = self.mask.value != SHAPE_NAMES[0]
        self.galleries["photograph"].mark([self.photograph.value])
        self.galleries["style"].mark([choice.value for choice in self.styles])
        for number, (choice, weight) in enumerate(zip(self.styles, self.weights, strict=True)):
            choice.disabled = masked and number >= 2  # two regions, two styles
            weight.disabled = masked or choice.value == NO_STYLE
        for name, box in self.shape_boxes.items():
            box.layout.display = "flex" if self.mask.value == name else "none"
        self.show_mask.layout.display = "flex" if masked else "none"

    def _click_photograph(self, name: str) -> None:
        self.photograph.value = name

    def _click_style(self, name: str) -> None:
        """Take a style in, at the first free place or else the last, or take it out."""
        used = [choice for choice in self.styles if choice.value == name]
        left = [choice.value for choice in self.styles if choice.value not in (name, NO_STYLE)]
        if not used:
            self._free(self.styles).value = name
        elif left:  # those behind it move up, with their weights
            kept = [
                (c.value, w.value)
                for c, w in zip(self.styles, self.weights, strict=True)
                if c.value not in (name, NO_STYLE)
            ]
            kept += [(NO_STYLE, 1.0)] * (MAX_STYLES - len(kept))
            self._muted = True
            for (value, share), choice, weight in zip(kept, self.styles, self.weights, strict=True):
                choice.value, weight.value = value, share
            self._muted = False
            self._moved()

    def _free(self, choices: Sequence[widgets.Dropdown]) -> widgets.Dropdown:
        return next((choice for choice in choices if choice.value == NO_STYLE), choices[-1])

    def _set_range(self, _: object = None) -> None:
        self.alpha.max = MAX_ALPHA if self.exaggerate.value else 1.0

    # --- uploads ---

    def _take(self, kind: str, change: dict) -> None:
        """Take an upload in and choose it; a wrong one changes nothing but the message."""
        if not change["new"]:
            return
        file = change["new"][-1]
        self._busy(f"Reading {file['name']} ...")
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
        self.galleries[kind].fill(self.store.files[kind])
        choices = [self.photograph] if kind == "photograph" else self.styles
        for choice in choices:
            chosen = choice.value
            self._muted = True  # new options choose the first of them for a moment
            choice.options = _options(self.store.files[kind], choice.options[0][1] == NO_STYLE)
            choice.value = chosen
            self._muted = False
        self._free(choices).value = name


def _options(files: Sequence[str], none: bool) -> list[tuple[str, str]]:
    named = [(shown_name(name), name) for name in files]
    return [("none", NO_STYLE), *named] if none else named


def _dropdown(label: str, files: Sequence[str], value: str, none: bool = False) -> widgets.Dropdown:
    style = {"description_width": "48px"}
    return widgets.Dropdown(
        options=_options(files, none),
        value=value,
        description=label,
        tooltip=label,
        style=style,
        layout=FULL,
    )


def _slider(
    label: str, value: float, low: float, high: float, step: float = 0.01, tooltip: str = ""
) -> widgets.FloatSlider:
    narrow = {} if label else {"layout": widgets.Layout(width="46%", min_width="0", flex="0 0 46%")}
    options = {"style": LABELLED, "layout": FULL} | narrow
    return widgets.FloatSlider(
        value=value,
        min=low,
        max=high,
        step=step,
        description=label,
        tooltip=tooltip or label,
        readout_format=".2f" if step < 1 else ".0f",
        **options,
    )


def _choice(label: str, values: Sequence[float], value: float) -> widgets.SelectionSlider:
    options = sorted({*values, value})
    return widgets.SelectionSlider(
        options=options, value=value, description=label, tooltip=label, style=LABELLED, layout=FULL
    )
