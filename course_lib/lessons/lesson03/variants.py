"""What the decoder's choices are good for: the same decoder with one of them undone.

Nearest-neighbour upsampling is replaced by a strided transposed convolution, or reflection padding
by zeros. ``records/decoder_variants`` trains them all alike: the same crops, as many steps.
"""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib import CourseError
from course_lib.decoder import AFTER_UPSAMPLING, LAYERS
from course_lib.images import denormalize, reflect_pad
from course_lib.vgg import VGG19Encoder

# name -> how it enlarges, and what it puts around the border
VARIANTS: Mapping[str, tuple[str, str]] = {
    "nearest, reflection": ("nearest", "reflect"),
    "transposed, reflection": ("transposed", "reflect"),
    "nearest, zeros": ("nearest", "zeros"),
}
FRAME = 30  # pixels from the border that the decoder's nine paddings can reach


class VariantDecoder(nn.Module):
    """The course's decoder, with its upsampling and its padding to choose.

    With ``nearest`` the weights have the names and shapes of ``Decoder``, so that those of a
    trained one can be loaded.

    Args:
        upsampling: ``nearest``, or ``transposed``: a 3x3 transposed convolution with stride 2
            does the work of an upsampling and the convolution after it.
        padding: ``reflect`` or ``zeros``.

    Raises:
        CourseError: another name.
    """

    def __init__(self, upsampling: str = "nearest", padding: str = "reflect") -> None:
        super().__init__()
        if upsampling not in ("nearest", "transposed"):
            raise CourseError(f"unknown upsampling '{upsampling}'; use nearest or transposed")
        if padding not in ("reflect", "zeros"):
            raise CourseError(f"unknown padding '{padding}'; use reflect or zeros")
        self.upsampling, self.padding = upsampling, padding
        for name, channels_in, channels_out in LAYERS:
            if self._is_transposed(name):
                conv = nn.ConvTranspose2d(channels_in, channels_out, 3, stride=2)
                # Each output pixel gets 9/4 of the nine weights on average, not all of them.
                nn.init.normal_(conv.weight, std=math.sqrt(2 / (channels_in * 9 / 4)))
            else:
                conv = nn.Conv2d(channels_in, channels_out, 3)
                nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
            if name == "conv1_1":
                nn.init.normal_(conv.weight, std=0.02)
            nn.init.zeros_(conv.bias)
            self.add_module(name, conv)

    def _is_transposed(self, name: str) -> bool:
        return self.upsampling == "transposed" and name in AFTER_UPSAMPLING

    def _pad(self, x: Tensor) -> Tensor:
        return reflect_pad(x) if self.padding == "reflect" else F.pad(x, (1, 1, 1, 1))

    def forward(self, features: Tensor) -> Tensor:
        """Decode (N, 512, h, w) features into (N, 3, 8h, 8w) images around [0, 1]."""
        x = features.to(self.conv4_1.weight.dtype)
        for name, _, _ in LAYERS:
            conv = getattr(self, name)
            if self._is_transposed(name):
                x = F.conv_transpose2d(
                    self._pad(x), conv.weight, conv.bias, stride=2, padding=1, output_padding=1
                )[..., 2:-2, 2:-2]  # without what the padding was enlarged to
            else:
                if name in AFTER_UPSAMPLING:
                    x = F.interpolate(x, scale_factor=2, mode="nearest")
                x = F.conv2d(self._pad(x), conv.weight, conv.bias)
            if name != "conv1_1":
                x = F.relu(x)
        return denormalize(x.float())


@torch.no_grad()
def flat_test(encoder: VGG19Encoder, decoder: nn.Module, side: int = 128) -> dict[str, float]:
    """Decode a flat grey picture, in which every structure is the decoder's own invention.

    Args:
        side: of the picture, in pixels; a multiple of 8 above 2 * ``FRAME``.

    Returns:
        ``pattern``: standard deviation over the pixels that no padding reaches; ``halo``: mean
        difference between the outermost eight pixels and those. Both per colour, then averaged,
        in units of 1/255.
    """
    image = decode_flat(encoder, decoder, side)[0]
    inner = image[:, FRAME : side - FRAME, FRAME : side - FRAME]
    center = inner.mean((1, 2), keepdim=True)
    outermost = torch.ones(side, side, dtype=torch.bool)
    outermost[8:-8, 8:-8] = False
    return {
        "pattern": 255 * inner.std((1, 2), correction=0).mean().item(),
        "halo": 255 * (image - center)[:, outermost].abs().mean().item(),
    }


@torch.no_grad()
def decode_flat(
    encoder: VGG19Encoder, decoder: nn.Module, side: int = 128, level: float = 0.5
) -> Tensor:
    """What the decoder makes of a flat grey picture, (1, 3, side, side) on the CPU, not clamped."""
    weight = next(decoder.parameters())
    flat = torch.full((1, 3, side, side), level, device=weight.device)
    return decoder(encoder.encode(flat).to(weight.dtype)).cpu()


def flat_corner(picture: Tensor, contrast: float, pixels: int = 48, enlarge: int = 4) -> Tensor:
    """The upper left corner of a decoded flat picture, enlarged, with more contrast.

    Args:
        picture: (1, 3, H, W), from ``decode_flat``.
        contrast: factor for the difference from the mean of the part that no padding reaches.
        pixels: side of the corner before it is enlarged, each pixel to a square.

    Returns:
        (1, 3, enlarge * pixels, enlarge * pixels), around 0.5.
    """
    center = picture[..., FRAME:-FRAME, FRAME:-FRAME].mean((2, 3), keepdim=True)
    corner = 0.5 + contrast * (picture - center)[..., :pixels, :pixels]
    return F.interpolate(corner, scale_factor=enlarge, mode="nearest")
