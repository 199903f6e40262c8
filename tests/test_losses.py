"""The losses against formulas written out in float64."""

import math

import numpy as np
import pytest
import torch

from course_lib.adain import channel_statistics
from course_lib.losses import STYLE_LAYERS, content_loss, gram_matrix, style_loss, total_variation

HALVES = [torch.float16, torch.bfloat16]


def moments(x):
    x = x.detach().double().numpy()
    return x.mean((2, 3)), np.sqrt(x.var((2, 3)) + 1e-5)


def style_formula(features, target):
    total = 0.0
    for name in target:
        for a, b in zip(moments(features[name]), moments(target[name]), strict=True):
            total += ((a - b) ** 2).mean()
    return total


def layers(batch=2, dtype=torch.float32, size=6):
    shapes = {"relu1_1": (3, size), "relu2_1": (5, size // 2)}
    return {k: torch.randn(batch, c, s, s + 1).to(dtype) * 2 + 1 for k, (c, s) in shapes.items()}


def test_style_layers_are_the_papers():
    assert STYLE_LAYERS == ("relu1_1", "relu2_1", "relu3_1", "relu4_1")


# content -----------------------------------------------------------------------------------------


def test_content_loss_is_the_mean_squared_error():
    a, b = torch.randn(2, 3, 4, 5), torch.randn(2, 3, 4, 5)
    wanted = math.fsum((a.double() - b.double()).square().flatten().tolist()) / a.numel()
    assert content_loss(a, b).item() == pytest.approx(wanted, rel=1e-6)
    assert content_loss(a, b).shape == ()
    assert content_loss(a, a).item() == 0


@pytest.mark.parametrize("dtype", HALVES)
def test_content_loss_of_half_precision_is_float32(dtype):
    a, b = (torch.randn(1, 2, 8, 8) * 300).to(dtype), (torch.randn(1, 2, 8, 8) * 300).to(dtype)
    loss = content_loss(a, b)
    wanted = (a.double() - b.double()).square().mean().item()
    assert loss.dtype == torch.float32 and loss.item() == pytest.approx(wanted, rel=1e-5)
    with torch.autocast("cpu", dtype):
        assert content_loss(a, b.float()).dtype == torch.float32


# style -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch", [1, 3])
def test_style_loss_equals_equation_13(batch):
    a, b = layers(batch), layers(batch)
    assert style_loss(a, b).item() == pytest.approx(style_formula(a, b), rel=1e-5)
    assert style_loss(a, b).shape == ()


def test_style_loss_takes_statistics_too():
    a, b = layers(), layers()
    statistics = {name: channel_statistics(value) for name, value in b.items()}
    assert style_loss(a, statistics).item() == pytest.approx(style_loss(a, b).item(), rel=1e-6)
    mine = {name: channel_statistics(value) for name, value in a.items()}
    assert style_loss(mine, b).item() == pytest.approx(style_loss(a, b).item(), rel=1e-6)


def test_one_style_serves_a_batch():
    a, b = layers(3), layers(1)
    repeated = {name: value.expand(3, -1, -1, -1) for name, value in b.items()}
    assert style_loss(a, b).item() == pytest.approx(style_loss(a, repeated).item(), rel=1e-6)


def test_style_loss_sums_over_the_targets_layers_only():
    a, b = layers(), layers()
    parts = [style_loss(a, {name: b[name]}).item() for name in b]
    assert style_loss(a, b).item() == pytest.approx(sum(parts), rel=1e-6)
    assert min(parts) > 0


def test_style_loss_ignores_sizes_and_positions():
    a, b = layers(), layers()
    moved = {k: v.flatten(2)[..., torch.randperm(v[0, 0].numel())] for k, v in b.items()}
    moved = {k: v.unflatten(2, (1, -1)).repeat(1, 1, 3, 1) for k, v in moved.items()}
    assert style_loss(a, moved).item() == pytest.approx(style_loss(a, b).item(), rel=1e-4)
    assert style_loss(b, moved).item() == pytest.approx(0, abs=1e-9)


def test_style_loss_needs_the_layers_of_the_target():
    with pytest.raises(KeyError):
        style_loss({}, layers())


@pytest.mark.parametrize("dtype", HALVES)
def test_style_loss_of_half_precision_is_float32(dtype):
    a, b = layers(dtype=dtype), layers(dtype=dtype)
    a["relu1_1"] *= 500  # squares would overflow float16
    with torch.autocast("cpu", dtype):
        loss = style_loss(a, b)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(style_formula(a, b), rel=1e-5)


@pytest.mark.parametrize("size", [1, 4])
def test_style_gradients_on_flat_maps_are_finite(size):
    a = {"relu1_1": torch.full((1, 2, size, size), 3.0, requires_grad=True)}
    style_loss(a, {"relu1_1": torch.randn(1, 2, 5, 5)}).backward()
    assert a["relu1_1"].grad.isfinite().all()


def test_gradients_are_right():
    b = {"x": torch.randn(1, 2, 3, 3, dtype=torch.float64)}
    x = torch.randn(2, 2, 3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: style_loss({"x": x}, b), x)
    assert torch.autograd.gradgradcheck(lambda x: style_loss({"x": x}, b), x)
    assert torch.autograd.gradcheck(gram_matrix, x)
    assert torch.autograd.gradgradcheck(gram_matrix, x)
    assert torch.autograd.gradcheck(total_variation, x)


# Gram matrix -------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (1, 2, 1, 1), (1, 1, 3, 3)])
def test_gram_matrix_equals_the_sum_over_positions(shape):
    x = torch.randn(shape)
    gram = gram_matrix(x)
    n, c, h, w = shape
    assert gram.shape == (n, c, c)
    a = x.double().numpy()
    for k in range(n):
        for i in range(c):
            for j in range(c):
                wanted = sum(a[k, i, y, z] * a[k, j, y, z] for y in range(h) for z in range(w))
                assert gram[k, i, j].item() == pytest.approx(wanted / (h * w), rel=1e-4, abs=1e-6)


def test_gram_matrix_does_not_depend_on_size_or_positions():
    x = torch.randn(2, 4, 6, 5)
    tiled = x.repeat(1, 1, 3, 2).flatten(2)[..., torch.randperm(180)].unflatten(2, (18, 10))
    torch.testing.assert_close(gram_matrix(tiled), gram_matrix(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, *HALVES])
def test_gram_matrix_is_float32_even_under_autocast(dtype):
    x = (torch.rand(1, 3, 16, 16) * 400).to(dtype)
    wanted = torch.einsum("nchw,ndhw->ncd", x.double(), x.double()) / 256
    with torch.autocast("cpu", torch.bfloat16):
        gram = gram_matrix(x)
    assert gram.dtype == torch.float32
    torch.testing.assert_close(gram.double(), wanted, rtol=1e-5, atol=1e-5)


# total variation ---------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (1, 3, 2, 2), (1, 1, 9, 2)])
def test_total_variation_equals_the_loops(shape):
    x = torch.rand(shape)
    a = x.double().numpy()
    down, right = np.abs(np.diff(a, axis=2)).mean(), np.abs(np.diff(a, axis=3)).mean()
    assert total_variation(x).item() == pytest.approx(down + right, rel=1e-5)


def test_total_variation_of_a_ramp_and_of_a_flat_image():
    ramp = torch.arange(5.0).expand(1, 3, 4, 5)
    assert total_variation(ramp).item() == pytest.approx(1)
    assert total_variation(ramp.transpose(2, 3)).item() == pytest.approx(1)
    assert total_variation(torch.full((1, 3, 4, 4), 0.3)).item() == 0


@pytest.mark.parametrize("height, width", [(1, 1), (1, 5), (5, 1)])
def test_total_variation_of_thin_images_is_finite(height, width):
    x = torch.rand(1, 3, height, width, requires_grad=True)
    loss = total_variation(x)
    loss.backward()
    assert loss.isfinite() and x.grad.isfinite().all()
    wanted = np.diff(x.detach().double().flatten(2).numpy())
    assert loss.item() == pytest.approx(np.abs(wanted).mean() if wanted.size else 0, rel=1e-5)


@pytest.mark.parametrize("dtype", HALVES)
def test_total_variation_of_half_precision_is_float32(dtype):
    x = torch.rand(1, 3, 256, 256).to(dtype)  # its sum is beyond float16
    wanted = sum(np.abs(np.diff(x.double().numpy(), axis=axis)).mean() for axis in (2, 3))
    loss = total_variation(x)
    assert loss.dtype == torch.float32 and loss.item() == pytest.approx(wanted, rel=1e-4)
