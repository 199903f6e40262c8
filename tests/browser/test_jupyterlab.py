"""The lessons in a real JupyterLab: every notebook, the playground, and the survey's form."""

import json
import shutil

import nbformat
import pytest
from axe_kit import violations
from jupyter_kit import JupyterLab, LabNotebook
from PIL import Image
from playground_page import PlaygroundPage, difference
from survey_kit import write_style_survey

from course_lib import DATA_DIR, REPOSITORY
from course_lib.__main__ import main
from course_lib.images import load_image, to_image
from course_lib.playground.widget import paint
from course_lib.survey.items import key_path, read_key, read_page

LESSONS = sorted((REPOSITORY / "notebooks").glob("*.ipynb"))
PLAYGROUND = "08_style_playground"
WINDOW = (1400, 1000)


@pytest.fixture(scope="module")
def lab(tmp_path_factory, shared_browser):
    """A server whose root holds copies of the lessons: nothing is written into the checkout."""
    folder = tmp_path_factory.mktemp("lab")
    shutil.copytree(REPOSITORY / "notebooks", folder / "course" / "notebooks")
    with JupyterLab(folder / "course", folder / "private") as server:
        yield server


@pytest.fixture
def opened(browser, lab):
    """Open a notebook by its path below the server's root; its kernel is shut down at the end."""
    notebooks = []

    def open_(path):
        browser.resize(*WINDOW)
        notebooks.append(LabNotebook(browser, lab, path))
        return notebooks[-1]

    yield open_
    for notebook in notebooks:
        notebook.close()


def assert_ran(notebook):
    assert notebook.problems() == []
    counts = notebook.counts()
    assert counts == list(range(1, len(counts) + 1)) and counts


def assert_described(browser):
    """Every picture in an output is drawn and has an alternative text that is no file name.

    Widgets have tests of their own; the survey's "Painting 1" must not say which one it is.
    """
    images = browser.evaluate(
        "[...document.querySelectorAll('.jp-OutputArea-output img')]"
        ".filter((image) => !image.closest('.jupyter-widgets'))"
        ".map((image) => [image.alt, image.naturalWidth])"
    )
    assert images
    assert [alt for alt, width in images if len(alt.split()) < 5 or width < 100] == []


@pytest.mark.parametrize("lesson", [path.stem for path in LESSONS if path.stem != PLAYGROUND])
def test_a_lesson_runs_without_errors(opened, browser, lesson):
    notebook = opened(f"notebooks/{lesson}.ipynb")
    assert_described(browser)  # as stored, before anybody trusts or runs it
    assert "model not found" not in browser.evaluate("document.body.textContent")
    notebook.run_all()
    assert_ran(notebook)
    assert_described(browser)


@pytest.mark.skipif(PLAYGROUND not in [p.stem for p in LESSONS], reason="there is no lesson 08")
def test_the_playground(opened, browser, lab, make_images, tmp_path, capsys):
    notebook = opened(f"notebooks/{PLAYGROUND}.ipynb")
    notebook.run_all()
    assert_ran(notebook)
    page = PlaygroundPage(browser)
    styles = ("impasto_night", "woodblock_waves")
    first = paint("cat", styles)
    page.wait_for_picture(first)
    assert violations(browser, ".style-playground") == []
    form = "document.querySelector('.style-playground')"
    assert browser.evaluate(f"{form}.querySelectorAll('[title=null]').length") == 0
    scale = browser.evaluate(f"{form}.querySelector('[aria-label=\"style scale\"]').ariaValueText")
    assert scale == "1.0"  # not its place in the list
    # The divider lies over the picture and shows the photograph on its left.
    handle, stage = browser.box(".course-stage .noUi-handle"), browser.box(".course-stage")
    assert handle["height"] == pytest.approx(stage["height"], abs=2)
    middle = stage["top"] + stage["height"] / 2
    grip = (handle["left"] + handle["width"] / 2, middle)
    browser.drag(grip, (stage["left"] + stage["width"] - 1, middle))
    page.wait_for_picture(to_image(load_image(DATA_DIR / "content" / "cat.jpg", 256)))
    browser.drag((stage["left"] + stage["width"] - 1, middle), (stage["left"], middle))
    page.wait_for_picture(first)
    # A drag: the picture becomes that of the value which the slider shows at the end.
    alpha = page.drag_slider("alpha", 0.3)
    assert 0.2 < alpha < 0.4
    dragged = paint("cat", styles, alpha=alpha)
    assert difference(dragged, first) > 3 * page.LIKENESS
    page.wait_for_picture(dragged)
    # A toggle.
    browser.click(page.button("photo's, luminance"))
    tinted = paint("cat", styles, alpha=alpha, colour="luminance")
    page.wait_for_picture(tinted)
    # A broken file is named, and the picture stays; a right one replaces the photograph.
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"not an image at all")
    page.upload("photo", broken)
    browser.wait_for("document.body.textContent.includes('broken.png is not an image')")
    page.wait_for_picture(tinted)
    (own,) = make_images(tmp_path / "own", 1, (320, 280))
    page.upload("photo", own)
    expected = paint(own, styles, alpha=alpha, colour="luminance")
    page.wait_for_picture(expected)
    # A thumbnail, and undo.
    browser.click("[title='splatter']")
    browser.wait_for("document.querySelector('[title=splatter]').ariaPressed === 'true'")
    page.wait_for_picture(paint(own, (*styles, "splatter"), alpha=alpha, colour="luminance"))
    settled = "!document.querySelector('.course-stale')"
    browser.wait_for(settled)
    browser.click(page.button("undo"))
    browser.wait_for("document.querySelector('[title=splatter]').ariaPressed === 'false'")
    browser.wait_for(settled)
    page.wait_for_picture(expected)
    browser.click(page.button("download"))
    downloaded = Image.open(browser.wait_for_download())
    assert downloaded.tobytes() == expected.tobytes()
    # What is saved is what is shown, and the command line makes it again.
    browser.click(page.button("save"))
    browser.wait_for("document.body.textContent.includes('Saved picture and recipe')")
    folder = lab.folder / "work" / "my_picture"
    saved = Image.open(folder / "picture.png")
    assert saved.tobytes() == expected.tobytes()
    again = tmp_path / "again.png"
    assert main(["stylize", "--recipe", str(folder / "recipe.json"), "-o", str(again)]) == 0
    assert Image.open(again).tobytes() == saved.tobytes()
    assert_ran(notebook)
    # A photograph of 24 million pixels gets through, though it has more than 10 MB.
    large = tmp_path / "large.jpg"
    Image.effect_noise((6000, 4000), 90).convert("RGB").save(large, quality=92)
    assert large.stat().st_size > 12_000_000
    page.upload("photo", large)
    browser.wait_for("document.querySelector('.style-playground [title=large]')", timeout=120)
    # Saved and opened again, the form is there before any cell has run.
    browser.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
    notebook.close()
    opened(f"notebooks/{PLAYGROUND}.ipynb")
    browser.wait_for("document.querySelector('.style-playground img')?.naturalWidth > 100")
    assert "model not found" not in browser.evaluate("document.body.textContent")


def open_sheet(opened, lab, source):
    """Open a notebook of one cell."""
    sheet = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source)],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )
    nbformat.write(sheet, lab.folder / "notebooks" / "sheet.ipynb")
    return opened("notebooks/sheet.ipynb")


def test_a_slider_walks_through_the_layers(opened, browser, lab):
    source = (
        "import torch\n"
        "from course_lib.lessons.lesson01 import figures\n\n"
        "names = ('relu1_1', 'relu3_1', 'relu5_1')\n"
        "features = {name: torch.rand(1, 6, 8, 8) for name in names}\n"
        "figures.walk_through_layers(features, '01/layer')"
    )
    notebook = open_sheet(opened, lab, source)
    notebook.run_all()
    handle = "document.querySelector('.noUi-handle')"
    alts = "[...document.querySelectorAll('.jp-OutputArea img')].map((image) => image.alt)"
    for layer in ("relu1_1", "relu3_1", "relu5_1"):
        browser.wait_for(f"{handle}?.ariaValueText === {json.dumps(layer)}")
        browser.wait_for(f"String({alts}).startsWith('Five maps of {layer} ')")
        browser.evaluate(f"{handle}.focus()")
        browser.press("ArrowRight")
    assert browser.evaluate(f"[{handle}.ariaLabel, {alts}.length]") == ["layer", 1]
    assert violations(browser, ".jp-OutputArea .widget-vbox") == []
    assert_ran(notebook)


def test_the_survey_form_is_filled_in_by_clicks(opened, browser, lab, make_images, capsys):
    page = lab.folder / "out" / "survey.html"
    write_style_survey(page, make_images, questions=3, size=256)
    source = (
        "from course_lib.survey.form import survey_form\n\n"
        'survey_form("../out/survey.html", out_dir="../work")'
    )
    notebook = open_sheet(opened, lab, source)
    notebook.run_all()
    key = read_key(key_path(page))
    right = {item.id: item.right for item in key.items}
    answers = {}  # the three pictures as they may be shown -> the position of the right one
    for item in read_page(page).items:
        for order in (item["options"], item["options"][::-1]):
            pictures = tuple(option["picture"] for option in order)
            position = [option["id"] for option in order].index(right[item["id"]])
            answers[(pictures[0], item["picture"], pictures[1])] = position
    images = "[...document.querySelectorAll('.jp-OutputArea .widget-html img')]"
    heading = "document.querySelector('.jp-OutputArea .widget-html').textContent"
    browser.wait_for(f"{images}.length === 3")
    browser.resize(1280, 800)
    for _ in range(4):  # the practice and three questions
        before = browser.evaluate(heading)
        shown = browser.evaluate(f"{images}.map((image) => image.src)")
        position = answers.get(tuple(shown), 0)
        browser.evaluate("new Promise((done) => setTimeout(done, 150))")  # nobody is faster
        assert violations(browser, ".jp-OutputArea .widget-vbox") == []
        name = ["first", "last"][position]
        browser.click(f".jp-OutputArea .widget-vbox .widget-vbox:{name}-child button")
        browser.wait_for("!document.querySelector('.survey-next').disabled")
        box = browser.box(".survey-next")
        assert box["top"] + box["height"] <= 800, "one has to scroll for the button"
        for _ in range(2):  # a double click answers one question
            browser.click_at(box["left"] + box["width"] / 2, box["top"] + box["height"] / 2)
        browser.wait_for(f"{heading} !== {json.dumps(before)}")
    assert "Thank you" in browser.evaluate(heading)
    (result,) = (lab.folder / "work").glob("answers-*.json")
    assert main(["survey", "score", str(result), "--key", str(key_path(page))]) == 0
    assert "3 of 3 right, 100.0 %" in capsys.readouterr().out
    assert_ran(notebook)
