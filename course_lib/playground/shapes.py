"""Two-region masks drawn from a few numbers: a straight border, or an ellipse."""

import math
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor


@dataclass(frozen=True)
class Split:
    """A straight border; the region is on its left, or above it at 90 degrees.

    Args:
        position: where the border crosses the middle, 0 (left) to 1 (right).
        angle: degrees by which the border is turned, clockwise.
        softness: width of the fade as a share of the picture's shorter side, 0 to 1.
    """

    position: float = 0.5
    angle: float = 0.0
    softness: float = 0.1

    def draw(self, height: int, width: int) -> Image.Image:
        """The mask as a grey picture: white in the region."""
        x, y = _grid(height, width)
        turn = math.radians(self.angle)
        # How far a pixel lies beyond the border, in shorter sides.
        across = (x - width / 2) * math.cos(turn) + (y - height / 2) * math.sin(turn)
        reach = abs(width * math.cos(turn)) + abs(height * math.sin(turn))
        beyond = (across - (self.position - 0.5) * reach) / min(height, width)
        return _fade(beyond, self.softness)


@dataclass(frozen=True)
class Ellipse:
    """An ellipse; the region is inside.

    Args:
        x, y: the centre as a share of width and height.
        width, height: diameters as a share of the picture's width and height.
        softness: width of the fade as a share of the picture's shorter side, 0 to 1.
    """

    x: float = 0.5
    y: float = 0.5
    width: float = 0.5
    height: float = 0.6
    softness: float = 0.1

    def draw(self, height: int, width: int) -> Image.Image:
        """The mask as a grey picture: white in the region."""
        x, y = _grid(height, width)
        radii = max(self.width * width / 2, 1e-6), max(self.height * height / 2, 1e-6)
        distance = (
            ((x - self.x * width) / radii[0]) ** 2 + ((y - self.y * height) / radii[1]) ** 2
        ).sqrt()
        beyond = (distance - 1) * min(radii) / min(height, width)
        return _fade(beyond, self.softness)


Shape = Split | Ellipse


def _grid(height: int, width: int) -> tuple[Tensor, Tensor]:
    """Coordinates of the pixels' centres: x (1, W) and y (H, 1)."""
    return torch.arange(width)[None] + 0.5, torch.arange(height)[:, None] + 0.5


def _fade(beyond: Tensor, softness: float) -> Image.Image:
    """White where ``beyond`` is negative, black where positive, and a ramp between."""
    ramp = (0.5 - beyond / softness).clamp(0, 1) if softness > 0 else (beyond < 0).float()
    return Image.fromarray(ramp.mul(255).round().byte().numpy())
