"""Creative controls on tensors: colour, masks, mixtures of four styles, and their steps."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from course_lib.adain import ChannelStatistics, apply_statistics, channel_statistics
from course_lib.images import ImageError, to_image
from course_lib.painting.colour import coral, luminance, preserve_luminance
from course_lib.painting.masks import add_rest, apply_statistics_by_region, load_mask, mask_cells
from course_lib.painting.mixtures import corner_grid, corner_weights
from course_lib.painting.paint_settings import PaintSettings
from course_lib.painting.painter import Painter, measure_styles, open_styles
from course_lib.painting.painter import paint as paint_measured
from course_lib.stylize import StyleTransfer

YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])


@pytest.fixture(scope="module")
def transfer():
    return StyleTransfer.load(device="cpu", precision="float32")


def image(height=24, width=32, low=0.0, high=1.0):
    """Smooth blobs of colour with some noise."""
    coarse = torch.rand(1, 3, 4, 4)
    smooth = torch.nn.functional.interpolate(coarse, (height, width), mode="bilinear")
    noisy = (smooth + 0.05 * torch.randn(1, 3, height, width)).clamp(0, 1)
    return low + (high - low) * noisy


def yiq(images):
    return np.einsum("ij,njhw->nihw", YIQ, images.double().numpy())


# --- colour: luminance ---


def test_luminance_comes_from_the_picture_and_i_and_q_from_the_content():
    stylised, content = image(low=0.4, high=0.6), image(low=0.4, high=0.6)
    result = yiq(preserve_luminance(stylised, content))
    assert np.abs(result[:, 0] - yiq(stylised)[:, 0]).max() < 1e-5
    assert np.abs(result[:, 1:] - yiq(content)[:, 1:]).max() < 1e-5
    assert np.abs(yiq(stylised)[:, 1:] - yiq(content)[:, 1:]).max() > 0.02


def test_colours_without_room_become_paler_and_keep_luminance_and_hue():
    stylised, content = torch.rand(2, 3, 9, 7), torch.rand(2, 3, 9, 7)
    result = preserve_luminance(stylised, content)
    assert result.min() >= 0 and result.max() <= 1
    after, before, content = yiq(result), yiq(stylised), yiq(content)
    assert np.abs(after[:, 0] - before[:, 0]).max() < 1e-5
    cross = after[:, 1] * content[:, 2] - after[:, 2] * content[:, 1]
    assert np.abs(cross).max() < 1e-5  # the same direction in the plane of I and Q ...
    assert (after[:, 1:] * content[:, 1:]).sum(1).min() > -1e-5  # ... not the opposite one
    after, content = (np.hypot(x[:, 1], x[:, 2]) for x in (after, content))
    assert (after <= content + 1e-5).all() and (after < content - 0.01).any()


def test_a_pictures_own_colours_change_nothing_and_grey_stays_grey():
    picture = torch.rand(1, 3, 8, 8)
    assert torch.allclose(preserve_luminance(picture, picture), picture, atol=1e-6)
    grey = torch.rand(1, 1, 8, 8).expand(-1, 3, -1, -1)
    result = preserve_luminance(picture, grey)
    assert (result - luminance(picture)).abs().max() < 1e-5


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_black_and_white_have_no_colour(value):
    flat = torch.full((1, 3, 4, 4), value)
    assert (preserve_luminance(flat, torch.rand(1, 3, 4, 4)) - value).abs().max() < 1e-6


def test_colours_of_another_size_are_refused():
    with pytest.raises(ValueError, match="do not fit"):
        preserve_luminance(torch.rand(1, 3, 4, 5), torch.rand(1, 3, 5, 4))


# --- colour: CORAL ---


def colours(images):
    pixels = images[0].flatten(1).double().numpy()
    return pixels.mean(1), np.cov(pixels, bias=True)


def same_colours(one, two, tolerance=1e-3):
    for a, b in zip(colours(one), colours(two), strict=True):
        assert np.isfinite(a).all()
        assert np.abs(a - b).max() < tolerance


@pytest.mark.parametrize("content_size", [(24, 32), (7, 5), (90, 60)])
def test_the_style_gets_the_contents_mean_and_covariance(content_size):
    style, content = image(), image(*content_size, low=0.3, high=0.9)
    result = coral(style, content)
    assert result.shape == style.shape and result.dtype == style.dtype
    same_colours(result, content, 1e-5)
    assert np.abs(colours(style)[1] - colours(content)[1]).max() > 0.01


def test_the_number_of_pixels_does_not_matter():
    style, content = image(), image()
    larger = content.repeat(1, 1, 3, 2)
    assert torch.allclose(coral(style, content), coral(style, larger), atol=1e-4)


def test_own_colours_stay():
    style = image()
    assert torch.allclose(coral(style, style), style, atol=1e-5)


def test_grey_and_flat_contents_give_their_colours():
    grey = image()[:, :1].expand(-1, 3, -1, -1)
    same_colours(coral(image(), grey), grey)
    flat = torch.tensor([0.2, 0.5, 0.9])[:, None, None].expand(1, 3, 6, 5)
    assert (coral(image(), flat) - flat[..., :1, :1]).abs().max() < 1e-4


def test_flat_styles_take_the_contents_mean():
    content = image()
    flat = torch.tensor([0.2, 0.5, 0.9])[:, None, None].expand(1, 3, 6, 5)
    result = coral(flat, content)
    assert (result - content.mean((2, 3), keepdim=True)).abs().max() < 1e-5
    assert torch.allclose(coral(flat[..., :1, :1], content)[0, :, 0, 0], result[0, :, 0, 0])


def test_a_grey_style_varies_along_one_line_only():
    grey, content = image()[:, :1].expand(-1, 3, -1, -1), image()
    result = coral(grey, content)
    mean, covariance = colours(result)
    assert np.abs(mean - colours(content)[0]).max() < 1e-4
    assert np.linalg.matrix_rank(covariance, tol=1e-6) == 1
    # No linear map can do more; along grey itself the variance is what the content has there.
    axis = np.ones(3) / np.sqrt(3)
    assert np.trace(covariance) == pytest.approx(axis @ colours(content)[1] @ axis, rel=1e-3)


def test_rounding_noise_of_a_grey_style_is_not_made_into_colour():
    grey, content = image()[:, :1].expand(-1, 3, -1, -1), image()
    noisy = grey + (torch.rand(1, 3, 24, 32) - 0.5) / 255
    assert (coral(noisy, content) - coral(grey, content)).abs().mean() < 0.03


def test_two_contents_colour_two_styles():
    styles, contents = torch.cat([image(), image()]), torch.cat([image(), image()])
    result = coral(styles, contents)
    for i in range(2):
        assert torch.allclose(result[i], coral(styles[i][None], contents[i][None])[0], atol=1e-5)


@pytest.mark.parametrize("shape", [(3, 4, 4), (1, 1, 4, 4), (1, 3, 0, 4)])
def test_coral_refuses_other_shapes(shape):
    for pair in ((torch.zeros(shape), image()), (image(), torch.zeros(shape))):
        with pytest.raises(ValueError, match=r"\(N, 3, H, W\)"):
            coral(*pair)


# --- masks ---


def save_mask(path, array):
    Image.fromarray((np.asarray(array) * 255).astype(np.uint8)).save(path)
    return path


def test_a_mask_file_gives_two_regions_that_sum_to_1(tmp_path):
    left = np.zeros((10, 20))
    left[:, :10] = 1
    path = save_mask(tmp_path / "left.png", left)
    masks = load_mask(path, (10, 20))
    assert masks.shape == (2, 10, 20) and masks.dtype == torch.float32
    assert np.array_equal(masks[0].numpy(), left) and torch.equal(masks[1], 1 - masks[0])


@pytest.mark.parametrize("size", [(1, 1), (7, 40), (200, 30)])
def test_masks_of_any_size_are_stretched(tmp_path, size):
    left = np.zeros((10, 20))
    left[:, :10] = 1
    paths = [save_mask(tmp_path / "a.png", left), save_mask(tmp_path / "b.png", left[:5, ::-1])]
    masks = load_mask(paths, size)
    assert masks.shape == (3, *size)
    assert (masks.sum(0) - 1).abs().max() < 1e-6
    assert (masks.mean((1, 2)) - torch.tensor([0.5, 0.5, 0])).abs().max() < 1e-3


def test_overlapping_masks_share_and_what_is_left_is_the_rest():
    masks = torch.tensor([[[1.0, 1.0, 0.0, 0.25]], [[1.0, 0.0, 0.0, 0.25]]])
    wanted = torch.tensor([[[0.5, 1, 0, 0.25]], [[0.5, 0, 0, 0.25]], [[0, 0, 1, 0.5]]])
    assert torch.allclose(add_rest(masks), wanted)


@given(
    masks=arrays(
        np.float32, st.tuples(*[st.integers(1, 20)] * 3), elements=st.floats(-1, 2, width=32)
    )
)
def test_masks_of_any_values_are_shares_of_every_pixel_and_of_every_feature(masks):
    regions = add_rest(torch.from_numpy(masks))
    height, width = regions.shape[-2:]
    cells = mask_cells(regions, (-(-height // 8), -(-width // 8)))
    for shares in (regions, cells):
        assert len(shares) == len(masks) + 1
        assert shares.min() >= 0 and (shares.sum(0) - 1).abs().max() < 1e-5
    alone = masks.clip(0, 1).sum(0) <= 1
    assert np.allclose(regions[:-1].numpy()[:, alone], masks.clip(0, 1)[:, alone])


def test_masks_that_cannot_be_read_are_named(tmp_path):
    (tmp_path / "text.png").write_text("no picture")
    for name in ("text.png", "missing.png"):
        with pytest.raises(ImageError, match=name):
            load_mask(tmp_path / name, (4, 4))


# --- statistics by region ---


def features(height=6, width=8):
    return 3 * torch.rand(1, 5, height, width) + torch.randn(1, 5, 1, 1)


def test_one_region_that_covers_everything_is_plain_adain():
    content, style = features(), channel_statistics(features())
    ones = torch.ones(1, 6, 8)
    result = apply_statistics_by_region(content, [style], ones)
    torch.testing.assert_close(result, apply_statistics(content, style))
    two = torch.cat([torch.zeros(1, 6, 8), ones])
    result = apply_statistics_by_region(content, [channel_statistics(features()), style], two)
    torch.testing.assert_close(result, apply_statistics(content, style))


def test_hard_regions_are_stylised_each_by_itself():
    content = features()
    styles = [channel_statistics(features()) for _ in range(2)]
    mask = torch.zeros(2, 6, 8)
    mask[0, :, :3], mask[1, :, 3:] = 1, 1
    result = apply_statistics_by_region(content, styles, mask)
    for part, style in ((slice(0, 3), styles[0]), (slice(3, 8), styles[1])):
        wanted = apply_statistics(content[..., part], style)
        assert (result[..., part] - wanted).abs().max() < 1e-4


def test_regions_of_any_shape_take_their_styles_statistics():
    content = features(16, 16)
    styles = [channel_statistics(features()) for _ in range(3)]
    label = torch.randint(3, (16, 16))
    masks = torch.stack([(label == i).float() for i in range(3)])
    result = apply_statistics_by_region(content, styles, masks)
    for i, style in enumerate(styles):
        values = result[0, :, label == i].double()
        assert (values.mean(1) - style.mean.flatten()).abs().max() < 1e-4
        assert (values.std(1, correction=0) - style.std.flatten()).abs().max() < 1e-3


def test_soft_masks_mix_what_the_regions_give():
    content = features()
    styles = [channel_statistics(features()) for _ in range(2)]
    weight = torch.full((6, 8), 0.3)  # the same everywhere: each region is the whole picture
    result = apply_statistics_by_region(content, styles, torch.stack([weight, 1 - weight]))
    one, two = (apply_statistics(content, style) for style in styles)
    assert (result - (0.3 * one + 0.7 * two)).abs().max() < 1e-4


def test_a_region_without_style_keeps_the_content():
    content, style = features(), channel_statistics(features())
    masks = torch.zeros(2, 6, 8)
    masks[0, :3], masks[1, 3:] = 1, 1
    result = apply_statistics_by_region(content, [style, None], masks)
    assert torch.equal(result[:, :, 3:], content[:, :, 3:])
    assert (result[:, :, :3] - content[:, :, :3]).abs().max() > 0.1


def test_tiny_and_flat_regions_stay_finite():
    content = features().mean((2, 3), keepdim=True).expand(1, 5, 6, 8)
    styles = [ChannelStatistics(torch.ones(1, 5, 1, 1), torch.ones(1, 5, 1, 1))] * 2
    masks = torch.zeros(2, 6, 8)
    masks[0, 0, 0] = 1
    masks[1] = 1 - masks[0]
    result = apply_statistics_by_region(content, styles, masks)
    assert (result - 1).abs().max() < 1e-2


def test_masks_of_the_image_become_weights_of_its_features():
    content = features(2, 3)
    styles = [channel_statistics(features()) for _ in range(2)]
    pixels = torch.zeros(2, 13, 20)  # as the encoder sees it: 16 x 24 after padding
    pixels[0, :, :12], pixels[1, :, 12:] = 1, 1
    cells = torch.tensor([[1, 0.5, 0]]).expand(2, 3)
    result = apply_statistics_by_region(content, styles, pixels)
    wanted = apply_statistics_by_region(content, styles, torch.stack([cells, 1 - cells]))
    assert torch.allclose(result, wanted, atol=1e-5)


def test_half_precision_features_stay_so():
    content, style = features(), channel_statistics(features())
    masks = torch.rand(1, 6, 8)
    masks = torch.cat([masks, 1 - masks])
    wanted = apply_statistics_by_region(content, [style, None], masks)
    result = apply_statistics_by_region(content.bfloat16(), [style, None], masks)
    assert result.dtype == torch.bfloat16
    assert (result.float() - wanted).abs().max() < 0.1


def test_numbers_and_sizes_that_do_not_fit_are_refused():
    style = channel_statistics(features())
    with pytest.raises(ValueError, match="2 regions need 2 styles, got 1"):
        apply_statistics_by_region(features(), [style], torch.ones(2, 6, 8))
    with pytest.raises(ValueError, match="65 x 48 pixels do not fit features of 8 x 6"):
        apply_statistics_by_region(features(), [style], torch.ones(1, 48, 65))


# --- the steps, on pictures ---


def paint(transfer, content, styles, colours_of=None, masks=None, **options):
    statistics = measure_styles(transfer, styles, colours_of)
    settings, features = PaintSettings(**options), transfer.encode(content)
    return paint_measured(transfer, content, statistics, settings, masks, features).picture


@pytest.mark.parametrize("alpha", [0, 0.4, 1, 2])
def test_the_steps_equal_stylize(transfer, alpha):
    content, styles = image(21, 26), [image(), image()]
    result = paint(transfer, content, styles, weights=[1, 2], alpha=alpha)
    wanted = transfer.stylize(content, styles, alpha, [1, 2], exaggerate=True)
    assert result.shape == content.shape
    assert (result - wanted).abs().max() < 1e-5


def test_a_mask_of_ones_is_no_mask(transfer):
    content, styles = image(21, 26), [image(), image()]
    masks = torch.stack([torch.ones(21, 26), torch.zeros(21, 26)])
    result = paint(transfer, content, styles, masks=masks)
    assert torch.equal(result, paint(transfer, content, styles[:1]))


def test_outside_the_masks_the_photograph_stays_exactly(transfer):
    content = image(24, 40)
    masks = torch.zeros(2, 24, 40)
    masks[0, :, :16], masks[1, :, 16:] = 1, 1
    for colour in ("style", "luminance"):
        result = paint(transfer, content, [image()], masks=masks, colour=colour)
        assert torch.equal(result[..., 16:], content[..., 16:])
        assert (result[..., :16] - content[..., :16]).abs().mean() > 0.01


def test_alpha_0_has_no_style_whatever_the_masks_and_colours(transfer):
    content, styles = image(), [image(), image()]
    plain = paint(transfer, content, styles[:1], alpha=0)
    assert torch.equal(paint(transfer, content, styles, alpha=0, weights=[1, 5]), plain)
    masks = torch.rand(1, 24, 32)
    masks = torch.cat([masks, 1 - masks])
    assert torch.equal(paint(transfer, content, styles, alpha=0, masks=masks), plain)
    assert torch.equal(paint(transfer, content, styles[:1], content, alpha=0), plain)


def test_luminance_mode_keeps_the_photographs_colours(transfer):
    content, style = image(low=0.3, high=0.7), image()
    plain = paint(transfer, content, [style])
    result = paint(transfer, content, [style], colour="luminance")
    assert torch.equal(result, preserve_luminance(plain, content))


def test_coral_mode_measures_recoloured_styles(transfer):
    content, style = image(), image()
    result = Painter(transfer, [style], PaintSettings(colour="coral"))(content)
    assert torch.equal(result, transfer.stylize(content, coral(style, content)))
    assert not torch.equal(result, transfer.stylize(content, style))


def test_a_painter_serves_several_photographs(transfer, tmp_path):
    mask = save_mask(tmp_path / "m.png", np.eye(9) > 0)
    styles = [image(), image()]
    for options in ({}, {"masks": [mask]}, {"colour": "luminance"}, {"alpha": 1.7}):
        known = {k: v for k, v in options.items() if k != "masks"}
        painter = Painter(transfer, styles, PaintSettings(**known), options.get("masks", ()))
        for size in ((16, 24), (33, 17)):
            content = image(*size)
            masks = load_mask(mask, size) if "masks" in options else None
            wanted = paint(transfer, content, styles, masks=masks, **known)
            assert torch.equal(painter(content), wanted)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alpha": 2.1}, "between 0 and 2"),
        ({"alpha": float("nan")}, "alpha must be a number"),
        ({"colour": "sepia"}, "colour must be style, luminance, coral; got 'sepia'"),
        ({"masks": torch.ones(2, 24, 32) / 2, "weights": [1, 1]}, "give one or the other"),
        ({"masks": torch.ones(4, 24, 32) / 4}, "3 masks need 3 styles, or 4 to paint"),
        ({"masks": torch.ones(1, 24, 32)}, "0 masks need 0 styles, or 1"),
        ({"masks": torch.ones(2, 9, 9) / 2}, "do not fit"),
        ({"weights": [1]}, "2 styles need 2 weights"),
    ],
)
def test_settings_that_cannot_be_are_refused(transfer, options, message):
    with pytest.raises(ValueError, match=message):
        paint(transfer, image(), [image(), image()], **options)


def test_statistics_have_no_colours_and_no_size(transfer, tmp_path):
    path = transfer.encode_style(image()).save(tmp_path / "s.safetensors")
    assert open_styles([path])[0].encoder == transfer.encoder.description
    with pytest.raises(ValueError, match="no colours to change"):
        measure_styles(transfer, open_styles([path]), image())
    with pytest.raises(ValueError, match=r"s\.safetensors .* cannot be scaled"):
        open_styles([path], scale=2)


def test_styles_are_read_at_their_size_times_their_scale(tmp_path):
    to_image(image(40, 80)).save(tmp_path / "style.png")
    path = tmp_path / "style.png"
    shapes = [open_styles([path], 20, scale)[0].shape[-2:] for scale in (1, 2, 0.5, 0.125)]
    assert [tuple(shape) for shape in shapes] == [(20, 40), (40, 80), (10, 20), (2, 4)]
    assert torch.equal(open_styles([path], 20, 1.0)[0], open_styles([path], 20)[0])


# --- four corners ---


@given(rows=st.integers(2, 20), columns=st.integers(2, 20))
def test_corner_weights_are_bilinear(rows, columns):
    weights = np.array(corner_weights(rows, columns))
    assert weights.shape == (rows, columns, 4)
    assert np.allclose(weights.sum(2), 1) and weights.min() >= 0
    for style, place in enumerate(((0, 0), (0, -1), (-1, 0), (-1, -1))):
        assert np.array_equal(weights[place], np.eye(4)[style])
    for axis in (0, 1):  # equal steps from corner to corner
        assert np.allclose(np.diff(weights, 2, axis), 0)


@pytest.mark.parametrize("shape", [(1, 3), (3, 1), (0, 0)])
def test_a_grid_has_four_corners(transfer, shape):
    with pytest.raises(ValueError, match="at least 2x2"):
        corner_weights(*shape)
    with pytest.raises(ValueError, match="four styles"):
        corner_grid(transfer, image(), [image()] * 3, 2, 2)


@pytest.mark.parametrize("colour", ["style", "coral"])
def test_a_grid_shows_each_style_alone_in_its_corner(transfer, colour):
    content, styles = image(32, 32), [image(32, 32) for _ in range(4)]
    settings = PaintSettings(colour=colour)
    sheet = corner_grid(transfer, content, styles, 2, 3, settings, tile=32)
    assert sheet.size == (5 * 38 + 6, 2 * 38 + 6)
    eight_bit = Painter(transfer, styles[3:], settings)(
        torch.from_numpy(np.array(to_image(content))).permute(2, 0, 1)[None] / 255
    )
    corner = sheet.crop((6 + 3 * 38, 6 + 38, 6 + 3 * 38 + 32, 6 + 38 + 32))
    assert np.abs(np.asarray(corner, int) - np.asarray(to_image(eight_bit), int)).max() <= 1
    picture = sheet.crop((6 + 4 * 38, 6 + 38, 6 + 4 * 38 + 32, 6 + 38 + 32))
    assert np.array_equal(picture, to_image(styles[3]))


def test_a_grid_of_statistics_shows_no_styles(transfer):
    statistics = measure_styles(transfer, [image() for _ in range(4)])
    sheet = corner_grid(transfer, image(), statistics, 2, 2, tile=16)
    assert sheet.size == (2 * 22 + 6, 2 * 22 + 6)
