"""Arbitrary style transfer in one pass: encode, AdaIN, decode (Huang & Belongie 2017).

``StyleTransfer.stylize`` works for any image size and any mixture of styles. The style enters only
through 2 x 512 numbers, so they can be computed once (``encode_style``) and kept as a file.
"""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from course_lib import DATA_DIR
from course_lib.adain import (
    ChannelStatistics,
    apply_statistics,
    blend,
    channel_statistics,
    mix_statistics,
)
from course_lib.decoder import Decoder, DecoderError, load_decoder, read_metadata
from course_lib.images import pad_to_multiple
from course_lib.system.devices import keep_freed_memory, pick_device, pick_precision
from course_lib.system.files import replacing
from course_lib.vgg import VGG19Encoder

DEFAULT_DECODER = DATA_DIR / "decoder" / "original.safetensors"
MAX_ALPHA = 2.0  # as far beyond the style as the content is from it


def check_alpha(alpha: float, exaggerate: bool = False) -> None:
    """Raise ValueError if ``alpha`` is not in [0, 1], or [0, MAX_ALPHA] with ``exaggerate``."""
    highest = MAX_ALPHA if exaggerate else 1
    if not 0 <= alpha <= highest:
        raise ValueError(f"alpha must be between 0 and {highest:g}, got {alpha}")


@dataclass(frozen=True)
class StyleStatistics:
    """A style as AdaIN sees it: mean and standard deviation of 512 relu4_1 channels (4 KB).

    ``mean`` and ``std`` are float32 of shape (1, 512, 1, 1) on the CPU; ``encoder`` describes the
    encoder they were measured with, since they mean nothing to another one.
    """

    mean: Tensor
    std: Tensor
    encoder: str

    def save(self, path: str | os.PathLike) -> Path:
        """Write a safetensors file of about 4 KB (to a temporary name, then renamed)."""
        tensors = {"mean": self.mean.contiguous(), "std": self.std.contiguous()}
        with replacing(path) as temporary:
            save_file(tensors, temporary, {"encoder": self.encoder})
        return Path(path)

    @classmethod
    def load(cls, path: str | os.PathLike) -> "StyleStatistics":
        """Read a file that ``save`` wrote.

        Raises:
            ValueError: the file is missing, damaged or holds something else.
        """
        if not Path(path).is_file():
            raise ValueError(f"{path}: no such style statistics file")
        try:
            with safe_open(path, "pt") as file:
                mean, std = file.get_tensor("mean"), file.get_tensor("std")
                encoder = (file.metadata() or {})["encoder"]
        except (SafetensorError, KeyError) as error:
            raise ValueError(f"{path} does not hold style statistics ({error})") from None
        if mean.shape != std.shape or mean.dim() != 4 or mean.numel() != mean.shape[1]:
            raise ValueError(
                f"{path} does not hold style statistics (shapes {tuple(mean.shape)} and "
                f"{tuple(std.shape)} instead of (1, channels, 1, 1))"
            )
        mean, std = mean.float(), std.float()
        if not (mean.isfinite().all() and std.isfinite().all() and (std >= 0).all()):
            raise ValueError(f"{path} holds means or deviations that no picture has")
        return cls(mean, std, encoder)

    @classmethod
    def average(
        cls, styles: Sequence["StyleStatistics"], weights: Sequence[float] | None = None
    ) -> "StyleStatistics":
        """Mix styles (equation 15); ``weights`` are scaled to sum 1, equal if not given.

        Raises:
            ValueError: no styles, wrong weights, or styles measured with different encoders.
        """
        encoders = sorted({style.encoder for style in styles})
        if len(encoders) > 1:
            raise ValueError(f"styles measured with different encoders cannot mix: {encoders}")
        mixed = mix_statistics([ChannelStatistics(s.mean, s.std) for s in styles], weights)
        return cls(mixed.mean, mixed.std, encoders[0])


Style = Tensor | StyleStatistics


class StyleTransfer:
    """Encoder and decoder, ready to repaint photographs.

    Args:
        encoder: the frozen VGG-19.
        decoder: trained for that encoder.
        device: ``auto``, ``cpu``, ``cuda``, ...
        precision: ``auto``, ``float32``, ``bfloat16`` or ``float16`` for the convolutions;
            statistics are always float32.
    """

    def __init__(
        self,
        encoder: VGG19Encoder,
        decoder: Decoder,
        device: str = "auto",
        precision: str = "auto",
    ) -> None:
        self.device = pick_device(device)
        self.dtype = pick_precision(precision, self.device)
        if self.device.type == "cpu":
            keep_freed_memory()
        options = {"device": self.device, "dtype": self.dtype}
        self.encoder = encoder.to(**options, memory_format=torch.channels_last)
        self.decoder = decoder.to(**options, memory_format=torch.channels_last).eval()
        self.decoder.requires_grad_(False)

    @classmethod
    def load(
        cls,
        decoder: str | os.PathLike = DEFAULT_DECODER,
        device: str = "auto",
        precision: str = "auto",
    ) -> "StyleTransfer":
        """Load a decoder checkpoint together with the encoder that its metadata name.

        Raises:
            DecoderError: the checkpoint is missing, damaged or names an unknown encoder.
            WeightsError: the encoder's weights are missing or damaged.
        """
        description = read_metadata(decoder).get("encoder", "")
        match = re.fullmatch(
            r"VGG-19 (original|torchvision) weights, (normalised|raw) activations, "
            r"(reflect|zeros) padding",
            description,
        )
        if match is None:
            raise DecoderError(f"{decoder} names an encoder that is not known: '{description}'")
        source, kind, padding = match.groups()
        encoder = VGG19Encoder(source, padding=padding, normalize_activations=kind == "normalised")
        return cls(encoder, load_decoder(decoder, encoder), device, precision)

    def _prepare(self, images: Tensor) -> Tensor:
        """Check a batch and bring it to the device, padded to a multiple of 8."""
        if images.dim() == 3:
            images = images[None]
        if images.dim() != 4 or images.shape[1] != 3 or images.numel() == 0:
            raise ValueError(f"expected images of shape (N, 3, H, W), got {tuple(images.shape)}")
        images = images.to(self.device, torch.float32)
        return pad_to_multiple(images).contiguous(memory_format=torch.channels_last)

    @torch.inference_mode()
    def encode(self, images: Tensor) -> Tensor:
        """relu4_1 features (N, 512, ceil(H/8), ceil(W/8)) of images (N, 3, H, W) in [0, 1]."""
        return self.encoder.encode(self._prepare(images))

    @torch.inference_mode()
    def decode(self, features: Tensor, size: tuple[int, int] | None = None) -> Tensor:
        """Images in [0, 1], float32, from features (N, 512, h, w): (N, 3, 8h, 8w).

        ``size`` is the (height, width) of the photograph, which padding is cut off to.
        """
        height, width = size or (None, None)
        return self.decoder(features).clamp(0, 1)[..., :height, :width]

    @torch.inference_mode()
    def encode_style(self, style: Tensor) -> StyleStatistics:
        """Measure one style image (1, 3, H, W): about half of the work of a stylisation, saved.

        Raises:
            ValueError: the tensor is not one RGB image.
        """
        features = self.encode(style)
        if len(features) != 1:
            raise ValueError(f"expected one style image, got a batch of {len(features)}")
        mean, std = (part.float().cpu() for part in channel_statistics(features))
        return StyleStatistics(mean, std, self.encoder.description)

    def _statistics(self, style: Style) -> ChannelStatistics:
        if isinstance(style, StyleStatistics):
            if style.encoder != self.encoder.description:
                raise ValueError(
                    f"the style was measured with '{style.encoder}', not with "
                    f"'{self.encoder.description}'"
                )
            return ChannelStatistics(style.mean.to(self.device), style.std.to(self.device))
        return channel_statistics(self.encode(style))

    def mix(
        self, style: Style | Sequence[Style], weights: Sequence[float] | None = None
    ) -> ChannelStatistics:
        """Statistics of one style, or of a mixture of several, on this device.

        Raises:
            ValueError: no styles, wrong weights or shapes, or statistics of another encoder.
        """
        styles = [style] if isinstance(style, Tensor | StyleStatistics) else list(style)
        return mix_statistics([self._statistics(s) for s in styles], weights)

    @torch.inference_mode()
    def restyle(
        self, features: Tensor, statistics: ChannelStatistics, alpha: float = 1.0
    ) -> Tensor:
        """AdaIN and the trade-off (equation 14): features (N, 512, h, w) of the picture.

        Nothing checks ``alpha`` here; see ``stylize``.

        Raises:
            ValueError: the statistics of several styles do not fit the number of features.
        """
        if len(statistics.mean) not in (1, len(features)):
            raise ValueError(
                f"{len(statistics.mean)} style images do not fit {len(features)} content images"
            )
        return blend(features, apply_statistics(features, statistics), alpha)

    @torch.inference_mode()
    def stylize(
        self,
        content: Tensor,
        style: Style | Sequence[Style],
        alpha: float = 1.0,
        weights: Sequence[float] | None = None,
        exaggerate: bool = False,
    ) -> Tensor:
        """Repaint ``content`` in a style or a mixture of styles.

        The steps, ``encode``, ``mix``, ``restyle`` and ``decode``, can be taken one by one.

        Args:
            content: (N, 3, H, W) or (3, H, W) RGB in [0, 1], any size from 1 pixel.
            style: one style, or a list of styles to mix. A style is an image (1, 3, h, w) of any
                size, a batch (N, 3, h, w) with one style per content image, or StyleStatistics.
            alpha: 0 reproduces the content, 1 is full style (equation 14).
            weights: one per style of a list, scaled to sum 1; equal if not given.
            exaggerate: let ``alpha`` go up to ``MAX_ALPHA``: beyond the style, away from the
                content. No decoder was trained for that.

        Returns:
            (N, 3, H, W) float32 in [0, 1] on the content's device: exactly the content's size.

        Raises:
            ValueError: alpha out of range, wrong shapes, wrong weights, or statistics of
                another encoder.
        """
        check_alpha(alpha, exaggerate)
        statistics = self.mix(style, weights)
        target = self.restyle(self.encode(content), statistics, alpha)
        return self.decode(target, tuple(content.shape[-2:])).to(content.device)
