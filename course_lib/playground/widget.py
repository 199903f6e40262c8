"""The playground in a notebook: a picture that follows its sliders. And ``paint``, without them."""

import base64
import dataclasses
import functools
import html
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from PIL import Image
from torch import Tensor

from course_lib import REPOSITORY, CourseError
from course_lib.images import to_image
from course_lib.playground.latest_only import LatestOnly
from course_lib.playground.picture_store import PictureStore
from course_lib.playground.saving import save_look
from course_lib.playground.settings import Look
from course_lib.playground.shapes import Shape
from course_lib.polish import STEPS, Row

WORK = REPOSITORY / "work"
VIEWS = ("after", "before", "both")
FAILED = "#D55E00"  # Okabe and Ito's vermilion


class Playground:
    """A picture, and controls for all that AdaIN can vary. A cell that ends with it shows it.

    Moved sliders ask a worker for a new picture; while it is busy only the newest position waits.
    What goes wrong is said under the picture, and the last picture stays. The polish button asks
    the same worker, so that a moved slider ends the polishing of what it makes out of date.

    Args:
        start: the look to begin with.
        store: pictures and network.
        out: the folder in which saved looks get folders of their own.
    """

    def __init__(self, start: Look, store: PictureStore, out: Path) -> None:
        import ipywidgets as widgets

        from course_lib.playground.panel import Controls

        self.store, self.out = store, Path(out)
        self.saved: Path | None = None
        self.seconds = 0.0  # that the last picture took
        self._lock = threading.Lock()
        self.shown: Look | None = None  # what the picture was made of
        self._images: tuple[Image.Image, Image.Image] | None = None  # before and after
        self.picture = widgets.Image(format="jpeg", layout=widgets.Layout(
            width="100%", max_height="600px", object_fit="contain"))  # fmt: skip
        self.view = widgets.ToggleButtons(options=VIEWS, style={"button_width": "70px"})
        self.name = widgets.Text(value="my_picture", description="name",
                                 style={"description_width": "48px"},
                                 layout=widgets.Layout(flex="1 1 auto", width="auto"))  # fmt: skip
        self.save_button = widgets.Button(description="save", icon="save",
                                          layout=widgets.Layout(width="90px"))  # fmt: skip
        self.polish_button = widgets.Button(description="polish", icon="magic",
                                            tooltip=f"optimise the picture by {STEPS} steps",
                                            layout=widgets.Layout(width="90px"))  # fmt: skip
        self.status = widgets.HTML()
        self.controls = Controls(store, start, self._changed, self._complain)
        self.worker = LatestOnly(self._render, self._complain)
        left = widgets.VBox(
            [self.picture, widgets.HBox([self.view, self.polish_button]),
             widgets.HBox([self.name, self.save_button]), self.status],
            layout=widgets.Layout(flex="1 1 380px", min_width="300px", max_width="560px"),
        )
        self.widget = widgets.HBox([left, self.controls.widget], layout=widgets.Layout(
            flex_flow="row wrap", align_items="flex-start", grid_gap="16px"))  # fmt: skip
        self.view.observe(lambda _: self._draw(), "value")
        self.save_button.on_click(lambda _: self._save_clicked())
        self.polish_button.on_click(lambda _: self._changed(STEPS))
        self._changed()
        self.worker.wait()

    def _repr_mimebundle_(self, **_: object) -> tuple[dict[str, object], dict[str, object]]:
        """The form, and a plain picture with its description for readers without a kernel."""
        view = self.widget._repr_mimebundle_()
        picture = base64.b64encode(self.picture.value).decode()
        look = self.look
        styles = " and ".join(look.styles)
        alt = f"The playground's picture: {look.content} in the style of {styles}."
        data = view | {"image/jpeg": picture, "text/plain": "the style playground"}
        return data, {"image/jpeg": {"alt": alt}}

    @property
    def look(self) -> Look:
        """What the controls say now."""
        return self.controls.look()

    def save(self) -> Path:
        """Save picture and recipe into a new folder of ``out``, and return it.

        Raises:
            CourseError: it cannot be saved.
        """
        look = self.look
        if self.shown and dataclasses.replace(self.shown, polish=0) == look:
            look = self.shown  # polished, perhaps
        self.saved = save_look(self.store, look, self.name.value, self.out)
        return self.saved

    def _changed(self, polish: int = 0) -> None:
        try:
            self.worker.ask(dataclasses.replace(self.look, polish=polish))
        except ValueError as error:
            self._complain(error)

    def _render(self, look: Look) -> None:
        """Make a picture and show it; runs in the worker's thread."""
        started = time.perf_counter()
        before = to_image(self.store.photograph(look))
        if look.polish:
            after = to_image(self.store.render(look, functools.partial(self._watch, look, before)))
            if self.worker.overtaken:
                return
        else:
            after = to_image(self.store.render(look))
        self.shown = look
        self._show(before, after)
        self.seconds = time.perf_counter() - started
        self.status.value = (
            f"{after.width} x {after.height} pixels in {1000 * self.seconds:.0f} ms; "
            f"{self.worker.dropped} overtaken moves dropped"
        )

    def _watch(self, look: Look, before: Image.Image, row: Row, picture: Tensor) -> bool:
        """Show how far polishing is, and end it if its picture is not wanted any more."""
        self.status.value = (
            f"polishing, step {row.step} of {look.polish}: style loss {row.losses.style:.2f}"
        )
        if look.colour != "luminance" and look.mask is None:  # else the photograph's part lacks
            self._show(before, to_image(picture))
        return self.worker.overtaken

    def _show(self, before: Image.Image, after: Image.Image) -> None:
        with self._lock:
            self._images = before, after
        self._draw()

    def _draw(self) -> None:
        """Show before, after, or half of each."""
        from course_lib.playground.panel import jpeg

        with self._lock:
            if self._images is None:
                return
            before, after = self._images
            shown = {"before": before, "after": after}.get(self.view.value)
            if shown is None:
                shown = after.copy()
                shown.paste(before.crop((0, 0, before.width // 2, before.height)))
            self.picture.value = jpeg(shown)

    def _save_clicked(self) -> None:
        try:
            folder = self.save()
        except CourseError as error:
            self._complain(error)
            return
        shown = Path(*folder.parts[-2:])
        self.status.value = f"Saved picture and recipe in <b>{html.escape(shown.as_posix())}</b>."

    def _complain(self, error: Exception) -> None:
        known = isinstance(error, CourseError)
        text = str(error) if known else f"{type(error).__name__}: {error}"
        text = html.escape(" ".join(text.split()))
        self.status.value = f'<b style="color: {FAILED}">{text}</b>'


@functools.lru_cache(maxsize=1)
def shared_store() -> PictureStore:
    """The pictures of ``paint`` and ``playground`` where none is given: one network for both."""
    return PictureStore()


def playground(
    content: str = "cat",
    styles: str | Sequence[str] = ("impasto_night", "woodblock_waves"),
    out: str | Path = WORK,
    store: PictureStore | None = None,
    **settings: object,
) -> Playground:
    """The form for a photograph and styles, by name or by file; ``settings`` are those of Look.

    Raises:
        CourseError: a picture is missing, or a setting out of range.
    """
    store = store or shared_store()
    return Playground(_make_look(store, content, styles, **settings), store, Path(out))


def paint(
    content: str = "cat",
    styles: str | Sequence[str] = ("impasto_night",),
    save_as: str | None = None,
    out: str | Path = WORK,
    store: PictureStore | None = None,
    **settings: object,
) -> Image.Image:
    """What the playground shows with these settings, without widgets.

    Args:
        content: name of a photograph, or a file.
        styles: one to four names or files.
        save_as: also save picture and recipe in a folder of this name in ``out``.
        settings: ``weights``, ``alpha``, ``colour``, ``style_scale``, ``size``, ``mask`` (a
            ``Split``, an ``Ellipse`` or a file) as in ``Look``.

    Raises:
        CourseError: a picture is missing, or a setting out of range.
    """
    store = store or shared_store()
    look = _make_look(store, content, styles, **settings)
    picture = to_image(store.render(look))
    if save_as is not None:
        save_look(store, look, save_as, Path(out))
    return picture


def _make_look(
    store: PictureStore,
    content: str,
    styles: str | Sequence[str],
    mask: Shape | str | None = None,
    **settings: object,
) -> Look:
    """A look from names or files."""

    def name(kind: str, given: str | Path) -> str:
        return given if given in store.files[kind] else store.add_file(kind, Path(given))

    names = [styles] if isinstance(styles, str | Path) else styles
    chosen = mask if mask is None or isinstance(mask, Shape) else name("mask", mask)
    found = tuple(name("style", style) for style in names)
    return Look(name("photograph", content), found, mask=chosen, **settings)
