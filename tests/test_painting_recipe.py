"""Recipes, and the creative controls on the command line."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from command_kit import complains
from PIL import Image

from course_lib import CourseError
from course_lib.images import load_image, save_image, to_image
from course_lib.painting.colour import coral, luminance
from course_lib.painting.recipe import Recipe, render
from course_lib.stylize import DEFAULT_DECODER, StyleTransfer

FLOAT32 = ["--device", "cpu", "--precision", "float32"]
_loaded = []


@pytest.fixture(autouse=True)
def load_once(monkeypatch):
    load = StyleTransfer.load

    def shared(decoder=DEFAULT_DECODER, device="cpu", precision="float32"):
        if not _loaded:
            _loaded.append(load(DEFAULT_DECODER, "cpu", "float32"))
        return _loaded[0]

    monkeypatch.setattr(StyleTransfer, "load", shared)


@pytest.fixture
def folder(tmp_path, make_images, monkeypatch):
    """A photograph, four styles, and two masks, by short names in the working folder."""
    make_images(tmp_path, 5)
    for i, name in enumerate(["photo", "a", "b", "c", "d"]):
        (tmp_path / f"image_{i:02d}.png").rename(tmp_path / f"{name}.png")
    left = np.zeros((20, 30), np.uint8)
    left[:, :15] = 255
    Image.fromarray(left).save(tmp_path / "left.png")
    Image.fromarray(left[:, ::-1].copy()).resize((60, 9)).save(tmp_path / "right.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def restyle(run, *arguments, out="out.png"):
    """Stylise with small styles in float32 and return the pixels."""
    result = run("stylize", *arguments, "-o", out, "--style-size", 32, *FLOAT32)
    assert result == (0, f"{out}\n", "")
    return pixels(out)


# --- recipes ---

FULL = Recipe(
    "photo.png",
    ("a.png", "b.png"),
    size=32,
    style_size=48,
    weights=(1, 2.5),
    alpha=1.25,
    colour="luminance",
    style_scale=0.5,
)
MASKED = Recipe("photo.png", ("a.png", "b.png"), masks=("left.png",), size=24, style_size=32)


@pytest.mark.parametrize("recipe", [FULL, MASKED, Recipe("größe 雪.png", ("s.safetensors",))])
def test_a_saved_recipe_reads_back(tmp_path, recipe):
    path = recipe.save(tmp_path / "new" / "r.json")
    assert Recipe.load(path) == recipe
    assert json.loads(path.read_text(encoding="utf-8"))["format"] == "course-recipe-1"


def test_settings_that_a_recipe_leaves_out_have_their_defaults(tmp_path):
    data = {"format": "course-recipe-1", "content": "p.png", "styles": ["s.png"]}
    (tmp_path / "r.json").write_text(json.dumps(data))
    assert Recipe.load(tmp_path / "r.json") == Recipe("p.png", ("s.png",))


BAD_VALUES = {
    "content": [3, "", None, ["a.png"]],
    "styles": ["a.png", [], [1], None, [""]],
    "weights": [[1], [1, -1], [0, 0], ["1", "2"], [True, 1], 3, [1, float("nan")]],
    "alpha": ["1", None, True, -0.1, 2.01, float("nan"), [1]],
    "colour": ["sepia", None, 3, ["style"]],
    "masks": ["left.png", [3], ["l.png", "m.png", "n.png"], None],
    "style_scale": [0, 0.1, 4.5, "big", None],
    "size": [0, -3, 2.5, "64", True],
    "style_size": [0, None, 1.5, False],
    "sise": [64],
}


@pytest.mark.parametrize(("name", "value"), [(n, v) for n in BAD_VALUES for v in BAD_VALUES[n]])
def test_wrong_values_are_named(tmp_path, name, value):
    data = {"format": "course-recipe-1", "content": "p.png", "styles": ["a.png", "b.png"]}
    path = tmp_path / "r.json"
    path.write_text(json.dumps(data | {name: value}))
    with pytest.raises(CourseError) as caught:
        Recipe.load(path)
    message = str(caught.value)
    assert str(path) in message and "\n" not in message
    assert (name if name != "styles" or value else "style") in message


@pytest.mark.parametrize(
    "text", ["", "[]", "no json", "{}", '{"format": "other", "content": "a"}', "\xff", "[" * 9999]
)
def test_other_files_are_no_recipes(tmp_path, text):
    path = tmp_path / "r.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(CourseError, match="is not a recipe"):
        Recipe.load(path)


def test_missing_files_and_settings_are_named(folder):
    with pytest.raises(CourseError, match=r"gone\.json: no such file"):
        Recipe.load("gone.json")
    (folder / "r.json").write_text('{"format": "course-recipe-1", "content": "a.png"}')
    with pytest.raises(CourseError, match="'styles' is missing"):
        Recipe.load("r.json")
    for field in ("content", "styles", "masks"):
        value = "gone.png" if field == "content" else ("gone.png",)
        recipe = dataclasses.replace(Recipe("photo.png", ("a.png",)), **{field: value})
        with pytest.raises(CourseError, match=r"gone\.png: no such file"):
            render(StyleTransfer.load(), recipe, folder)


def test_statistics_can_be_neither_recoloured_nor_scaled():
    for options in ({"colour": "coral"}, {"style_scale": 2}):
        with pytest.raises(CourseError, match=r"s\.safetensors holds statistics"):
            Recipe("p.png", ("a.png", "s.safetensors"), **options)


def test_a_plain_recipe_is_stylize(folder):
    transfer = StyleTransfer.load()
    recipe = Recipe("photo.png", ("a.png", "b.png"), (), 24, 32, weights=(1, 2), alpha=0.7)
    styles = [load_image(name, 32) for name in recipe.styles]
    wanted = transfer.stylize(load_image("photo.png", 24), styles, 0.7, [1, 2])
    assert (render(transfer, recipe) - wanted).abs().max() < 1e-5


@pytest.mark.parametrize("recipe", [FULL, MASKED, dataclasses.replace(FULL, colour="coral")])
def test_the_command_line_repeats_a_recipes_picture_bit_for_bit(run, folder, recipe):
    (folder / "elsewhere").mkdir()
    elsewhere = dataclasses.replace(
        recipe,
        content="../photo.png",
        styles=[f"../{name}" for name in recipe.styles],
        masks=[f"../{name}" for name in recipe.masks],
    )
    elsewhere.save(folder / "elsewhere" / "r.json")
    picture = render(StyleTransfer.load(), recipe, folder)
    assert run("stylize", "--recipe", "elsewhere/r.json", "-o", "o.png", *FLOAT32)[0] == 0
    assert np.array_equal(pixels("o.png"), np.asarray(to_image(picture)))


def test_options_go_before_the_recipes(run, folder):
    recipe = dataclasses.replace(FULL, alpha=0.3, weights=None, style_size=32)
    recipe.save("r.json")
    result = restyle(run, "--recipe", "r.json", "--alpha", 1, "--colour", "style")
    changed = dataclasses.replace(recipe, alpha=1, colour="style")
    assert np.array_equal(result, np.asarray(to_image(render(_loaded[0], changed))))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["photo.png", "a.png", "--recipe", "r.json"], ["give these or --recipe"]),
        (["--recipe", "gone.json"], ["gone.json: no such file"]),
        (["--recipe", "photo.png"], ["photo.png is not a recipe"]),
        (["--recipe", "r.json", "--weights", "1"], ["2 styles need 2 weights"]),
        (["--recipe", "broken.json"], ["gone.png: no such file"]),
    ],
)
def test_recipes_that_cannot_be_used_are_one_sentence(run, folder, arguments, words):
    FULL.save("r.json")
    dataclasses.replace(FULL, content="gone.png").save("broken.json")
    complains(run("stylize", *arguments, "-o", "out.png"), *words)
    assert not (folder / "out.png").exists()


def test_a_recipe_is_not_replaced_by_its_picture(run, folder):
    FULL.save("r.png")
    before = (folder / "r.png").read_bytes()
    complains(run("stylize", "--recipe", "r.png", "-o", "r.png"), "one of the inputs")
    assert (folder / "r.png").read_bytes() == before


# --- options of the command line ---


def test_exaggeration_goes_beyond_the_style(run, folder):
    none, full, more = (
        restyle(run, "photo.png", "a.png", *options)
        for options in (["--alpha", 0], ["--exaggerate", 1], ["--exaggerate", 2])
    )
    assert np.array_equal(full, restyle(run, "photo.png", "a.png"))
    assert abs(more - none).mean() > 1.2 * abs(full - none).mean()


def test_luminance_keeps_the_photographs_colours(run, folder):
    plain = restyle(run, "photo.png", "a.png")
    for option in ("--colour", "--color"):
        result = restyle(run, "photo.png", "a.png", option, "luminance")
        light = [luminance(torch.from_numpy(x).permute(2, 0, 1) / 255) for x in (result, plain)]
        assert (light[0] - light[1]).abs().max() < 2 / 255
    assert abs(result - plain).mean() > 2


def test_coral_recolours_the_style(run, folder):
    content, style = load_image("photo.png"), load_image("a.png", 32)
    wanted = StyleTransfer.load().stylize(content, coral(style, content))
    result = restyle(run, "photo.png", "a.png", "--colour", "coral")
    assert np.array_equal(result, np.asarray(to_image(wanted)))


def test_style_scale_multiplies_the_style_size(run, folder):
    plain = restyle(run, "photo.png", "a.png")
    assert np.array_equal(restyle(run, "photo.png", "a.png", "--style-scale", 1), plain)
    larger = restyle(run, "photo.png", "a.png", "--style-scale", 2)
    assert run("stylize", "photo.png", "a.png", "-o", "o.png", "--style-size", 64, *FLOAT32)[0] == 0
    assert np.array_equal(larger, pixels("o.png"))
    assert not np.array_equal(larger, plain)


def test_masks_place_the_styles(run, folder):
    photo = pixels("photo.png")
    one = restyle(run, "photo.png", "a.png", "--mask", "left.png")
    assert np.array_equal(one[:, 26:], photo[:, 26:])
    assert abs(one[:, :22] - photo[:, :22]).mean() > 2
    two = restyle(run, "photo.png", "a.png", "b.png", "--mask", "left.png")
    same = restyle(run, "photo.png", "a.png", "b.png", "--mask", "left.png", "right.png")
    swapped = restyle(run, "photo.png", "b.png", "a.png", "--mask", "left.png")
    assert abs(two[:, 26:] - photo[:, 26:]).mean() > 2
    assert abs(two - same).mean() < 1 < abs(two - swapped).mean()


def test_a_white_mask_is_no_mask(run, folder):
    save_image(torch.ones(1, 3, 5, 9), "white.png")
    result = restyle(run, "photo.png", "a.png", "--mask", "white.png")
    assert np.array_equal(result, restyle(run, "photo.png", "a.png"))


def test_a_grid_is_one_sheet(run, folder):
    styles = ["a.png", "b.png", "c.png", "d.png"]
    sheet = restyle(run, "photo.png", *styles, "--grid", "2x3", "--size", 16)
    assert sheet.shape == (2 * 22 + 6, 5 * 22 + 6, 3)
    half = restyle(run, "photo.png", *styles, "--grid", "2x3", "--size", 16, "--alpha", 0.5)
    assert abs(half - sheet).mean() > 1


def test_a_folder_takes_every_control(run, folder, make_images):
    paths = make_images(folder / "in", 2, seed=3)
    options = ["--mask", "left.png", "--colour", "coral", "--exaggerate", 1.5]
    code, printed, _ = run(
        "stylize", "in", "a.png", "-o", "made", "--style-size", 32, *options, *FLOAT32
    )
    assert code == 0 and printed.startswith("2 images in made, 0 skipped")
    for path in paths:
        single = restyle(run, path, "a.png", *options)
        assert np.array_equal(single, pixels(folder / "made" / path.name))


BAD = {
    "--exaggerate 0.5": ["'0.5' is not a number between 1 and 2", "--alpha"],
    "--exaggerate 2.5": ["--exaggerate", "'2.5'"],
    "--exaggerate much": ["--exaggerate", "'much'"],
    "--exaggerate 1.5 --alpha 1": ["--alpha", "not allowed with"],
    "--colour sepia": ["--colour", "sepia", "luminance"],
    "--style-scale 0": ["style_scale must be between 0.125 and 4, got 0.0"],
    "--style-scale nan": ["style_scale must be a number"],
    "--style-scale big": ["--style-scale", "'big'"],
    "--mask gone.png": ["gone.png: no such file"],
    "--mask text.png": ["text.png is not an image"],
    "--mask .": ["is a folder"],
    "--mask left.png right.png": ["2 masks need 2 styles, or 3 to paint the rest too, got 1"],
    "--mask left.png --weights 1": ["give one or the other"],
    "--grid 5": ["'5' is not a number of rows and columns"],
    "--grid 1x5": ["'1x5'"],
    "--grid 99x99": ["'99x99'"],
    "--grid 3x3": ["--grid needs four styles", "got 1"],
    "--grid 3x3 --mask left.png": ["leave out --mask"],
}


@pytest.mark.parametrize("options", BAD)
def test_bad_controls_are_one_sentence_and_write_nothing(run, folder, options):
    (folder / "text.png").write_text("no picture")
    before = sorted(folder.iterdir())
    arguments = ["photo.png", "a.png", "-o", "out.png", "--style-size", 32, *options.split()]
    complains(run("stylize", *arguments), *BAD[options])
    assert sorted(folder.iterdir()) == before


def test_a_folder_cannot_be_a_grid(run, folder, make_images):
    make_images(folder / "in", 1)
    styles = ["a.png", "b.png", "c.png", "d.png"]
    complains(run("stylize", "in", *styles, "-o", "out", "--grid", "2x2"), "in is a folder")
    assert not (folder / "out").exists()


def test_options_may_stand_between_the_files(run, folder):
    plain = restyle(run, "photo.png", "a.png", "b.png", "--alpha", 0.5)
    mixed = restyle(run, "photo.png", "--alpha", 0.5, "a.png", "b.png")
    assert np.array_equal(plain, mixed)
