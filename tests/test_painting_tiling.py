"""Tiles: equal to the whole picture for any size, with memory that depends on the tile."""

import functools
import json
import types

import psutil
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from course_lib import DATA_DIR
from course_lib.adain import channel_statistics
from course_lib.images import load_image
from course_lib.painting import painter as painter_module
from course_lib.painting import polishing, tiling
from course_lib.painting.masks import add_rest
from course_lib.painting.paint_settings import PaintSettings
from course_lib.painting.painter import Painter, paint
from course_lib.painting.polishing import encode_style_within_memory
from course_lib.painting.tiling import (
    RunningStatistics,
    TiledFeatures,
    Window,
    choose_tile,
    stylize_tiled,
    stylize_within_memory,
    tile_windows,
)
from course_lib.records import tiling_speed
from course_lib.stylize import StyleStatistics, StyleTransfer
from course_lib.system import memory

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
GIB = 2**30


@pytest.fixture(scope="module")
def transfer():
    return StyleTransfer.load(device="cpu", precision="float32")


@pytest.fixture(scope="module")
def photo():
    return load_image(DATA_DIR / "content" / "cat.jpg", 104)


@pytest.fixture(scope="module")
def style(transfer):
    return transfer.encode_style(load_image(DATA_DIR / "style" / "impasto_night.jpg", 64))


def largest(first, second):
    assert first.shape == second.shape
    return (first - second).abs().max().item()


# --- equal to the whole ---


@pytest.mark.parametrize(
    ("height", "width", "tile"),
    [(96, 104, 32), (101, 99, 40), (5, 100, 16), (72, 9, 24), (8, 8, 8), (1, 1, 8), (50, 61, 999)],
)
@pytest.mark.parametrize("keep", [True, False])
def test_tiles_make_the_same_picture_for_any_size(
    transfer, photo, style, height, width, tile, keep
):
    content = photo[..., :height, :width]
    whole = transfer.stylize(content, style, 0.8)
    assert largest(stylize_tiled(transfer, content, style, 0.8, tile=tile, keep=keep), whole) < 1e-4


def test_one_cell_tiles_and_views_and_batches(transfer, photo, style):
    content = torch.cat([photo[..., :40, :40], photo[..., 40:80, 40:80]]).flip(-1)
    whole = transfer.stylize(content, style)
    assert largest(stylize_tiled(transfer, content, style, tile=8), whole) < 1e-4
    assert largest(stylize_tiled(transfer, content[0], style, tile=24), whole[:1]) < 1e-4


@pytest.mark.parametrize("margin", ["ENCODER_MARGIN", "DECODER_MARGIN"])
def test_the_margins_are_as_small_as_they_can_be(transfer, photo, style, margin, monkeypatch):
    content = photo[..., :96, :96]
    whole = transfer.stylize(content, style)
    monkeypatch.setattr(tiling, margin, 3)
    assert largest(stylize_tiled(transfer, content, style, tile=24), whole) > 1e-3


def test_statistics_of_each_tile_alone_would_be_seen(transfer, photo, style):
    content = photo[..., :96, :96]
    tiles = [transfer.stylize(part, style) for part in content.split(48, -1)]
    assert largest(torch.cat(tiles, -1), transfer.stylize(content, style)) > 0.05


def test_mixtures_weights_and_exaggeration_are_those_of_stylize(transfer, photo, style):
    content, other = photo[..., :48, :56], photo[..., 20:60, :50]
    for options in ({"weights": [1, 3]}, {"alpha": 1.6, "exaggerate": True}):
        whole = transfer.stylize(content, [style, other], **options)
        tiled = stylize_tiled(transfer, content, [style, other], tile=16, **options)
        assert largest(tiled, whole) < 1e-4


def test_flat_pictures_have_no_seams(transfer, style):
    content = torch.full((1, 3, 64, 64), 0.5)
    assert (
        largest(stylize_tiled(transfer, content, style, tile=16), transfer.stylize(content, style))
        < 1e-3
    )


def test_half_precision_differs_by_its_own_rounding_only(photo):
    exact = StyleTransfer.load(device="cpu", precision="float32")
    half = StyleTransfer.load(device="cpu", precision="bfloat16")
    style = half.encode_style(photo[..., :48, :48])
    content = photo[..., :64, :64]
    whole = half.stylize(content, style)
    rounding = (whole - exact.stylize(content, style)).abs().mean()
    tiled = stylize_tiled(half, content, style, tile=32)
    assert (tiled - whole).abs().mean() < rounding


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"alpha": 1.5}, "alpha must be between 0 and 1"),
        ({"tile": 7}, "at least 8 pixels"),
        ({"weights": [1, 2]}, "1 styles need 1 weights"),
    ],
)
def test_bad_settings_are_refused(transfer, photo, style, options, words):
    with pytest.raises(ValueError, match=words):
        stylize_tiled(transfer, photo, style, **options)


def test_wrong_shapes_and_foreign_statistics_are_refused(transfer, photo, style):
    with pytest.raises(ValueError, match="expected images of shape"):
        stylize_tiled(transfer, photo[:, :1], style)
    with pytest.raises(ValueError, match="2 style images do not fit 1 content"):
        stylize_tiled(transfer, photo, photo[..., :16, :16].expand(2, -1, -1, -1))
    with pytest.raises(ValueError, match="measured with 'another'"):
        stylize_tiled(transfer, photo, StyleStatistics(style.mean, style.std, "another"))


# --- statistics in pieces ---


def test_pieces_have_the_statistics_of_the_whole():
    features = torch.randn(2, 5, 24, 31) * torch.tensor([1e-3, 1, 50, 0, 3])[:, None, None] + 200
    running = RunningStatistics()
    for rows in features.split(7, -2):
        for piece in rows.split(10, -1):
            running.add(piece)
    expected = channel_statistics(features.double())
    torch.testing.assert_close(running.result().mean, expected.mean.float())
    torch.testing.assert_close(running.result().std, expected.std.float(), rtol=1e-3, atol=1e-5)
    assert running.result().std[:, 3].flatten().tolist() == pytest.approx([1e-5**0.5] * 2)


def test_large_paintings_are_measured_in_tiles(transfer, photo, monkeypatch):
    expected = transfer.encode_style(photo)
    monkeypatch.setattr(polishing, "choose_tile", lambda *_: 32)
    measured = encode_style_within_memory(transfer, photo)
    torch.testing.assert_close(measured.mean, expected.mean, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(measured.std, expected.std, rtol=1e-4, atol=1e-5)
    assert measured.encoder == expected.encoder


# --- regions ---


def bands(height, width):
    """Two soft masks and the rest, (3, H, W)."""
    across = torch.linspace(0, 1, width).expand(height, width)
    down = torch.linspace(0, 1, height)[:, None].expand(height, width)
    return add_rest(torch.stack([(across > 0.6).float(), 0.5 * down]))


@pytest.mark.parametrize(("height", "width", "tile"), [(101, 99, 40), (64, 72, 24), (9, 40, 16)])
@pytest.mark.parametrize("styles", [2, 3])
@pytest.mark.parametrize("colour", ["style", "luminance"])
def test_regions_in_tiles_make_the_same_picture(
    transfer, photo, style, height, width, tile, styles, colour
):
    content, masks = photo[..., :height, :width], bands(height, width)
    other = transfer.encode_style(photo.flip(1))
    statistics = [style, other, style][:styles]
    painted = functools.partial(
        paint, transfer, content, statistics, PaintSettings(alpha=0.8, colour=colour), masks
    )
    whole = painted(features=transfer.encode(content)).picture
    tiled = painted(tile=tile).picture
    assert largest(tiled, whole) < 1e-3
    assert largest(tiled, content) > 0.1


def test_a_region_that_is_nowhere_has_no_part(transfer, photo, style):
    content = photo[..., :64, :64]
    masks = add_rest(torch.stack([torch.ones(64, 64), torch.zeros(64, 64)]))
    result = paint(transfer, content, [style, style], masks=masks, tile=32).picture
    assert largest(result, transfer.stylize(content, style)) < 1e-3


def test_a_painter_with_masks_takes_tiles_if_memory_asks_for_them(
    transfer, photo, style, tmp_path, monkeypatch
):
    mask = tmp_path / "mask.png"
    Image.linear_gradient("L").save(mask)
    painter = Painter(transfer, [style], masks=[mask])
    whole = painter(photo)
    asked = []
    monkeypatch.setattr(painter_module, "choose_tile", lambda *sizes: asked.append(sizes) or 32)
    assert largest(painter(photo), whole) < 1e-3
    assert asked[0][:2] == tuple(photo.shape[-2:])


# --- windows, memory, choice ---


@given(rows=st.integers(1, 40), columns=st.integers(1, 40), tile=st.integers(8, 400))
def test_windows_cover_everything_once(rows, columns, tile):
    whole, seen = Window(0, rows, 0, columns), torch.zeros(rows, columns)
    sides = [set(), set()]
    for window in tile_windows(whole, tile):
        seen[window.slices(whole)] += 1
        sides[0].add(window.bottom - window.top)
        sides[1].add(window.right - window.left)
        outer = window.grow(tiling.ENCODER_MARGIN, whole)
        grown = torch.zeros(rows, columns)[outer.slices(whole)]
        grown[window.slices(outer)] = 1
        assert grown.sum() == (window.bottom - window.top) * (window.right - window.left)
    assert seen.unique().tolist() == [1]
    assert all(max(side) <= tile // 8 and max(side) - min(side) <= 1 for side in sides)


def test_the_encoder_never_sees_more_than_a_tile_with_its_margins(transfer, style, monkeypatch):
    sizes = []
    encode = transfer.encode
    monkeypatch.setattr(
        transfer, "encode", lambda image: sizes.append(image.shape[-2:]) or encode(image)
    )
    stylize_tiled(transfer, torch.rand(1, 3, 160, 240), style, tile=32, keep=False)
    room = 32 + 16 * (tiling.ENCODER_MARGIN + tiling.DECODER_MARGIN)
    assert sizes and max(max(size) for size in sizes) <= room


def test_features_are_computed_once_if_kept_and_twice_if_not(transfer, photo, style, monkeypatch):
    calls = []
    compute = TiledFeatures.compute
    monkeypatch.setattr(
        TiledFeatures, "compute", lambda *args: calls.append(args) or compute(*args)
    )
    stylize_tiled(transfer, photo[..., :64, :64], style, tile=32)
    assert len(calls) == 4
    stylize_tiled(transfer, photo[..., :64, :64], style, tile=32, keep=False)
    assert len(calls) == 12


def free(monkeypatch, size):
    monkeypatch.setattr(tiling, "free_memory", lambda device: size)


def test_the_tile_follows_free_memory(monkeypatch):
    sides = []
    for gib in (0.1, 0.5, 1, 8, 64):
        free(monkeypatch, int(gib * GIB))
        sides.append(choose_tile(4000, 6000, CPU, torch.float32))
    assert sides == sorted(sides)
    assert sides[0] == tiling.SMALLEST_TILE and sides[1] < sides[3] == sides[4]
    room = sides[4] + 16 * (tiling.ENCODER_MARGIN + tiling.DECODER_MARGIN)
    assert room**2 * tiling.BYTES_PER_PIXEL[torch.float32] <= tiling.LARGEST_BUDGET
    free(monkeypatch, 70 * GIB)
    assert choose_tile(4000, 6000, CUDA, torch.bfloat16) is None
    free(monkeypatch, 6 * GIB)
    assert choose_tile(4000, 6000, CUDA, torch.bfloat16) > sides[4]


def test_pictures_that_fit_are_done_in_one_piece(monkeypatch):
    free(monkeypatch, 0)
    assert choose_tile(512, 512, CPU, torch.float32) is None
    free(monkeypatch, 16 * GIB)
    assert choose_tile(1000, 1000, CPU, torch.float32) is None
    assert choose_tile(2000, 1000, CPU, torch.float32) is not None


def test_free_memory_is_asked_of_the_right_device(monkeypatch):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: types.SimpleNamespace(available=7))
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (100, 1000))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 50)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 20)
    monkeypatch.setattr(memory, "OWN_CGROUP", memory.CGROUPS / "none")
    assert tiling.free_memory(CPU) == 7
    assert tiling.free_memory(CUDA) == 130


def test_little_memory_means_tiles_and_the_same_picture(transfer, photo, style, monkeypatch):
    whole = transfer.stylize(photo, style)
    monkeypatch.setattr(tiling, "SMALL", 0)
    monkeypatch.setattr(tiling, "SMALLEST_TILE", 32)
    free(monkeypatch, 1000)
    monkeypatch.setattr(transfer, "stylize", None)  # would fail
    assert largest(stylize_within_memory(transfer, photo, style), whole) < 1e-4


def test_the_command_uses_tiles(run, tmp_path, make_images, monkeypatch):
    photo, style = make_images(tmp_path / "in", 2, (90, 70))
    arguments = [photo, style, "--style-size", 32, "--device", "cpu", "--precision", "float32"]
    assert run("stylize", *arguments, "-o", tmp_path / "whole.png")[0] == 0
    used = []
    tiled = tiling.stylize_tiled
    monkeypatch.setattr(tiling, "SMALL", 0)
    monkeypatch.setattr(tiling, "choose_tile", lambda *_: 32)
    monkeypatch.setattr(tiling, "stylize_tiled", lambda *a, **k: used.append(a) or tiled(*a, **k))
    assert run("stylize", *arguments, "-o", tmp_path / "tiled.png")[0] == 0
    assert len(used) == 1
    gap = load_image(tmp_path / "whole.png") - load_image(tmp_path / "tiled.png")
    assert gap.abs().max() <= 1.01 / 255


# --- the benchmark and its record ---


def test_the_benchmark_watches_a_command_and_records_it(run, tmp_path, monkeypatch):
    monkeypatch.setattr(tiling_speed, "COMPARED", (20, 33))
    monkeypatch.setattr(tiling_speed, "COMPARED_TILE", 16)
    monkeypatch.setattr(tiling_speed, "PIECE", 16)
    out = tmp_path / "t.json"
    code, printed, _ = run(
        "benchmark", "tiling", "--width 40 --height 30 --device cpu --precision float32", "-o", out
    )
    assert code == 0
    results = json.loads(out.read_text())["results"]
    assert results["peak_memory_bytes"] > 50e6  # a process with PyTorch
    assert results["agreement"]["float32"]["largest"] < 1e-4
    assert f"{results['peak_memory_bytes'] / 1e9:.2f} GB" in printed


def test_the_record_keeps_the_promise():
    record = json.loads((DATA_DIR / "runs" / "tiling_cpu.json").read_text())
    assert (record["settings"]["width"], record["settings"]["height"]) == (6000, 4000)
    assert record["results"]["peak_memory_bytes"] < 4e9
    assert record["results"]["agreement"]["float32"]["largest"] < 1e-3
