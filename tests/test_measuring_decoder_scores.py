"""The shipped decoder's two ratios, with outputs whose score is known."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from course_lib.gatys.config import GatysConfig
from course_lib.gatys.loop import optimize
from course_lib.gatys.objective import GatysObjective, build_encoder
from course_lib.images import ImageError, save_image
from course_lib.measuring.decoder_scores import decoder_scores, list_folders, score_folders
from course_lib.records.overtaking import count_evaluations, evaluations_to_overtake

LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")


def transfer(stylize):
    # Stand-ins take the style as a picture, so that measuring it leaves it as it is.
    return SimpleNamespace(
        device=torch.device("cpu"), stylize=stylize, encode_style=lambda style: style
    )


def images(count, height=24, width=32):
    colours = torch.rand(count, 3, 1, 1)
    batch = (colours + 0.2 * torch.randn(count, 3, height, width)).clamp(0, 1)
    return list(batch.split(1))


def features(encoder, image):
    with torch.no_grad():
        return {k: v.double().numpy() for k, v in encoder(image, LAYERS).items()}


def style_distance(a, b):
    total = 0.0
    for name in LAYERS:
        (x, y) = (f[name] for f in (a, b))
        total += ((x.mean((2, 3)) - y.mean((2, 3))) ** 2).mean()
        sx, sy = (np.sqrt(f.var((2, 3)) + 1e-5) for f in (x, y))
        total += ((sx - sy) ** 2).mean()
    return total


def content_distance(a, b):
    return np.sqrt(((a["relu4_1"] - b["relu4_1"]) ** 2).mean())


def test_copying_the_content_scores_no_style_and_all_content():
    for score in decoder_scores(transfer(lambda content, style: content), images(2), images(2)):
        assert score["style_ratio"] == pytest.approx(1, rel=1e-5)
        assert score["content_ratio"] == pytest.approx(0, abs=1e-6)


def test_copying_the_style_scores_all_style_and_loses_the_content():
    for score in decoder_scores(transfer(lambda content, style: style), images(2), images(2)):
        assert score["style_ratio"] == pytest.approx(0, abs=1e-6)
        assert score["content_ratio"] > 0.3


def test_another_photograph_is_at_content_distance_one():
    a, b = images(2)
    swap = transfer(lambda content, style: b if content is a else a)
    for score in decoder_scores(swap, [a, b], images(1)):
        assert score["content_ratio"] == pytest.approx(1, rel=1e-4)


def test_scores_equal_the_formulas(encoder):
    contents, styles = images(3), images(2, 16, 40)
    halfway = transfer(lambda content, style: 0.5 * (content + style.mean((2, 3), True)))
    scores = decoder_scores(halfway, contents, styles)
    assert [(s["content"], s["style"]) for s in scores] == [
        (c, s) for s in range(2) for c in range(3)
    ]
    encoded = [features(encoder, content) for content in contents]
    pairs = [(0, 1), (0, 2), (1, 2)]
    yardstick = np.mean([content_distance(encoded[i], encoded[j]) for i, j in pairs])
    for score in scores:
        content, style = contents[score["content"]], styles[score["style"]]
        output = features(encoder, halfway.stylize(content, style))
        target, photo = features(encoder, style), encoded[score["content"]]
        style_ratio = style_distance(output, target) / style_distance(photo, target)
        assert score["style_ratio"] == pytest.approx(style_ratio, rel=1e-3)
        wanted = content_distance(output, photo) / yardstick
        assert score["content_ratio"] == pytest.approx(wanted, rel=1e-3)


def test_scoring_needs_two_photographs_of_one_size():
    copy = transfer(lambda content, style: content)
    for contents in ([], images(1), [*images(1), *images(1, 32, 32)]):
        with pytest.raises(ValueError, match="at least two content images of one size"):
            decoder_scores(copy, contents, images(1))


@pytest.fixture
def folders(tmp_path, make_images):
    make_images(tmp_path / "content", 3, size=(40, 30), seed=1)
    make_images(tmp_path / "style", 2, size=(30, 50), seed=2)
    return tmp_path / "content", tmp_path / "style"


def test_folders_are_scored_as_squares(folders):
    seen = []

    def stylize(content, style):
        seen.append((content.shape, style.shape))
        return 0.5 * (content + style)

    result = score_folders(transfer(stylize), list_folders(*folders), size=24)
    assert set(seen) == {((1, 3, 24, 24),) * 2}
    assert (result["pairs"], result["photographs"], result["paintings"]) == (6, 3, 2)
    assert set(result["by_style"]) == {"image_00.png", "image_01.png"}
    assert result["mean_style_ratio"] == pytest.approx(np.mean(list(result["by_style"].values())))
    assert 0 < result["mean_style_ratio"] < 1
    assert result["mean_squared_content_ratio"] >= result["mean_content_ratio"] ** 2 > 0


def test_copying_folders_scores_the_controls(folders):
    copy = transfer(lambda content, style: content)
    result = score_folders(copy, list_folders(*folders), size=16)
    assert result["mean_style_ratio"] == pytest.approx(1, rel=1e-5)
    assert result["mean_content_ratio"] == pytest.approx(0, abs=1e-6)


def test_enlarged_paintings_are_named_and_the_mean_is_told_without_them(folders, make_images):
    (small,) = make_images(folders[1] / "small", 1, size=(90, 23), seed=3)
    small.rename(folders[1] / "small.png")
    halfway = transfer(lambda content, style: 0.5 * (content + style))
    result = score_folders(halfway, list_folders(*folders), size=24)
    assert result["enlarged_paintings"] == ["small.png"] and result["paintings"] == 3
    assert result["enlarged_photographs"] == []
    large = [ratio for name, ratio in result["by_style"].items() if name != "small.png"]
    assert result["mean_style_ratio_without_enlarged"] == pytest.approx(np.mean(large))
    assert result["mean_style_ratio_without_enlarged"] != result["mean_style_ratio"]
    result = score_folders(halfway, list_folders(*folders), size=64)
    assert len(result["enlarged_paintings"]) == len(result["enlarged_photographs"]) == 3
    assert result["mean_style_ratio_without_enlarged"] is None


def test_only_the_listed_files_are_scored(folders):
    copy = transfer(lambda content, style: content)
    listed = list_folders(*folders, only={"image_00.png", "image_02.png"})
    result = score_folders(copy, listed, size=16)
    assert (result["photographs"], result["paintings"], result["pairs"]) == (2, 1, 2)
    with pytest.raises(ValueError, match="no painting"):
        list_folders(*folders, only={"image_02.png"})
    with pytest.raises(ValueError, match="at least two"):
        score_folders(copy, list_folders(*folders, only={"image_00.png"}), size=16)


def test_empty_folder_is_refused(folders, tmp_path):
    (tmp_path / "empty").mkdir()
    Image.new("RGB", (4, 4)).save(tmp_path / "a.txt", format="PNG")
    with pytest.raises(ImageError, match="holds no image files"):
        list_folders(folders[0], tmp_path / "empty")


def test_every_style_is_encoded_once():
    encoded = []

    def encode_style(style):
        encoded.append(style)
        return style

    stand_in = transfer(lambda content, style: content)
    stand_in.encode_style = encode_style
    decoder_scores(stand_in, images(3), images(2))
    assert len(encoded) == 2


def test_a_style_that_is_the_photograph_has_no_ratio():
    contents = images(2)
    copy = transfer(lambda content, style: content)
    scores = decoder_scores(copy, contents, [contents[0], *images(1, 24, 32)])
    assert [score["style_ratio"] is None for score in scores] == [True, False, False, False]


def test_pairs_of_one_picture_with_itself_leave_the_record_valid(folders, tmp_path, make_images):
    shared = make_images(tmp_path / "shared", 2, size=(30, 30), seed=5)
    copy = transfer(lambda content, style: content)
    result = score_folders(copy, list_folders(shared[0].parent, shared[0].parent), size=16)
    assert result["pairs_of_one_picture_with_itself"] == 2
    assert result["mean_style_ratio"] == pytest.approx(1, rel=1e-5)
    json.dumps(result, allow_nan=False)


def test_photographs_that_are_all_alike_are_refused():
    copy = transfer(lambda content, style: content)
    same = images(1)[0]
    with pytest.raises(ValueError, match="all photographs are the same picture"):
        decoder_scores(copy, [same, same], images(1))


def test_the_right_photograph_is_found_in_a_copy_and_not_in_another_one():
    contents = images(3)
    found = decoder_scores(transfer(lambda content, style: content), contents, images(1))
    assert all(score["found_by_features"] and score["found_by_edges"] for score in found)
    lost = decoder_scores(transfer(lambda content, style: contents[0]), contents, images(1))
    assert [score["found_by_features"] for score in lost] == [True, False, False]
    assert [score["found_by_edges"] for score in lost] == [True, False, False]


def test_evaluations_until_gatys_is_ahead():
    content, style = images(2, 32, 32)
    config = GatysConfig(init="content", max_evaluations=12, device="cpu", precision="float32")
    network = build_encoder(config)
    rows = optimize(content, style, config, network=network).history
    totals = [row.total for row in rows]

    def count(picture, limit=12):
        stand_in = SimpleNamespace(stylize=lambda content, style: picture)
        settings = replace(config, max_evaluations=limit)
        return evaluations_to_overtake(stand_in, content, style, settings, network)

    seen = {}
    settings = replace(config, snapshots=(3,))
    optimize(content, style, settings, lambda image, row: seen.update(image=image), network=network)
    goal = GatysObjective(content, style, config, network)
    loss = goal.measure(seen["image"].mul(255).round().div(255)).total
    expected = next(i for i, total in enumerate(totals, 1) if total < loss)
    assert count(seen["image"]) == expected > 1
    assert count(style) is None and count(seen["image"], 1) is None


def test_a_callback_ends_an_optimisation():
    content, style = images(2, 32, 32)
    config = GatysConfig(init="content", max_evaluations=9, snapshots=(4,), device="cpu")
    result = optimize(content, style, config, lambda image, row: True)
    assert result.evaluations == 4 and result.stopped == "interrupted"


def test_the_median_counts_pairs_that_are_never_overtaken_as_more(tmp_path):
    for i, image in enumerate(images(2, 32, 32)):
        save_image(image, tmp_path / f"{i}.png")
    paths = sorted(tmp_path.iterdir())
    config = GatysConfig(init="content", max_evaluations=3, device="cpu", precision="float32")
    pairs = [tuple(paths), tuple(reversed(paths))]
    copies = transfer(lambda content, style: style)
    results = count_evaluations(copies, pairs, 32, config)
    assert results["median_evaluations"] is None and results["most_evaluations"] == 3
    assert [row["evaluations"] for row in results["pairs"]] == [None, None]
    untouched = transfer(lambda content, style: content)
    results = count_evaluations(untouched, pairs, 32, config)
    assert results["median_evaluations"] <= 3
