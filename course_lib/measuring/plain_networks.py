"""The networks the way that the common ports build them: one module after another, float32."""

from collections.abc import Sequence

from torch import nn

from course_lib.decoder import AFTER_UPSAMPLING, LAYERS, Decoder
from course_lib.vgg import VGG19Encoder


def encoder_stages(encoder: VGG19Encoder, ends: Sequence[str]) -> list[nn.Sequential]:
    """A frozen copy of the encoder, cut after each of the layers ``ends`` (in their order)."""
    stages, layers = [], []
    for name, layer in zip(encoder.names, encoder.features, strict=True):
        if isinstance(layer, nn.Conv2d):
            layers += [nn.ReflectionPad2d(1), _plain_conv(layer)]
        else:
            layers.append(nn.MaxPool2d(2) if isinstance(layer, nn.MaxPool2d) else nn.ReLU())
        if name in ends:
            stages.append(nn.Sequential(*layers).requires_grad_(False))
            layers = []
    return stages


def plain_decoder(decoder: Decoder) -> nn.Sequential:
    """A copy of the decoder; its image is still normalised, so ``denormalize`` comes after it."""
    layers: list[nn.Module] = []
    for name, _, _ in LAYERS:
        if name in AFTER_UPSAMPLING:
            layers.append(nn.Upsample(scale_factor=2, mode="nearest"))
        layers += [nn.ReflectionPad2d(1), _plain_conv(getattr(decoder, name)), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def _plain_conv(layer: nn.Conv2d) -> nn.Conv2d:
    conv = nn.Conv2d(layer.in_channels, layer.out_channels, 3)
    conv.load_state_dict({k: v.float().contiguous() for k, v in layer.state_dict().items()})
    return conv
