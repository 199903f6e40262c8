"""How the time of both methods grows with the size of the picture, and where AdaIN spends it."""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.gatys.config import GatysConfig
from course_lib.gatys.objective import GatysObjective, build_encoder
from course_lib.images import library, reflect_pad, square, to_tensor
from course_lib.lessons.lesson06.macs import count_macs
from course_lib.measuring.peak_memory import PeakMemory
from course_lib.measuring.timing import repeated, summary
from course_lib.stylize import StyleTransfer

Say = Callable[[str], None]


def picture(kind: str, name: str, size: int, device: torch.device) -> Tensor:
    """A bundled picture as a square, (1, 3, size, size) in [0, 1] on the device."""
    return to_tensor(square(library(kind)[name], size)).to(device)


def scale_sizes(
    names: tuple[str, str],
    sizes: Sequence[int],
    config: GatysConfig,
    transfer: StyleTransfer,
    repeats: int,
    say: Say,
) -> dict[str, dict[str, object]]:
    """Time both methods on one pair of bundled pictures at several sizes.

    For AdaIN one picture with its style; for the optimisation one evaluation of the loss and its
    gradient, without what the optimiser adds (which ``measure_gatys`` includes).

    Returns:
        Side in pixels -> ``adain`` and ``gatys``, each with seconds and memory.
    """
    device, network = transfer.device, build_encoder(config)
    rows = {}
    for size in sizes:
        content, style = (
            picture(kind, name, size, device)
            for kind, name in zip(("content", "style"), names, strict=True)
        )
        objective = GatysObjective(content, style, config, network)
        work = {
            "adain": lambda c=content, s=style: transfer.stylize(c, s),
            "gatys": lambda o=objective, c=content: one_evaluation(o, c),
        }
        rows[str(size)] = {name: time_and_memory(do, repeats, device) for name, do in work.items()}
        say(f"{size} pixels: {rows[str(size)]['gatys']['seconds']['median']:.3f} s per evaluation")
    return rows


def one_evaluation(objective: GatysObjective, image: Tensor) -> Tensor:
    """The loss and its gradient with respect to the pixels."""
    pixels = image.detach().clone().requires_grad_()
    objective(pixels).total.backward()
    return pixels.grad


def time_and_memory(
    work: Callable[[], object], repeats: int, device: torch.device
) -> dict[str, object]:
    """Memory in a first call, which also warms up, then the seconds of ``repeats`` calls."""
    with PeakMemory(device) as memory:
        work()
    times = repeated(work, repeats, device)
    return {"seconds": summary(times), "memory": memory.record()}


@torch.inference_mode()
def profile_layers(transfer: StyleTransfer, size: int, repeats: int) -> dict[str, object]:
    """Seconds of every convolution by itself, beside its arithmetic, and of the whole.

    Each layer runs alone on random maps of its size: padding, convolution and ReLU, as the
    networks do it. What the whole takes beyond the sum of these is upsampling, pooling, statistics,
    (de)normalising and conversions, and the effect of maps that are still in the cache.

    Returns:
        ``layers`` (the rows of ``count_macs`` with ``seconds``) and ``whole_seconds``.
    """
    rows, device = count_macs(size), transfer.device
    for row in rows:
        if row["part"] == "style encoder":  # the same layers as for the content
            continue
        name, (channels, _), side = row["layer"], row["channels"], row["side"]
        if row["part"] == "decoder":
            conv = getattr(transfer.decoder, name)
        else:
            conv = transfer.encoder.features[transfer.encoder.names.index(name)]
        maps = torch.randn(1, channels, side, side, device=device).to(conv.weight.dtype)
        maps = maps.contiguous(memory_format=torch.channels_last)

        def layer(conv: torch.nn.Conv2d = conv, maps: Tensor = maps) -> Tensor:
            return F.relu(F.conv2d(reflect_pad(maps), conv.weight, conv.bias), inplace=True)

        row["seconds"] = summary(repeated(layer, repeats, device))["median"]
    for row in rows:
        if row["part"] == "style encoder":
            row["seconds"] = next(r["seconds"] for r in rows if r["layer"] == row["layer"])
    content, style = torch.rand(2, 1, 3, size, size, device=device)
    whole = summary(repeated(lambda: transfer.stylize(content, style), repeats, device))
    return {"size": size, "layers": rows, "whole_seconds": whole["median"]}
