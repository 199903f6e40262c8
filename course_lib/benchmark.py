"""Speed, measured side by side in one process."""

import statistics
import time
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from course_lib import DATA_DIR
from course_lib.batch import square
from course_lib.decoder import AFTER_UPSAMPLING, LAYERS
from course_lib.devices import describe, pick_precision, synchronize
from course_lib.images import denormalize, find_images, normalize, to_tensor
from course_lib.stylize import StyleTransfer


class PlainTransfer(nn.Module):
    """AdaIN the way that the common ports write it, with the weights of a ``StyleTransfer``.

    float32, contiguous tensors, one padding module before every convolution, and the style image
    encoded again for every photograph.
    """

    def __init__(self, transfer: StyleTransfer) -> None:
        super().__init__()
        encoder: list[nn.Module] = []
        for layer in transfer.encoder.features:
            if isinstance(layer, nn.Conv2d):
                encoder += [nn.ReflectionPad2d(1), _plain_conv(layer)]
            else:
                encoder.append(layer if isinstance(layer, nn.MaxPool2d) else nn.ReLU())
        decoder: list[nn.Module] = []
        for name, _, _ in LAYERS:
            if name in AFTER_UPSAMPLING:
                decoder.append(nn.Upsample(scale_factor=2, mode="nearest"))
            decoder += [
                nn.ReflectionPad2d(1), _plain_conv(getattr(transfer.decoder, name)), nn.ReLU()
            ]  # fmt: skip
        self.encoder = nn.Sequential(*encoder).to(transfer.device)
        self.decoder = nn.Sequential(*decoder[:-1]).to(transfer.device)

    @torch.no_grad()
    def forward(self, content: Tensor, style: Tensor) -> Tensor:
        """Stylise (N, 3, H, W) with (1, 3, h, w); H and W are multiples of 8."""
        content_features = self.encoder(normalize(content))
        style_features = self.encoder(normalize(style))
        mean = content_features.mean((2, 3), keepdim=True)
        std = (content_features.var((2, 3), correction=0, keepdim=True) + 1e-5).sqrt()
        style_mean = style_features.mean((2, 3), keepdim=True)
        style_std = (style_features.var((2, 3), correction=0, keepdim=True) + 1e-5).sqrt()
        target = style_std * (content_features - mean) / std + style_mean
        return denormalize(self.decoder(target)).clamp(0, 1)


def _plain_conv(layer: nn.Conv2d) -> nn.Conv2d:
    conv = nn.Conv2d(layer.in_channels, layer.out_channels, 3)
    conv.load_state_dict({k: v.float().contiguous() for k, v in layer.state_dict().items()})
    return conv


def seconds(work: Callable[[], object], device: torch.device) -> float:
    """Wall-clock seconds of one call, waiting for the device before and after."""
    synchronize(device)
    started = time.perf_counter()
    work()
    synchronize(device)
    return time.perf_counter() - started


def benchmark_stylize(
    device: torch.device, precision: str, sizes: Sequence[int], repeats: int
) -> tuple[dict[str, object], dict[str, dict[str, float]]]:
    """Time one style over all bundled photographs: this implementation against a plain one.

    Both take turns photograph by photograph, so that a machine whose speed drifts is fair to both.
    The style image has the photographs' size. Reading files is not timed.

    Returns:
        The settings, and per size the median seconds per image of both, their ratio, and the mean
        absolute difference of their outputs in units of 1/255.

    Raises:
        ValueError: a size that the plain implementation cannot do.
    """
    for size in sizes:
        if size < 16 or size % 8:
            raise ValueError(f"sizes must be multiples of 8 from 16 pixels up, got {size}")
    style_path = find_images(DATA_DIR / "style")[0]
    photos = find_images(DATA_DIR / "content")
    # The plain one gets its own copy of the weights before the fast one rounds them.
    plain = PlainTransfer(StyleTransfer.load(device=str(device), precision="float32"))
    transfer = StyleTransfer.load(device=str(device), precision=precision)
    results = {}
    for size in sizes:
        style = to_tensor(square(style_path, size)).to(device)
        cached = transfer.encode_style(style)
        contents = [to_tensor(square(path, size)).to(device) for path in photos]
        ours, theirs, differences = [], [], []
        for repeat in range(repeats + 1):
            for content in contents:
                first = seconds(lambda x=content, s=style: plain(x, s), device)
                second = seconds(lambda x=content, s=cached: transfer.stylize(x, s), device)
                if repeat:  # the first round warms up
                    theirs.append(first)
                    ours.append(second)
                else:
                    gap = plain(content, style) - transfer.stylize(content, cached)
                    differences.append(gap.abs().mean().item() * 255)
        results[str(size)] = {
            "plain_seconds": statistics.median(theirs),
            "ours_seconds": statistics.median(ours),
            "ratio": statistics.median(theirs) / statistics.median(ours),
            "plain_spread": [min(theirs), max(theirs)],
            "ours_spread": [min(ours), max(ours)],
            "mean_difference_255": statistics.mean(differences),
            "largest_mean_difference_255": max(differences),
        }
    settings = {
        "device": describe(device),
        "precision": str(pick_precision(precision, device)).removeprefix("torch."),
        "photographs": [path.stem for path in photos],
        "style": style_path.stem,
        "repeats": repeats,
    }
    return settings, results
