"""The survey's page in a real browser: by mouse, by touch and by keys, up to the scored result."""

import json
import time

import pytest
from axe_kit import violations
from chromium import BrowserError
from survey_kit import write_preference_survey, write_style_survey

from course_lib.__main__ import main
from course_lib.survey.items import checksum, key_path, present, read_key, read_page
from course_lib.survey.results import check_result

DESKTOP, PHONE = (1280, 800, False), (390, 844, True)
HOSTILE = "</title><script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'>"


@pytest.fixture(scope="module")
def page(tmp_path_factory, make_images):
    """A survey with every kind of item, a hostile title, and its page's path."""
    out = tmp_path_factory.mktemp("style") / "survey.html"
    write_style_survey(out, make_images, title=HOSTILE, questions=3, attention=True, size=256)
    return out


@pytest.fixture(scope="module")
def preference_page(tmp_path_factory, make_images):
    out = tmp_path_factory.mktemp("preference") / "survey.html"
    write_preference_survey(out, make_images, questions=4, size=256)
    return out


def shown(browser, name):
    browser.wait_for(f"!document.querySelector('#{name}').hidden")


def progress(browser):
    return browser.evaluate("document.querySelector('#progress').textContent")


def chosen(browser):
    return browser.evaluate("document.querySelector('input:checked')?.value ?? null")


def begin(browser, page, size):
    browser.resize(*size)
    browser.open(page.as_uri())
    browser.evaluate("sessionStorage.clear()")  # of a survey that another test left half taken
    browser.open(page.as_uri())
    shown(browser, "start")


def look(browser, key, page):
    """The position of the right option in the question that is shown, found by its pixels."""
    sources = browser.evaluate("['first', 'second'].map((id) => document.getElementById(id).src)")
    for item in read_page(page).items:
        pictures = {option["picture"]: option["id"] for option in item["options"]}
        if set(pictures) == set(sources):
            right = next(i.right for i in key.items if i.id == item["id"])
            if (
                right is None
                or browser.evaluate("document.getElementById('shown').src") == (item["picture"])
            ):
                return 1 if right is None or pictures[sources[0]] == right else 2
    return 1  # the practice item


def complete(browser, page, choose, advance):
    """Go through all items with the right answers; returns the result that is downloaded."""
    key = read_key(key_path(page))
    seen = []
    while browser.evaluate("document.querySelector('#end').hidden"):
        name = progress(browser)
        seen.append(name)
        position = look(browser, key, page)
        time.sleep(0.12)  # nobody is faster, says the scoring
        choose(position)
        assert chosen(browser) == str(position)
        advance()
        browser.wait_for(f"document.querySelector('#progress').textContent !== '{name}'")
    assert progress(browser) == "Finished"
    count = len(read_page(page).items)
    assert seen == ["Practice", *(f"Question {k + 1} of {count}" for k in range(count))]


def download(browser):
    path = browser.wait_for_download()
    result = json.loads(path.read_text())
    assert path.name == f"answers-{result['seed'][:8]}.json"
    return path, result


def assert_sound(browser, page):
    """Nothing failed, nothing was loaded, and nothing of the title ran."""
    assert browser.errors == []
    assert set(browser.requests) == {page.as_uri()}
    assert browser.evaluate("window.hacked ?? null") is None


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_by_mouse_or_touch(browser, page, size, capsys, tmp_path):
    begin(browser, page, size)
    browser.click("#begin")
    shown(browser, "ask")
    complete(
        browser,
        page,
        lambda position: browser.click(".choice.first" if position == 1 else ".choice.second"),
        lambda: browser.click("#next"),
    )
    browser.click("#download")
    path, result = download(browser)
    assert result["simulated"] is False and result["checksum"] == checksum(result)
    key = read_key(key_path(page))
    check_result(result, key)
    expected = present(key.survey, key.kind, [i.id for i in key.items], result["seed"])
    assert [a["item"] for a in result["answers"]] == [name for name, _ in expected.items]
    assert all(100 <= a["milliseconds"] < 600_000 for a in result["answers"])
    assert_sound(browser, page)
    assert main(["survey", "score", str(path), "--key", str(key_path(page))]) == 0
    assert "3 of 3 right, 100.0 %" in capsys.readouterr().out
    line = tmp_path / "pasted.txt"
    line.write_text(browser.evaluate("document.querySelector('#line').value"))
    assert main(["survey", "score", str(line), "--key", str(key_path(page))]) == 0


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("keys", ["12", "arrows", "tab"])
def test_by_keys_alone(browser, page, size, keys):
    begin(browser, page, size)
    browser.press("Tab")
    assert browser.evaluate("document.activeElement.id") == "begin"
    browser.press("Enter")
    shown(browser, "ask")

    def choose(position):
        if keys == "12":
            browser.press(str(position))
        elif keys == "arrows":
            browser.press("ArrowRight" if position == 2 else "ArrowLeft")
        else:
            browser.press("Tab")
            browser.press("Space")
            if position == 2:
                browser.press("ArrowDown")

    def advance():
        if keys == "tab":
            browser.press("Tab")
            assert browser.evaluate("document.activeElement.id") == "next"
        browser.press("Enter")

    complete(browser, page, choose, advance)
    browser.press("Tab")
    assert browser.evaluate("document.activeElement.id") == "download"
    browser.press("Enter")
    _, result = download(browser)
    check_result(result, read_key(key_path(page)))
    assert_sound(browser, page)


def test_preferences_by_touch(browser, preference_page):
    begin(browser, preference_page, PHONE)
    browser.click("#begin")
    shown(browser, "ask")
    assert browser.evaluate("document.querySelector('#shown').hidden")
    first, second = browser.box(".choice.first"), browser.box(".choice.second")
    assert second["top"] >= first["top"] + first["height"]  # one above the other
    complete(
        browser,
        preference_page,
        lambda _: browser.click(".choice.first"),
        lambda: browser.click("#next"),
    )
    browser.click("#download")
    _, result = download(browser)
    key = read_key(key_path(preference_page))
    check_result(result, key)
    labels = {option: label for item in key.items for option, label in item.labels.items()}
    liked = [labels[answer["choice"]] for answer in result["answers"]]
    assert sorted(liked) == ["adain"] * 2 + ["gatys"] * 2  # who always takes 1 prefers neither
    assert_sound(browser, preference_page)


@pytest.mark.parametrize(
    "size", [DESKTOP, PHONE, (320, 640, True)], ids=["desktop", "phone", "small"]
)
def test_everything_fits_and_is_large_enough_to_hit(browser, page, size):
    begin(browser, page, size)
    browser.click("#begin")
    shown(browser, "ask")
    assert browser.evaluate("document.documentElement.scrollWidth") <= size[0]
    for selector in (".choice.first", ".choice.second", "#next"):
        box = browser.box(selector)
        assert box["width"] >= 48 and box["height"] >= 44
        assert box["left"] >= 0 and box["left"] + box["width"] <= size[0]
    if size != (320, 640, True):
        box = browser.box("#next")
        assert box["top"] + box["height"] <= size[1], "one has to scroll for the button"


def test_what_a_screen_reader_gets(browser, page):
    begin(browser, page, DESKTOP)
    assert browser.evaluate("document.documentElement.lang") == "en"
    assert browser.evaluate("document.title") == HOSTILE
    browser.click("#begin")
    shown(browser, "ask")
    assert browser.evaluate("document.activeElement.id") == "heading"
    assert browser.accessible("input[value='1']") == ("radio", "Painting 1")
    assert browser.accessible("input[value='2']") == ("radio", "Painting 2")
    assert browser.accessible("#shown") == ("image", "The image to compare")
    assert browser.accessible("#next") == ("button", "Next")
    role, name = browser.accessible("#item")
    assert role == "group" and name.startswith("Which painting")
    assert browser.accessible("#progress")[0] == "status"
    assert browser.evaluate("document.querySelector('#progress').ariaLive") == "polite"


def test_the_focus_can_be_seen_and_motion_can_be_avoided(browser, page):
    browser.emulate(prefers_reduced_motion="reduce")
    begin(browser, page, DESKTOP)
    browser.press("Tab")
    outline = "getComputedStyle(document.activeElement).outline"
    assert browser.evaluate(f"parseFloat({outline}Width)") >= 3
    browser.press("Enter")
    shown(browser, "ask")
    browser.press("Tab")
    label = "getComputedStyle(document.activeElement.closest('.choice'))"
    assert browser.evaluate(f"parseFloat({label}.outlineWidth)") >= 3
    moving = "[...document.querySelectorAll('*')].filter((e) => "
    moving += "parseFloat(getComputedStyle(e).transitionDuration) > 0).length"
    assert browser.evaluate(moving) == 0


def test_nothing_happens_without_a_choice_and_a_choice_can_be_changed(browser, page):
    begin(browser, page, DESKTOP)
    browser.press("2")  # before the start
    assert chosen(browser) is None
    browser.click("#begin")
    shown(browser, "ask")
    browser.click("#next")
    browser.press("Enter")
    assert progress(browser) == "Practice"
    assert browser.evaluate("document.querySelector('#next').ariaDisabled") == "true"
    browser.press("1")
    browser.press("ArrowRight")
    assert chosen(browser) == "2"
    browser.click(".choice.first")
    assert chosen(browser) == "1"
    browser.click("#next")
    browser.wait_for("document.querySelector('#progress').textContent !== 'Practice'")
    assert chosen(browser) is None  # not carried over


def test_a_half_taken_survey_outlives_a_reload(browser, page):
    begin(browser, page, DESKTOP)
    browser.click("#begin")
    shown(browser, "ask")
    for _ in range(3):  # the practice and two questions
        name = progress(browser)
        browser.press("1")
        time.sleep(0.2)  # nobody answers in less than a tenth of a second
        browser.press("Enter")
        browser.wait_for(f"document.querySelector('#progress').textContent !== '{name}'")
    name = progress(browser)
    sources = "['first', 'second'].map((id) => document.getElementById(id).src)"
    before = browser.evaluate(sources)
    browser.open(page.as_uri())
    shown(browser, "start")
    half = browser.evaluate("document.querySelector('#half').textContent")
    assert "You have answered 2 of " in half
    browser.click("#begin")
    shown(browser, "ask")
    assert progress(browser) == name and browser.evaluate(sources) == before
    complete_from_here(browser)
    browser.open(page.as_uri())  # finished, and not handed in yet
    shown(browser, "start")
    browser.click("#begin")
    shown(browser, "end")
    browser.click("#download")
    _, result = download(browser)
    check_result(result, read_key(key_path(page)))
    browser.open(page.as_uri())
    shown(browser, "start")
    assert browser.evaluate("document.querySelector('#anew').hidden")


def complete_from_here(browser):
    while browser.evaluate("document.querySelector('#end').hidden"):
        name = progress(browser)
        browser.press("2")
        time.sleep(0.2)
        browser.press("Enter")
        browser.wait_for(f"document.querySelector('#progress').textContent !== '{name}'")


@pytest.mark.parametrize(
    "size",
    [DESKTOP, PHONE, (844, 390, True), (1024, 768, False), (667, 375, True)],
    ids=["desktop", "phone", "landscape", "tablet", "small landscape"],
)
@pytest.mark.parametrize("kind", ["style", "preference"])
def test_the_button_stays_and_the_judged_picture_is_the_largest(
    browser, page, preference_page, size, kind
):
    begin(browser, page if kind == "style" else preference_page, size)
    assert violations(browser) == []
    browser.click("#begin")
    shown(browser, "ask")
    assert violations(browser) == []
    places = []
    for _ in range(3):
        name = progress(browser)
        places.append(browser.box("#next"))
        question = browser.box("legend")
        assert question["top"] >= 0 and places[-1]["top"] + places[-1]["height"] <= size[1]
        if kind == "style":
            judged, choice = browser.box("#shown"), browser.box("#first")
            assert min(judged["width"], judged["height"]) >= min(choice["width"], choice["height"])
        browser.press("1")
        browser.press("Enter")
        browser.wait_for(f"document.querySelector('#progress').textContent !== '{name}'")
    assert places[0] == places[1] == places[2]


def test_every_participant_gets_another_seed(browser, page):
    seeds = set()
    for _ in range(3):
        begin(browser, page, DESKTOP)
        browser.click("#begin")
        shown(browser, "ask")
        for _ in range(5):
            name = progress(browser)
            browser.press("1")
            browser.press("Enter")
            browser.wait_for(f"document.querySelector('#progress').textContent !== '{name}'")
        seeds.add(json.loads(browser.evaluate("document.querySelector('#line').value"))["seed"])
    assert len(seeds) == 3


def test_the_policy_stops_a_script_that_got_in(browser, page, tmp_path):
    text = page.read_text().replace("<main>", "<main><img src='x.png' onerror='window.hacked = 3'>")
    changed = tmp_path / "changed.html"
    changed.write_text(text.replace("</body>", "<script>window.hacked = 4</script></body>"))
    begin(browser, changed, DESKTOP)
    assert browser.evaluate("window.hacked ?? null") is None
    browser.wait_for("true")
    assert any("Content Security Policy" in error for error in browser.errors)


# --- the helper itself ---


def test_the_browser_helper_notices_what_goes_wrong(browser, tmp_path):
    path = tmp_path / "bad.html"
    path.write_text(
        "<title>t</title><p hidden id=p>x</p><script>console.error('oh');"
        "setTimeout(() => { alert('hi'); nope(); })</script>"
    )
    browser.open(path.as_uri())
    browser.evaluate("new Promise((done) => setTimeout(done, 200))")
    assert browser.dialogs == ["hi"]
    assert any("oh" in error for error in browser.errors)
    assert any("nope is not defined" in error for error in browser.errors)
    with pytest.raises(BrowserError, match="nothing to see at '#p'"):
        browser.click("#p")
    with pytest.raises(BrowserError, match="ReferenceError"):
        browser.evaluate("missing")
    assert browser.wait_for("document.querySelector('#p')") is True
    assert browser.wait_for("document.querySelector('#p').textContent") == "x"
    with pytest.raises(BrowserError, match="could not see"):
        browser.wait_for("false", timeout=0.2)
    with pytest.raises(BrowserError, match="there is no '#q'"):
        browser.accessible("#q")
    with pytest.raises(BrowserError, match="ERR_"):
        browser.open((tmp_path / "missing.html").as_uri())
