"""Arbitrary style transfer in one pass: encode, AdaIN, decode (Huang & Belongie 2017).

``StyleTransfer.stylize`` works for any image size and any mixture of styles. The style enters only
through 2 x 512 numbers, so they can be computed once (``encode_style``) and kept as a file.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from course_lib import DATA_DIR, CourseError, fast
from course_lib.adain import ChannelStatistics, blend, blend_statistics, mix_statistics
from course_lib.decoder import Decoder, load_decoder, read_encoder
from course_lib.images import pad_to_multiple
from course_lib.losses import STYLE_LAYERS
from course_lib.polish import STEPS, Objective, check_steps, polish
from course_lib.system.devices import keep_freed_memory, pick_device, pick_precision
from course_lib.system.files import replacing
from course_lib.vgg import EncoderDescription, VGG19Encoder

DEFAULT_DECODER = DATA_DIR / "decoder" / "original.safetensors"
MAX_ALPHA = 2.0  # as far beyond the style as the content is from it


def check_alpha(alpha: float, exaggerate: bool = False) -> None:
    """Raise CourseError if ``alpha`` is not in [0, 1], or [0, MAX_ALPHA] with ``exaggerate``."""
    highest = MAX_ALPHA if exaggerate else 1
    if not 0 <= alpha <= highest:
        raise CourseError(f"alpha must be between 0 and {highest:g}, got {alpha}")


@dataclass(frozen=True)
class StyleStatistics:
    """A style as AdaIN sees it: mean and standard deviation of 512 relu4_1 channels (4 KB).

    ``mean`` and ``std`` are float32 of shape (1, 512, 1, 1) on the CPU; ``encoder`` describes the
    encoder they were measured with, since they mean nothing to another one. ``shallow`` holds the
    same of relu1_1, relu2_1 and relu3_1 if it was asked for: polishing needs them.
    """

    mean: Tensor
    std: Tensor
    encoder: EncoderDescription
    shallow: Mapping[str, ChannelStatistics] = field(default_factory=dict)

    def every_layer(self) -> dict[str, ChannelStatistics]:
        """relu1_1 ... relu4_1 -> statistics.

        Raises:
            CourseError: only those of relu4_1 are known.
        """
        if not self.shallow:
            raise CourseError(
                "these style statistics are of relu4_1 alone, and polishing needs four layers: "
                "give the painting, or measure it with encode_style(..., every_layer=True)"
            )
        return {**self.shallow, "relu4_1": ChannelStatistics(self.mean, self.std)}

    def save(self, path: str | os.PathLike) -> Path:
        """Write a safetensors file of 4 KB, or 8 KB with every layer (renamed when complete)."""
        tensors = {"mean": self.mean.contiguous(), "std": self.std.contiguous()}
        for layer, (mean, std) in self.shallow.items():
            tensors |= {f"{layer}.mean": mean.contiguous(), f"{layer}.std": std.contiguous()}
        with replacing(path) as temporary:
            save_file(tensors, temporary, self.encoder.metadata())
        return Path(path)

    @classmethod
    def load(cls, path: str | os.PathLike) -> "StyleStatistics":
        """Read a file that ``save`` wrote.

        Raises:
            CourseError: the file is missing, damaged or holds something else.
        """
        if not Path(path).is_file():
            raise CourseError(f"{path}: no such style statistics file")
        try:
            with safe_open(path, "pt") as file:
                mean, std = file.get_tensor("mean"), file.get_tensor("std")
                encoder = EncoderDescription.read(file.metadata() or {})
                layers = [layer for layer in STYLE_LAYERS if f"{layer}.mean" in file.keys()]  # noqa: SIM118
                shallow = {
                    layer: ChannelStatistics(
                        file.get_tensor(f"{layer}.mean"), file.get_tensor(f"{layer}.std")
                    )
                    for layer in layers
                }
        except (SafetensorError, ValueError) as error:
            raise CourseError(f"{path} does not hold style statistics ({error})") from None
        if mean.shape != std.shape or mean.dim() != 4 or mean.numel() != mean.shape[1]:
            raise CourseError(
                f"{path} does not hold style statistics (shapes {tuple(mean.shape)} and "
                f"{tuple(std.shape)} instead of (1, channels, 1, 1))"
            )
        mean, std = mean.float(), std.float()
        parts = [(mean, std), *shallow.values()]
        if not all(m.isfinite().all() and s.isfinite().all() and (s >= 0).all() for m, s in parts):
            raise CourseError(f"{path} holds means or deviations that no picture has")
        return cls(mean, std, encoder, shallow)

    @classmethod
    def average(
        cls, styles: Sequence["StyleStatistics"], weights: Sequence[float] | None = None
    ) -> "StyleStatistics":
        """Mix styles (equation 15); ``weights`` are scaled to sum 1, equal if not given.

        Raises:
            CourseError: no styles, wrong weights, or styles measured with different encoders.
        """
        encoders = {style.encoder for style in styles}
        if len(encoders) > 1:
            names = sorted(map(str, encoders))
            raise CourseError(f"styles measured with different encoders cannot mix: {names}")
        mixed = mix_statistics([ChannelStatistics(s.mean, s.std) for s in styles], weights)
        shallow = {
            layer: mix_statistics([style.shallow[layer] for style in styles], weights)
            for layer in STYLE_LAYERS
            if all(layer in style.shallow for style in styles)
        }
        return cls(mixed.mean, mixed.std, *encoders, shallow)


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
        self, encoder: VGG19Encoder, decoder: Decoder, device: str = "auto", precision: str = "auto"
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
        own = read_encoder(decoder)
        encoder = VGG19Encoder(own.source, own.layer, own.padding, own.normalized, own.pooling)
        return cls(encoder, load_decoder(decoder, encoder), device, precision)

    def _prepare(self, images: Tensor) -> Tensor:
        """Check a batch and bring it to the device, padded to a multiple of 8."""
        if images.dim() == 3:
            images = images[None]
        if images.dim() != 4 or images.shape[1] != 3 or images.numel() == 0:
            raise CourseError(f"expected images of shape (N, 3, H, W), got {tuple(images.shape)}")
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
    def encode_style(self, style: Tensor, every_layer: bool = False) -> StyleStatistics:
        """Measure one style image (1, 3, H, W): about half of the work of a stylisation, saved.

        ``every_layer`` also measures the layers before relu4_1, for ``polish``.

        Raises:
            CourseError: the tensor is not one RGB image.
        """
        if every_layer:
            features = self.encoder(self._prepare(style), STYLE_LAYERS)
        else:
            features = {"relu4_1": self.encode(style)}
        if len(features["relu4_1"]) != 1:
            raise CourseError(f"expected one style image, got a batch of {len(style)}")
        measured = {
            layer: ChannelStatistics(*(part.float().cpu() for part in statistics))
            for layer, statistics in fast.layer_statistics(features).items()
        }
        return StyleStatistics(*measured.pop("relu4_1"), self.encoder.description, measured)

    def _statistics(self, style: Style) -> ChannelStatistics:
        if isinstance(style, StyleStatistics):
            self._check_encoder(style)
            return ChannelStatistics(style.mean.to(self.device), style.std.to(self.device))
        return fast.channel_statistics(self.encode(style))

    def _check_encoder(self, style: StyleStatistics) -> None:
        if style.encoder != self.encoder.description:
            raise CourseError(
                f"the style was measured with '{style.encoder}', not with "
                f"'{self.encoder.description}'"
            )

    @torch.inference_mode()
    def every_layer(self, style: Style) -> dict[str, ChannelStatistics]:
        """relu1_1 ... relu4_1 -> statistics of a style, on this device.

        Raises:
            CourseError: statistics of relu4_1 alone, or of another encoder.
        """
        if isinstance(style, StyleStatistics):
            self._check_encoder(style)
            layers = style.every_layer().items()
            return {k: ChannelStatistics(*(part.to(self.device) for part in s)) for k, s in layers}
        features = self.encoder(self._prepare(style), STYLE_LAYERS)
        return fast.layer_statistics(features)

    def mix(
        self, style: Style | Sequence[Style], weights: Sequence[float] | None = None
    ) -> ChannelStatistics:
        """Statistics of one style, or of a mixture of several, on this device.

        Raises:
            CourseError: no styles, wrong weights or shapes, or statistics of another encoder.
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
            CourseError: the statistics of several styles do not fit the number of features.
        """
        if len(statistics.mean) not in (1, len(features)):
            raise CourseError(
                f"{len(statistics.mean)} style images do not fit {len(features)} content images"
            )
        return blend(features, fast.apply_statistics(features, statistics), alpha)

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
            CourseError: alpha out of range, wrong shapes, wrong weights, or statistics of
                another encoder.
        """
        check_alpha(alpha, exaggerate)
        statistics = self.mix(style, weights)
        target = self.restyle(self.encode(content), statistics, alpha)
        return self.decode(target, tuple(content.shape[-2:])).to(content.device)

    @torch.inference_mode()
    def objective(
        self,
        content: Tensor,
        style: Style | Sequence[Style],
        alpha: float = 1.0,
        weights: Sequence[float] | None = None,
        exaggerate: bool = False,
    ) -> Objective:
        """The loss (equations 11 to 13) that the picture of one photograph should make small.

        Below ``alpha`` 1 the picture owes the style only a share: its target is the blend of
        equation 14, and its statistics those between content and style, layer by layer. Styles mix
        likewise in every layer (equation 15). Arguments and errors are those of ``stylize``.

        Raises:
            CourseError: also for statistics of relu4_1 alone, and for more than one photograph.
        """
        check_alpha(alpha, exaggerate)
        styles = [style] if isinstance(style, Tensor | StyleStatistics) else list(style)
        measured = [self.every_layer(s) for s in styles]
        wanted = {k: mix_statistics([m[k] for m in measured], weights) for k in STYLE_LAYERS}
        features = self.encoder(self._prepare(content), STYLE_LAYERS)
        target = self.restyle(features["relu4_1"], wanted["relu4_1"], alpha)
        if len(target) != 1:
            raise CourseError(f"one photograph is polished at a time, got {len(target)}")
        if alpha != 1:
            own = fast.layer_statistics(features)
            wanted = {k: blend_statistics(own[k], wanted[k], alpha) for k in STYLE_LAYERS}
        return Objective(self.encoder, target, wanted)

    def polish(
        self,
        content: Tensor,
        style: Style | Sequence[Style],
        alpha: float = 1.0,
        weights: Sequence[float] | None = None,
        exaggerate: bool = False,
        steps: int = STEPS,
        progress: bool = False,
    ) -> Tensor:
        """``stylize``, and then so many steps towards the smallest loss (see ``polish.py``).

        Takes one photograph, (1, 3, H, W) or (3, H, W). Further arguments, result and errors are
        those of ``stylize`` and of ``polish.polish``.
        """
        check_steps(steps)
        objective = self.objective(content, style, alpha, weights, exaggerate)
        picture = self.decode(objective.target, tuple(content.shape[-2:]))
        return polish(objective, picture, steps, progress).picture.to(content.device)
