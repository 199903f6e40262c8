"""Moving pictures in a style: folders of frames, animations, video files.

The style is measured once. AdaIN measures the *content* of every frame anew, so when something
large enters the picture, the colours of everything else jump; ``Smoothing`` lets the statistics
follow slowly instead.
"""

import time
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from course_lib import CourseError
from course_lib.adain import ChannelStatistics
from course_lib.images import ImageError, resize_shorter_side, to_image, to_tensor
from course_lib.painting.batch import plan_folder
from course_lib.painting.frames import (
    FolderWriter,
    Frame,
    GifWriter,
    Source,
    VideoWriter,
    Writer,
    is_video,
)
from course_lib.painting.tiling import stylize_within_memory
from course_lib.stylize import StyleStatistics, StyleTransfer
from course_lib.system.printing import no_bar


@dataclass
class SequenceReport:
    """Number of frames done, names of those left out with the reason, seconds in all."""

    saved: int = 0
    skipped: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0


class Smoothing:
    """An exponential moving average of the content's statistics over the frames.

    ``m_t = s m_(t-1) + (1 - s) measured_t``, and likewise for the standard deviation; s = 0 is no
    smoothing. It remembers about 1 / (1 - s) frames. Call it with a frame's statistics, in order.

    Raises:
        CourseError: ``strength`` is not in [0, 1).
    """

    def __init__(self, strength: float) -> None:
        if not 0 <= strength < 1:
            raise CourseError(f"smoothing must be from 0 to below 1, got {strength}")
        self.strength = strength
        self.state: ChannelStatistics | None = None

    def __call__(self, measured: ChannelStatistics) -> ChannelStatistics:
        if self.state is not None:
            pairs = zip(self.state, measured, strict=True)
            measured = ChannelStatistics(*(old.lerp(new, 1 - self.strength) for old, new in pairs))
        self.state = measured
        return measured


def check_output(content: Path, styles: list[Path], out: Path) -> None:
    """Find mistakes in file names before any model is loaded.

    Raises:
        ImageError: an input is missing, or ``out`` is an input or of a kind that cannot be written.
    """
    for path in (content, *styles):
        if not path.exists():
            raise ImageError(f"{path}: no such file")
    to_folder = out.suffix.lower() != ".gif" and not is_video(out)
    if to_folder:
        if out.is_file() or (out.suffix and not out.is_dir()):
            raise ImageError(
                f"{out}: frames go to a folder, a .gif or a video file such as .mp4; choose one"
            )
    elif out.is_dir():
        raise ImageError(f"{out} is a folder; give a file name such as {out / 'film.gif'}")
    inputs = {path.resolve() for path in (content, *styles)}
    plan = plan_folder(content, out) if content.is_dir() and to_folder else {}
    inputs |= set(map(Path.resolve, plan))
    for target in (out, *plan.values()):
        if target.resolve() in inputs:
            raise ImageError(f"{target} is one of the inputs and would be replaced; choose another")


def open_writer(source: Source, out: Path) -> Writer:
    """What writes frames to ``out``: a GIF, a video file, or else a folder.

    Raises:
        MissingPackageError: a video, and ``imageio-ffmpeg`` is not installed.
    """
    if out.suffix.lower() == ".gif":
        return GifWriter(out, source.loop)
    if is_video(out):
        return VideoWriter(out, source.sound)
    if not source.names:
        return FolderWriter(out)
    plan = plan_folder(source.path, out)
    return FolderWriter(out, {str(p.relative_to(source.path)): t for p, t in plan.items()})


def stylize_sequence(
    transfer: StyleTransfer,
    source: Source,
    writer: Writer,
    style: StyleStatistics,
    alpha: float = 1.0,
    smooth: float = 0.0,
    size: int | None = None,
    progress: bool = True,
) -> SequenceReport:
    """Stylise every frame of ``source`` and hand it to ``writer``.

    A frame that cannot be read, or whose size is another than the first one's where that matters,
    is named in the report; GIF and video then show the frame before it for its time, too.

    Args:
        smooth: see ``Smoothing``.
        size: shorter side of the frames in pixels; their own if not given.

    Raises:
        CourseError: ``smooth`` or ``alpha`` out of range.
        ImageError: the output cannot be written.
    """
    report, started = SequenceReport(), time.perf_counter()
    painter = FramePainter(transfer, style, alpha, Smoothing(smooth), size)
    one_file = not isinstance(writer, FolderWriter)
    last: Image.Image | None = None
    bar = tqdm(source.frames, "stylising", source.count, unit="frame", disable=no_bar(progress))
    try:
        for frame in bar:
            reason = frame.reason or (painter.misfit(frame) if one_file else "")
            if reason:
                report.skipped[frame.name] = reason
                if one_file and last is not None:
                    writer.add(last, frame)
                continue
            last = painter(frame)
            writer.add(last, frame)
            report.saved += 1
        if report.saved:
            writer.close()
    except OSError as error:
        raise ImageError(f"the result cannot be written: {error.strerror or error}") from None
    finally:
        writer.discard()
    report.seconds = time.perf_counter() - started
    return report


@dataclass
class FramePainter:
    """All of a sequence's stylisation but the frames; call it with them in order."""

    transfer: StyleTransfer
    style: StyleStatistics
    alpha: float
    smoothing: Smoothing
    size: int | None = None
    first: tuple[int, int] | None = None

    def misfit(self, frame: Frame) -> str:
        """Why a frame does not fit to the first one; empty if it does."""
        if self.first in (None, frame.picture.size):
            return ""
        width, height = frame.picture.size
        return f"it has {width} x {height} pixels, the first {self.first[0]} x {self.first[1]}"

    def __call__(self, frame: Frame) -> Image.Image:
        self.first = self.first or frame.picture.size
        picture = resize_shorter_side(frame.picture, self.size) if self.size else frame.picture
        return to_image(
            stylize_within_memory(
                self.transfer, to_tensor(picture), self.style, self.alpha, adjust=self.smoothing
            )
        )
