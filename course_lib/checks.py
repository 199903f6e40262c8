"""Instant checks for the exercises: each says what is wrong, not only that it is."""

import copy
from collections.abc import Callable, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.adain import adain, channel_statistics, whiten
from course_lib.images import IMAGENET_MEAN, IMAGENET_STD, normalize, reflect_pad
from course_lib.vgg import VGG19Encoder


class CheckFailed(AssertionError):
    """An exercise answer is not right yet; the message names the likely mistake."""

    def _render_traceback_(self) -> list[str]:
        """Show students the message alone: IPython asks an exception for its own traceback."""
        return [f"Not yet: {self}"]


def _compare(result: Tensor, expected: Tensor, mistakes: Mapping[str, Tensor], what: str) -> None:
    """Raise CheckFailed unless the tensors agree, naming the mistake whose result was given.

    Args:
        mistakes: diagnosis -> the result that this mistake would give.
        what: the name of the thing in the message where no mistake fits.
    """
    if not isinstance(result, Tensor):
        raise CheckFailed(f"{what}: expected a tensor, got {type(result).__name__}")
    if result.shape == expected.shape and _close(result, expected):
        return
    for diagnosis, wrong in mistakes.items():
        if result.shape == wrong.shape and _close(result, wrong):
            raise CheckFailed(diagnosis)
    if result.shape != expected.shape:
        raise CheckFailed(
            f"{what}: the shape is {tuple(result.shape)}, it should be {tuple(expected.shape)}"
        )
    share = (~torch.isclose(result.to(expected), expected, 1e-3, 1e-3)).float().mean().item()
    raise CheckFailed(f"{what}: {share:.0%} of the values differ from the expected ones")


def _close(result: Tensor, expected: Tensor) -> bool:
    return torch.allclose(result.to(expected), expected, rtol=1e-3, atol=1e-3)


# --- notebook 01: the encoder ---------------------------------------------------------------


def check_normalize(answer: Callable[[Tensor], Tensor]) -> None:
    """Check ``answer(images)``: the ImageNet normalisation of (N, 3, H, W) images in [0, 1].

    Raises:
        CheckFailed: with the likely mistake.
    """
    mean = torch.tensor(IMAGENET_MEAN)[:, None, None]
    std = torch.tensor(IMAGENET_STD)[:, None, None]
    generator = torch.Generator().manual_seed(1)
    # A picture three pixels wide lets a mean of shape (3,) slip through along the wrong axis.
    for shape in ((2, 3, 5, 3), (2, 3, 5, 7)):
        images = torch.rand(shape, generator=generator)
        given = images.clone()
        try:
            result = answer(given)
        except RuntimeError as error:
            raise CheckFailed(
                f"a RuntimeError: {error}. Three means of shape (3,) line up with the width; "
                "make them (3, 1, 1)"
            ) from None
        if result is None:
            print("normalize: not attempted yet")
            return
        if not torch.equal(given, images):
            raise CheckFailed("the input itself was changed: compute a new tensor, no '-=' or '/='")
        expected = (images - mean) / std
        own_mean, own_std = images.mean((2, 3), keepdim=True), images.std((2, 3), keepdim=True)
        mistakes = {
            "the images come back unchanged": images,
            "the means are subtracted, but nothing is divided by the standard deviations": (
                images - mean
            ),
            "divided by the standard deviations, but the means are not subtracted": images / std,
            "multiplied by the standard deviations where they divide": (images - mean) * std,
            "this is the way back (denormalise): subtract the mean first, then divide": (
                images * std + mean
            ),
            "divided by the variances: the table holds standard deviations, do not square": (
                (images - mean) / std**2
            ),
            "the colours are in the order BGR: channel 0 is red here": (
                (images.flip(1) - mean) / std
            ),
            "the statistics are in the order BGR: 0.485 belongs to red, channel 0": (
                (images - mean.flip(0)) / std.flip(0)
            ),
            "the images were multiplied by 255: the statistics are for values in 0..1": (
                (255 * images - mean) / std
            ),
            "these are the statistics of the images themselves; use ImageNet's, which are fixed": (
                (images - own_mean) / own_std
            ),
            "this maps to -1..1, which other networks want; VGG wants ImageNet's statistics": (
                2 * images - 1
            ),
        }
        if shape[-1] == 3:
            wrong_axis = (images - mean.flatten()) / std.flatten()
            mistakes["the statistics run along the width: make their shape (3, 1, 1)"] = wrong_axis
        _compare(result, expected, mistakes, "normalize")
    print("normalize: correct, for every width")


def check_tap(answer: Callable[[VGG19Encoder, Tensor, str], Tensor], encoder: VGG19Encoder) -> None:
    """Check ``answer(encoder, images, name)``: the activation of one named layer.

    Raises:
        CheckFailed: with the likely mistake.
    """
    device = encoder.features[0].weight.device
    images = torch.rand(1, 3, 24, 32, generator=torch.Generator().manual_seed(2)).to(device)
    for name in ("relu1_1", "pool1", "conv2_1", "relu2_1", "conv3_1"):
        expected = encoder(images, [name])[name]
        result = answer(encoder, images.clone(), name)
        if result is None:
            print("tap: not attempted yet")
            return
        if isinstance(result, dict):
            raise CheckFailed(f"return the tensor of {name} itself, not a dictionary")
        position = encoder.names.index(name)
        neighbours = encoder.names[max(position - 1, 0) : position + 2]
        mistakes = {
            f"for {name} there are no negative values: the in-place ReLU after it overwrote the "
            "map; return before the ReLU runs, or keep a clone": F.relu(expected)
        }
        for other in neighbours:
            if other != name:
                mistakes[f"asked for {name}, this is {other}: stop one layer earlier or later"] = (
                    encoder(images, [other])[other]
                )
        mistakes |= {
            f"{name} was computed from an image that is not normalised: start with "
            "normalize(images)": _walk(encoder, images, name),
            f"{name} differs along the border: call reflect_pad(x) before each convolution and "
            "F.conv2d without padding, since the layer itself pads with zeros": _walk(
                encoder, normalize(images), name, padding=1
            ),
            f"{name} was normalised twice": _walk(encoder, normalize(normalize(images)), name),
        }
        _compare(result, expected, mistakes, f"tap of {name}")
    print("tap: correct, before and after every kind of layer")


def _walk(encoder: VGG19Encoder, x: Tensor, name: str, padding: int = 0) -> Tensor:
    """Run the layers up to ``name`` with reflection (padding 0) or zeros, without normalising."""
    for layer_name, layer in zip(encoder.names, encoder.features, strict=True):
        if isinstance(layer, nn.Conv2d):
            x = x if padding else reflect_pad(x)
            x = F.conv2d(x, layer.weight, layer.bias, padding=padding)
        else:
            x = F.relu(x) if isinstance(layer, nn.ReLU) else layer(x)
        if layer_name == name:
            break
    return x


def check_rescale(answer: Callable[..., tuple[Tensor, Tensor, Tensor]]) -> None:
    """Check ``answer(weight, bias, next_weight, scale)``: activation normalisation of one layer.

    Raises:
        CheckFailed: with the likely mistake.
    """
    generator = torch.Generator().manual_seed(3)
    # As many channels in as out, so that a scale along the wrong axis does not crash.
    weight, next_weight = torch.randn(2, 4, 4, 3, 3, generator=generator)
    bias = torch.randn(4, generator=generator)
    scale = torch.tensor([0.5, 2.0, 3.0, 50.0])
    given = [t.clone() for t in (weight, bias, next_weight, scale)]
    axis = "shape the scale (C, 1, 1, 1) for a layer's outputs and (C, 1, 1) for its inputs"
    try:
        result = answer(*given)
    except RuntimeError as error:
        raise CheckFailed(f"a RuntimeError: {error}. Probably the shapes: {axis}") from None
    if result is None:
        print("rescale: not attempted yet")
        return
    if not all(map(torch.equal, given, (weight, bias, next_weight, scale))):
        raise CheckFailed("an input was changed in place: compute new tensors, no '/=' or '*='")
    if not isinstance(result, tuple | list) or len(result) != 3:
        raise CheckFailed("return three tensors: weight, bias, next_weight")
    by_output, by_input = scale[:, None, None, None], scale[:, None, None]
    _compare(
        result[0],
        weight / by_output,
        {
            "the weight is unchanged: divide each filter by its scale": weight,
            "the weight is multiplied by the scale: divide it": weight * by_output,
            f"the weight is divided along its input channels: {axis}": weight / by_input,
        },
        "weight",
    )
    _compare(
        result[1],
        bias / scale,
        {
            "the bias is unchanged: W x + b shrinks as a whole only if b is divided, too": bias,
            "the bias is multiplied by the scale: divide it": bias * scale,
        },
        "bias",
    )
    _compare(
        result[2],
        next_weight * by_input,
        {
            "the next layer is unchanged: it now receives inputs that are too small, multiply "
            "its input channels by the scale": next_weight,
            "the next layer is divided, so the change is doubled: multiply": (
                next_weight / by_input
            ),
            f"the next layer is multiplied along its output channels: {axis}": (
                next_weight * by_output
            ),
        },
        "next_weight",
    )
    print("rescale: correct, the network computes the same")


# --- notebook 02: channel statistics and AdaIN ----------------------------------------------


def check_channel_statistics(answer: Callable) -> None:
    """Exercise 02.1: ``answer(features)`` -> (mean, std), each (N, C, 1, 1) and float32."""
    for shape in ((3, 5, 4, 6), (1, 2, 7, 3), (2, 4, 1, 9), (2, 3, 1, 1)):
        features = _random_features(shape, seed=sum(shape))
        result = _call(answer, features)
        if result is None:
            return print("channel_statistics: not attempted yet")
        _check_statistics_form(result, shape)
        _check_statistics_values(result, features)
    flat = torch.zeros(2, 3, 4, 4, requires_grad=True)  # detectors that never fire
    std = _call(answer, flat)[1]
    if std.max() < 1e-3:
        where = "add 1e-5 to the variance, before the square root"
        raise CheckFailed(f"a flat channel has std {std.max():.0e}, not sqrt(1e-5): {where}")
    if std.requires_grad and not torch.autograd.grad(std.sum(), flat)[0].isfinite().all():
        raise CheckFailed("the gradient of std is NaN on a flat channel: epsilon goes in the root")
    if not torch.allclose(std, torch.tensor(1e-5).sqrt(), rtol=0.01):
        raise CheckFailed(f"a flat channel has std {std.max():.4f}, not sqrt(1e-5) = 0.0032")
    half = 600 * _random_features((2, 3, 4, 4), seed=1).half()
    mean, std = _call(answer, half)
    if not std.isfinite().all() or torch.float16 in (mean.dtype, std.dtype):
        raise CheckFailed(
            "float16 features must be measured in float32 (features.float()): the square of a "
            "deviation above 256 is infinite in float16"
        )
    print("channel_statistics: correct (batches, tiny maps, flat channels, float16, gradients)")


def _check_statistics_form(result: object, shape: tuple[int, ...]) -> None:
    """Complain unless ``result`` is a pair of tensors (N, C, 1, 1)."""
    if not isinstance(result, tuple | list) or len(result) != 2:
        raise CheckFailed(f"return two tensors, mean and std; got {type(result).__name__}")
    n, c, h, w = shape
    causes = {
        (n, c): "the two averaged axes are gone: keepdim=True leaves them as 1",
        (1, c, 1, 1): "these are batch statistics (batch norm): average each sample on its own",
        (c,): "these are batch statistics (batch norm): average each sample on its own",
        (n, 1, 1, 1): "the average ran over the channels too (layer norm): only over H and W",
        (n,): "the average ran over the channels too (layer norm): only over H and W",
        (n, 1, h, w): "the average ran over the channels: it must run over H and W",
        (n, h, w): "the average ran over the channels: it must run over H and W",
        (n, c, h, 1): "the average ran over the width only: it must run over H and W",
        (n, c, 1, w): "the average ran over the height only: it must run over H and W",
    }
    for name, part in zip(("mean", "std"), result, strict=True):
        if not isinstance(part, Tensor):
            raise CheckFailed(f"{name} must be a tensor, got {type(part).__name__}")
        if part.shape != (n, c, 1, 1):
            cause = causes.get(tuple(part.shape), "average over the last two axes, keepdim=True")
            raise CheckFailed(
                f"features {shape} need a {name} of shape {(n, c, 1, 1)}, "
                f"got {tuple(part.shape)}: {cause}"
            )


def _check_statistics_values(result: Sequence[Tensor], features: Tensor) -> None:
    """Complain about wrong numbers, naming the formula that gives them."""
    mean, std = channel_statistics(features)
    variance = std.square()
    count = features.shape[2] * features.shape[3]
    if _close(result[0], std) and _close(result[1], mean):
        raise CheckFailed("mean and std are swapped: return the mean first")
    batch_mean = features.mean((0, 2, 3), keepdim=True).expand_as(mean)
    batch_std = features.var((0, 2, 3), correction=0, keepdim=True).sqrt().expand_as(std)
    mistakes = {"the mean runs over the batch (batch norm), not per sample": batch_mean}
    _compare(result[0], mean, mistakes, "mean")
    centred = features - mean
    mistakes = {
        "this is the variance: take its square root": variance,
        "unbiased variance: divide by the H * W positions, not by H * W - 1 (correction=0); on a "
        "1x1 map the unbiased one is NaN": (variance * count / max(count - 1, 1)).sqrt(),
        "the std runs over the batch (batch norm), not per sample": batch_std,
        "subtract the mean before you square": features.square().mean((2, 3), True).sqrt(),
        "the mean of |x - mean| is not the standard deviation": centred.abs().mean((2, 3), True),
    }
    if count == 1:  # whatever epsilon is, the flat map that follows tells
        if result[1].isnan().any():
            raise CheckFailed("std is NaN on a 1x1 map: unbiased variance divides by H * W - 1 = 0")
        return
    _compare(result[1], std, mistakes, "std")


def check_adain(answer: Callable) -> None:
    """Exercise 02.2: ``answer(content, style)`` -> content's shape with the style's statistics."""
    shapes = (((3, 5, 2, 3), (3, 5, 7, 3)), ((2, 4, 5, 5), (1, 4, 3, 8)), ((1, 3, 4, 1),) * 2)
    for content_shape, style_shape in shapes:
        content = _random_features(content_shape, seed=7)
        style = 3 * _random_features(style_shape, seed=8)
        result = _call(answer, content, style)
        if result is None:
            return print("adain: not attempted yet")
        if not isinstance(result, Tensor):
            raise CheckFailed(f"return one tensor, got {type(result).__name__}")
        if result.shape == style.shape != content.shape:
            raise CheckFailed("content and style are swapped: the result has the style's shape")
        _compare(result, adain(content, style), _adain_mistakes(content, style), "adain")
    content = _random_features((2, 3, 4, 4), seed=9)
    content[:, 1] = 0  # a detector that never fires, as in every second photograph
    content.requires_grad_()
    result = _call(answer, content, style)
    if not result.isfinite().all():
        raise CheckFailed("a flat content channel gives 0 / 0 = NaN: epsilon is missing")
    _compare(result, adain(content, style), {}, "adain on a flat channel")
    if result.requires_grad:
        gradient = torch.autograd.grad(result.square().sum(), content)[0]
        if not gradient.isfinite().all():
            raise CheckFailed(
                "the gradient is NaN on a flat channel: add epsilon to the variance inside the "
                "square root, not to the std"
            )
    if not _call(answer, content.detach()[..., :1, :1], style).isfinite().all():
        raise CheckFailed("content of 1x1 gives NaN: use the biased variance (correction=0)")
    print("adain: correct (batches, one style for many, any sizes, flat channels, gradients)")


def _adain_mistakes(c: Tensor, s: Tensor) -> dict[str, Tensor]:
    """Results of the likely mistakes in AdaIN."""
    (mc, sc), (ms, ss) = channel_statistics(c), channel_statistics(s)
    norm = (c - mc) / sc

    def over(axes: Sequence[int], **options: int) -> Tensor:
        std = [x.var(axes, keepdim=True, **options).add(1e-5).sqrt() for x in (s, c)]
        return std[0] * (c - c.mean(axes, True)) / std[1] + s.mean(axes, True)

    return {
        "divided by the content's mean, as the report prints it: divide by its standard "
        "deviation": ss * (c - mc) / mc + ms,
        "the style's mean is missing: add it at the end": ss * norm,
        "the style's standard deviation is missing: multiply by it": norm + ms,
        "the content's mean was added back: add the style's": ss * norm + mc,
        "the content's mean was not subtracted": ss * c / sc + ms,
        "not divided by the content's standard deviation": ss * (c - mc) + ms,
        "the style's mean and standard deviation are swapped": ms * norm + ss,
        "the style's features come back with the content's statistics? content and style are "
        "swapped": sc * (s - ms) / ss + mc if s.shape == c.shape else torch.zeros(0),
        "this uses variances: take square roots": ss**2 * (c - mc) / sc**2 + ms,
        "unbiased variance: use correction=0": over((2, 3), correction=1),
        "statistics over the batch: measure every sample on its own": over((0, 2, 3), correction=0),
        "statistics over all channels together: measure every channel on its own": over(
            (1, 2, 3), correction=0
        ),
        "this is the content, unchanged": c,
    }


def check_mix(answer: Callable) -> None:
    """Exercise 02.3: ``answer(content, styles, weights, alpha)``, equations 14 and 15."""
    cases = (((1, 2, 5), 0.3), ((1.0,), 1.0), ((3, 1), 0.0), ((0.5, 0.5), 0.75))
    for number, (weights, alpha) in enumerate(cases):
        content = _random_features((3, 5, 4, 6), seed=number)
        shapes = ((3, 5, 2, 3), (1, 5, 7, 3), (3, 5, 5, 5))[: len(weights)]
        styles = [(k + 2) * _random_features(s, seed=20 + k) for k, s in enumerate(shapes)]
        result = _call(answer, content, styles, list(weights), alpha)
        if result is None:
            return print("mix: not attempted yet")
        if not isinstance(result, Tensor):
            raise CheckFailed(f"return one tensor, got {type(result).__name__}")
        share = [w / sum(weights) for w in weights]
        images = [adain(content, style) for style in styles]
        target = sum(w * image for w, image in zip(share, images, strict=True))
        right = (1 - alpha) * content + alpha * target
        wrong = _mix_mistakes(content, styles, weights, alpha) if number == 0 else {}
        _compare(result, right, wrong, f"weights {weights}, alpha {alpha}")
    print("mix: correct (one to three styles, weights of any sum, alpha from 0 to 1)")


def _mix_mistakes(
    c: Tensor, styles: Sequence[Tensor], weights: Sequence[float], alpha: float
) -> dict[str, Tensor]:
    """Results of the likely mistakes in mixing styles."""
    images = [adain(c, style) for style in styles]
    share = [w / sum(weights) for w in weights]

    def mixed(ws: Sequence[float], xs: Sequence[Tensor]) -> Tensor:
        return sum(w * x for w, x in zip(ws, xs, strict=True))

    target, parts = mixed(share, images), [channel_statistics(s) for s in styles]
    root = mixed(share, [p.std.square() for p in parts]).sqrt()
    by_variance = whiten(c) * root + mixed(share, [p.mean for p in parts])
    unscaled, equal = mixed(weights, images), sum(images) / len(images)
    return {
        "alpha is reversed: alpha = 0 must give the content": alpha * c + (1 - alpha) * target,
        "alpha is not used": target,
        "the content's share (1 - alpha) * content is missing": alpha * target,
        "add (1 - alpha) * content, not the whole content": c + alpha * target,
        "the weights are not scaled to sum 1": (1 - alpha) * c + alpha * unscaled,
        "the weights are not used": (1 - alpha) * c + alpha * equal,
        "only the first style is used": (1 - alpha) * c + alpha * images[0],
        "only the last style is used: AdaIN after AdaIN erases the one before; add the results "
        "instead": (1 - alpha) * c + alpha * images[-1],
        "the weights meet the styles in reverse order": (1 - alpha) * c
        + alpha * mixed(share[::-1], images),
        "variances were averaged: average the standard deviations (or the AdaIN results)": (
            (1 - alpha) * c + alpha * by_variance
        ),
    }


def _random_features(shape: Sequence[int], seed: int) -> Tensor:
    """Positive features whose channels and samples differ in mean and in spread."""
    generator = torch.Generator().manual_seed(seed)
    n, c = shape[:2]
    scale, offset = 0.5 + 2 * torch.rand(2, n, c, 1, 1, generator=generator)
    return scale * torch.rand(*shape, generator=generator) + offset


def _call(answer: Callable, *inputs: object) -> object:
    """Call a student's function; complain if it changed its inputs."""
    before = [copy.deepcopy(x.detach() if isinstance(x, Tensor) else x) for x in inputs]
    try:
        result = answer(*inputs)
    except Exception as error:
        shapes = [tuple(x.shape) for x in inputs if isinstance(x, Tensor)]
        error.add_note(f"Raised by your function for inputs of shape {shapes}.")
        raise
    for old, new in zip(before, inputs, strict=True):
        pairs = zip(old, new, strict=True) if isinstance(old, list) else [(old, new)]
        for a, b in pairs:
            if not (torch.equal(a, b) if isinstance(a, Tensor) else a == b):
                raise CheckFailed(
                    "your function changes its input in place: write x = x - mean, not x -= mean"
                )
    return result
