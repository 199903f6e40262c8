"""Thumbnails to choose from, as buttons: the picture is the button's background, its text the name.

Buttons have a name for a screen reader and are reached by keys; ipywidgets has no picture buttons,
so that the pictures come from a style sheet of their own.
"""

import base64
import functools
import io
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import ipywidgets as widgets
from PIL import Image

from course_lib.images import square
from course_lib.playground.settings import shown_name

THUMBNAIL = 76  # pixels of a side, in the file; the form shows it a little smaller


class Gallery:
    """One button per file; ``mark`` says which are in use.

    Args:
        kind: a word that is part of the buttons' class names.
        title: what is chosen here, for screen readers and the eye.
        chosen: called with the name of the picture whose button was clicked.
    """

    def __init__(self, kind: str, title: str, chosen: Callable[[str], None]) -> None:
        self._kind, self._chosen = kind, chosen
        self._buttons: dict[str, widgets.Button] = {}
        self._sheet = widgets.HTML(tooltip="")
        self._box = widgets.Box()
        self._box.add_class("course-gallery")
        heading = widgets.HTML(f"<b>{title}</b>", tooltip="")
        self.widget = widgets.VBox([heading, self._box, self._sheet])
        self.widget.layout.overflow = "visible"

    def fill(self, files: Mapping[str, Path]) -> None:
        """Show these pictures, in this order; buttons that are there stay."""
        for name in files:
            if name not in self._buttons:
                text = shown_name(name)
                button = widgets.Button(description=text, tooltip=text, layout=PLAIN, style=STYLE)
                button.on_click(functools.partial(self._click, name))
                button.add_class("course-thumbnail")
                button.add_class(f"course-{self._kind}-{len(self._buttons)}")
                self._buttons[name] = button
        rules = (
            f".course-{self._kind}-{number} {{background-image: url({address(files[name])})}}"
            for number, name in enumerate(self._buttons)
        )
        self._sheet.value = f"<style>{''.join(rules)}</style>"
        # Uploads come first: whoever brings a picture looks for it.
        own = list(self._buttons)[self._bundled :] if self._box.children else []
        if not self._box.children:
            self._bundled = len(self._buttons)
        order = own[::-1] + [name for name in self._buttons if name not in own]
        self._box.children = [self._buttons[name] for name in order]

    def mark(self, names: Collection[str]) -> None:
        """Show which pictures are in use."""
        for name, button in self._buttons.items():
            (button.add_class if name in names else button.remove_class)("course-chosen")

    def _click(self, name: str, _: object) -> None:
        self._chosen(name)


PLAIN, STYLE = widgets.Layout(width="auto"), widgets.ButtonStyle()  # one for all: less to send


def jpeg(image: Image.Image, quality: int = 90) -> bytes:
    """A picture as JPEG bytes: a hundredth of a millisecond per kilobyte where PNG takes ten."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


@functools.lru_cache(maxsize=256)
def address(path: Path) -> str:
    """A small square JPEG of a picture file, as a data address."""
    return "data:image/jpeg;base64," + base64.b64encode(jpeg(square(path, THUMBNAIL), 75)).decode()
