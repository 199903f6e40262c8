"""Channel statistics and AdaIN against formulas written out in float64."""

import math

import numpy as np
import pytest
import torch

from course_lib.adain import (
    EPSILON,
    ChannelStatistics,
    adain,
    apply_statistics,
    blend,
    channel_statistics,
    mix_statistics,
    normalized_weights,
    whiten,
)

HALVES = [torch.float16, torch.bfloat16]
SHAPES = [(1, 1, 1, 1), (2, 3, 4, 5), (3, 4, 7, 1), (1, 2, 16, 9)]


def loops(features):
    """Mean and standard deviation of every channel, in plain Python."""
    array = features.detach().double().numpy()
    mean, std = np.zeros(array.shape[:2]), np.zeros(array.shape[:2])
    for n in range(array.shape[0]):
        for c in range(array.shape[1]):
            values = [float(v) for row in array[n, c] for v in row]
            mean[n, c] = math.fsum(values) / len(values)
            variance = math.fsum((v - mean[n, c]) ** 2 for v in values) / len(values)
            std[n, c] = math.sqrt(variance + 1e-5)
    return mean[..., None, None], std[..., None, None]


def formula(content, style):
    (content_mean, content_std), (mean, std) = loops(content), loops(style)
    return std * (content.detach().double().numpy() - content_mean) / content_std + mean


def features(*shape, dtype=torch.float32, scale=3.0, shift=1.0):
    return (torch.randn(shape) * scale + shift).to(dtype)


def close(actual, wanted, rtol=1e-5, atol=1e-5):
    wanted = torch.as_tensor(wanted, dtype=torch.float64)
    torch.testing.assert_close(actual.double(), wanted, rtol=rtol, atol=atol)


# statistics --------------------------------------------------------------------------------------


def test_epsilon_is_the_papers():
    assert EPSILON == 1e-5


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, *HALVES])
def test_statistics_equal_the_formula(shape, dtype):
    x = features(*shape, dtype=dtype)
    mean, std = channel_statistics(x)
    wanted_mean, wanted_std = loops(x)
    close(mean, wanted_mean)
    close(std, wanted_std)
    assert mean.shape == std.shape == (*shape[:2], 1, 1)


@pytest.mark.parametrize("dtype", [torch.float32, *HALVES])
def test_statistics_are_float32(dtype):
    assert {s.dtype for s in channel_statistics(features(1, 2, 3, 3, dtype=dtype))} == {
        torch.float32
    }


def test_statistics_of_float64_stay_float64():
    x = torch.randn(1, 2, 3, 3, dtype=torch.float64)
    mean, std = channel_statistics(x)
    close(std, loops(x)[1], rtol=1e-13, atol=0)
    assert mean.dtype == std.dtype == torch.float64


@pytest.mark.parametrize("dtype", HALVES)
def test_statistics_are_float32_under_autocast(dtype):
    x = features(2, 3, 8, 8)
    with torch.autocast("cpu", dtype):
        mean, std = channel_statistics(x)
        half = channel_statistics(x.to(dtype))
        applied = apply_statistics(x, half)
    assert mean.dtype == std.dtype == half.mean.dtype == applied.dtype == torch.float32
    close(std, loops(x)[1])


def test_large_half_precision_activations_do_not_overflow():
    x = (torch.rand(1, 2, 32, 32) * 20_000).half()
    mean, std = channel_statistics(x)
    assert std.isfinite().all()
    close(std, loops(x)[1], rtol=1e-5, atol=0)
    assert adain(x, x).isfinite().all()


def test_large_offsets_do_not_cancel():
    x = torch.randn(1, 1, 64, 64) + 1000
    close(channel_statistics(x).std, loops(x)[1], rtol=1e-4, atol=0)


@pytest.mark.parametrize("value", [0.0, 5.0, -1e4])
def test_flat_and_one_pixel_maps_have_the_smallest_deviation(value):
    for shape in [(1, 1, 1, 1), (1, 1, 6, 7)]:
        mean, std = channel_statistics(torch.full(shape, value))
        assert mean.item() == value
        assert std.item() == pytest.approx(math.sqrt(1e-5), rel=1e-6)


@pytest.mark.parametrize("shape", [(1, 2, 1, 1), (1, 2, 4, 4)])
def test_gradients_on_flat_maps_are_finite(shape):
    x = torch.full(shape, 2.0, requires_grad=True)
    y = torch.full(shape, 3.0, requires_grad=True)
    (adain(x, y).square().sum() + channel_statistics(x).std.sum()).backward()
    assert x.grad.isfinite().all() and y.grad.isfinite().all()


def test_gradients_are_right():
    x, y = (torch.randn(2, 2, 3, 2, dtype=torch.float64, requires_grad=True) for _ in "xy")
    assert torch.autograd.gradcheck(lambda a: tuple(channel_statistics(a)), x)
    assert torch.autograd.gradcheck(adain, (x, y))
    assert torch.autograd.gradgradcheck(adain, (x, y))


@pytest.mark.parametrize("shape", [(3, 4, 4), (2, 3), (1, 2, 0, 4), (1, 2, 4, 0), (1, 1, 1, 1, 1)])
def test_statistics_refuse_other_shapes(shape):
    with pytest.raises(ValueError, match=r"\(N, C, H, W\)"):
        channel_statistics(torch.zeros(shape))


# AdaIN -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content_shape", [(2, 3, 4, 5), (2, 3, 1, 1), (2, 3, 9, 2)])
@pytest.mark.parametrize("style_shape", [(2, 3, 6, 3), (2, 3, 1, 1), (1, 3, 5, 5)])
def test_adain_equals_equation_8(content_shape, style_shape):
    content = features(*content_shape)
    style = features(*style_shape, scale=0.7, shift=-2.0)
    result = adain(content, style)
    assert result.shape == content.shape
    close(result, formula(content, style), rtol=1e-4, atol=1e-4)


def test_output_has_the_styles_statistics():
    content, style = features(2, 5, 16, 12), features(2, 5, 9, 9, scale=0.5, shift=-4.0)
    mean, std = channel_statistics(adain(content, style))
    wanted = channel_statistics(style)
    close(mean, wanted.mean, rtol=1e-4, atol=1e-4)
    close(std, wanted.std, rtol=1e-4, atol=1e-4)


def test_own_style_changes_nothing():
    x = features(2, 5, 6, 7)
    close(adain(x, x), x)
    close(adain(x[:, :, :1, :1], x[:, :, :1, :1]), x[:, :, :1, :1])


def test_twice_is_once():
    content, style = features(1, 4, 8, 8), features(1, 4, 5, 5, scale=2.0)
    once = adain(content, style)
    close(adain(once, style), once, rtol=1e-4, atol=1e-4)


def test_contents_brightness_and_contrast_do_not_matter():
    content, style = features(1, 4, 8, 8), features(1, 4, 5, 5)
    close(adain(content * 7 - 3, style), adain(content, style), rtol=1e-4, atol=1e-4)


def test_batch_equals_one_by_one():
    content, style = features(4, 3, 5, 6), features(4, 3, 7, 3)
    single = [adain(content[i : i + 1], style[i : i + 1]) for i in range(4)]
    close(adain(content, style), torch.cat(single))


def test_one_style_serves_a_batch():
    content, style = features(4, 3, 5, 6), features(1, 3, 7, 3)
    close(adain(content, style), adain(content, style.expand(4, -1, -1, -1)))


def test_positions_of_the_style_do_not_matter():
    content, style = features(1, 3, 5, 6), features(1, 3, 7, 4)
    shuffled = style.flatten(2)[..., torch.randperm(28)].reshape(1, 3, 4, 7)
    close(adain(content, shuffled), adain(content, style))


def test_positions_of_the_content_keep_their_order():
    content, style = features(1, 3, 5, 6), features(1, 3, 7, 4)
    close(adain(content.flip(3), style), adain(content, style).flip(3))


def test_channels_do_not_mix():
    content, style = features(1, 3, 5, 6), features(1, 3, 7, 4)
    order = torch.tensor([2, 0, 1])
    close(adain(content[:, order], style[:, order]), adain(content, style)[:, order])


@pytest.mark.parametrize("dtype", HALVES)
def test_half_precision_content_keeps_its_dtype(dtype):
    content, style = features(2, 3, 8, 8, dtype=dtype), features(2, 3, 8, 8, scale=0.5)
    result = adain(content, style)
    assert result.dtype == dtype
    close(result, formula(content, style), rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, *HALVES])
@pytest.mark.parametrize("style_dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_result_has_the_contents_dtype(dtype, style_dtype):
    content, style = features(1, 2, 3, 3, dtype=dtype), features(1, 2, 3, 3, dtype=style_dtype)
    assert adain(content, style).dtype == dtype


def test_float64_is_computed_in_float64():
    content, style = (torch.randn(1, 2, 6, 6, dtype=torch.float64) for _ in "cs")
    close(adain(content, style), formula(content, style), rtol=1e-12, atol=1e-12)


def test_channels_last_memory_gives_the_same():
    content, style = features(2, 8, 5, 6), features(2, 8, 7, 3)
    last = [x.contiguous(memory_format=torch.channels_last) for x in (content, style)]
    close(adain(*last), adain(content, style))


def test_inputs_are_not_changed():
    content, style = features(2, 3, 5, 6), features(2, 3, 7, 3)
    before = content.clone(), style.clone()
    adain(content, style)
    assert torch.equal(content, before[0]) and torch.equal(style, before[1])


def test_apply_statistics_equals_adain():
    content, style = features(2, 3, 5, 6), features(2, 3, 7, 3)
    assert torch.equal(apply_statistics(content, channel_statistics(style)), adain(content, style))


def test_different_channel_counts_are_refused():
    with pytest.raises(ValueError, match="3 channels, the style 4"):
        adain(torch.rand(1, 3, 2, 2), torch.rand(1, 4, 2, 2))


def test_whiten_gives_mean_0_and_deviation_1():
    x = features(2, 3, 8, 9)
    mean, std = loops(x)
    close(whiten(x), (x.double().numpy() - mean) / std)
    white = whiten(x)
    assert white.mean((2, 3)).abs().max() < 1e-5
    assert (white.var((2, 3), unbiased=False) - 1).abs().max() < 1e-4


def test_whiten_of_flat_maps_is_zero():
    assert torch.equal(whiten(torch.full((1, 2, 3, 3), 4.0)), torch.zeros(1, 2, 3, 3))


# blending and mixing -----------------------------------------------------------------------------


@pytest.mark.parametrize("alpha", [0.0, 0.25, 0.5, 0.9, 1.0])
def test_blend_equals_equation_14(alpha):
    content, transformed = features(2, 3, 4, 4), features(2, 3, 4, 4)
    wanted = (1 - alpha) * content.double() + alpha * transformed.double()
    close(blend(content, transformed, alpha), wanted)


def test_blend_is_exact_at_both_ends():
    content, transformed = features(1, 2, 3, 3), features(1, 2, 3, 3) * 1e6
    assert torch.equal(blend(content, transformed, 0), content)
    assert torch.equal(blend(content, transformed, 1), transformed)


@pytest.mark.parametrize("weights", [(1, 3), (0.5, 0.5), (0, 1), (2, 0)])
def test_mixing_statistics_equals_the_weighted_sum_of_adain_outputs(weights):
    content = features(2, 3, 6, 6)
    styles = [features(1, 3, 5, 4), features(1, 3, 7, 7, scale=0.3, shift=-3.0)]
    mixed = mix_statistics([channel_statistics(s) for s in styles], weights)
    share = [w / sum(weights) for w in weights]
    wanted = sum(w * formula(content, s) for w, s in zip(share, styles, strict=True))
    close(apply_statistics(content, mixed), wanted, rtol=1e-4, atol=1e-4)


def test_equal_weights_unless_told():
    parts = [channel_statistics(features(1, 2, 4, 4)) for _ in range(3)]
    mixed = mix_statistics(parts)
    close(mixed.mean, torch.stack([p.mean for p in parts]).mean(0))
    close(mixed.std, torch.stack([p.std for p in parts]).mean(0))


def test_one_style_mixes_to_itself():
    statistics = channel_statistics(features(1, 2, 4, 4))
    mixed = mix_statistics([statistics], [0.3])
    assert isinstance(mixed, ChannelStatistics)
    close(mixed.mean, statistics.mean)
    close(mixed.std, statistics.std)


@pytest.mark.parametrize(
    "weights, count, wanted",
    [
        (None, 4, [0.25] * 4),
        ([2, 6], 2, [0.25, 0.75]),
        ((0, 5), 2, [0, 1]),
        ([1e-9, 1e-9], 2, [0.5, 0.5]),
    ],
)
def test_weights_are_scaled_to_sum_one(weights, count, wanted):
    assert normalized_weights(weights, count) == pytest.approx(wanted)


@pytest.mark.parametrize(
    "weights, count, message",
    [
        (None, 0, "at least one style"),
        ([], 0, "at least one style"),
        ([1], 2, "2 styles need 2 weights, got 1"),
        ([1, 2, 3], 2, "got 3"),
        ([1, -1], 2, "not negative"),
        ([0, 0], 2, "not all zero"),
        ([1, math.nan], 2, "finite"),
        ([1, math.inf], 2, "finite"),
    ],
)
def test_bad_weights_are_refused(weights, count, message):
    with pytest.raises(ValueError, match=message):
        normalized_weights(weights, count)
