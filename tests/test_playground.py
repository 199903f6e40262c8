"""The playground: looks, uploads, saving, the worker, and the form without a browser."""

import base64
import datetime
import io
import json
import struct
import threading
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from course_lib import DATA_DIR
from course_lib.images import ImageError, load_image, to_image
from course_lib.painting.recipe import Recipe
from course_lib.playground import saving, uploads
from course_lib.playground.gallery import jpeg
from course_lib.playground.latest_only import LatestOnly
from course_lib.playground.picture_store import PictureStore
from course_lib.playground.saving import SavingError, save_look
from course_lib.playground.settings import Look
from course_lib.playground.shapes import Ellipse, Split
from course_lib.playground.uploads import free_name, read_upload, safe_name
from course_lib.playground.widget import paint, playground
from course_lib.stylize import StyleTransfer

NIGHT, WAVES = "impasto_night", "woodblock_waves"
HOSTILE = "../../<b>x</b>\x00.png"


@pytest.fixture(scope="module")
def transfer():
    return StyleTransfer.load(device="cpu", precision="float32")


@pytest.fixture(autouse=True)
def small_styles(monkeypatch):
    """Styles of 64 pixels instead of 512: what is tested does not depend on it."""
    monkeypatch.setattr("course_lib.playground.picture_store.STYLE_SIZE", 64)
    monkeypatch.setattr("course_lib.playground.saving.STYLE_SIZE", 64)


@pytest.fixture
def store(transfer):
    return PictureStore(transfer)


@pytest.fixture
def form(store, tmp_path):
    shown = playground("cat", (NIGHT, WAVES), tmp_path / "out", store, size=64)
    yield shown
    shown.worker.close()


def png(width=20, height=10, colour=(200, 30, 30), **options):
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(buffer, "PNG", **options)
    return buffer.getvalue()


def huge_png(width, height):
    """A PNG of a few bytes that claims a size."""
    size = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", size), (b"IDAT", zlib.compress(b"")), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def look(**settings):
    return Look("cat", (NIGHT, WAVES), **{"size": 64} | settings)


# --- the worker ---


def test_stale_requests_are_dropped_and_the_newest_one_is_always_done():
    begun, go, seen = threading.Event(), threading.Event(), []

    def slow(request):
        seen.append(request)
        begun.set()
        assert go.wait(10)

    worker = LatestOnly(slow, pytest.fail)
    worker.ask("first")
    assert begun.wait(10)
    for number in range(20):
        worker.ask(number)  # returns at once, though the worker is busy
    assert not worker.wait(0.01)
    go.set()
    assert worker.wait(10)
    assert seen == ["first", 19]
    assert (worker.done, worker.dropped) == (2, 19)
    worker.close()


def test_a_worker_goes_on_after_a_failure():
    failures, seen = [], []

    def work(request):
        if request == "bad":
            raise KeyError("oh")
        seen.append(request)

    worker = LatestOnly(work, failures.append)
    for request in ("bad", "good"):
        worker.ask(request)
        assert worker.wait(10)
    assert seen == ["good"] and isinstance(failures[0], KeyError)
    worker.close()
    assert not worker._thread.is_alive()


# --- shapes ---


def values(shape, height=40, width=60):
    image = shape.draw(height, width)
    assert image.mode == "L" and image.size == (width, height)
    return np.asarray(image) / 255


def test_a_hard_split_in_the_middle_divides_left_from_right():
    left = values(Split(0.5, 0, 0))
    assert left[:, :30].min() == 1 and left[:, 30:].max() == 0
    assert values(Split(0.25, 0, 0)).mean() == 0.25


def test_a_split_turned_by_90_degrees_divides_above_from_below():
    above = values(Split(0.5, 90, 0))
    assert above[:20].min() == 1 and above[20:].max() == 0


def test_softness_fades_over_its_share_of_the_shorter_side():
    row = values(Split(0.5, 0, 0.5))[0]
    between = np.flatnonzero((row > 0) & (row < 1))
    assert len(between) == 20  # half of 40 pixels
    assert (np.diff(row) <= 0).all()


def test_an_ellipse_has_the_area_of_one():
    mask = values(Ellipse(0.5, 0.5, 0.5, 0.5, 0), 200, 300)
    assert mask.mean() == pytest.approx(np.pi / 4 * 0.25, rel=0.01)
    assert mask[100, 150] == 1 and mask[0, 0] == 0
    moved = values(Ellipse(0, 0, 0.5, 0.5, 0.1))
    assert moved[0, 0] == 1 and moved[-1, -1] == 0


def test_shapes_at_their_limits_are_finite():
    for shape in (Split(0, 45, 0), Split(1, -90, 0.5), Ellipse(1, 1, 0, 0, 0)):
        assert np.isfinite(values(shape, 1, 1)).all()


# --- looks ---


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"alpha": 2.1}, "alpha"),
        ({"colour": "sepia"}, "sepia"),
        ({"size": 32}, "64 to 1024"),
        ({"style_scale": 9}, "style_scale"),
        ({"weights": (0, 0)}, "not all zero"),
        ({"weights": (1,)}, "2 styles"),
        ({"weights": (1, -1)}, "not negative"),
        ({"styles": ()}, "one to 4"),
        ({"styles": (NIGHT,) * 5}, "one to 4"),
        ({"styles": NIGHT}, "one to 4"),
        ({"weights": (1, float("nan"))}, "finite numbers"),
    ],
)
def test_a_look_that_cannot_be_is_refused(settings, word):
    with pytest.raises(ValueError, match=word):
        Look(**{"content": "cat", "styles": [NIGHT, WAVES]} | settings)


def test_under_a_mask_two_styles_count_and_no_weights():
    masked = Look("cat", (NIGHT, WAVES, "splatter"), mask=Split(), weights=(0, 0, 0))
    assert masked.used_styles == (NIGHT, WAVES)
    assert masked.used_settings()["weights"] is None


# --- uploads ---


def test_an_upload_is_upright_rgb_and_not_too_large():
    exif = Image.Exif()
    exif[0x0112] = 6  # turned
    assert read_upload("a.png", png(20, 10, exif=exif)).size == (10, 20)
    assert read_upload("a.png", png(3000, 1500)).size == (2048, 1024)
    assert read_upload("a.png", png()).mode == "RGB"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"not a picture", "is not an image"),
        ((DATA_DIR / "content" / "cat.jpg").read_bytes()[:5000], "is damaged or truncated"),
        (huge_png(20_000, 20_000), "million pixels allowed"),
    ],
    ids=["empty", "text", "half", "huge"],
)
def test_a_wrong_upload_is_named_in_one_sentence(data, words):
    with pytest.raises(ImageError) as caught:
        read_upload("holiday.png", data)
    message = str(caught.value)
    assert message.startswith("holiday.png") and words in message
    assert "\n" not in message and "/" not in message


def test_an_upload_of_too_many_bytes_is_refused(monkeypatch):
    monkeypatch.setattr(uploads, "MAX_BYTES", 50)
    with pytest.raises(ImageError, match="more than"):
        read_upload("a.png", png())


@pytest.mark.parametrize("name", [HOSTILE, "..", ".hidden", "", "con", "a/b\\c", "x" * 300, "é ü"])
def test_names_are_safe(name):
    safe = safe_name(name)
    assert 0 < len(safe) <= 41 and not set(safe) & set("/\\.<>:\x00 ")
    assert safe.lower() != "con"
    assert free_name(name, {}) not in ("", ".", "..")


def test_names_that_are_taken_get_a_number():
    assert free_name("dog.jpg", {}) == "dog"
    assert free_name("dog.jpg", {"dog", "dog_2"}) == "dog_3"


# --- the picture store ---


@pytest.fixture
def encoded(monkeypatch, transfer):
    """The sizes of the pictures that were encoded."""
    sizes, encode = [], transfer.encode
    monkeypatch.setattr(
        transfer, "encode", lambda images: sizes.append(tuple(images.shape[-2:])) or encode(images)
    )
    return sizes


def test_a_look_is_what_the_library_makes(store, transfer):
    photograph = load_image(DATA_DIR / "content" / "cat.jpg", 64)
    styles = [
        transfer.encode_style(load_image(DATA_DIR / "style" / f"{name}.jpg", 64))
        for name in (NIGHT, WAVES)
    ]
    expected = transfer.stylize(photograph, styles, 0.7, (3, 1))
    assert torch.equal(store.render(look(alpha=0.7, weights=(3, 1))), expected)


def test_alpha_weights_masks_and_colours_after_decoding_encode_nothing_anew(store, encoded):
    store.render(look())
    assert len(encoded) == 3  # a photograph and two styles
    for settings in (
        {"alpha": 0.1},
        {"weights": (1, 0)},
        {"mask": Split()},
        {"mask": Ellipse()},
        {"colour": "luminance"},
        {"alpha": 1.7},
    ):
        store.render(look(**settings))
    assert len(encoded) == 3


def test_what_was_measured_once_is_kept(store, encoded):
    for scale in (1.0, 2.0, 1.0, 2.0):
        store.render(look(style_scale=scale))
    assert len(encoded) == 5 and (128, 128) in encoded
    for size in (64, 72, 64):
        store.render(look(size=size))
    assert len(encoded) == 6
    store.render(look(colour="coral"))
    store.render(look(colour="coral"))
    assert len(encoded) == 8  # both styles in the cat's colours


def test_the_memory_of_the_store_is_bounded(store, monkeypatch):
    monkeypatch.setattr("course_lib.playground.picture_store.KEPT", 2)
    for size in (64, 72, 80, 88):
        store.render(look(size=size))
    assert all(len(kept) <= 2 for kept in store._kept.values())


def test_uploads_of_one_name_stay_apart(store):
    assert store.add("photograph", "cat.png", png(colour=(1, 1, 1))) == "cat_2"
    assert store.add("photograph", "cat.png", png(colour=(9, 9, 9))) == "cat_3"
    first, second = (store.photograph(Look(n, (NIGHT,), size=64)) for n in ("cat_2", "cat_3"))
    assert first.max() < second.max()
    before = dict(store.files["photograph"])
    with pytest.raises(ImageError):
        store.add("photograph", "bad.png", b"x")
    assert store.files["photograph"] == before


def test_an_unknown_name_is_answered_with_those_there_are(store):
    with pytest.raises(ImageError, match="no photograph 'dog'; there are astronaut, "):
        store.render(Look("dog", (NIGHT,), size=64))


# --- saving ---


def masked(store):
    return store.add("mask", "mask.png", png(30, 30, (255, 255, 255)))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"alpha": 1.6, "weights": (1, 3)},
        {"colour": "coral", "style_scale": 0.5},
        {"colour": "luminance", "mask": Ellipse(0.4, 0.6, 0.5, 0.7, 0.2)},
        {"mask": "uploaded"},
        {"content": "uploaded", "size": 80},
        {"mask": Split(0.3, 20, 0)},
    ],
)
def test_the_command_line_makes_a_saved_picture_again_bit_for_bit(
    store, settings, tmp_path, run, monkeypatch, transfer
):
    monkeypatch.setattr(StyleTransfer, "load", lambda *_, **__: transfer)
    if settings.get("mask") == "uploaded":
        settings = settings | {"mask": masked(store)}
    if settings.get("content") == "uploaded":
        data = (DATA_DIR / "content" / "rocket.jpg").read_bytes()
        settings = settings | {"content": store.add("photograph", HOSTILE, data)}
    chosen = Look(**{"content": "cat", "styles": (NIGHT, WAVES), "size": 64} | settings)
    folder = save_look(store, chosen, "mine", tmp_path)
    saved = Image.open(folder / "picture.png")
    assert saved.tobytes() == to_image(store.render(chosen)).tobytes()
    moved = folder.rename(tmp_path / "handed in")  # nothing outside the folder is needed
    again = tmp_path / "again.png"
    code, _, err = run("stylize", "--recipe", moved / "recipe.json", "-o", again)
    assert code == 0, err
    assert Image.open(again).tobytes() == saved.tobytes()
    recipe = Recipe.load(moved / "recipe.json")
    names = {recipe.content, *recipe.styles, *recipe.masks, "picture.png", "recipe.json"}
    assert {path.name for path in moved.iterdir()} == names


def test_nothing_saved_is_ever_replaced(store, tmp_path):
    folders = [save_look(store, look(), "../my picture!", tmp_path / "out") for _ in range(3)]
    assert [f.name for f in folders] == ["my_picture", "my_picture_2", "my_picture_3"]
    assert all(f.parent == tmp_path / "out" for f in folders)


def test_a_failed_save_leaves_nothing_behind(store, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(saving, "save_image", fail)
    with pytest.raises(SavingError, match="No space left"):
        save_look(store, look(), "mine", tmp_path)
    assert list(tmp_path.iterdir()) == []
    blocked = tmp_path / "file"
    blocked.write_text("x")
    with pytest.raises(SavingError, match="file cannot be made"):
        save_look(store, look(), "mine", blocked)


# --- the form ---


def upload(form, kind, name, data):
    now = datetime.datetime.now(datetime.UTC)
    form.controls.uploads[kind].value = (
        {
            "name": name,
            "type": "",
            "size": len(data),
            "content": memoryview(data),
            "last_modified": now,
        },
    )
    assert form.worker.wait(30)


def move(form, control, value):
    control.value = value
    assert form.worker.wait(30)


def test_the_first_picture_is_there_at_once(form, store):
    assert form.picture.value == jpeg(to_image(store.render(look(weights=(1, 1)))))
    assert "96 x 64 pixels in" in form.status.value


def test_sliders_and_toggles_change_the_picture_as_they_should(form, store):
    controls = form.controls
    move(form, controls.alpha, 0.25)
    move(form, controls.weights[1], 0.5)
    move(form, controls.colour, "luminance")
    expected = look(alpha=0.25, weights=(1, 0.5), colour="luminance")
    assert form.look == expected
    assert form.picture.value == jpeg(to_image(store.render(expected)))
    move(form, controls.mask, "ellipse")
    move(form, controls.shapes["ellipse"]["x"], 0.2)
    assert form.look.mask == Ellipse(x=0.2)
    assert form.picture.value == jpeg(to_image(store.render(form.look)))
    assert controls.shape_boxes["ellipse"].layout.display == "flex"
    assert controls.shape_boxes["split"].layout.display == "none"
    assert controls.weights[0].disabled


def test_a_style_can_be_added_and_taken_away(form):
    assert form.controls.weights[2].disabled
    move(form, form.controls.styles[2], "splatter")
    assert form.look.styles == (NIGHT, WAVES, "splatter")
    assert not form.controls.weights[2].disabled
    move(form, form.controls.styles[1], "")
    assert form.look.styles == (NIGHT, "splatter")
    assert [label for label, _ in form.controls.styles[0].options][0] != "none"
    listed = [name for _, name in form.controls.styles[0].options]
    assert listed.index("hokusai_great_wave") < listed.index(NIGHT)  # masterpieces come first


def test_alpha_goes_beyond_1_only_when_asked(form):
    form.controls.alpha.value = 1.5
    assert form.look.alpha == 1
    form.controls.exaggerate.value = True
    move(form, form.controls.alpha, 1.5)
    assert form.look.alpha == 1.5
    form.controls.exaggerate.value = False
    assert form.worker.wait(30) and form.look.alpha == 1


def test_the_divider_shows_the_photograph_on_its_left(form, store):
    after = to_image(store.render(form.look))
    before = to_image(store.photograph(form.look))
    form.divider.value = 1
    assert form.picture.value == jpeg(before)
    form.divider.value = 0.5
    shown = np.asarray(Image.open(io.BytesIO(form.picture.value))).astype(int)
    for half, whole in ((np.s_[:, :40], before), (np.s_[:, -40:], after)):
        assert np.abs(shown[half] - np.asarray(whole).astype(int)[half]).mean() < 8
    form.divider.value = 0
    assert form.picture.value == jpeg(after)


def test_the_mask_is_tinted_when_asked(form, store):
    move(form, form.controls.mask, "split")
    plain = form.picture.value
    assert plain == jpeg(to_image(store.render(form.look)))
    form.controls.show_mask.value = True
    shown, without = (
        np.asarray(Image.open(io.BytesIO(data))).astype(int) for data in (form.picture.value, plain)
    )
    apart = np.abs(shown - without).mean((0, 2))
    assert apart[:30].max() < 8 < apart[-30:].min()  # the region is on the left
    form.controls.show_mask.value = False
    assert form.picture.value == plain
    assert form.controls.styles[2].disabled and not form.controls.styles[1].disabled


def test_thumbnails_choose_and_take_away(form):
    gallery = form.controls.galleries["style"]
    names = list(gallery._buttons)
    assert names[0] == "arcimboldo_librarian"  # masterpieces come first
    assert form.look.styles == (NIGHT, WAVES)
    gallery._buttons["splatter"].click()
    assert form.worker.wait(30) and form.look.styles == (NIGHT, WAVES, "splatter")
    assert "course-chosen" in gallery._buttons["splatter"]._dom_classes
    gallery._buttons[NIGHT].click()
    assert form.worker.wait(30) and form.look.styles == (WAVES, "splatter")
    for name in (WAVES, "splatter"):
        gallery._buttons[name].click()
    assert form.worker.wait(30) and form.look.styles == ("splatter",)  # the last one stays
    form.controls.galleries["photograph"]._buttons["rocket"].click()
    assert form.worker.wait(30) and form.look.content == "rocket"
    upload(form, "style", "art.png", png())
    buttons = gallery._box.children
    assert buttons[0].description == "art" and buttons[1].description == "arcimboldo librarian"
    assert all(button.description and button.tooltip for button in buttons)


def test_undo_reset_and_download(form, monkeypatch):
    monkeypatch.setattr("course_lib.playground.widget.ONE_STEP", 0)
    first, picture = form.look, form.picture.value
    move(form, form.controls.alpha, 0.4)
    move(form, form.controls.mask, "ellipse")
    move(form, form.controls.shapes["ellipse"]["x"], 0.2)
    moved = form.look
    form.undo_button.click()
    assert form.worker.wait(30) and form.look.mask == Ellipse()
    form.undo_button.click()
    form.worker.wait(30)
    assert form.look.mask is None and form.look.alpha == 0.4
    for _ in range(3):
        form.undo_button.click()
        assert form.worker.wait(30)
    assert form.look == first and form.picture.value == picture
    form.controls.set(moved)
    assert form.worker.wait(30) and form.look == moved
    form.reset_button.click()
    assert form.worker.wait(30) and form.look == first
    form.download_button.click()
    data = form.link.value.partition("base64,")[2].partition('"')[0]
    saved = Image.open(io.BytesIO(base64.b64decode(data)))
    assert saved.format == "PNG" and jpeg(saved) == picture
    assert 'download="my_picture.png"' in form.link.value


def test_a_drag_is_one_step_of_undo(form, monkeypatch):
    monkeypatch.setattr("course_lib.playground.widget.ONE_STEP", 1000)
    first = form.look
    for value in (0.9, 0.8, 0.7):
        move(form, form.controls.alpha, value)
    form.undo_button.click()
    assert form.worker.wait(30) and form.look == first


@pytest.mark.parametrize("event", ["weights", "upload"])
def test_a_late_picture_replaces_no_newer_message(form, store, monkeypatch, event):
    begun, go = threading.Event(), threading.Event()
    render = store.render

    def slow(*values):
        begun.set()
        assert go.wait(30)
        return render(*values)

    monkeypatch.setattr(store, "render", slow)
    form.controls.weights[0].value = 0
    assert begun.wait(30)
    assert form.status.value == "Painting ..." and "course-stale" in form.left._dom_classes
    if event == "weights":
        form.controls.weights[1].value = 0
    else:
        data = {
            "name": "cut.png",
            "type": "",
            "size": 1,
            "content": memoryview(png()[:40]),
            "last_modified": datetime.datetime.now(datetime.UTC),
        }
        form.controls.uploads["photograph"].value = (data,)
    message = form.status.value
    assert "not all zero" in message or "cut.png" in message
    go.set()
    assert form.worker.wait(30)
    assert form.status.value == message
    assert "course-stale" not in form.left._dom_classes


def test_every_control_has_a_name(form):
    """A description or a tooltip; where a description has no tooltip, browsers show ``null``."""
    import ipywidgets

    def all_of(widget):
        yield widget
        for child in getattr(widget, "children", ()):
            yield from all_of(child)

    found = list(all_of(form.widget))
    assert len(found) > 60
    for widget in found:
        if not isinstance(widget, ipywidgets.Box | ipywidgets.HTML | ipywidgets.Image):
            assert widget.tooltip, widget
    assert form.caption.value == f"cat in the style of {NIGHT} and {WAVES}, alpha 1.00.".replace(
        "_", " "
    )


def test_stale_moves_are_dropped(form, store, monkeypatch):
    begun, go = threading.Event(), threading.Event()
    rendered, render = [], store.render

    def slow(chosen, watch):
        rendered.append(chosen.alpha)
        begun.set()
        assert go.wait(10)
        return render(chosen, watch)

    monkeypatch.setattr(store, "render", slow)
    form.controls.alpha.value = 0.9
    assert begun.wait(10)
    for step in range(30):
        form.controls.alpha.value = 0.8 - step / 100
    go.set()
    assert form.worker.wait(30)
    assert rendered == [0.9, pytest.approx(0.51)]
    assert form.worker.dropped == 29
    assert form.picture.value == jpeg(to_image(render(form.look)))


@pytest.mark.parametrize("kind", ["photograph", "style", "mask"])
def test_a_wrong_upload_says_so_and_leaves_the_last_picture(form, kind):
    picture, before = form.picture.value, form.look
    upload(form, kind, "<b>evil</b>.png", b"nothing")
    assert "is not an image" in form.status.value
    assert "<b>evil" not in form.status.value
    assert form.picture.value == picture and form.look == before
    assert form.controls.uploads[kind].value == ()


def test_a_right_upload_is_chosen(form, store):
    first = form.picture.value
    upload(form, "photograph", "dog.png", png(70, 70))
    assert form.look.content == "dog" and form.look.styles == (NIGHT, WAVES)
    assert form.picture.value != first
    upload(form, "style", "art.png", png(80, 64, (0, 90, 200)))
    assert form.look.styles == (NIGHT, WAVES, "art")
    upload(form, "mask", "mask.png", png(8, 8))
    assert form.look.mask == "mask"
    assert form.picture.value == jpeg(to_image(store.render(form.look)))
    upload(form, "style", "more.png", png())
    upload(form, "style", "last.png", png())
    assert form.look.styles == (NIGHT, WAVES, "art", "last")  # four places


def test_settings_that_make_no_sense_say_so_and_leave_the_last_picture(form):
    move(form, form.controls.weights[0], 0)
    picture = form.picture.value
    move(form, form.controls.weights[1], 0)
    assert "not all zero" in form.status.value
    assert form.picture.value == picture
    move(form, form.controls.weights[1], 0.5)
    assert "pixels in" in form.status.value


def test_an_unforeseen_failure_is_shown_and_survived(form, store, monkeypatch):
    picture = form.picture.value
    with monkeypatch.context() as patch:
        patch.setattr(store, "render", lambda *_: 1 / 0)
        move(form, form.controls.alpha, 0.3)
        assert "ZeroDivisionError" in form.status.value
        assert form.picture.value == picture
    move(form, form.controls.alpha, 0.4)
    assert form.picture.value != picture


def test_the_save_button(form):
    form.name.value = "../../brief one"
    form.save_button.click()
    assert form.saved == form.out / "brief_one"
    assert "out/brief_one" in form.status.value
    assert json.loads((form.saved / "recipe.json").read_text())["size"] == 64
    form.out = form.saved / "picture.png"
    form.save_button.click()
    assert "cannot be made" in form.status.value


def test_readers_without_a_kernel_see_a_picture(form):
    bundle, metadata = form._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert bundle["text/plain"] == "the style playground"
    assert bundle["image/jpeg"].startswith("/9j/")
    alt = metadata["image/jpeg"]["alt"]
    assert "cat in the style of impasto night and woodblock waves" in alt


# --- without widgets ---


def test_paint_takes_names_and_files(store, tmp_path):
    by_name = paint("cat", NIGHT, store=store, size=64)
    file = DATA_DIR / "style" / f"{NIGHT}.jpg"
    by_file = paint(DATA_DIR / "content" / "cat.jpg", [file], store=store, size=64)
    assert by_name.size == (96, 64) and by_name.tobytes() == by_file.tobytes()
    mask = tmp_path / "mask.png"
    mask.write_bytes(png(8, 8, (255, 255, 255)))
    everywhere = paint("cat", [NIGHT, WAVES], store=store, size=64, mask=mask)
    assert everywhere.tobytes() == by_name.tobytes()
    paint("cat", NIGHT, save_as="mine", out=tmp_path, store=store, size=64)
    assert Image.open(tmp_path / "mine" / "picture.png").tobytes() == by_name.tobytes()
    with pytest.raises(ImageError, match="no_such: no such file"):
        paint("cat", "no_such", store=store)


# --- speed ---


def test_the_measuring_command(run, tmp_path):
    out = tmp_path / "speed.json"
    code, printed, err = run(
        "playground-speed", "--size", 64, "--moves", 2, "--device", "cpu", "-o", out
    )
    assert code == 0, err
    record = json.loads(out.read_text())
    results = record["results"]
    assert record["settings"]["pixels"] == [64, 64]
    assert set(results["move_ms"]) == {"alpha", "weight", "mask"}
    drag = results["drag"]
    assert drag["pictures"] + drag["dropped"] == drag["moves"]
    assert results["floor_ms"] == pytest.approx(results["decoder_gflop"] / results["matrix_tflops"])
    assert "GFLOP" in printed and str(out) in printed


def test_the_committed_record_keeps_the_promise():
    record = json.loads((DATA_DIR / "runs" / "playground_cpu.json").read_text())
    assert record["settings"]["pixels"] == [256, 256]
    assert record["command"].startswith("python -m course_lib playground-speed")
    move, floor = record["results"]["move_ms"]["alpha"]["median"], record["results"]["floor_ms"]
    assert move <= 150 and move <= 1.3 * floor
