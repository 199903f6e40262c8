"""Several methods on the same pairs of pictures, with controls, in one process."""

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from course_lib import CourseError
from course_lib.images import ImageError, square, to_image, to_tensor
from course_lib.measuring.controls import CONTROLS, TRICKS
from course_lib.measuring.scores import Measurements, measure, score
from course_lib.system.devices import synchronize
from course_lib.system.listings import find_images
from course_lib.vgg import VGG19Encoder


class NotCompared(CourseError):
    """A method that cannot take part here; the message is one sentence that says why."""


@dataclass(frozen=True)
class Method:
    """A way to repaint a photograph.

    Args:
        name: in tables and figures.
        run: ``run(content, style)``, both (1, 3, H, W) in [0, 1], gives a picture of the content's
            size. What can be loaded once is loaded before.
        few: too slow for every pair; it gets a few only.
        settings: for the record.
    """

    name: str
    run: Callable[[Tensor, Tensor], Tensor]
    few: bool = False
    settings: Mapping[str, object] = field(default_factory=dict)


Pair = tuple[str, str]  # names of a photograph and a style
Scores = dict[str, float | None]


@dataclass
class Comparison:
    """What ``compare`` found.

    Args:
        few: the pairs that slow methods and the tricks were run on.
        scores: name of a control, method or trick -> pair -> its scores.
        seconds: name of a method -> wall-clock seconds of every picture.
        pictures: the same names -> pair -> picture (1, 3, H, W), for the pairs of ``few``.
        missing: name of a method -> why it was not compared.
    """

    few: list[Pair]
    scores: dict[str, dict[Pair, Scores]] = field(default_factory=lambda: defaultdict(dict))
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    pictures: dict[str, dict[Pair, Tensor]] = field(default_factory=lambda: defaultdict(dict))
    missing: dict[str, str] = field(default_factory=dict)


def spread_pairs(contents: Sequence[str], styles: Sequence[str], count: int) -> list[Pair]:
    """``count`` different pairs (or all, if there are fewer), spread over both lists."""
    everything = [(content, style) for content in contents for style in styles]
    count = min(count, len(everything))
    diagonal = [
        (contents[i * len(contents) // count], styles[i * len(styles) // count])
        for i in range(count)
    ]
    return list(dict.fromkeys([*diagonal, *everything]))[:count]


@torch.no_grad()
def compare(
    methods: Sequence[Method],
    contents: Mapping[str, Tensor],
    styles: Mapping[str, Tensor],
    few: int = 4,
    device: torch.device | None = None,
    on_done: Callable[[str, str, str], None] | None = None,
) -> Comparison:
    """Repaint every photograph in every style with every method, and score all beside controls.

    Results are rounded to 8 bits first, as they would be saved. The judge is the normalised
    original encoder in float32, whatever the methods use. The methods take turns pair by pair, so
    that a machine whose speed drifts is fair to all. Seconds are those of one picture with
    everything loaded, without files; each fast method runs once before, uncounted.

    Args:
        contents, styles: name -> (1, 3, H, W) in [0, 1], all of one size.
        few: pairs for the methods that are marked so, and for the tricks.
        device: of the judge.
        on_done: called with method, photograph and style after every picture.

    Raises:
        CourseError: there are no photographs or styles, or they have several sizes.
    """
    if not contents or not styles:
        raise CourseError("a comparison needs at least one photograph and one style")
    if len({image.shape for image in (*contents.values(), *styles.values())}) > 1:
        raise CourseError("photographs and styles must have one size")
    judge = _Judge(styles, device or torch.device("cpu"))
    found = Comparison(spread_pairs(list(contents), list(styles), few))
    running = [method for method in methods if _starts(method, contents, styles, found)]
    blank = judge.measure(CONTROLS["noise"](next(iter(contents.values())), judge.any_style))
    for content_name, content in contents.items():
        original = judge.measure(content)
        for style_name, style in styles.items():
            pair = content_name, style_name
            copies = (original, judge.styles[style_name], blank)
            for name, copy in zip(CONTROLS, copies, strict=True):
                found.scores[name][pair] = judge.score(copy, original, style_name)
                if pair in found.few:
                    found.pictures[name][pair] = CONTROLS[name](content, style)
            for method in list(running):
                if method.few and pair not in found.few:
                    continue
                image = _timed(method, content, style, found)
                if image is None:
                    running.remove(method)
                    continue
                scores = judge.score(judge.measure(image), original, style_name)
                found.scores[method.name][pair] = scores
                if pair in found.few:
                    found.pictures[method.name][pair] = image
                if on_done:
                    on_done(method.name, *pair)
            if pair in found.few:
                for name, trick in TRICKS.items():
                    image = _as_saved(trick(content, style))
                    scores = judge.score(judge.measure(image), original, style_name)
                    found.scores[name][pair], found.pictures[name][pair] = scores, image
    return found


class _Judge:
    """The encoder that all are measured with, and all styles as it sees them."""

    def __init__(self, styles: Mapping[str, Tensor], device: torch.device) -> None:
        self.encoder = VGG19Encoder("original").to(device)
        self.styles = {name: self.measure(style) for name, style in styles.items()}
        self.any_style = next(iter(styles.values()))

    def measure(self, image: Tensor) -> Measurements:
        return measure(self.encoder, image)

    def score(self, result: Measurements, content: Measurements, style: str) -> Scores:
        others = [measured for name, measured in self.styles.items() if name != style]
        return score(result, content, self.styles[style], others)


def _starts(
    method: Method, contents: Mapping[str, Tensor], styles: Mapping[str, Tensor], found: Comparison
) -> bool:
    """Whether a fast method runs at all; it is warm then."""
    if method.few:
        return bool(found.few)
    first = next(iter(contents.values())), next(iter(styles.values()))
    warm = _timed(method, *first, found) is not None
    found.seconds.pop(method.name, None)
    return warm


def _timed(method: Method, content: Tensor, style: Tensor, found: Comparison) -> Tensor | None:
    """The picture as saved; None, with everything of the method withdrawn, if it cannot run."""
    try:
        synchronize(content.device)
        started = time.perf_counter()
        with torch.enable_grad():  # Gatys differentiates
            image = method.run(content, style)
        synchronize(content.device)
        seconds = time.perf_counter() - started
    except NotCompared as reason:
        found.missing[method.name] = str(reason)
        for part in (found.scores, found.seconds, found.pictures):
            part.pop(method.name, None)
        return None
    if image.shape != content.shape:
        raise CourseError(
            f"{method.name} made a picture of shape {tuple(image.shape)} instead of "
            f"{tuple(content.shape)}"
        )
    found.seconds[method.name].append(seconds)
    return _as_saved(image)


def _as_saved(image: Tensor) -> Tensor:
    return to_tensor(to_image(image))


def load_folder(
    folder: Path, size: int
) -> tuple[dict[str, Tensor], dict[Path, str], dict[Path, str]]:
    """Read the images under ``folder`` as squares of ``size`` pixels.

    Returns:
        Name, relative to the folder and without extension where that is clear -> (1, 3, size,
        size); the pictures that cannot be read, and the other files, each with the reason.

    Raises:
        ImageError: the folder is missing, or none of its files can be read.
    """
    images, skipped = {}, {}
    paths = find_images(folder)
    stems = [path.stem for path in paths]
    for path in paths:
        unique = stems.count(path.stem) == 1
        name = path.stem if unique else path.relative_to(folder).as_posix()
        try:
            images[name] = to_tensor(square(path, size))
        except ImageError as error:
            skipped[path] = str(error)
    if not images:
        raise ImageError(f"no image in {folder} can be read: {next(iter(skipped.values()))}")
    return images, skipped, paths.ignored
