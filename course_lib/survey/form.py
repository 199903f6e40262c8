"""The survey inside JupyterLab: the same items as in the page, saved as the same kind of result."""

import html
import json
import os
import secrets
import time
from collections.abc import Mapping
from pathlib import Path

from course_lib import REPOSITORY
from course_lib.survey.items import PREFERENCE, Page, SurveyError, make_result, present, read_page
from course_lib.system.files import check_writable, write_text

# Low enough that question, pictures and buttons fit into a window of 800 pixels.
PICTURE = (
    '<img src="{}" alt="{}" style="display: block; width: 100%; max-height: 44vh; '
    'object-fit: contain">'
)
OWN_FOLDER = Path.home() / "style-transfer-course"  # where the course's own cannot be written


class SurveyForm:
    """A form with one question at a time; a cell that ends with it shows it.

    Args:
        page: the survey.
        out_dir: the folder, made and writable, that gets ``answers-<seed>.json`` at the end.
        seed: of order and positions, 16 hexadecimal digits; drawn if not given.
    """

    def __init__(self, page: Page, out_dir: Path, seed: str | None = None) -> None:
        import ipywidgets as widgets

        self.page, self.out_dir = page, out_dir
        self.seed = seed or secrets.token_hex(8)
        items = {item["id"]: item for item in page.items}
        shown = present(page.survey, page.kind, list(items), self.seed)
        self.steps = [(items[name], swapped, True) for name, swapped in shown.items]
        if page.practice:
            self.steps.insert(0, (page.practice, shown.practice_swapped, False))
        for item, _, _ in self.steps:  # nothing is fetched from elsewhere
            for source in (item["picture"], *(option["picture"] for option in item["options"])):
                if source and not source.startswith("data:image/"):
                    raise SurveyError("a picture that is not part of the page")
        self.answers: list[tuple[str, str, int, int]] = []
        self.saved: Path | None = None
        self.place, self.since = -1, 0.0
        noun = "Picture" if page.kind == PREFERENCE else "Painting"
        self.heading = widgets.HTML(tooltip="")
        full = widgets.Layout(width="100%")
        self.names = ["The image to compare", f"{noun} 1", f"{noun} 2"]
        self.chosen = 0  # position 1 or 2 in the question that is shown; 0 for none yet
        self.pictures = [widgets.HTML(layout=full, tooltip="") for _ in self.names]
        # "Painting 1" names the button for the eye and for a screen reader alike.
        self.buttons = [
            widgets.Button(description=name, tooltip=name, layout=full) for name in self.names[1:]
        ]
        for position, button in enumerate(self.buttons, 1):
            button.on_click(lambda _, position=position: self.choose(position))
        self.next_button = widgets.Button(tooltip="to the next question", button_style="primary")
        self.next_button.add_class("survey-next")
        self.next_button.on_click(lambda _: self.go_on())
        columns = [
            widgets.VBox([picture, button])
            for picture, button in zip(self.pictures[1:], self.buttons, strict=True)
        ]
        if page.kind == PREFERENCE:
            row, widths = columns, "1fr 1fr"
        else:
            row, widths = [columns[0], self.pictures[0], columns[1]], "1fr 1.3fr 1fr"
        self.row = widgets.GridBox(
            row,
            layout=widgets.Layout(
                grid_template_columns=widths,
                grid_gap="16px",
                align_items="center",
                max_width="960px",
            ),
        )
        self.next_row = widgets.HBox(
            [self.next_button],
            layout=widgets.Layout(justify_content="center", max_width="960px", margin="8px 0 0 0"),
        )
        self.widget = widgets.VBox([self.heading, self.row, self.next_row])
        self._next()

    def _repr_mimebundle_(self, **_: object) -> dict[str, object]:
        """The form, and its first picture for readers without a kernel."""
        item = self.steps[0][0]
        source = html.escape(item["picture"] or item["options"][0]["picture"])
        picture = PICTURE.format(source, "The picture of the form's first question")
        plain = {"text/html": picture, "text/plain": "the survey as a form"}
        return self.widget._repr_mimebundle_() | plain

    def choose(self, position: int) -> None:
        """Mark position 1 or 2, or 0 for neither; it can be changed until ``go_on``."""
        if self.place >= len(self.steps):
            return
        self.chosen = position
        for k, (button, name) in enumerate(zip(self.buttons, self.names[1:], strict=True), 1):
            button.description = f"\u2713 {name}" if k == position else name
            button.button_style = "info" if k == position else ""
        self.next_button.disabled = not position

    def go_on(self) -> None:
        """Take the marked choice and show the next question; after the last one, save.

        Nothing is marked then, so that a second click of a double click does nothing.
        """
        if not self.chosen or self.place >= len(self.steps):
            return
        item, swapped, counts = self.steps[self.place]
        if counts:
            spent = round(1000 * (time.monotonic() - self.since))
            choice = _ordered(item, swapped)[self.chosen - 1]["id"]
            self.answers.append((item["id"], choice, self.chosen, spent))
        self._next()

    def _next(self) -> None:
        self.choose(0)
        self.place += 1
        if self.place == len(self.steps):
            self._save()
            return
        item, swapped, counts = self.steps[self.place]
        first, second = _ordered(item, swapped)
        sources = (item["picture"], first["picture"], second["picture"])
        for picture, source, name in zip(self.pictures, sources, self.names, strict=True):
            picture.value = PICTURE.format(html.escape(source), name) if source else ""
        number = self.place + 1 - (len(self.steps) - len(self.page.items))
        text = f"Question {number} of {len(self.page.items)}" if counts else "Practice, not counted"
        folder = self.out_dir if self.out_dir == OWN_FOLDER else f"{self.out_dir.name}/"
        text += f" (the answers will be saved in {html.escape(str(folder))})"
        last = self.place == len(self.steps) - 1
        self.next_button.description = "Finish" if last else "Next"
        self.heading.value = f"<b>{html.escape(self.page.question)}</b><br>{text}"
        self.since = time.monotonic()

    def _save(self) -> None:
        result = make_result(self.page.survey, self.seed, self.answers, simulated=False)
        path = self.out_dir / f"answers-{self.seed[:8]}.json"
        self.row.layout.display = self.next_row.layout.display = "none"
        try:
            write_text(path, json.dumps(result, indent=1) + "\n")
        except OSError as error:
            self.heading.value = (
                f"<b>Thank you.</b> {html.escape(str(path))} cannot be written "
                f"({html.escape(error.strerror or str(error))}): please copy this line and hand it "
                f"in.<pre>{html.escape(json.dumps(result))}</pre>"
            )
            return
        self.saved = path
        name = path if self.out_dir == OWN_FOLDER else Path(*path.parts[-2:])
        self.heading.value = f"<b>Thank you.</b> Your answers are in {html.escape(str(name))}."


def _ordered(item: Mapping, swapped: bool) -> list[Mapping]:
    return item["options"][::-1] if swapped else item["options"]


def survey_form(
    path_to_survey: str | os.PathLike, out_dir: str | os.PathLike | None = None
) -> "SurveyForm":
    """The survey of a page as an ipywidgets form that saves its result into ``out_dir``.

    That is the course's ``work`` if not given, or a folder in the home folder where the course
    cannot be written; the form then says so.

    Raises:
        SurveyError: the file is not a page that ``survey build`` wrote, or no folder can be
            written.
    """
    page = read_page(path_to_survey)
    for folder in [REPOSITORY / "work", OWN_FOLDER] if out_dir is None else [Path(out_dir)]:
        try:
            check_writable(folder)
            break
        except OSError as error:
            reason = f"{folder} cannot be written ({error.strerror}); give another out_dir"
    else:
        raise SurveyError(reason)
    try:
        return SurveyForm(page, folder)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise SurveyError(f"{path_to_survey} holds items that cannot be shown") from None
