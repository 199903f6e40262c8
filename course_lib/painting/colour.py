"""Keep the photograph's colours: two ways, one after the stylisation and one before it.

Source: Gatys, Bethge, Hertzmann & Shechtman, "Preserving Color in Neural Artistic Style Transfer",
2016. ``preserve_luminance`` is its section 4 without the histogram matching, ``coral`` its section
3 with the symmetric square root, known as CORAL (Sun, Feng & Saenko 2016).
"""

import torch
from torch import Tensor

from course_lib import CourseError

# "style": the painting's colours, as AdaIN gives them; the others keep the photograph's.
COLOUR_MODES = ("style", "luminance", "coral")

LUMINANCE_WEIGHTS = (0.299, 0.587, 0.114)  # of R, G and B: the Y of YIQ
# A deviation of fewer than two of 256 levels is noise of rounding and JPEG, not colour.
SMALLEST_VARIANCE = (2 / 255) ** 2


def luminance(images: Tensor) -> Tensor:
    """The Y of YIQ, (N, 1, H, W) in [0, 1], of RGB images (N, 3, H, W) in [0, 1]."""
    weights = images.new_tensor(LUMINANCE_WEIGHTS)[:, None, None]
    return (images * weights).sum(-3, keepdim=True)


def preserve_luminance(stylised: Tensor, content: Tensor) -> Tensor:
    """Join the stylised picture's luminance with the content's chrominance.

    Chrominance is what is left of RGB without luminance; I and Q of YIQ are linear in it. Where
    the sum would leave [0, 1] the colour is made paler, not clipped: luminance and hue stay.

    Args:
        stylised: (N, 3, H, W) in [0, 1].
        content: likewise, of the same shape, or (3, H, W).

    Returns:
        (N, 3, H, W) in [0, 1].

    Raises:
        CourseError: the sizes differ.
    """
    if stylised.shape[-3:] != content.shape[-3:]:
        raise CourseError(
            f"colours of a picture of shape {tuple(content.shape)} do not fit one of shape "
            f"{tuple(stylised.shape)}"
        )
    grey = luminance(stylised)
    colour = content.to(stylised) - luminance(content).to(stylised)
    # The largest share of each pixel's colour with which all its channels stay in [0, 1].
    room = torch.where(colour > 0, 1 - grey, grey)
    share = (room / colour.abs().clamp(min=1e-6)).amin(-3, keepdim=True).clamp(0, 1)
    return (grey + share * colour).clamp(0, 1)


def coral(style: Tensor, content: Tensor) -> Tensor:
    """Recolour a style image so that mean and covariance of its pixels are the content's.

    ``x -> C_c^(1/2) C_s^(-1/2) (x - mu_s) + mu_c`` with covariances divided by the number of
    pixels: otherwise the contrast would depend on the ratio of the two images' sizes. Directions
    in which the style hardly varies (all of a flat image, the colours of a grey one) are stretched
    as if its deviation were two levels of 255: a map of colours cannot make variation where there
    is none, and would only enlarge noise.

    Args:
        style: (N, 3, h, w) in [0, 1].
        content: (N, 3, H, W) or (1, 3, H, W) in [0, 1], of any size.

    Returns:
        (N, 3, h, w), not clamped to [0, 1], which would change the covariance. The encoder takes
        it as it is.

    Raises:
        CourseError: not RGB images.
    """
    for images in (style, content):
        if images.dim() != 4 or images.shape[1] != 3 or images.numel() == 0:
            raise CourseError(f"expected images of shape (N, 3, H, W), got {tuple(images.shape)}")
    style_mean, style_covariance = colour_statistics(style)
    content_mean, content_covariance = colour_statistics(content)
    whitening = _power(style_covariance, -0.5)
    matrix = (_power(content_covariance, 0.5) @ whitening).to(style)
    centred = style.flatten(2) - style_mean.to(style)
    return (matrix @ centred + content_mean.to(style)).view_as(style)


def colour_statistics(images: Tensor) -> tuple[Tensor, Tensor]:
    """Mean (N, 3, 1) and covariance (N, 3, 3) of the pixels of RGB images, float64 on the CPU."""
    pixels = images.flatten(2).float()
    mean = pixels.mean(2, keepdim=True)
    centred = pixels - mean
    covariance = centred @ centred.transpose(1, 2) / pixels.shape[2]
    return mean.double().cpu(), covariance.double().cpu()


def _power(covariance: Tensor, exponent: float) -> Tensor:
    """A symmetric power of covariances (N, 3, 3); a negative one spares directions of noise."""
    values, vectors = torch.linalg.eigh(covariance)
    powers = values.clamp(min=SMALLEST_VARIANCE if exponent < 0 else 0) ** exponent
    return (vectors * powers[:, None, :]) @ vectors.transpose(1, 2)
