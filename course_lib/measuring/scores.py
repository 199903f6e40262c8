"""Five distances between pictures and a machine judge; every distance is 0 for equal pictures.

None of them is what people see. Each looks at one thing only, so each can be fooled; ``controls``
holds the pictures that do it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib import CourseError
from course_lib.adain import ChannelStatistics, channel_statistics
from course_lib.images import ImageError, reflect_pad
from course_lib.losses import STYLE_LAYERS, gram_matrix
from course_lib.vgg import VGG19Encoder

CONTENT_LAYER = "relu4_1"
BINS = 8  # of the colour histogram, per channel
LUMINANCE = (0.299, 0.587, 0.114)  # of R, G and B
FLAT = 1e-4  # edges that vary less than this, in units of [0, 1], are rounding


@dataclass(frozen=True)
class Measurements:
    """All that the scores need of one picture, on the CPU in float32.

    Args:
        statistics: layer -> mean and standard deviation of every channel.
        grams: layer -> Gram matrix (1, C, C).
        content: relu4_1 features (1, 512, h, w).
        edges: strength of the edges at every pixel (H, W).
        colours: share of the pixels in every cell of an 8x8x8 RGB histogram, (512,), sum 1.
    """

    statistics: Mapping[str, ChannelStatistics]
    grams: Mapping[str, Tensor]
    content: Tensor
    edges: Tensor
    colours: Tensor


@torch.inference_mode()
def measure(encoder: VGG19Encoder, image: Tensor) -> Measurements:
    """Measure one picture (1, 3, H, W) in [0, 1] of any size from 1 pixel.

    Args:
        encoder: reaches relu4_1; the scores of two encoders cannot be compared.

    Raises:
        ImageError: it is not one finite RGB image.
    """
    if image.dim() != 4 or image.shape[:2] != (1, 3) or not image.numel():
        raise ImageError(f"expected one image of shape (1, 3, H, W), got {tuple(image.shape)}")
    if not image.isfinite().all():
        raise ImageError("the image holds values that are no numbers")
    device = encoder.features[0].weight.device
    features = {
        layer: values.float().cpu()
        for layer, values in encoder(image.float().to(device), STYLE_LAYERS).items()
    }
    image = image.detach().float().cpu().clamp(0, 1)
    return Measurements(
        {layer: channel_statistics(features[layer]) for layer in STYLE_LAYERS},
        {layer: gram_matrix(features[layer]) for layer in STYLE_LAYERS},
        features[CONTENT_LAYER],
        edge_strength(image),
        colour_histogram(image),
    )


def edge_strength(image: Tensor) -> Tensor:
    """Length of the luminance's Sobel gradient at every pixel: (1, 3, H, W) to (H, W)."""
    grey = (image * image.new_tensor(LUMINANCE)[:, None, None]).sum(1, keepdim=True)
    across = image.new_tensor([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]) / 8
    both = torch.stack([across, across.T])[:, None]
    return F.conv2d(reflect_pad(grey), both).square().sum(1).sqrt()[0]


def colour_histogram(image: Tensor) -> Tensor:
    """Share of the pixels of (1, 3, H, W) in every cell of an 8x8x8 RGB cube: (512,), sum 1."""
    cell = image.mul(BINS).long().clamp(0, BINS - 1).flatten(2)[0]
    index = (cell[0] * BINS + cell[1]) * BINS + cell[2]
    return torch.bincount(index, minlength=BINS**3).float() / index.numel()


def relative_distance(first: Sequence[Tensor], second: Sequence[Tensor]) -> float:
    """``|a - b| / sqrt(|a|^2 + |b|^2)``, Euclidean over all tensors together; 0 if both are 0.

    Between 0 (equal) and 1 (nowhere both positive) for values that are not negative, as all of
    ours are. Unlike a quotient of losses it is finite whatever it is given.
    """
    pairs = [(a.cpu().double(), b.cpu().double()) for a, b in zip(first, second, strict=True)]
    gap = sum((a - b).square().sum().item() for a, b in pairs)
    size = sum((a.square().sum() + b.square().sum()).item() for a, b in pairs)
    return (gap / size) ** 0.5 if size else 0.0


def statistics_distance(a: Measurements, b: Measurements) -> float:
    """How far channel means and standard deviations are apart: style as AdaIN sees it.

    The terms of equation 13 of Huang & Belongie 2017 over relu1_1 ... relu4_1, but relative: per
    layer ``relative_distance`` of the means and standard deviations, then the mean over layers, so
    that every layer counts alike. No unit; 0 equal, 1 no channel in common.
    """
    return _over_layers(
        relative_distance(a.statistics[layer], b.statistics[layer]) for layer in STYLE_LAYERS
    )


def gram_distance(a: Measurements, b: Measurements) -> float:
    """How far Gram matrices are apart: style as Gatys et al. see it.

    The terms of equation 4 of Gatys et al. 2015, over relu1_1 ... relu4_1, but relative: per layer
    ``relative_distance`` of the matrices, then the mean over layers. No unit; 0 equal, 1 no pair of
    channels in common.
    """
    return _over_layers(
        relative_distance([a.grams[layer]], [b.grams[layer]]) for layer in STYLE_LAYERS
    )


def _over_layers(distances: Iterable[float]) -> float:
    return sum(distances) / len(STYLE_LAYERS)


def content_distance(a: Measurements, b: Measurements) -> float:
    """How far relu4_1 features are apart, place by place: content as both papers see it.

    ``relative_distance``, where equation 12 of Huang & Belongie 2017 has the Euclidean distance. No
    unit; 0 equal, 1 no feature in common. A new style changes these features too, so that no
    stylised picture reaches 0.

    Raises:
        CourseError: the pictures have different sizes.
    """
    _check_sizes(a, b)
    return relative_distance([a.content], [b.content])


def edge_distance(a: Measurements, b: Measurements) -> float:
    """How little the edges agree: 1 - Pearson's correlation of the edge strengths.

    Without a network. No unit; 0 equal up to contrast, 1 unrelated, 2 opposite. Two pictures
    without edges are equal, one without edges is unrelated to one with edges.

    Raises:
        CourseError: the pictures have different sizes.
    """
    _check_sizes(a, b)
    return max(0.0, 1 - edge_correlation(a.edges, b.edges))


def edge_correlation(a: Tensor, b: Tensor) -> float:
    """Pearson's correlation of edge strengths (H, W): 1 if both are flat, 0 if one of them is."""
    x, y = (edges.cpu().double() - edges.cpu().double().mean() for edges in (a, b))
    flat = [values.square().mean().sqrt().item() < FLAT for values in (x, y)]
    if any(flat):
        return float(all(flat))
    return ((x * y).sum() / (x.square().sum() * y.square().sum()).sqrt()).item()


def _check_sizes(a: Measurements, b: Measurements) -> None:
    if a.edges.shape != b.edges.shape:
        sizes = [" x ".join(map(str, reversed(m.edges.shape))) for m in (a, b)]
        raise CourseError(
            f"only pictures of one size can be compared, got {sizes[0]} and {sizes[1]}"
        )


def colour_distance(a: Measurements, b: Measurements) -> float:
    """Share of the pixels that would need another colour: 1 - histogram intersection.

    After Swain & Ballard, "Color Indexing", 1991, with 8x8x8 cells of RGB. No unit; 0 equal, 1 no
    colour in common. Where the colours are does not matter.
    """
    return (a.colours - b.colours).abs().sum().item() / 2


def machine_judge(
    result: Measurements, style: Measurements, others: Sequence[Measurements]
) -> float | None:
    """Share of two-alternative forced choices that a machine gets right; None without others.

    Every question: which of two styles, the right one and one other, is nearer to the picture by
    ``statistics_distance``? Between 0 and 1, where 0.5 is guessing; a tie counts one half. The
    judge is *not* a person and no stand-in for a survey: it looks at the very numbers that AdaIN
    sets and that its decoder is trained to reproduce.
    """
    own = statistics_distance(result, style)
    distances = [statistics_distance(result, other) for other in others]
    if not distances:
        return None
    return sum(1.0 if own < d else 0.5 if own == d else 0.0 for d in distances) / len(distances)


# Name -> what it compares the picture with; small distances and a high rate are good.
SCORES = {
    "statistics": "style",
    "gram": "style",
    "content": "content",
    "edges": "content",
    "colours": "style",
    "judge": "style, others",
}


def score(
    result: Measurements,
    content: Measurements,
    style: Measurements,
    others: Sequence[Measurements] = (),
) -> dict[str, float | None]:
    """All scores of one picture by the names of ``SCORES``.

    ``judge`` is None without ``others``, the styles that the judge may confuse ``style`` with.
    """
    return {
        "statistics": statistics_distance(result, style),
        "gram": gram_distance(result, style),
        "content": content_distance(result, content),
        "edges": edge_distance(result, content),
        "colours": colour_distance(result, style),
        "judge": machine_judge(result, style, others),
    }
