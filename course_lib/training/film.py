"""A film of the training: the same two pairs, painted after 0, 1, 2, 5, 10, 20, 50, ... steps.

While the run goes on it is kept as one strip of frames without loss, ``film.png``; its text chunk
``steps`` names the step of each frame. ``finish_film`` makes files of it that are small enough to
share: a strip, ``film.jpg``, whose comment names the steps, and an animation, ``film.gif``.
"""

from pathlib import Path

import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from torch import Tensor, nn

from course_lib import DATA_DIR
from course_lib.adain import adain
from course_lib.images import (
    center_crop,
    open_image,
    resize_shorter_side,
    save_animation,
    save_small,
    to_image,
    to_tensor,
)
from course_lib.system.files import replacing
from course_lib.vgg import VGG19Encoder

SIDE = 192
LARGEST_FILE = 400_000  # bytes
PAIRS = (
    ("content/cat.jpg", "masterpieces/van_gogh_street_in_auvers.jpg"),
    ("content/city.jpg", "masterpieces/kandinsky_composition_viii.jpg"),
)


def is_film_step(step: int) -> bool:
    """Whether a frame is due after this step: 0 or 1, 2 or 5 times a power of ten."""
    return str(step).rstrip("0") in ("", "1", "2", "5")


def film_pairs() -> tuple[Tensor, Tensor]:
    """Photographs and paintings of the film, each (2, 3, 192, 192) in [0, 1]."""
    contents, styles = zip(*PAIRS, strict=True)
    return tuple(
        torch.cat(
            [
                to_tensor(resize_shorter_side(center_crop(open_image(DATA_DIR / name)), SIDE))
                for name in names
            ]
        )
        for names in (contents, styles)
    )


@torch.no_grad()
def film_frame(
    encoder: VGG19Encoder, decoder: nn.Module, contents: Tensor, styles: Tensor
) -> Image.Image:
    """Both pairs as the decoder paints them now, one above the other."""
    pictures = decoder(adain(encoder.encode(contents), encoder.encode(styles)))
    return to_image(torch.cat(list(pictures.clamp(0, 1)), 1)[None])


def add_to_film(path: Path, frame: Image.Image, step: int) -> None:
    """Put a frame at the end of the strip; frames of later steps, which are done again, go."""
    frames = [(s, f) for s, f in read_film(path) if s < step] if path.exists() else []
    frames.append((step, frame))
    strip = Image.new("RGB", (frame.width * len(frames), frame.height))
    for i, (_, picture) in enumerate(frames):
        strip.paste(picture, (i * frame.width, 0))
    notes = PngInfo()
    notes.add_text("steps", " ".join(str(s) for s, _ in frames))
    with replacing(path) as temporary:
        strip.save(temporary, pnginfo=notes)


def read_film(path: Path) -> list[tuple[int, Image.Image]]:
    """The frames of a film, ``film.png`` or ``film.jpg``, each with its step."""
    with Image.open(path) as strip:
        steps = [int(step) for step in (strip.info.get("steps") or strip.info["comment"]).split()]
        width = strip.width // len(steps)
        return [
            (step, strip.crop((i * width, 0, (i + 1) * width, strip.height)))
            for i, step in enumerate(steps)
        ]


def finish_film(path: Path) -> list[Path]:
    """Write ``film.jpg`` and ``film.gif`` beside ``film.png``; returns their paths."""
    film = read_film(path)
    with Image.open(path) as strip:
        picture = strip.convert("RGB")
        picture.info["comment"] = strip.info["steps"].encode()
    return [
        save_small(picture, path.with_suffix(".jpg"), LARGEST_FILE),
        save_animation([frame for _, frame in film], path.with_suffix(".gif"), LARGEST_FILE),
    ]
