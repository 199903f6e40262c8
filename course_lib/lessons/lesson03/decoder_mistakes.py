"""What the decoder of lesson 03 gives with these weights, and what likely mistakes make of it."""

import functools
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.adain import whiten
from course_lib.decoder import AFTER_UPSAMPLING, LAYERS
from course_lib.images import denormalize, normalize

UPSAMPLED = [i for i, (name, _, _) in enumerate(LAYERS) if name in AFTER_UPSAMPLING]
Weights = Sequence[tuple[Tensor, Tensor | None]]  # weight and bias, from relu4_1 to the image


def decode(
    weights: Weights,
    features: Tensor,
    pad: str = "reflect",
    enlarge: Callable[[Tensor], Tensor] | None = None,
    upsampled: Sequence[int] = UPSAMPLED,
    between: Callable[[Tensor], Tensor] = F.relu,
    last: Callable[[Tensor], Tensor] = denormalize,
) -> Tensor:
    """The decoder's images, or those of one with a single thing changed.

    Args:
        pad: of the maps before each convolution, as ``F.pad`` calls it.
        enlarge: instead of nearest neighbours.
        upsampled: numbers of the convolutions whose input is enlarged.
        between: what follows every convolution but the last.
        last: what follows the last one.
    """
    x = features
    for number, (weight, bias) in enumerate(weights):
        for _ in range(list(upsampled).count(number)):
            x = enlarge(x) if enlarge else F.interpolate(x, scale_factor=2, mode="nearest")
        x = F.conv2d(F.pad(x, (1, 1, 1, 1), mode=pad), weight, bias)
        if number < len(weights) - 1:
            x = between(x)
    return last(x)


def _smooth(mode: str, align_corners: bool) -> Callable[[Tensor], Tensor]:
    return lambda x: F.interpolate(x, scale_factor=2, mode=mode, align_corners=align_corners)


def _with_zeros_between(x: Tensor) -> Tensor:
    """Unpooling: each value in the first of four places, zeros in the others."""
    result = x.new_zeros(*x.shape[:2], 2 * x.shape[2], 2 * x.shape[3])
    result[:, :, ::2, ::2] = x
    return result


# Diagnosis -> what the mistake changes in ``decode``.
VARIATIONS = {
    "zeros around the maps leave a frame in the picture: reflection padding": {"pad": "constant"},
    "the edge was repeated around the maps: reflection padding": {"pad": "replicate"},
    "the opposite edge was put around the maps: reflection padding": {"pad": "circular"},
    "bilinear upsampling smooths the maps: nearest neighbours, the plain copy": {
        "enlarge": _smooth("bilinear", False)
    },
    "bilinear upsampling with aligned corners: nearest neighbours, the plain copy": {
        "enlarge": _smooth("bilinear", True)
    },
    "bicubic upsampling smooths the maps: nearest neighbours, the plain copy": {
        "enlarge": _smooth("bicubic", False)
    },
    "zeros were put between the values: nearest neighbours copy each value four times": {
        "enlarge": _with_zeros_between
    },
    "the maps are enlarged one convolution too late: the encoder pools before conv4_1, conv3_1 "
    "and conv2_1, so enlarge right after their mirrors": {
        "upsampled": [number + 1 for number in UPSAMPLED]
    },
    "the maps are enlarged one convolution too early: first the mirror of conv4_1, then enlarge": {
        "upsampled": [number - 1 for number in UPSAMPLED]
    },
    "everything is enlarged at the start: one upsampling where the encoder has its pooling": {
        "upsampled": [0, 0, 0]
    },
    "there is no ReLU between the convolutions: nine linear layers are one linear layer": {
        "between": lambda x: x
    },
    "the layers between have another nonlinearity: the encoder's is the ReLU": {
        "between": lambda x: F.leaky_relu(x, 0.01)
    },
    "the layers between have another nonlinearity, a steeper leaky ReLU: the encoder's is the "
    "ReLU": {"between": lambda x: F.leaky_relu(x, 0.2)},
    "a ReLU follows the last convolution: in the normalised space half of all colours are "
    "negative": {"last": lambda x: denormalize(F.relu(x))},
    "a ReLU follows the image, whose dark values lose their gradient": {
        "last": lambda x: F.relu(denormalize(x))
    },
    "a sigmoid at the end: the last convolution writes the normalised image itself, and "
    "denormalize is the last step": {"last": torch.sigmoid},
    "a sigmoid before denormalize: the last convolution writes the normalised image itself": {
        "last": lambda x: denormalize(torch.sigmoid(x))
    },
    "a tanh at the end: the last convolution writes the normalised image itself, and "
    "denormalize is the last step": {"last": torch.tanh},
    "the images are clamped: outside [0, 1] the gradient is lost; clamp only to show them": {
        "last": lambda x: denormalize(x).clamp(0, 1)
    },
    "the images are still in the encoder's normalised space: end with denormalize": {
        "last": lambda x: x
    },
    "the images were normalised, not denormalised": {"last": normalize},
    "the images were denormalised twice": {"last": lambda x: denormalize(denormalize(x))},
    "the images are in 0..255: images of this course are in [0, 1]": {
        "last": lambda x: 255 * denormalize(x)
    },
    "instance normalisation by hand would wipe out the style, which is nothing but the "
    "statistics of the features: the decoder has no normalisation": {
        "between": lambda x: F.relu(whiten(x))
    },
}


def decoder_mistakes(weights: Weights, features: Tensor) -> dict[str, Callable[[], Tensor]]:
    """What computes the results of the likely mistakes in the decoder."""
    return {
        text: functools.partial(decode, weights, features, **change)
        for text, change in VARIATIONS.items()
    }
