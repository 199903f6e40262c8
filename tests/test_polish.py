"""Polishing: the loss falls, with every control, in tiles as in one piece, and Ctrl-C is safe."""

import functools
import json
import threading

import pytest
import torch
from command_kit import complains
from test_painting_recipe import FLOAT32, folder, load_once, pixels  # noqa: F401

from course_lib import DATA_DIR
from course_lib import polish as polish_module
from course_lib.adain import ChannelStatistics, blend_statistics, channel_statistics
from course_lib.images import load_image, save_image
from course_lib.losses import STYLE_LAYERS, content_loss, style_loss
from course_lib.painting import painter as painting
from course_lib.painting import polishing, tiling
from course_lib.painting.masks import add_rest
from course_lib.painting.paint_settings import PaintSettings
from course_lib.painting.painter import Painter
from course_lib.painting.polishing import (
    TiledObjective,
    encode_style_within_memory,
    polish_painting,
    room_for_history,
)
from course_lib.painting.recipe import Recipe
from course_lib.playground.settings import Look
from course_lib.playground.widget import paint, playground
from course_lib.polish import STEPS, STYLE_WEIGHT, Pixels, polish
from course_lib.stylize import StyleStatistics, StyleTransfer


@pytest.fixture(scope="module")
def transfer():
    return StyleTransfer.load(device="cpu", precision="float32")


@pytest.fixture(scope="module")
def photo():
    return load_image(DATA_DIR / "content" / "cat.jpg", 72)[..., :69, :77]


@pytest.fixture(scope="module")
def paintings():
    names = ("impasto_night", "de_stijl_grid")
    return [load_image(DATA_DIR / "style" / f"{name}.jpg", 96) for name in names]


@pytest.fixture(scope="module")
def styles(transfer, paintings):
    return [transfer.encode_style(painting, every_layer=True) for painting in paintings]


def judge(objective, picture):
    return objective(picture.mul(255).round().div(255))


# --- the loss, and its way down ---


def test_the_objective_is_the_trainers_loss(transfer, photo, styles):
    picture = transfer.stylize(photo, styles[0])
    losses = transfer.objective(photo, styles[0])(picture)
    target = transfer.restyle(transfer.encode(photo), transfer.mix(styles[0]))
    features = transfer.encoder(transfer._prepare(picture), STYLE_LAYERS)
    content = content_loss(features["relu4_1"], target)
    style = style_loss(features, styles[0].every_layer())
    assert losses.content.item() == pytest.approx(content.item(), rel=1e-4)
    assert losses.style.item() == pytest.approx(style.item(), rel=1e-4)
    assert losses.total.item() == pytest.approx((content + STYLE_WEIGHT * style).item(), rel=1e-4)


def test_a_dozen_steps_take_most_of_the_style_loss_away(transfer, photo, styles):
    objective = transfer.objective(photo, styles[0])
    start = transfer.stylize(photo, styles[0])
    done = polish(objective, start)
    before, after = done.history[0].losses, min(row.losses for row in done.history)
    assert len(done.history) == STEPS + 1 and not done.stopped
    assert after.style < before.style / 5 and after.total < before.total / 4
    assert torch.equal(done.picture, transfer.polish(photo, styles[0]))
    assert done.picture.shape == photo.shape and done.picture.dtype == torch.float32
    whole = done.picture * 255
    assert (whole - whole.round()).abs().max() < 1e-4 and done.picture.min() >= 0
    assert done.picture.max() <= 1


def test_the_best_loss_is_that_of_the_saved_file(transfer, photo, styles, tmp_path):
    objective = transfer.objective(photo, styles[1])
    done = polish(objective, transfer.stylize(photo, styles[1]), 5)
    best = min(row.losses.total for row in done.history)
    path = save_image(done.picture, tmp_path / "polished.png")
    assert objective(load_image(path)).total.item() == pytest.approx(best, rel=1e-4)


def test_polishing_works_in_inference_mode_and_without_gradients(transfer, photo, styles):
    with torch.inference_mode():
        inside = transfer.polish(photo, styles[0], steps=2)
    with torch.no_grad():
        assert torch.equal(inside, transfer.polish(photo, styles[0], steps=2))


@pytest.mark.parametrize("height, width", [(1, 1), (8, 8), (5, 40), (33, 17)])
def test_any_size(transfer, photo, styles, height, width):
    picture = transfer.polish(photo[..., :height, :width], styles[0], steps=2)
    assert picture.shape[-2:] == (height, width) and picture.isfinite().all()


def test_a_change_at_a_coarse_level_is_a_smooth_change_of_the_picture():
    pixels = Pixels(torch.full((1, 3, 40, 56), 0.5))
    assert torch.equal(pixels.picture(), torch.full((1, 3, 40, 56), 0.5).mul(255).round() / 255)
    with torch.no_grad():
        pixels.values[-3 * 3 * 4 :] = 1 / pixels.start.numel()
    change = pixels.picture() - pixels.start
    assert change.min() > 0 and change.max() - change.min() < 1 / 255
    pixels.picture().sum().backward()
    assert pixels.values.grad[-1] > pixels.values.grad[0] > 0


# --- alpha and mixtures ---


def test_alpha_0_keeps_the_photographs_features(transfer, photo, styles):
    objective = transfer.objective(photo, styles[0], alpha=0.0)
    assert judge(objective, photo).total < 1e-3  # the photograph itself is the optimum
    start = transfer.stylize(photo, styles[0], alpha=0.0)
    picture = transfer.polish(photo, styles[0], alpha=0.0, steps=12)
    features = transfer.encode(photo)

    def apart(image):
        return (transfer.encode(image) - features).square().mean() / features.square().mean()

    assert apart(picture) < apart(start) / 2


def test_between_content_and_style_every_layer_is_in_between(transfer, photo, styles):
    own = transfer.encoder(transfer._prepare(photo), STYLE_LAYERS)
    wanted = transfer.objective(photo, styles[0], alpha=0.3).wanted
    for layer, style in styles[0].every_layer().items():
        mean, std = channel_statistics(own[layer])
        assert torch.allclose(wanted[layer].mean, 0.7 * mean + 0.3 * style.mean, atol=1e-5)
        assert torch.allclose(wanted[layer].std, 0.7 * std + 0.3 * style.std, atol=1e-5)
    blended = channel_statistics(transfer.objective(photo, styles[0], alpha=0.3).target)
    # A channel that is flat in the photograph stays flat in the blend, whatever is wanted of it.
    assert (wanted["relu4_1"].std - blended.std).abs().median() < 1e-4


def test_beyond_the_style_the_statistics_are_those_of_the_blend(transfer, photo, styles):
    objective = transfer.objective(photo, styles[0], alpha=2.0, exaggerate=True)
    blended = channel_statistics(objective.target)
    assert (objective.wanted["relu4_1"].std - blended.std).abs().median() < 1e-3
    twice = ChannelStatistics(torch.zeros(1), torch.tensor([0.5]))
    assert blend_statistics(ChannelStatistics(*torch.ones(2, 1)), twice, 3.0).std == 0.5


def test_a_mixture_has_the_mixed_statistics_in_every_layer(transfer, photo, paintings, styles):
    mixed = transfer.objective(photo, paintings, weights=[3, 1])
    for layer in STYLE_LAYERS:
        one, two = (style.every_layer()[layer] for style in styles)
        assert torch.allclose(mixed.wanted[layer].mean, 0.75 * one.mean + 0.25 * two.mean)
        assert torch.allclose(mixed.wanted[layer].std, 0.75 * one.std + 0.25 * two.std)
    averaged = StyleStatistics.average(styles, [3, 1])
    assert torch.equal(
        transfer.polish(photo, averaged, steps=3),
        transfer.polish(photo, paintings, weights=[3, 1], steps=3),
    )


# --- statistics as files ---


def test_files_hold_every_layer_if_asked(styles, tmp_path):
    path = styles[0].save(tmp_path / "style.safetensors")
    again = StyleStatistics.load(path)
    assert list(again.shallow) == list(STYLE_LAYERS[:3])
    for layer, statistics in styles[0].every_layer().items():
        assert all(map(torch.equal, statistics, again.every_layer()[layer]))
    assert path.stat().st_size < 10_000


def test_statistics_of_relu4_1_alone_still_load_and_say_what_they_lack(
    transfer, photo, paintings, tmp_path
):
    path = transfer.encode_style(paintings[0]).save(tmp_path / "old.safetensors")
    old = StyleStatistics.load(path)
    assert old.shallow == {}
    assert transfer.stylize(photo, old).shape == photo.shape
    for refused in (
        lambda: transfer.polish(photo, old),
        lambda: Painter(transfer, [old], PaintSettings(polish=2)),
        lambda: transfer.polish(photo, StyleStatistics.average([old, old])),
    ):
        with pytest.raises(ValueError, match="relu4_1 alone.* every_layer=True"):
            refused()
    with pytest.raises(ValueError, match=r"old\.safetensors holds statistics of relu4_1 alone"):
        painting.open_styles([path], every_layer=True)


def test_a_large_painting_is_measured_in_tiles(transfer, paintings, styles, monkeypatch):
    monkeypatch.setattr(polishing, "choose_tile", lambda *_: 40)
    tiled = encode_style_within_memory(transfer, paintings[0], every_layer=True)
    for layer, statistics in styles[0].every_layer().items():
        for whole, part in zip(statistics, tiled.every_layer()[layer], strict=True):
            assert torch.allclose(whole, part, rtol=1e-3, atol=1e-4)


# --- regions and tiles ---


@pytest.fixture(scope="module")
def masks(photo):
    left = torch.zeros(1, *photo.shape[-2:])
    left[..., :30] = 1
    left[..., 30:40] = torch.linspace(1, 0, 10)
    return add_rest(left)


def by_hand(transfer, photo, styles, masks, alpha, picture):
    """The loss of regions, straight from its definition, for one picture."""
    room = transfer._prepare(photo).shape[-2:]
    masks = torch.nn.functional.pad(
        masks[None], (0, room[1] - photo.shape[-1], 0, room[0] - photo.shape[-2]), mode="replicate"
    )
    own, features = (
        transfer.encoder(transfer._prepare(image), STYLE_LAYERS) for image in (photo, picture)
    )
    style = 0.0
    for k, wanted in enumerate(styles):
        share = masks[0, k].mean() / masks[0, : len(styles)].mean((1, 2)).sum()
        for layer in STYLE_LAYERS:
            weights = torch.nn.functional.adaptive_avg_pool2d(
                masks[:, k : k + 1], features[layer].shape[-2:]
            )
            weights = weights / weights.sum()
            moments = []
            for values in (own[layer], features[layer]):
                mean = (values * weights).sum((2, 3), keepdim=True)
                variance = ((values - mean).square() * weights).sum((2, 3), keepdim=True)
                moments.append(ChannelStatistics(mean, (variance + 1e-5).sqrt()))
            goal = blend_statistics(moments[0], wanted.every_layer()[layer], alpha)
            for found, aim in zip(moments[1], goal, strict=True):
                style = style + share * (found - aim).square().mean()
    return style


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("alpha", [1.0, 0.6])
def test_regions_have_the_loss_of_their_definition(transfer, photo, styles, masks, count, alpha):
    regions = [transfer.every_layer(style) for style in styles[:count]] + [None] * (2 - count)
    objective = TiledObjective(transfer, photo, regions, masks, alpha, 999)
    picture = transfer.stylize(photo, styles[0]).clone()
    style = by_hand(transfer, photo, styles[:count], masks, alpha, picture)
    assert objective(picture).style.item() == pytest.approx(style.item(), rel=1e-3)


@pytest.mark.parametrize("tile", [999, 24])
@pytest.mark.parametrize("alpha", [1.0, 0.5])
def test_tiles_have_the_gradient_of_the_whole(transfer, photo, styles, tile, alpha):
    picture = transfer.stylize(photo, styles[0])
    losses, gradient = transfer.objective(photo, styles[0], alpha).gradient(picture)
    regions = [transfer.every_layer(styles[0])]
    tiled = TiledObjective(transfer, photo, regions, None, alpha, tile)
    again, same = tiled.gradient(picture)
    assert [x.item() for x in again] == pytest.approx([x.item() for x in losses], rel=1e-4)
    assert (gradient - same).abs().max() < 1e-5 * gradient.abs().max()


def test_polished_in_tiles_as_in_one_piece(transfer, photo, styles, masks):
    """Four steps in float32 differ by rounding, which the 8-bit picture shows here and there."""
    start = transfer.stylize(photo, styles[0])
    run = functools.partial(polish_painting, transfer, start, photo)
    mixed, part = PaintSettings(polish=4, weights=(2, 1)), PaintSettings(polish=4, alpha=0.7)
    for arguments in ((styles, mixed), (styles[:1], part, masks)):
        whole, tiled = (run(*arguments, tile=tile).picture for tile in (999, 40))
        apart = (whole - tiled).abs() * 255
        assert apart.max() < 1.5 and (apart > 0.5).float().mean() < 0.01


def test_every_region_gets_its_own_style(transfer, photo, styles, masks):
    start = transfer.stylize(photo, styles[0])
    done = polish_painting(transfer, start, photo, styles, PaintSettings(polish=8), masks)
    assert done.history[-1].losses.style < done.history[0].losses.style / 3


# --- the painter ---


def save_mask(path, photo):
    left = torch.zeros(1, 3, *photo.shape[-2:])
    left[..., :40] = 1
    return save_image(left, path)


@pytest.mark.parametrize(
    "settings, tiled",
    [
        ({}, False),
        ({"alpha": 1.5}, False),
        ({"colour": "luminance"}, False),
        ({"colour": "coral", "alpha": 0.5}, False),
        ({"masks": True}, False),
        ({"weights": [1, 3], "alpha": 0.5}, True),
        ({"masks": True, "styles": 1, "colour": "luminance"}, True),
    ],
)
def test_every_control_can_be_polished(
    transfer, photo, paintings, tmp_path, monkeypatch, settings, tiled
):
    if tiled:
        for module in (polishing, painting, tiling):
            monkeypatch.setattr(module, "choose_tile", lambda *_: 40)
        monkeypatch.setattr(tiling, "SMALL", 0)
    settings = dict(settings)
    used = paintings[: settings.pop("styles", 2 if len(settings) else 1)]
    masks = [save_mask(tmp_path / "mask.png", photo)] if settings.pop("masks", False) else []
    plain = Painter(transfer, used, PaintSettings(**settings), masks)(photo)
    picture = Painter(transfer, used, PaintSettings(**settings, polish=2), masks)(photo)
    assert picture.shape == photo.shape and picture.isfinite().all()
    assert 0.002 < (picture - plain).abs().mean() < 0.3
    if len(used) == 1 and masks:
        assert torch.equal(picture[..., 40:], photo[..., 40:])  # the photograph's part is itself


def test_no_steps_are_no_polishing(transfer, photo, paintings):
    plain = Painter(transfer, paintings[:1])(photo)
    assert torch.equal(Painter(transfer, paintings[:1], PaintSettings(polish=0))(photo), plain)


@pytest.mark.parametrize("steps", [-1, 2.5, "3", True, None, 10_001])
def test_wrong_steps_are_refused(transfer, photo, styles, steps):
    words = "whole number of steps from 0 to 10000"
    for refused in (
        lambda: transfer.polish(photo, styles[0], steps=steps),
        lambda: PaintSettings(polish=steps),
        lambda: Look("cat", ("impasto_night",), polish=steps),
        lambda: Recipe("photo.png", ("a.png",), polish=steps),
    ):
        with pytest.raises(ValueError, match=words):
            refused()


def test_one_photograph_at_a_time(transfer, photo, styles):
    with pytest.raises(ValueError, match="one photograph is polished at a time, got 2"):
        transfer.polish(torch.cat([photo, photo]), styles[0])


def test_less_memory_is_a_shorter_history_and_at_last_a_refusal(monkeypatch):
    device = torch.device("cpu")
    for free, pairs in ((10**12, 10), (10**10, 6), (7 * 10**9, 2)):
        monkeypatch.setattr(polishing, "free_memory", lambda _, free=free: free)
        assert room_for_history(4000, 3000, device) == pairs
    monkeypatch.setattr(polishing, "free_memory", lambda _: 10**9)
    with pytest.raises(ValueError, match="3000 x 4000 pixels needs 6.9 GB of free memory"):
        room_for_history(4000, 3000, device)


# --- stopping ---


def test_ctrl_c_keeps_the_best_picture(transfer, photo, styles):
    objective = transfer.objective(photo, styles[0])
    start = transfer.stylize(photo, styles[0])

    def interrupt(row, _):
        if row.step == 5:
            raise KeyboardInterrupt

    done = polish(objective, start, 100, watch=interrupt)
    assert done.stopped and len(done.history) == 6
    lowest = min(row.losses.total for row in done.history)
    assert judge(objective, done.picture).total.item() == pytest.approx(lowest, rel=1e-4)
    at_once = polish(objective, start, 100, watch=lambda *_: True)
    assert at_once.stopped and len(at_once.history) == 1
    assert (at_once.picture - start).abs().max() <= 0.51 / 255


def test_a_step_that_leaps_is_taken_back(transfer, photo, styles, monkeypatch):
    objective = transfer.objective(photo, styles[0])
    true, calls = objective.gradient, []

    def spoiled(picture):
        losses, gradient = true(picture)
        calls.append(1)
        return losses, gradient * (-300 if len(calls) in (3, 4) else 1)

    monkeypatch.setattr(objective, "gradient", spoiled)
    done = polish(objective, transfer.stylize(photo, styles[0]), 14)
    totals = [row.losses.total for row in done.history]
    assert max(totals) > 3 * totals[0] > 6 * totals[-1]


def test_a_first_step_that_leaps_is_made_shorter(transfer, photo, styles, monkeypatch):
    monkeypatch.setattr(polish_module, "FIRST_MOVE", 1.0)
    done = polish(transfer.objective(photo, styles[0]), transfer.stylize(photo, styles[0]), 14)
    totals = [row.losses.total for row in done.history]
    assert totals[1] > 3 * totals[0] > 6 * totals[-1]


# --- the command line ---


@pytest.fixture
def interrupted(monkeypatch):
    """Ctrl-C arrives in the third evaluation of any polishing."""
    true, calls = polishing.polish, []

    def stop(*arguments):
        def watch(row, _):
            calls.append(row)
            if row.step == 2:
                raise KeyboardInterrupt

        arguments = list(arguments)
        arguments[4] = watch
        return true(*arguments)

    monkeypatch.setattr(polishing, "polish", stop)
    return calls


SMALL = ["--style-size", 32, *FLOAT32]


def test_the_command_polishes_and_a_recipe_keeps_it(run, folder):  # noqa: F811
    code, out, error = run("stylize", "photo.png", "a.png", "-o", "b1.png", "--polish", 3, *SMALL)
    assert (code, out, error) == (0, "b1.png\n", "")  # no bar where nobody sees it
    assert run("stylize", "photo.png", "a.png", "-o", "plain.png", *SMALL)[0] == 0
    assert (pixels("b1.png") != pixels("plain.png")).any()
    Recipe("photo.png", ("a.png",), style_size=32, polish=3).save("recipe.json")
    assert json.loads((folder / "recipe.json").read_text())["polish"] == 3
    again = ["stylize", "--recipe", "recipe.json", *FLOAT32]
    assert run(*again, "-o", "b2.png")[0] == 0
    assert (pixels("b1.png") == pixels("b2.png")).all()
    assert run(*again, "-o", "b3.png", "--polish", 0)[0] == 0
    assert (pixels("b3.png") == pixels("plain.png")).all()


def test_grids_are_polished_too(run, folder):  # noqa: F811
    grid = ["stylize", "photo.png", "a.png", "b.png", "c.png", "d.png", "--grid", "2x2"]
    for name, more in (("plain.png", []), ("grid.png", ["--polish", 2])):
        assert run(*grid, "-o", name, "--size", 24, *more, *SMALL)[0] == 0
    assert (pixels("grid.png") != pixels("plain.png")).any()


@pytest.mark.parametrize(
    "steps, words",
    [
        ("-1", "--polish"),
        ("many", "'many' is not a whole number from 0 up"),
        ("99999", "whole number of steps from 0 to 10000"),
    ],
)
def test_wrong_numbers_of_steps_are_one_sentence(run, folder, steps, words):  # noqa: F811
    result = run("stylize", "photo.png", "a.png", "-o", "out.png", f"--polish={steps}", *SMALL)
    complains(result, words)
    assert not (folder / "out.png").exists()


def test_old_statistics_are_one_sentence(run, folder, transfer):  # noqa: F811
    transfer.encode_style(load_image("a.png")).save("old.safetensors")
    result = run("stylize", "photo.png", "old.safetensors", "-o", "out.png", "--polish", 2, *SMALL)
    complains(result, "old.safetensors", "relu4_1 alone", "give the painting")


def test_ctrl_c_saves_the_picture_and_ends_a_folder(run, folder, interrupted):  # noqa: F811
    code, out, error = run("stylize", "photo.png", "a.png", "-o", "x.png", "--polish", 50, *SMALL)
    assert (code, out) == (130, "x.png\n") and "best until then" in error
    assert pixels("x.png").shape == pixels("photo.png").shape and len(interrupted) == 3
    photos = folder / "photos"
    photos.mkdir()
    for name in ("b.png", "c.png"):
        (folder / name).rename(photos / name)
    code, out, _ = run("stylize", "photos", "a.png", "-o", "done", "--polish", 50, *SMALL)
    assert code == 130 and out.startswith("1 images in done")
    assert [path.name for path in (folder / "done").iterdir()] == ["b.png"]


# --- the playground ---


@pytest.fixture
def form(transfer, tmp_path, monkeypatch):
    from course_lib.playground.picture_store import PictureStore

    monkeypatch.setattr("course_lib.playground.picture_store.STYLE_SIZE", 64)
    monkeypatch.setattr("course_lib.playground.saving.STYLE_SIZE", 64)
    shown = playground("cat", ("impasto_night",), tmp_path, PictureStore(transfer), size=64)
    yield shown
    shown.worker.close()


def test_the_button_polishes_what_is_shown_and_saves_it_so(form):
    plain, said = form.picture.value, []
    form.status.observe(lambda change: said.append(change["new"]), "value")
    form.polish_button.click()
    assert form.worker.wait(60)
    assert form.picture.value != plain and form.shown.polish == STEPS
    assert f"polishing, step 3 of {STEPS}" in " ".join(said) and "pixels in" in said[-1]
    recipe = json.loads((form.save() / "recipe.json").read_text())
    assert recipe["polish"] == STEPS
    form.controls.alpha.value = 0.5
    assert form.worker.wait(60)
    assert form.shown.polish == 0
    assert json.loads((form.save() / "recipe.json").read_text())["polish"] == 0


def test_a_newer_move_ends_the_polishing_and_is_what_is_shown(form, monkeypatch):
    begun, moved, steps = threading.Event(), threading.Event(), []
    watch = form._watch

    def slow(number, look, before, row, picture):
        steps.append(row.step)
        begun.set()
        assert moved.wait(30)
        return watch(number, look, before, row, picture)

    monkeypatch.setattr(form, "_watch", slow)
    form.polish_button.click()  # returns at once
    assert begun.wait(30)
    form.controls.alpha.value = 0.4
    moved.set()
    assert form.worker.wait(60)
    assert steps == [0] and form.shown.alpha == 0.4 and form.shown.polish == 0


def test_paint_takes_steps(form):
    options = {"store": form.store, "size": 64}
    assert (
        paint("cat", "impasto_night", polish=2, **options).tobytes()
        != paint("cat", "impasto_night", **options).tobytes()
    )
