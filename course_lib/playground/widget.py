"""The playground in a notebook: a picture that follows its sliders. And ``paint``, without them."""

import base64
import dataclasses
import functools
import html
import io
import threading
import time
from collections.abc import Callable, Sequence
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
from course_lib.playground.uploads import safe_name
from course_lib.polish import STEPS, Row

WORK = REPOSITORY / "work"
HERE = Path(__file__).parent
TINT = (20, 60, 120)  # over what a mask leaves out
ONE_STEP = 0.8  # seconds: looks that follow one another faster are one step of *undo*
MOST_STEPS = 50


class Playground:
    """A picture, and controls for all that AdaIN can vary. A cell that ends with it shows it.

    Moved sliders ask a worker for a new picture; while it is busy only the newest position waits.
    What goes wrong is said under the picture, and the last picture stays. Requests and complaints
    are numbered, so that a picture which comes late replaces no newer message. The polish button
    asks the same worker, so that a moved slider ends the polishing of what it makes out of date.

    Args:
        start: the look to begin with.
        store: pictures and network.
        out: the folder in which saved looks get folders of their own.

    Attributes:
        history: the looks that *undo* goes back to, the one shown now at the end.
    """

    def __init__(self, start: Look, store: PictureStore, out: Path) -> None:
        from course_lib.playground.panel import Controls

        self.store, self.out = store, Path(out)
        self.saved: Path | None = None
        self.seconds = 0.0  # that the last picture took
        self._lock = threading.Lock()
        self._newest = 0  # number of the newest request or complaint
        self._start = start
        self.history: list[Look] = []
        self._settled = 0.0  # when the last of them was shown
        self.shown: Look | None = None  # what the picture was made of
        self._images: tuple[Image.Image, Image.Image] | None = None  # before and after
        self._make_widgets()
        self.controls = Controls(store, start, self.changed, self._complain, self._say)
        self._lay_out()
        self.worker: LatestOnly[tuple[int, Look]] = LatestOnly(self._work, self._complain)
        self.changed()
        self.worker.wait()

    def _make_widgets(self) -> None:
        import ipywidgets as widgets

        self.picture = widgets.Image(format="jpeg", layout=widgets.Layout(width="100%"))
        self.divider = widgets.FloatSlider(
            value=0,
            min=0,
            max=1,
            step=0.005,
            readout=False,
            tooltip="how much of the photograph is shown, from the left",
        )
        self.status, self.caption, self.link = (widgets.HTML(tooltip="") for _ in range(3))
        self.status.add_class("course-status")
        self.caption.add_class("course-hidden")
        self.caption.add_class("course-caption")
        self.link.add_class("course-download")
        self.name = widgets.Text(
            value="my_picture",
            description="name",
            tooltip="name of the saved folder",
            style={"description_width": "48px"},
            layout=widgets.Layout(flex="1 1 150px", width="auto", max_width="260px"),
        )

        def button(word: str, icon: str, tooltip: str, work: Callable) -> widgets.Button:
            made = widgets.Button(
                description=word, icon=icon, tooltip=tooltip, layout=widgets.Layout(width="auto")
            )
            made.on_click(lambda _: work())
            return made

        self.undo_button = button("undo", "undo", "back to the look before", self.undo)
        self.reset_button = button("reset", "refresh", "back to the first look", self._reset)
        self.download_button = button(
            "download", "download", "the picture as a PNG file, to your own machine", self._download
        )
        self.save_button = button(
            "save", "save", "picture and recipe, into the course's work folder", self._save_clicked
        )
        self.polish_button = button(
            "polish", "magic", f"optimise the picture by {STEPS} steps", lambda: self.changed(STEPS)
        )

    def _lay_out(self) -> None:
        import ipywidgets as widgets

        visible = {"overflow": "visible"}
        style = (HERE / "form.css").read_text(encoding="utf-8")
        script = (HERE / "form.js").read_text(encoding="utf-8")
        look = widgets.HTML(f'<style onload="{html.escape(script)}">{style}</style>', tooltip="")
        self.stage = widgets.Box([self.picture, self.divider], layout=widgets.Layout(**visible))
        self.stage.add_class("course-stage")
        row = widgets.Layout(flex_flow="row wrap", width="100%")
        actions = widgets.HBox(
            [
                self.undo_button,
                self.reset_button,
                self.download_button,
                self.polish_button,
                self.name,
                self.save_button,
            ],
            layout=row,
        )
        self.controls.widget.children = [actions, *self.controls.widget.children]
        self.left = widgets.VBox(
            [self.stage, self.status, self.controls.alpha, self.link, self.caption],
            layout=widgets.Layout(flex="1 1 540px", min_width="0", max_width="1024px", **visible),
        )
        self.left.add_class("course-left")
        self.widget = widgets.HBox(
            [look, self.left, self.controls.widget],
            layout=widgets.Layout(flex_flow="row wrap", grid_gap="16px", **visible),
        )
        self.widget.add_class("style-playground")
        for control in (self.divider, self.controls.show_mask):
            control.observe(lambda _: self._draw(), "value")

    def _repr_mimebundle_(self, **_: object) -> tuple[dict[str, object], dict[str, object]]:
        """The form, and a plain picture with its description for readers without a kernel."""
        view = self.widget._repr_mimebundle_()
        picture = base64.b64encode(self.picture.value).decode()
        data = view | {"image/jpeg": picture, "text/plain": "the style playground"}
        return data, {"image/jpeg": {"alt": f"The playground's picture: {self.look.description}"}}

    @property
    def look(self) -> Look:
        """What the controls say now."""
        return self.controls.look()

    def save(self) -> Path:
        """Save picture and recipe into a new folder of ``out``, and return it.

        Raises:
            CourseError: it cannot be saved.
        """
        self.saved = save_look(self.store, self._whole_look(), self.name.value, self.out)
        return self.saved

    def undo(self) -> None:
        """Go back to the look that was shown before this one."""
        try:
            now = [self.look]
        except ValueError:  # nothing can be painted like that; the last good look is the aim
            now = []
        with self._lock:
            if now and self.history[-1:] == now:
                self.history.pop()
            earlier = self.history.pop() if self.history else self._start
        self.controls.set(earlier)

    def _whole_look(self) -> Look:
        """What the controls say, with the polishing if the picture shown has some."""
        look = self.look
        return self.shown if self.shown and self._plain(self.shown) == look else look

    @staticmethod
    def _plain(look: Look) -> Look:
        return dataclasses.replace(look, polish=0)

    def changed(self, polish: int = 0) -> None:
        """Ask for the picture again: something that it depends on has changed."""
        try:
            look = dataclasses.replace(self.look, polish=polish)
        except ValueError as error:
            self._complain(error)
            return
        self.left.add_class("course-stale")
        self.worker.ask((self._say("Painting ..."), look))

    def _work(self, request: tuple[int, Look]) -> None:
        """Answer a numbered request; runs in the worker's thread."""
        try:
            self._render(*request)
        except Exception as error:
            self._complain(error, request[0])
        if not self.worker.overtaken:
            self.left.remove_class("course-stale")

    def _render(self, number: int, look: Look) -> None:
        """Make a picture and show it."""
        started = time.perf_counter()
        before = to_image(self.store.photograph(look))
        watch = functools.partial(self._watch, number, look, before) if look.polish else None
        after = to_image(self.store.render(look, watch))
        if look.polish and self.worker.overtaken:
            return
        self.shown = look
        self._show(before, after)
        self.seconds = time.perf_counter() - started
        self._remember(self._plain(look))
        self._say(
            f"{after.width} x {after.height} pixels in {1000 * self.seconds:.0f} ms"
            + f"; {self.worker.dropped} overtaken moves dropped" * (self.worker.dropped > 0),
            number,
        )

    def _remember(self, look: Look) -> None:
        """Keep a look for *undo*; those of one drag are one step."""
        now = time.monotonic()
        with self._lock:
            if self.history[-1:] != [look]:
                if len(self.history) > 1 and now - self._settled < ONE_STEP:
                    self.history.pop()
                self.history = [*self.history, look][-MOST_STEPS:]
            self._settled = now

    def _watch(
        self, number: int, look: Look, before: Image.Image, row: Row, picture: Tensor
    ) -> bool:
        """Show how far polishing is, and end it if its picture is not wanted any more."""
        text = f"polishing, step {row.step} of {look.polish}: style loss {row.losses.style:.2f}"
        self._say(text, number)
        if look.colour != "luminance" and look.mask is None:  # else the photograph's part lacks
            self._show(before, to_image(picture))
        return self.worker.overtaken

    def _show(self, before: Image.Image, after: Image.Image) -> None:
        with self._lock:
            self._images = before, after
        self._draw()

    def _draw(self) -> None:
        """Show the picture, the photograph on the divider's left, and the mask if asked for."""
        from course_lib.playground.gallery import jpeg

        with self._lock:
            if self._images is None:
                return
            before, after = self._images
            shown, cut = after, round(self.divider.value * after.width)
            if cut:
                shown = after.copy()
                shown.paste(before.crop((0, 0, cut, before.height)))
            if self.shown and self.shown.mask is not None and self.controls.show_mask.value:
                mask = self.store.mask_image(self.shown, after.size)
                tint = Image.blend(shown, Image.new("RGB", after.size, TINT), 0.6)
                shown = Image.composite(shown, tint, mask)
            self.picture.value = jpeg(shown)
            shape = after.width / after.height
            self.stage.layout.width = f"min(100%, {shape:.3f} * var(--tallest))"
            if self.shown:
                self.caption.value = html.escape(self.shown.description)

    def _reset(self) -> None:
        self.divider.value = 0
        self.controls.set(self._start)

    def _download(self) -> None:
        if self._images is None:
            return
        buffer = io.BytesIO()
        self._images[1].save(buffer, "PNG")
        data = base64.b64encode(buffer.getvalue()).decode()
        name = html.escape(safe_name(self.name.value))
        self.link.value = (
            f'<a download="{name}.png" href="data:image/png;base64,{data}">{name}.png</a>'
        )

    def _save_clicked(self) -> None:
        number = self._say("Saving ...")
        try:
            folder = self.save()
        except CourseError as error:
            self._complain(error)
            return
        shown = Path(*folder.parts[-2:])
        self._say(f"Saved picture and recipe in <b>{html.escape(shown.as_posix())}</b>.", number)

    def _complain(self, error: Exception, number: int | None = None) -> None:
        known = isinstance(error, CourseError)
        text = str(error) if known else f"{type(error).__name__}: {error}"
        text = html.escape(" ".join(text.split()))
        self._say(f'<span class="bad">{text}</span>', number)

    def _say(self, text: str, number: int | None = None) -> int:
        """Put a text into the status line, unless it belongs to a number that is not the newest.

        Without a number it is news itself, and gets the next one, which is returned.
        """
        with self._lock:
            if number is None:
                self._newest = number = self._newest + 1
            if number == self._newest:
                self.status.value = text
        return number


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
