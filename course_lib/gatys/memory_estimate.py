"""What an optimisation will need, said before it starts."""

import math
from dataclasses import dataclass

import torch

from course_lib.gatys.config import GatysConfig, GatysError
from course_lib.system.devices import pick_device, pick_precision
from course_lib.system.memory import free_memory
from course_lib.vgg import layer_names


@dataclass(frozen=True)
class MemoryEstimate:
    """Bytes by use: activations kept for the gradient per VGG block, the optimiser, passing peaks.

    ``style`` is needed before all these, while the painting is measured; ``free`` is what the
    device has now.
    """

    height: int
    width: int
    blocks: dict[str, int]
    optimizer: int
    transient: int
    style: int
    free: int

    @property
    def total(self) -> int:
        """All that will be held at the worst moment, in bytes, the encoder's weights left out."""
        return max(self.style, sum(self.blocks.values()) + self.optimizer + self.transient)

    def __str__(self) -> str:
        blocks = ", ".join(f"{name} {_megabytes(size)}" for name, size in self.blocks.items())
        return (
            f"memory for {self.width} x {self.height}: {_megabytes(self.total)} "
            f"(activations: {blocks}; optimiser {_megabytes(self.optimizer)}; "
            f"passing {_megabytes(self.transient)}; the painting before that "
            f"{_megabytes(self.style)}) of {_megabytes(self.free)} free"
        )

    def check(self) -> None:
        """Raise GatysError if it does not fit."""
        if self.total > self.free:
            raise GatysError(
                f"an image of {self.width} x {self.height} pixels needs about "
                f"{_megabytes(self.total)} and {_megabytes(self.free)} are free: choose a smaller "
                f"{'--style-size' if self.total == self.style else '--size'}, or close other "
                "programs"
            )


def _megabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


CHANNELS = {1: 64, 2: 128, 3: 256, 4: 512, 5: 512}


def estimate_memory(
    height: int, width: int, config: GatysConfig, style: tuple[int, int] | None = None
) -> MemoryEstimate:
    """Count what autograd keeps for an image of H x W pixels, from the network's shape alone.

    A convolution keeps its input (with reflection a padded copy of it), a ReLU its output, max
    pooling its input and the positions of the maxima as int64. ``style`` is the painting's height
    and width, those of the image if not given.
    """
    device = pick_device(config.device)
    size = torch.finfo(pick_precision(config.precision, device)).bits // 8
    names = layer_names()
    names = names[: names.index(config.layers[-1]) + 1] if config.layers else []
    blocks: dict[str, int] = {}
    largest, channels, h, w = 0, 3, height, width
    for name in names:
        block = int(name.lstrip("convrelup")[0])
        kept = 0
        if name.startswith("conv"):
            if config.padding == "reflect":
                kept = channels * (h + 2) * (w + 2) * size
            elif channels == 3:  # otherwise the input is the output of the layer before
                kept = channels * h * w * size
            channels = CHANNELS[block]
            if name in config.layers:  # its ReLU cannot work in place
                kept += channels * h * w * size
        elif name.startswith("relu"):
            kept = channels * h * w * size
        elif min(h, w) > 1:
            h, w = h // 2, w // 2
            kept = channels * h * w * (8 + size if config.pooling == "max" else size)
        largest = max(largest, channels * h * w * size)
        blocks[f"block {block}"] = blocks.get(f"block {block}", 0) + kept
    image = 4 * 3 * height * width
    # Measured: the taps of the five blocks and the largest layer's input, copy and output.
    pixels = math.prod(style or (height, width))
    copy = 4 * CHANNELS[1] if size < 4 else 0  # Gram matrices are float32
    painting = pixels * (4 * 3 + 5 * CHANNELS[1] * size + copy) if config.style_layers else 0
    vectors = 2 * config.history_size + 6 if config.optimizer == "lbfgs" else 4
    vectors = min(vectors, 2 * config.planned_evaluations + 6)
    return MemoryEstimate(
        height, width, blocks, vectors * image, 6 * largest, painting, free_memory(device)
    )
