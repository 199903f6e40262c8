"""Checks of lesson 01: normalisation, taps and rescaling of the encoder."""

import itertools
from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.images import IMAGENET_MEAN, IMAGENET_STD, normalize, reflect_pad
from course_lib.lessons.agreement import compare
from course_lib.lessons.answers import CheckFailed, attempts
from course_lib.lessons.checking import exercise, explained, kinds
from course_lib.lessons.smallest_case import show
from course_lib.vgg import VGG19Encoder


def _pictures() -> list[tuple[Tensor]]:
    """One grey pixel, one coloured pixel, three pixels."""
    grey, coloured = (
        torch.full((1, 3, 1, 1), 0.5),
        torch.tensor([0.2, 0.4, 0.8])[None, :, None, None],
    )
    return [(grey,), (coloured,), (torch.cat([grey, coloured, grey], 3),)]


def _normalize_mistakes(images: Tensor) -> dict[str, Tensor]:
    """Results of the likely mistakes in normalising (N, 3, H, W)."""
    mean, std = (images.new_tensor(v)[:, None, None] for v in (IMAGENET_MEAN, IMAGENET_STD))
    own_mean = images.mean((2, 3), keepdim=True)
    own_std = images.std((2, 3), correction=int(images[0, 0].numel() > 1), keepdim=True)
    centred = images - mean
    mistakes = {
        "the images come back unchanged": images,
        "the means are subtracted, but nothing is divided by the standard deviations": centred,
        "divided by the standard deviations, but the means are not subtracted": images / std,
        "multiplied by the standard deviations where they divide": centred * std,
        "this is the way back (denormalise): subtract the mean first, then divide": images * std
        + mean,
        "divided by the variances: the table holds standard deviations, do not square": centred
        / std**2,
        "the colours are in the order BGR: channel 0 is red here": (images.flip(1) - mean) / std,
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
    if images.shape[-1] == 3:
        wrong_axis = (images - mean.flatten()) / std.flatten()
        mistakes["the statistics run along the width: make their shape (3, 1, 1)"] = wrong_axis
    return mistakes


@exercise(
    "normalize",
    "for every width",
    'lesson 01, section 4 "Normalisation, and five ways to feed the network"',
    normalize,
    ("images",),
    _pictures,
    mistakes=_normalize_mistakes,
    gradient="a decoder in front of the encoder cannot learn",
    crash="Three means of shape (3,) line up with the width; make them (3, 1, 1)",
)
def check_normalize() -> Iterator[tuple]:
    """Check ``answer(images)``: the ImageNet normalisation of (N, 3, H, W) images in [0, 1]."""
    generator = torch.Generator().manual_seed(1)
    # A picture three pixels wide lets a mean of shape (3,) slip through along the wrong axis.
    shapes = ((2, 3, 5, 3), (2, 3, 5, 7), (1, 3, 1, 1))
    for (dtype, device), shape in itertools.product(kinds(), shapes):
        yield (torch.rand(shape, generator=generator).to(device, dtype),)


@explained('lesson 01, section 5 "Before or after the ReLU? Conv taps and a trap"')
def check_tap(answer: Callable[[VGG19Encoder, Tensor, str], Tensor], encoder: VGG19Encoder) -> None:
    """Check ``answer(encoder, images, name)``: the activation of one named layer."""
    device = encoder.features[0].weight.device
    images = torch.rand(1, 3, 24, 32, generator=torch.Generator().manual_seed(2)).to(device)
    names = ("relu1_1", "pool1", "conv2_1", "relu2_1", "conv3_1")
    results, error = attempts(
        lambda name: answer(encoder, images.clone(), name), [(name,) for name in names], "tap"
    )
    for name, result in zip(names, results, strict=False):
        expected = encoder(images, [name])[name]
        if isinstance(result, dict):
            raise CheckFailed(
                f"return the tensor of {name} itself, not a dictionary",
                f"Expected a tensor of shape {tuple(expected.shape)}, got {show(sorted(result))}",
            )
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
        compare(result, expected, mistakes, f"tap of {name}")
    if error is not None:
        raise error
    if results:
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


def _rescale(weight: Tensor, bias: Tensor, next_weight: Tensor, scale: Tensor) -> list[Tensor]:
    by_output, by_input = scale[:, None, None, None], scale[:, None, None]
    return [weight / by_output, bias / scale, next_weight * by_input]


def _small_layers() -> list[tuple[Tensor, Tensor, Tensor, Tensor]]:
    """One 1x1 filter, and two."""
    one = (torch.tensor([[[[3.0]]]]), torch.tensor([5.0]), torch.tensor([[[[7.0]]]]))
    weights = torch.arange(1.0, 9.0).reshape(2, 2, 2, 1, 1)
    two = (weights[0], torch.tensor([5.0, 6.0]), weights[1], torch.tensor([2.0, 10.0]))
    return [(*one, torch.tensor([2.0])), two]


AXIS = "shape the scale (C, 1, 1, 1) for a layer's outputs and (C, 1, 1) for its inputs"


def _rescale_mistakes(
    weight: Tensor, bias: Tensor, next_weight: Tensor, scale: Tensor
) -> dict[str, list[Tensor]]:
    """Results of the likely mistakes, each in one of the three tensors."""
    right = _rescale(weight, bias, next_weight, scale)
    by_output, by_input = scale[:, None, None, None], scale[:, None, None]
    parts = {
        "the weight is unchanged: divide each filter by its scale": (0, weight),
        "the weight is multiplied by the scale: divide it": (0, weight * by_output),
        f"the weight is divided along its input channels: {AXIS}": (0, weight / by_input),
        "the bias is unchanged: W x + b shrinks as a whole only if b is divided, too": (1, bias),
        "the bias is multiplied by the scale: divide it": (1, bias * scale),
        "the next layer is unchanged: it now receives inputs that are too small, multiply its "
        "input channels by the scale": (2, next_weight),
        "the next layer is divided, so the change is doubled: multiply": (
            2,
            next_weight / by_input,
        ),
        f"the next layer is multiplied along its output channels: {AXIS}": (
            2,
            next_weight * by_output,
        ),
    }
    return {text: [*right[:i], wrong, *right[i + 1 :]] for text, (i, wrong) in parts.items()}


@exercise(
    "rescale",
    "the network computes the same",
    'lesson 01, section 7 "Filters with one voice: activation normalisation"',
    _rescale,
    ("weight", "bias", "next_weight", "scale"),
    _small_layers,
    mistakes=_rescale_mistakes,
    parts=("weight", "bias", "next_weight"),
    crash=f"Probably the shapes: {AXIS}",
)
def check_rescale() -> Iterator[tuple]:
    """Check ``answer(weight, bias, next_weight, scale)``: activation normalisation of one layer."""
    generator = torch.Generator().manual_seed(3)
    # As many channels in as out, so that a scale along the wrong axis does not crash.
    weight, next_weight = torch.randn(2, 4, 4, 3, 3, generator=generator)
    scale = torch.tensor([0.5, 2.0, 3.0, 50.0])
    yield weight, torch.randn(4, generator=generator), next_weight, scale
