"""Scores for stylised images: how much style arrived, how much content was kept."""

from collections.abc import Collection, Sequence
from pathlib import Path
from statistics import mean
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib import CourseError
from course_lib.images import open_image, square, to_tensor
from course_lib.losses import STYLE_LAYERS, style_loss
from course_lib.measuring.scores import edge_correlation, edge_strength
from course_lib.stylize import StyleTransfer
from course_lib.system.listings import check_names, find_images, plain_name, readable
from course_lib.vgg import VGG19Encoder

LINEUP = 8  # photographs from which a judge picks the one that was painted


@torch.inference_mode()
def decoder_scores(
    transfer: StyleTransfer, contents: Sequence[Tensor], styles: Sequence[Tensor]
) -> list[dict[str, float | None]]:
    """Score every content with every style against two yardsticks.

    ``style_ratio`` is the style loss of the stylised image divided by that of the untouched
    photograph against the same style (1: nothing happened, 0: perfect); None if the style is that
    very photograph, which leaves nothing to compare with. ``content_ratio`` is the
    relu4_1 distance of the stylised image to its photograph divided by the mean distance between
    two different photographs (1: as far as another photograph); distances are root mean squares.
    ``found_by_features`` and ``found_by_edges``: whether, of up to eight photographs, the right one
    is the nearest to the picture in relu4_1, and the one whose edges correlate best with it.
    All are measured in float32 with the normalised original weights.

    Args:
        contents: at least two images (1, 3, H, W) of one size.
        styles: images (1, 3, H, W).

    Raises:
        CourseError: fewer than two contents, contents of different sizes, or all alike.
    """
    if len(contents) < 2 or len({content.shape for content in contents}) > 1:
        raise CourseError("scoring needs at least two content images of one size")
    judge = VGG19Encoder("original").to(transfer.device)

    def features(image: Tensor) -> dict[str, Tensor]:
        return judge(image.to(transfer.device), STYLE_LAYERS)

    def distance(a: dict[str, Tensor], b: dict[str, Tensor]) -> float:
        return (a["relu4_1"] - b["relu4_1"]).square().mean().sqrt().item()

    content_features = [features(content) for content in contents]
    pairs = [(a, b) for i, a in enumerate(content_features) for b in content_features[:i]]
    yardstick = sum(distance(a, b) for a, b in pairs) / len(pairs)
    if not yardstick:
        raise CourseError("all photographs are the same picture; scoring needs different ones")
    edges = [edge_strength(content) for content in contents]
    scores = []
    for s, style in enumerate(styles):
        target = features(style)
        encoded = transfer.encode_style(style)
        for c, content in enumerate(contents):
            picture = transfer.stylize(content, encoded)
            output, drawn = features(picture), edge_strength(picture.cpu())
            lineup = [(c + i) % len(contents) for i in range(min(LINEUP, len(contents)))]
            near = min(lineup, key=lambda i: distance(output, content_features[i]))
            alike = max(lineup, key=lambda i: edge_correlation(drawn, edges[i]))
            before = style_loss(content_features[c], target).item()
            after = style_loss(output, target).item()
            scores.append(
                {
                    "content": c,
                    "style": s,
                    "style_ratio": after / before if before else None,
                    "content_ratio": distance(output, content_features[c]) / yardstick,
                    "found_by_features": near == c,
                    "found_by_edges": alike == c,
                }
            )
    return scores


class Folders(NamedTuple):
    """Photographs and paintings to score, and what was left out, with the reason."""

    photographs: list[Path]
    paintings: list[Path]
    skipped: dict[Path, str]
    ignored: dict[Path, str]


def list_folders(content: Path, style: Path, only: Collection[str] = (), every: int = 1) -> Folders:
    """The photographs of a folder, and the paintings of another, that can be read.

    Args:
        only: if given, use only files with these names, for example a list of held-out images.
        every: of those, take every second, third, ... photograph and painting only.

    Raises:
        ImageError: a folder is missing or empty.
        CourseError: no file has one of the names, or no painting is left.
    """
    folders = [find_images(content), find_images(style)]
    skipped, ignored = {}, folders[0].ignored | folders[1].ignored
    if only:
        check_names(only, [*folders[0], *folders[1]])
        wanted = set(map(plain_name, only))
        folders = [[p for p in paths if plain_name(p.name) in wanted] for paths in folders]
    folders = [readable(paths[::every], skipped) for paths in folders]
    if not folders[1]:
        raise CourseError(f"no painting in {style} is on the list, or none can be read")
    return Folders(*folders, skipped, ignored)


def score_folders(transfer: StyleTransfer, folders: Folders, size: int) -> dict[str, object]:
    """Score every photograph with every painting, as squares of ``size``.

    Pictures with fewer pixels are enlarged and thereby blurred, and are named. No decoder that
    paints strokes comes near a blurred painting, so the mean style ratio is given without these,
    too.

    Raises:
        CourseError: there are fewer than two photographs, all of them are the same picture, or
            every painting is one of them.
    """
    (contents, small_photographs), (styles, enlarged) = (_squares(p, size) for p in folders[:2])
    scores = decoder_scores(transfer, contents, styles)
    for score in scores:
        score["style"] = folders.paintings[int(score["style"])].name
    ratios = [score["style_ratio"] for score in scores if score["style_ratio"] is not None]
    if not ratios:
        raise CourseError("every painting is the photograph itself; use others")
    by_style = {path.name: _mean_ratio(scores, path.name) for path in folders.paintings}
    large = [by_style[name] for name in by_style if name not in enlarged]
    known = [ratio for ratio in large if ratio is not None]
    return {
        "pairs": len(scores),
        "pairs_of_one_picture_with_itself": len(scores) - len(ratios),
        "photographs": len(contents),
        "paintings": len(styles),
        "enlarged_photographs": small_photographs,
        "enlarged_paintings": enlarged,
        "mean_style_ratio": mean(ratios),
        "mean_style_ratio_without_enlarged": mean(known) if known else None,
        "mean_content_ratio": mean(score["content_ratio"] for score in scores),
        "mean_squared_content_ratio": mean(score["content_ratio"] ** 2 for score in scores),
        "found_by_features": mean(score["found_by_features"] for score in scores),
        "found_by_edges": mean(score["found_by_edges"] for score in scores),
        "by_style": by_style,
    }


def _squares(paths: Sequence[Path], size: int) -> tuple[list[Tensor], list[str]]:
    """Pictures as squares (1, 3, size, size), and the names of those with fewer pixels."""
    squares, enlarged = [], []
    for path in paths:
        image = open_image(path)
        squares.append(to_tensor(square(image, size)))
        if min(image.size) < size:
            enlarged.append(path.name)
    return squares, enlarged


def _mean_ratio(scores: Sequence[dict[str, object]], style: str) -> float | None:
    ratios = [score["style_ratio"] for score in scores if score["style"] == style]
    known = [ratio for ratio in ratios if ratio is not None]
    return mean(known) if known else None
