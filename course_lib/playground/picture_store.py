"""Pictures at hand by name, what was measured of them, and looks made into pictures.

Encoding is the slow half. Features of a photograph and statistics of a style are kept, so that a
look which differs from the last one in alpha, weights or a mask only mixes and decodes.
"""

import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path

from PIL import Image
from torch import Tensor

from course_lib.images import ImageError, library, load_image, to_tensor
from course_lib.painting.colour import luminance
from course_lib.painting.masks import add_rest, load_mask
from course_lib.painting.paint_settings import PaintSettings
from course_lib.painting.painter import measure_styles, open_styles, paint
from course_lib.playground.settings import STYLE_SIZE, Look
from course_lib.playground.uploads import free_name, read_upload
from course_lib.polish import Watch
from course_lib.stylize import StyleStatistics, StyleTransfer

KINDS = ("photograph", "style", "mask")
KEPT = 24  # photographs, features, statistics and masks each; the oldest make room


class PictureStore:
    """Pictures by name and a stylising network.

    Args:
        transfer: the network; the shipped one is loaded if not given.

    Attributes:
        files: kind -> name -> file: ``photograph`` and ``style`` begin with the bundled and
            fetched pictures, ``mask`` empty. Uploads are PNG files in a temporary folder.
    """

    def __init__(self, transfer: StyleTransfer | None = None) -> None:
        self.transfer = transfer or StyleTransfer.load()
        self.files: dict[str, dict[str, Path]] = {
            "photograph": library("content"),
            "style": library("style"),
            "mask": {},
        }
        self._folder = tempfile.TemporaryDirectory(prefix="playground-")
        self._lock = threading.RLock()  # a form works in a thread of its own
        self._kept: dict[str, OrderedDict[Hashable, object]] = {}

    def add(self, kind: str, file_name: str, data: bytes) -> str:
        """Take an uploaded picture in and return the name it goes by.

        Raises:
            ImageError: it is too large, damaged or no image; nothing has changed then.
        """
        image = read_upload(file_name, data)
        name = free_name(file_name, self.files[kind])
        path = Path(self._folder.name) / f"{kind}_{len(self.files[kind])}.png"
        image.save(path)
        self.files[kind][name] = path
        return name

    def add_file(self, kind: str, path: Path) -> str:
        """Take a picture file in under its own name, and return that.

        Raises:
            ImageError: there is no such file.
        """
        if not path.is_file():
            raise ImageError(f"{path}: no such file")
        known = {file.resolve(): name for name, file in self.files[kind].items()}
        name = known.get(path.resolve()) or free_name(path.name, self.files[kind])
        self.files[kind].setdefault(name, path)
        return name

    def file(self, kind: str, name: str) -> Path:
        """Where the picture of a name is.

        Raises:
            ImageError: there is none; the message lists those that are.
        """
        if name not in self.files[kind]:
            there = ", ".join(self.files[kind]) or "none yet"
            raise ImageError(f"no {kind} '{name}'; there are {there}")
        return self.files[kind][name]

    def photograph(self, look: Look) -> Tensor:
        """The look's photograph at its size, (1, 3, H, W) in [0, 1]."""
        path = self.file("photograph", look.content)
        return self._keep("photograph", (path, look.size), lambda: load_image(path, look.size))

    def features(self, look: Look) -> Tensor:
        """The photograph's features at relu4_1; encoded once."""
        key = (self.file("photograph", look.content), look.size)
        return self._keep("features", key, lambda: self.transfer.encode(self.photograph(look)))

    def render(self, look: Look, watch: Watch | None = None) -> Tensor:
        """Make a look's picture, (1, 3, H, W) in [0, 1].

        ``watch`` sees every step of polishing, and a true answer of it ends that (see ``polish``).

        Raises:
            ImageError: a picture is missing or cannot be read.
        """
        photograph, features = self.photograph(look), self.features(look)
        statistics = [self.statistics(name, look) for name in look.used_styles]
        mask = None if look.mask is None else self._mask(look, tuple(photograph.shape[-2:]))

        settings = PaintSettings(**look.used_settings())
        return paint(
            self.transfer, photograph, statistics, settings, mask, features, watch=watch
        ).picture

    def statistics(self, name: str, look: Look) -> StyleStatistics:
        """What was measured of a style, with the scale and colours that the look asks for."""
        path = self.file("style", name)
        # CORAL changes a style's colours before it is measured, differently for each photograph.
        colours = (
            (self.file("photograph", look.content), look.size) if look.colour == "coral" else None
        )

        def measure() -> StyleStatistics:
            style = open_styles([path], STYLE_SIZE, look.style_scale)
            photograph = self.photograph(look) if colours else None
            return measure_styles(self.transfer, style, photograph, every_layer)[0]

        every_layer = look.polish > 0
        return self._keep("statistics", (path, look.style_scale, colours, every_layer), measure)

    def mask_image(self, look: Look, size: tuple[int, int]) -> Image.Image:
        """The mask of a look that has one: white where the first style goes; (width, height)."""
        mask = self._mask(look, size[::-1])[0]
        return Image.fromarray(mask.mul(255).round().byte().cpu().numpy())

    def _mask(self, look: Look, size: tuple[int, int]) -> Tensor:
        def draw() -> Tensor:
            if isinstance(look.mask, str):
                return load_mask(self.file("mask", look.mask), size)
            # By way of the 8-bit picture that a recipe keeps, so that both give the same bits.
            drawn = to_tensor(look.mask.draw(*size).convert("RGB"))
            return add_rest(luminance(drawn)[0])

        return self._keep("mask", (look.mask, size), draw)

    def _keep(self, kind: str, key: Hashable, make: Callable[[], object]) -> object:
        with self._lock:
            kept = self._kept.setdefault(kind, OrderedDict())
            if key not in kept:
                kept[key] = make()
                while len(kept) > KEPT:
                    kept.popitem(last=False)
            kept.move_to_end(key)
            return kept[key]
