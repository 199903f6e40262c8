"""What is minimised: the content, style and smoothness losses of one image."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.fast import gram_matrix
from course_lib.gatys.config import GatysConfig
from course_lib.images import ImageError
from course_lib.losses import content_loss, total_variation
from course_lib.system.devices import pick_device, pick_precision
from course_lib.vgg import VGG19Encoder


class GatysLosses(NamedTuple):
    """Scalars: the three losses without their weights, and the weighted sum."""

    content: Tensor
    style: Tensor
    tv: Tensor
    total: Tensor


class GatysObjective:
    """Equations 1, 4, 5 and 7 of Gatys et al. 2015 for one content and one style image.

    Content: sum over the content layers of the mean squared error of features. Style: weighted sum
    over the style layers of the mean squared error of Gram matrices. Smoothness:
    ``losses.total_variation``. Means where the paper has sums, so that sizes can be compared, and
    errors relative to the target unless ``config.relative`` is off: 1 is as far as from nothing.

    Args:
        content: (1, 3, H, W) RGB in [0, 1].
        style: (1, 3, h, w) RGB in [0, 1], of any size.
        config: layers, weights, device and precision.
        network: an encoder made by ``build_encoder``, to share it between objectives.

    Raises:
        ImageError: an input is not one finite RGB image.
    """

    def __init__(
        self,
        content: Tensor,
        style: Tensor,
        config: GatysConfig | None = None,
        network: VGG19Encoder | None = None,
    ) -> None:
        self.config = config or GatysConfig()
        for name, image in (("content", content), ("style", style)):
            check_image(image, name)
        self.network = network or build_encoder(self.config)
        self.device = self.network.features[0].weight.device
        self.size = tuple(content.shape[-2:])
        with torch.no_grad():
            features = self._features(content, self.config.content_layers)
            self.content_target = {name: f.clone() for name, f in features.items()}
            features = self._features(style, self.config.style_layers)
            self.style_target = {name: gram_matrix(f) for name, f in features.items()}
            self.content_units = {k: self._unit(f) for k, f in self.content_target.items()}
            self.style_units = {k: self._unit(g) for k, g in self.style_target.items()}

    def _unit(self, target: Tensor) -> float:
        """What a layer's squared errors are divided by."""
        if not self.config.relative:
            return 1.0
        return max(target.float().square().mean().item(), 1e-12)

    def _features(self, image: Tensor, layers: tuple[str, ...]) -> dict[str, Tensor]:
        if not layers:
            return {}
        image = image.to(self.device).contiguous(memory_format=torch.channels_last)
        return self.network(image, layers)

    def __call__(self, image: Tensor) -> GatysLosses:
        """The losses of an image (1, 3, H, W), differentiable; H and W are the content's."""
        config = self.config
        features = self._features(image, config.layers)
        content = style = image.new_zeros((), device=self.device)
        for layer in config.content_layers:
            error = content_loss(features[layer], self.content_target[layer])
            content = content + error / self.content_units[layer]
        for layer, weight in zip(config.style_layers, config.layer_weights, strict=True):
            error = F.mse_loss(gram_matrix(features[layer]), self.style_target[layer])
            style = style + weight / self.style_units[layer] * error
        tv = total_variation(image.to(self.device))
        total = config.content_weight * content + config.style_weight * style
        return GatysLosses(content, style, tv, total + config.tv_weight * tv)

    @torch.no_grad()
    def measure(self, image: Tensor) -> GatysLosses:
        """The losses of an image as plain numbers, without a gradient."""
        return GatysLosses(*(value.item() for value in self(image)))


def build_encoder(config: GatysConfig) -> VGG19Encoder:
    """The encoder that a configuration asks for, on its device and in its precision."""
    device = pick_device(config.device)
    last = config.layers[-1] if config.layers else "conv1_1"
    network = VGG19Encoder(
        config.encoder, last, config.padding, config.normalize_activations, config.pooling
    )
    return network.to(
        device, pick_precision(config.precision, device), memory_format=torch.channels_last
    )


def check_image(image: Tensor, name: str) -> None:
    """Raise ImageError unless this is one RGB image without NaN, (1, 3, H, W)."""
    if image.dim() != 4 or image.shape[:2] != (1, 3) or not image.numel():
        raise ImageError(f"the {name} must have shape (1, 3, H, W), got {tuple(image.shape)}")
    if not image.isfinite().all():
        raise ImageError(f"the {name} image holds NaN or infinite values")
