"""The fast versions against the plain ones: equal values, equal gradients."""

import pytest
import torch
import torch.nn.functional as F

from course_lib import adain, fast, losses

SHAPES = [(2, 3, 5, 4), (1, 2, 1, 1), (3, 1, 1, 7), (1, 4, 6, 6)]
LAYOUTS = [torch.contiguous_format, torch.channels_last]
PRECISIONS = [(torch.float32, 1e-5), (torch.float16, 2e-3), (torch.bfloat16, 2e-2)]


def plain_adain(content, style):
    return adain.apply_statistics(content, adain.ChannelStatistics(*style))


def fast_adain(content, style):
    return fast.apply_statistics(content, adain.ChannelStatistics(*style))


def with_style(function):
    """The function of the content alone, for a style with as many channels."""

    def apply(content):
        generator = torch.Generator().manual_seed(1)
        shape = (2, 1, content.shape[1], 1, 1)
        return function(content, torch.rand(shape, generator=generator).to(content) + 0.5)

    return apply


PAIRS = {
    "channel_statistics": (fast.channel_statistics, adain.channel_statistics),
    "apply_statistics": (with_style(fast_adain), with_style(plain_adain)),
    "gram_matrix": (fast.gram_matrix, losses.gram_matrix),
}
pairs = pytest.mark.parametrize("fast_one, plain", PAIRS.values(), ids=PAIRS)


def value_and_gradient(function, features, autocast=False):
    """Results as one vector, and the gradient for random weights of them (not symmetric ones)."""
    features = features.clone().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        result = function(features)
    parts = result if isinstance(result, tuple) else [result]
    result = torch.cat([part.flatten() for part in parts])
    weights = torch.randn(len(result), generator=torch.Generator().manual_seed(2))
    return result.detach(), torch.autograd.grad((result * weights.to(result)).sum(), features)[0]


@pairs
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_values_and_gradients_are_equal(fast_one, plain, shape, layout):
    x = torch.randn(shape, dtype=torch.float64).contiguous(memory_format=layout)
    mine, wanted = value_and_gradient(fast_one, x), value_and_gradient(plain, x)
    torch.testing.assert_close(mine, wanted, rtol=1e-10, atol=1e-11)
    assert torch.autograd.gradcheck(fast_one, x.requires_grad_())


@pairs
@pytest.mark.parametrize("dtype, tolerance", PRECISIONS)
@pytest.mark.parametrize("autocast", [False, True])
def test_every_precision_is_as_good_as_the_plain_one(fast_one, plain, dtype, tolerance, autocast):
    torch.manual_seed(4)
    x = (torch.randn(2, 3, 32, 32).relu() + 0.5).to(dtype)
    exact, exact_gradient = value_and_gradient(plain, x.double())
    for function in (fast_one, plain):
        value, gradient = value_and_gradient(function, x, autocast)
        assert gradient.dtype == dtype
        assert (value.double() - exact).norm() < tolerance * exact.norm()
        assert (gradient.double() - exact_gradient).norm() < tolerance * exact_gradient.norm()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("autocast", [False, True])
def test_half_precision_is_measured_in_float32(dtype, autocast):
    x = (torch.randn(1, 8, 9, 9) * 200 + 500).to(dtype)  # their squares overflow float16
    for name in ("channel_statistics", "gram_matrix"):
        for function in PAIRS[name]:
            with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
                result = function(x)
            wanted = PAIRS[name][1](x.double())
            for part, exact in zip(result, wanted, strict=True):
                assert part.dtype == torch.float32
                torch.testing.assert_close(part.double(), exact, rtol=1e-5, atol=1e-2)


@pytest.mark.parametrize("unused", [0, 1])
def test_gradient_of_one_statistic_alone(unused):
    x = torch.rand(2, 3, 4, 4, dtype=torch.float64)
    mine, wanted = (
        value_and_gradient(lambda x, f=function: f(x)[unused], x)
        for function in PAIRS["channel_statistics"]
    )
    torch.testing.assert_close(mine, wanted)


@pairs
def test_only_the_plain_one_can_be_differentiated_twice(fast_one, plain):
    x = torch.randn(1, 2, 3, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(plain, x)
    result = fast_one(x)
    loss = (result[-1] if isinstance(result, tuple) else result).square().sum()
    (gradient,) = torch.autograd.grad(loss, x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()


def test_the_same_inputs_are_refused():
    for module in (fast, adain):
        with pytest.raises(ValueError, match=r"\(N, C, H, W\)"):
            module.channel_statistics(torch.zeros(1, 2, 0, 4))
        with pytest.raises(ValueError, match="3 channels, the style 4"):
            style = module.channel_statistics(torch.rand(1, 4, 2, 2))
            module.apply_statistics(torch.rand(1, 3, 2, 2), style)


@pytest.mark.parametrize("shape", [(2, 3, 5, 4), (1, 8, 3, 3), (2, 64, 16, 9)])
def test_mirrored_borders_and_their_gradient_are_those_of_pytorch(shape):
    x = torch.randn(shape, dtype=torch.float64).to(memory_format=torch.channels_last)
    x.requires_grad_()
    wanted, mine = F.pad(x, (1, 1, 1, 1), mode="reflect"), fast.mirror_one_pixel(x)
    assert mine.is_contiguous(memory_format=torch.channels_last)
    gradient = torch.randn_like(wanted)
    before = gradient.clone()
    torch.testing.assert_close(mine, wanted, rtol=0, atol=0)
    torch.testing.assert_close(
        torch.autograd.grad(mine, x, gradient), torch.autograd.grad(wanted, x, gradient)
    )
    assert torch.equal(gradient, before)
