"""Checks of lesson 05: the Gram matrix and the loss of Gatys et al."""

from collections.abc import Callable, Iterator, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.adain import channel_statistics
from course_lib.lessons.answers import CheckFailed
from course_lib.lessons.checking import exercise, kinds, random_features, random_shapes
from course_lib.losses import gram_matrix

GRAM_SECTION = 'lesson 05, section 2 "Style as a Gram matrix"'
LOSS_SECTION = 'lesson 05, section 4 "Both losses, one picture"'

Layers = Mapping[str, Tensor]


def _gram_cases() -> list[tuple[Tensor]]:
    """Tiny features: one position, two, two channels, a batch."""
    row = torch.tensor([[[[1.0, 3.0]]]])
    channels = torch.tensor([[[[1.0, 3.0]], [[2.0, 0.0]]]])
    return [(row[..., 1:],), (row,), (channels,), (torch.cat([channels, 2 * channels]),)]


def _gram_mistakes(x: Tensor) -> dict[str, Tensor]:
    """Results of the likely mistakes in the Gram matrix."""
    n, c, h, w = x.shape
    flat, right = x.flatten(2), gram_matrix(x)
    centred = flat - flat.mean(2, keepdim=True)
    unit = F.normalize(flat, dim=2)
    means = flat.mean(2)
    return {
        "not divided by the number of positions H * W: large pictures would have large styles": (
            right * h * w
        ),
        "divided by C * H * W: here the positions are counted, not the channels": right / c,
        "divided by C alone: divide by the number of positions H * W": right * h * w / c,
        "divided by N * H * W: each sample counts for itself": right / n,
        "divided by the height only: the positions are H * W": right * w,
        "divided by the width only: the positions are H * W": right * h,
        "divided by (H * W) twice, or by its square": right / (h * w),
        "divided by 2 * H * W: the factor 1/4 of equation 4 belongs to the loss": right / 2,
        "summed over the batch: one matrix per sample": right.sum(0, keepdim=True).expand_as(right),
        "averaged over the batch: one matrix per sample": right.mean(0, True).expand_as(right),
        "only the first sample was used: one matrix per sample": right[:1].expand_as(right),
        "the means are subtracted first: that is the covariance; the Gram matrix keeps them": (
            centred @ centred.transpose(1, 2) / (h * w)
        ),
        "each channel was normalised first, so all are equally strong: these are cosines; use the "
        "features as they are": unit @ unit.transpose(1, 2),
        "this multiplies the channels' means: multiply position by position, then average": (
            means[:, :, None] * means[:, None]
        ),
        "the features are squared before they are multiplied": gram_matrix(x.square()),
        "the matrix is squared: return the products themselves": right.square(),
        "a square root too many: no root is taken of the products": right.clamp(min=0).sqrt(),
        "only the diagonal is filled: the products of two different channels are missing": (
            torch.diag_embed(right.diagonal(dim1=1, dim2=2))
        ),
        "reshaped, not transposed, which tears the channels apart: use transpose(1, 2)": (
            flat @ flat.reshape(n, h * w, c) / (h * w)
        ),
        "view(C, ...) mixes samples and channels of a batch: flatten(2) keeps them apart": (
            gram_matrix(x.transpose(0, 1).reshape(n, c, h, w))
        ),
    }


def _check_gram_form(result: object, features: Tensor) -> None:
    """Complain unless the result is a tensor (N, C, C), naming the axes that were mixed up."""
    if not isinstance(result, Tensor):
        raise CheckFailed(f"return one tensor (N, C, C), got {type(result).__name__}")
    n, c, h, w = features.shape
    causes = {
        (n, h * w, h * w): "the products run over the channels and leave the positions: F F^T, not "
        "F^T F",
        (n, h, h): "flatten the positions first: features.flatten(2) is (N, C, H * W)",
        (n, c, h, h): "flatten the positions first: features.flatten(2) is (N, C, H * W)",
        (n, c, w, w): "flatten the positions first: features.flatten(2) is (N, C, H * W)",
        (c, c): "the samples of the batch are summed or lost: one matrix per sample",
        (n * c, n * c): "the samples are mixed with each other: one matrix per sample",
        (n, c, c, h, w): "sum the products over the positions",
        (n, c): "this is one number per channel: multiply each channel with every other, too",
        (n, c, 1, 1): "this is one number per channel: multiply each channel with every other, too",
    }
    if result.shape != (n, c, c) and tuple(result.shape) in causes:
        raise CheckFailed(causes[tuple(result.shape)])


@exercise(
    "gram_matrix",
    "batches, any sizes, gradient",
    GRAM_SECTION,
    gram_matrix,
    ("features",),
    _gram_cases,
    mistakes=_gram_mistakes,
    form=_check_gram_form,
    gradient="the image cannot be improved",
)
def check_gram_matrix(seed: int = 5) -> Iterator[tuple]:
    """Exercise 05.1: ``answer(features)`` -> (N, C, C), equation 3 divided by H * W."""
    for kind in kinds():
        for shape in random_shapes(seed):
            yield (random_features(shape, seed, *kind),)


def gatys_loss(image: Layers, content: Layers, style: Layers, style_weight: float) -> Tensor:
    """Content loss plus ``style_weight`` times style loss, as exercise 05.2 states them.

    Equations 1, 5 and 7 of Gatys et al. 2015 with means: the mean squared error of the features,
    summed over the layers of ``content``, and that of the Gram matrices, averaged over the layers
    of ``style``.

    Args:
        image, content, style: layer name -> features (N, C, H, W); ``image`` has every layer. The
            style's sizes may be others.
    """
    content_loss = sum(F.mse_loss(image[k], content[k]) for k in content)
    errors = [F.mse_loss(gram_matrix(image[k]), gram_matrix(style[k])) for k in style]
    return content_loss + style_weight * sum(errors) / len(errors)


def _loss_cases() -> list[tuple[Layers, Layers, Layers, float]]:
    """Tiny layers: one number, two positions, two channels, two style layers."""
    row = torch.tensor([[[[1.0, 3.0]]]])
    two = torch.tensor([[[[1.0, 3.0]], [[2.0, 0.0]]]])
    one = row[..., :1]

    def case(x: Tensor, weight: float, *more: str) -> tuple[Layers, Layers, Layers, float]:
        layers = ("conv1_1", *more)
        image = {name: x.clone() for name in ("conv4_2", *layers)}
        return image, {"conv4_2": x + 1}, {name: 2 * x.clone() for name in layers}, weight

    return [case(one, 1.0), case(row, 5.0), case(two, 5.0), case(two, 5.0, "conv2_1")]


def _loss_inputs(dtype: torch.dtype, device: torch.device, seed: int) -> tuple:
    """Random layers of different size for the image, the content and the style."""

    def features(shape: tuple[int, ...], k: int, factor: float = 1) -> Tensor:
        return factor * random_features(shape, 10 * seed + k, dtype, device) / 4

    shapes = {"conv1_1": (1, 3, 6, 5), "conv2_1": (1, 5, 3, 2), "conv4_2": (1, 4, 2, 3)}
    image = {name: features(shape, k) for k, (name, shape) in enumerate(shapes.items())}
    content = {"conv4_2": features(shapes["conv4_2"], 5, 2)}
    style = {"conv1_1": features((1, 3, 4, 7), 6, 2), "conv2_1": features((1, 5, 2, 3), 7, 1.5)}
    return image, content, style


def _loss_mistakes(
    image: Layers, content: Layers, style: Layers, weight: float
) -> dict[str, Tensor]:
    """Results of the likely mistakes in the loss."""

    def errors(mine: Layers, wanted: Layers, measure: Callable, how: Callable) -> list[Tensor]:
        return [how(measure(mine[name]), measure(wanted[name])) for name in wanted]

    def moments(x: Tensor) -> Tensor:
        return torch.cat(channel_statistics(x), 1)

    def summed(a: Tensor, b: Tensor) -> Tensor:
        return (a - b).square().sum()

    def positions(x: Tensor) -> int:
        return x.shape[2] * x.shape[3]

    c = sum(errors(image, content, torch.clone, F.mse_loss))
    styles = errors(image, style, gram_matrix, F.mse_loss)
    count, s = len(styles), sum(styles) / len(styles)
    raw = sum(errors(image, style, lambda x: gram_matrix(x) * positions(x), F.mse_loss)) / count
    by_channels = (
        sum(errors(image, style, lambda x: gram_matrix(x) / x.shape[1], F.mse_loss)) / count
    )
    by_means = sum(errors(image, style, lambda x: x.mean((2, 3)), F.mse_loss)) / count
    by_moments = sum(errors(image, style, moments, F.mse_loss)) / count
    c_summed = sum(errors(image, content, torch.clone, summed))
    c_grams = sum(errors(image, content, gram_matrix, F.mse_loss))
    s_summed = sum(errors(image, style, gram_matrix, summed)) / count
    zero = {name: torch.zeros_like(values) for name, values in style.items()}
    untargeted = sum(errors(image, zero, gram_matrix, F.mse_loss)) / count
    absolute = sum(errors(image, style, gram_matrix, F.l1_loss)) / count
    return {
        "the style term is missing: add style_weight times the style loss": c,
        "the content term is missing: add the content loss": weight * s,
        "the style weight is not used": c + s,
        "the weight multiplies the content: equation 7 has it on the style": weight * c + s,
        "the weight multiplies both terms": weight * (c + s),
        "the content is divided by the weight: multiply the style by it": c / weight + s,
        "content and style are divided between them as weight and 1 - weight: here the content "
        "has weight 1": (1 - weight) * c + weight * s,
        "the style loss is subtracted: both losses are to be small": c - weight * s,
        "the style layers are added up: take their mean": c + weight * s * count,
        "only the last style layer counts: take the mean over all": c + weight * styles[-1],
        "only the last style layer counts, and it is divided by their number": c
        + weight * styles[-1] / count,
        "only the first style layer counts: take the mean over all": c + weight * styles[0],
        "the Gram matrices are not divided by H * W: a style of another size would not fit": c
        + weight * raw,
        "the Gram matrices are divided by C, too: divide by H * W alone": c + weight * by_channels,
        "this compares the means of the features: compare Gram matrices": c + weight * by_means,
        "this compares means and deviations, the style loss of AdaIN: compare Gram matrices": c
        + weight * by_moments,
        "the content is compared by Gram matrices, which forget where things are: compare its "
        "features": c_grams + weight * s,
        "the squared errors of the content are summed: take their mean (F.mse_loss)": c_summed
        + weight * s,
        "the content loss is half the sum of squares, as in equation 1: here the mean is taken": (
            c_summed / 2 + weight * s
        ),
        "the squared errors of the Gram matrices are summed: take their mean (F.mse_loss)": c
        + weight * s_summed,
        "the squared errors are summed in both terms: take their means (F.mse_loss)": c_summed
        + weight * s_summed,
        "the style term is the size of the image's own Gram matrices: subtract the style's": c
        + weight * untargeted,
        "absolute differences of Gram matrices: square them": c + weight * absolute,
        "square roots of the losses: equations 1 and 5 have none": c.sqrt() + weight * s.sqrt(),
    }


@exercise(
    "gatys_loss",
    "several layers, sizes that differ, gradient",
    LOSS_SECTION,
    gatys_loss,
    ("image", "content", "style", "style_weight"),
    _loss_cases,
    mistakes=_loss_mistakes,
    scalar="add content loss and weighted style loss",
    gradient="{name} does not steer the picture",
)
def check_gatys_loss() -> Iterator[tuple]:
    """Exercise 05.2: ``answer(image, content, style, style_weight)`` -> scalar, equation 7.

    The first three are features, layer name -> (1, C, H, W); see ``gatys_loss``.
    """
    for dtype, device in kinds():
        for seed, weight in ((1, 3.0), (2, 0.25)):
            yield *_loss_inputs(dtype, device, seed), weight
