"""Seconds per picture: beside the way that the common ports do it, and over sizes and batches."""

import statistics
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from course_lib import DATA_DIR, CourseError
from course_lib.adain import adain
from course_lib.images import denormalize, find_images, normalize, square, to_tensor
from course_lib.measuring.peak_memory import PeakMemory
from course_lib.measuring.plain_networks import encoder_stages, plain_decoder
from course_lib.measuring.timing import compare, repeated, seconds, summary
from course_lib.stylize import StyleTransfer
from course_lib.system.devices import machine, pick_precision


class PlainTransfer(nn.Module):
    """AdaIN the way that the common ports write it, with the weights of a ``StyleTransfer``.

    float32, contiguous tensors, one padding module before every convolution, and the style image
    encoded again for every photograph.
    """

    def __init__(self, transfer: StyleTransfer) -> None:
        super().__init__()
        (self.encoder,) = encoder_stages(transfer.encoder, ["relu4_1"])
        self.decoder = plain_decoder(transfer.decoder)
        self.to(transfer.device)

    @torch.no_grad()
    def forward(self, content: Tensor, style: Tensor) -> Tensor:
        """Stylise (N, 3, H, W) with (1, 3, h, w); H and W are multiples of 8."""
        content_features = self.encoder(normalize(content))
        style_features = self.encoder(normalize(style))
        target = adain(content_features, style_features)
        return denormalize(self.decoder(target)).clamp(0, 1)


def benchmark_stylize(
    device: torch.device, precision: str, sizes: Sequence[int], repeats: int
) -> tuple[dict[str, object], dict[str, dict[str, object]]]:
    """Time one style over all bundled photographs: this implementation against a plain one.

    Both take turns photograph by photograph, so that a machine whose speed drifts is fair to both.
    The style image has the photographs' size. Reading files is not timed.

    Returns:
        The settings, and per size the median seconds per image of both, their ratio, and the mean
        absolute difference of their outputs in units of 1/255.

    Raises:
        CourseError: a size that the plain implementation cannot do.
    """
    for size in sizes:
        if size < 16 or size % 8:
            raise CourseError(f"sizes must be multiples of 8 from 16 pixels up, got {size}")
    style_path = find_images(DATA_DIR / "style")[0]
    photos = find_images(DATA_DIR / "content")
    # The plain one gets its own copy of the weights before the fast one rounds them.
    plain = PlainTransfer(StyleTransfer.load(device=str(device), precision="float32"))
    transfer = StyleTransfer.load(device=str(device), precision=precision)
    results = {}
    for size in sizes:
        style = to_tensor(square(style_path, size)).to(device)
        contents = [to_tensor(square(path, size)).to(device) for path in photos]
        results[str(size)] = _compare_over(contents, style, plain, transfer, repeats)
    settings = {
        **machine(device, pick_precision(precision, device)),
        "photographs": [path.stem for path in photos],
        "style": style_path.stem,
        "repeats": repeats,
    }
    return settings, results


def _compare_over(
    contents: Sequence[Tensor],
    style: Tensor,
    plain: PlainTransfer,
    transfer: StyleTransfer,
    repeats: int,
) -> dict[str, object]:
    """Both sides over photographs of one size."""
    device = transfer.device
    cached = transfer.encode_style(style)
    ours, theirs, differences = [], [], []
    for repeat in range(repeats + 1):
        for content in contents:
            first = seconds(lambda x=content: plain(x, style), device)
            second = seconds(lambda x=content: transfer.stylize(x, cached), device)
            if repeat:  # the first round warms up
                theirs.append(first)
                ours.append(second)
            else:
                gap = plain(content, style) - transfer.stylize(content, cached)
                differences.append(gap.abs().mean().item() * 255)
    return compare(theirs, ours) | {
        "mean_difference_255": statistics.mean(differences),
        "largest_mean_difference_255": max(differences),
    }


def measure_inference(
    transfer: StyleTransfer, sizes: Sequence[int], batches: Sequence[int], repeats: int
) -> tuple[dict[str, object], dict[str, object]]:
    """Time ``stylize`` on random squares with a style that was measured before.

    Arithmetic does not depend on what is in a picture, so random values will do.

    Returns:
        Settings, and side -> batch -> seconds per call, images per second and peak memory; a size
        that does not fit says so.
    """
    device = transfer.device
    style = transfer.encode_style(torch.rand(1, 3, 256, 256))
    results: dict[str, dict[str, object]] = {}
    for size in sizes:
        row = results.setdefault(str(size), {})
        for batch in batches:
            images = torch.rand(batch, 3, size, size, device=device)

            def work(images: torch.Tensor = images) -> torch.Tensor:
                return transfer.stylize(images, style)

            try:
                with PeakMemory(device) as memory:
                    work()
                times = summary(repeated(work, repeats, device))
            except torch.OutOfMemoryError:
                row[str(batch)] = "does not fit"
                continue
            row[str(batch)] = {
                "seconds": times,
                "images_per_second": batch / times["median"],
                "memory": memory.record(),
            }
    settings = {**machine(device, transfer.dtype), "repeats": repeats}
    return settings, results
