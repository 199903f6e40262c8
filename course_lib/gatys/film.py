"""How a run looks on paper: film strips, animations, and its history as columns."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image
from torch import Tensor

from course_lib import CourseError
from course_lib.gatys.loop import HistoryRow
from course_lib.images import to_image
from course_lib.system.files import replacing


def film_strip(frames: Sequence[Tensor], height: int = 256, gap: int = 6) -> Image.Image:
    """Lay images (1, 3, h, w) side by side on white, each ``height`` pixels high at most.

    Raises:
        CourseError: there are no frames.
    """
    if not frames:
        raise CourseError("a film needs at least one frame")
    pictures = _same_size(frames, height)
    width, height = pictures[0].size
    strip = Image.new("RGB", (len(pictures) * (width + gap) - gap, height), "white")
    for i, picture in enumerate(pictures):
        strip.paste(picture, (i * (width + gap), 0))
    return strip


def save_animation(frames: Sequence[Tensor], path: Path) -> Path:
    """Write images (1, 3, h, w) as an animated GIF that pauses on the last one.

    Raises:
        CourseError: there are no frames.
    """
    if not frames:
        raise CourseError("a film needs at least one frame")
    first, *others = _same_size(frames, 512)
    durations = [400] * len(others) + [2000]
    with replacing(path) as temporary:
        first.save(temporary, save_all=True, append_images=others, duration=durations, loop=0)
    return Path(path)


def _same_size(frames: Sequence[Tensor], height: int) -> list[Image.Image]:
    """All frames as large as the last (those of coarser scales are smaller)."""
    last = to_image(frames[-1])
    factor = min(1.0, height / last.height)
    size = (max(1, round(last.width * factor)), max(1, round(last.height * factor)))
    return [to_image(frame).resize(size, Image.Resampling.LANCZOS) for frame in frames]


def columns(history: Sequence[HistoryRow], digits: int = 6) -> dict[str, list[float]]:
    """A history as one list per column: shorter to write, easier to plot."""
    names = ("evaluation", "step", "seconds", "content", "style", "tv", "total", "height", "width")
    return {
        name: [
            value if isinstance(value, int) else float(f"{value:.{digits}g}")
            for value in (getattr(row, name) for row in history)
        ]
        for name in names
    }
