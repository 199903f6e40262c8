"""Decoders for lesson 03, right and wrong; each is built when it is checked."""

import re

import torch
import torch.nn.functional as F
from torch import nn

from course_lib.decoder import AFTER_UPSAMPLING, LAYERS, Decoder
from course_lib.images import denormalize
from course_lib.lessons.lesson03 import decoder_checks
from course_lib.lessons.lesson03.decoder_mistakes import VARIATIONS, decode

CHANNELS = [(channels_in, channels_out) for _, channels_in, channels_out in LAYERS]
UPSAMPLED = tuple(i for i, (name, _, _) in enumerate(LAYERS) if name in AFTER_UPSAMPLING)


def check(build):
    decoder_checks.check_decoder(build())


class Function(nn.Module):
    """A layer made of a function."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def network(
    channels=CHANNELS,
    upsampled=UPSAMPLED,
    padding="reflect",
    kernel=3,
    between=nn.ReLU,
    last=denormalize,
    upsample=lambda: nn.Upsample(scale_factor=2),
    after=None,
):
    """A decoder in one Sequential, with one thing to get wrong at a time."""
    layers = []
    for i, (channels_in, channels_out) in enumerate(channels):
        layers += [upsample() for _ in range(upsampled.count(i))]
        options = {"padding": kernel // 2, "padding_mode": padding} if padding else {}
        layers.append(nn.Conv2d(channels_in, channels_out, kernel, **options))
        if i < len(channels) - 1:
            layers += [after(channels_out)] if after else []
            layers += [between()] if between else []
    return nn.Sequential(*layers, Function(last))


def wrong(**changes):
    return lambda: network(**changes)


def with_padding_modules():
    layers = []
    for i, pair in enumerate(CHANNELS):
        layers += [nn.UpsamplingNearest2d(scale_factor=2)] if i in UPSAMPLED else []
        layers += [nn.ReflectionPad2d(1), nn.Conv2d(*pair, 3), nn.ReLU()]
    return nn.Sequential(*layers[:-1], Function(denormalize))


class RepeatedPixels(nn.Module):
    """Layers made in another order than they run in, upsampling by repeated pixels."""

    def __init__(self):
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(*pair, 3) for pair in CHANNELS[::-1])

    def forward(self, x):
        for i, conv in enumerate(reversed(self.convs)):
            if i in UPSAMPLED:
                x = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
            x = conv(F.pad(x, (1, 1, 1, 1), "reflect"))
            x = x.clamp(min=0) if i < 8 else x
        return denormalize(x)


RIGHT = {
    "the course's": Decoder,
    "padding_mode": network,
    "padding modules": with_padding_modules,
    "repeated pixels": RepeatedPixels,
}


def transposed():
    halves = [
        nn.ConvTranspose2d(256, 256, 2, 2),
        nn.ConvTranspose2d(128, 128, 2, 2),
        nn.ConvTranspose2d(64, 64, 2, 2),
    ]
    return network(upsample=lambda: halves.pop(0))


def frozen():
    decoder = network()
    decoder[0].requires_grad_(False)
    return decoder


class Detached(Decoder):
    def forward(self, features):
        with torch.no_grad():
            features = F.relu(
                F.conv2d(
                    F.pad(features, (1,) * 4, "reflect"), self.conv4_1.weight, self.conv4_1.bias
                )
            )
        for name, _, _ in LAYERS[1:]:
            conv = getattr(self, name)
            if name in AFTER_UPSAMPLING:
                features = F.interpolate(features, scale_factor=2)
            features = F.conv2d(F.pad(features, (1,) * 4, "reflect"), conv.weight, conv.bias)
            features = F.relu(features) if name != "conv1_1" else features
        return denormalize(features)


class ChangesItsInput(Decoder):
    def forward(self, features):
        return super().forward(features.mul_(0.5))


class Noisy(Decoder):
    def forward(self, features):
        return super().forward(features) + 0.1 * torch.rand(1)


SHORT = [(512, 256), (256, 256), (256, 128), *CHANNELS[4:]]  # 128 meets 256
HALVED = [
    (512, 256),
    *[(256, 256)] * 2,
    (256, 256),
    (256, 128),
    (128, 64),
    (64, 64),
    *CHANNELS[-2:],
]


class Mistaken(Decoder):
    """The decoder with one of the changes that the check knows."""

    def __init__(self, change):
        super().__init__()
        self.change = change

    def forward(self, features):
        convs = [getattr(self, name) for name, _, _ in LAYERS]
        return decode([(conv.weight, conv.bias) for conv in convs], features, **self.change)


WRONG = {
    **{
        text: (lambda change=change: Mistaken(change), f"^{re.escape(text)}$")
        for text, change in VARIATIONS.items()
    },
    "a class": (lambda: Decoder, "make one"),
    "batch norm": (wrong(after=nn.BatchNorm2d), "batch normalisation"),
    "instance norm": (wrong(after=nn.InstanceNorm2d), "instance normalisation"),
    "group norm": (wrong(after=lambda c: nn.GroupNorm(4, c)), "group normalisation"),
    "dropout": (wrong(after=lambda c: nn.Dropout2d(0.1)), "dropout"),
    "noise": (Noisy, "another picture at the second call"),
    "transposed convolutions": (transposed, "transposed convolution"),
    "no upsampling": (wrong(upsampled=()), "three are missing"),
    "two upsamplings": (wrong(upsampled=UPSAMPLED[:2]), "one is missing"),
    "four upsamplings": (wrong(upsampled=(*UPSAMPLED, 8)), "more than three"),
    "no padding": (lambda: network(padding=None), "borders are eaten"),
    "5x5": (wrong(kernel=5), "3x3"),
    "channels narrow too late": (wrong(channels=HALVED), "exchanged"),
    "one convolution short": (
        wrong(channels=[*CHANNELS[:1], *CHANNELS[2:]], upsampled=(1, 4, 6)),
        "nine convolutions",
    ),
    "channels that do not meet": (wrong(channels=SHORT), "do not fit"),
    "64 channels": (wrong(channels=CHANNELS[:-1], last=lambda x: x), "3 colours"),
    "frozen": (frozen, "no gradient reaches 0.weight"),
    "first layer without gradient": (Detached, "no gradient reaches conv4_1"),
    "in place": (ChangesItsInput, "in place"),
}
