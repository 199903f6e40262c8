"""Moving pictures as frames: folders, animations and video files, read and written one by one."""

import contextlib
import re
import struct
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image

from course_lib.images import ImageError, find_images, open_image, save_image
from course_lib.system.files import replacing
from course_lib.system.optional_packages import need
from course_lib.system.picture_files import check_pixels

VIDEO_EXTENSIONS = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi")
# What Pillow raises for damaged animations, oversized later frames among them.
BROKEN = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    IndexError,
    TypeError,
    KeyError,
    struct.error,
    Image.DecompressionBombError,
)
DEFAULT_SECONDS = 0.1  # for a frame whose file does not say how long it is shown


@dataclass(frozen=True)
class Frame:
    """One frame: an RGB picture, or the reason why there is none."""

    name: str
    seconds: float
    picture: Image.Image | None = None
    reason: str = ""


@dataclass
class Source:
    """Frames to read, in order. ``loop`` is a GIF's number of repeats, 0 for ever, None for once;
    ``sound`` is a video file whose sound goes with them, at ``fps`` frames per second; ``ignored``
    are a folder's other files."""

    path: Path
    count: int
    frames: Iterator[Frame]
    loop: int | None = None
    sound: Path | None = None
    fps: float | None = None
    names: list[Path] = field(default_factory=list)
    ignored: dict[Path, str] = field(default_factory=dict)


def is_video(path: Path) -> bool:
    return path.suffix.lower() in VIDEO_EXTENSIONS


def open_frames(path: Path, fps: float | None = None, leave_out: Path | None = None) -> Source:
    """Open a folder of images, an animation (GIF, WebP, APNG) or a video file.

    Args:
        fps: frames per second, for a folder and instead of the file's own.
        leave_out: a file or folder inside the folder that holds results of an earlier run.

    Raises:
        ImageError: missing, not readable, or a single picture.
        MissingPackageError: a video, and ``imageio-ffmpeg`` is not installed.
    """
    if not path.exists():
        raise ImageError(f"{path}: no such file or folder")
    seconds = 1 / fps if fps else None
    if path.is_dir():
        found = find_images(path)
        names = sorted(found, key=lambda p: natural_order(p.relative_to(path)))
        if leave_out is not None and leave_out.resolve().is_relative_to(path.resolve()):
            results = leave_out.resolve()
            names = [name for name in names if not name.resolve().is_relative_to(results)]
        frames = _folder_frames(path, names, seconds or DEFAULT_SECONDS)
        return Source(path, len(names), frames, loop=0, names=names, ignored=found.ignored)
    return _open_video(path, seconds) if is_video(path) else _open_animation(path, seconds)


def natural_order(path: Path) -> list[tuple[int, int, str]]:
    """A sorting key that puts ``frame_2`` before ``frame_10``."""
    parts = re.findall(r"[0-9]+|[^0-9]+", str(path))
    return [(0, int(p), p) if p.isdecimal() else (1, 0, p) for p in parts]


def _folder_frames(folder: Path, names: list[Path], seconds: float) -> Iterator[Frame]:
    for path in names:
        name = str(path.relative_to(folder))
        try:
            yield Frame(name, seconds, open_image(path))
        except ImageError as error:
            yield Frame(name, seconds, None, str(error))


def _open_animation(path: Path, seconds: float | None) -> Source:
    open_image(path)  # its complaints about files that are no images are good ones
    try:
        image = Image.open(path)
        count = getattr(image, "n_frames", 1)
    except BROKEN as error:
        raise ImageError(f"{path} is damaged or truncated ({error})") from None
    if count < 2:
        image.close()
        raise ImageError(f"{path} is a single picture; use 'stylize' for it")
    return Source(path, count, _animation_frames(image, count, seconds), image.info.get("loop"))


def _animation_frames(image: Image.Image, count: int, seconds: float | None) -> Iterator[Frame]:
    white = (255, 255, 255, 255)
    with image:
        for index in range(count):
            name = f"frame {index + 1}"
            try:
                image.seek(index)
                check_pixels(name, *image.size)
                shown = image.convert("RGBA")
            except BROKEN as error:
                yield Frame(name, seconds or DEFAULT_SECONDS, None, f"damaged ({error})")
                continue
            duration = seconds or image.info.get("duration", 0) / 1000 or DEFAULT_SECONDS
            under = Image.new("RGBA", shown.size, white)
            yield Frame(name, duration, Image.alpha_composite(under, shown).convert("RGB"))


def _open_video(path: Path, seconds: float | None) -> Source:
    ffmpeg = need("imageio_ffmpeg", "imageio-ffmpeg", f"reading {path}")
    try:
        reader = ffmpeg.read_frames(str(path))
        about = next(reader)
        count = ffmpeg.count_frames_and_secs(str(path))[0]
    except (OSError, RuntimeError, StopIteration):
        raise ImageError(f"{path} is not a video that ffmpeg can read, or is damaged") from None
    sound = path if about.get("audio_codec") else None
    fps = about.get("fps") or 25
    frames = _video_frames(reader, about["size"], seconds or 1 / fps)
    return Source(path, count, frames, loop=0, sound=sound, fps=fps)


def _video_frames(
    reader: Iterator[bytes], size: tuple[int, int], seconds: float
) -> Iterator[Frame]:
    index = 0
    try:
        for index, data in enumerate(reader, 1):
            array = np.frombuffer(data, np.uint8).reshape(size[1], size[0], 3)
            yield Frame(f"frame {index}", seconds, Image.fromarray(array))
    except (OSError, RuntimeError):
        yield Frame(f"frame {index + 1}", seconds, None, "the video ends or is damaged here")


class Writer(Protocol):
    """Where frames go; ``close`` completes the file, ``discard`` leaves nothing of it."""

    def add(self, picture: Image.Image, frame: Frame) -> None: ...
    def close(self) -> None: ...
    def discard(self) -> None: ...


class FolderWriter:
    """One image file per frame: a folder's names are kept, other frames are numbered."""

    def __init__(self, out: Path, plan: dict[str, Path] | None = None) -> None:
        self.out, self.plan = out, plan or {}

    def add(self, picture: Image.Image, frame: Frame) -> None:
        number = frame.name.removeprefix("frame ").zfill(5)
        save_image(picture, self.plan.get(frame.name) or self.out / f"frame_{number}.png")

    def close(self) -> None:
        """Every frame is a complete file already."""

    discard = close


class GifWriter:
    """An animated GIF, written at the end, because GIF wants all durations to be known.

    Frames wait as 256 colours, one byte a pixel.
    """

    def __init__(self, path: Path, loop: int | None) -> None:
        self.path, self.loop = path, loop
        self.pictures: list[Image.Image] = []
        self.milliseconds: list[int] = []
        self._time = 0.0

    def add(self, picture: Image.Image, frame: Frame) -> None:
        # GIF counts hundredths of a second; what rounding loses is made up by the next frame.
        self._time += frame.seconds * 1000
        shown = max(20, round((self._time - sum(self.milliseconds)) / 10) * 10)
        self.pictures.append(picture.quantize(256))
        self.milliseconds.append(shown)

    def close(self) -> None:
        options = {} if self.loop is None else {"loop": self.loop}
        first, *others = self.pictures
        with replacing(self.path) as temporary:
            first.save(
                temporary,
                save_all=True,
                append_images=others,
                duration=self.milliseconds,
                optimize=False,
                **options,
            )

    def discard(self) -> None:
        self.pictures.clear()


class VideoWriter:
    """A video file (H.264; VP9 for WebM) with even sides: an odd one gets its last line twice."""

    def __init__(self, path: Path, sound: Path | None) -> None:
        self.ffmpeg = need("imageio_ffmpeg", "imageio-ffmpeg", f"writing {path}")
        self.path, self.sound = path, sound
        self._stream: Generator | None = None
        self._file = contextlib.ExitStack()

    def add(self, picture: Image.Image, frame: Frame) -> None:
        array = np.asarray(picture.convert("RGB"))
        array = np.pad(array, [(0, array.shape[0] % 2), (0, array.shape[1] % 2), (0, 0)], "edge")
        if self._stream is None:
            temporary = self._file.enter_context(replacing(self.path))
            self._stream = self.ffmpeg.write_frames(
                str(temporary),
                (array.shape[1], array.shape[0]),
                fps=1 / frame.seconds,
                macro_block_size=2,
                quality=8,
                ffmpeg_log_level="error",
                codec="libvpx-vp9" if self.path.suffix.lower() == ".webm" else "libx264",
                audio_path=str(self.sound) if self.sound else None,
            )
            self._stream.send(None)
        self._stream.send(np.ascontiguousarray(array).tobytes())

    def close(self) -> None:
        self._stream.close()
        self._file.close()

    def discard(self) -> None:
        if self._stream is not None:
            self._stream.close()
        error = ImageError("not finished")
        self._file.__exit__(ImageError, error, None)  # does nothing after close()
