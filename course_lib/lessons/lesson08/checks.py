"""Checks of lesson 08: keeping colours, the weights of a grid, and the three briefs."""

from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor

from course_lib import CourseError
from course_lib.lessons.agreement import compare
from course_lib.lessons.answers import CheckFailed, attempts
from course_lib.lessons.checking import exercise
from course_lib.lessons.smallest_case import plain_list
from course_lib.painting.colour import LUMINANCE_WEIGHTS, luminance
from course_lib.painting.mixtures import corner_weights
from course_lib.painting.recipe import Recipe


def _colour_mistakes(stylised: Tensor, content: Tensor) -> dict[str, Tensor]:
    """Results of the likely mistakes in the transfer of luminance."""

    def mean(x: Tensor) -> Tensor:
        return x.mean(1, keepdim=True)

    def reverse(x: Tensor) -> Tensor:
        weights = x.new_tensor(LUMINANCE_WEIGHTS[::-1])[:, None, None]
        return (x * weights).sum(1, keepdim=True)

    grey, own = luminance(stylised), luminance(content)
    return {
        "the pictures are swapped: luminance is the stylised one's, colour the content's": own
        + stylised
        - grey,
        "this is a plain mean of R, G and B: luminance weighs them 0.299, 0.587, 0.114": mean(
            stylised
        )
        + content
        - mean(content),
        "the weights are in the order B, G, R": reverse(stylised) + content - reverse(content),
        "the content's luminance was not taken away, so the result is too light": grey + content,
        "the content's colour is missing: this is the stylised luminance alone": grey.expand_as(
            content
        ),
        "only the luminance came back: (N, 1, H, W)": grey,
        "this is the stylised picture, unchanged": stylised,
        "this is the content, unchanged": content,
    }


@exercise(
    "keep_colours",
    "batches, any size, one pixel",
    "",
    lambda stylised, content: luminance(stylised) + content - luminance(content),
    ("stylised", "content"),
    list,
    mistakes=_colour_mistakes,
)
def check_keep_colours() -> Iterator[tuple]:
    """Exercise 08.2: ``answer(stylised, content)`` -> stylised's luminance, content's colour."""
    for shape in ((1, 3, 4, 6), (2, 3, 5, 5), (1, 3, 1, 1)):
        generator = torch.Generator().manual_seed(sum(shape))
        # Pale pictures: no sum leaves [0, 1], so that nobody has to think of clipping here.
        yield tuple(0.35 + 0.3 * torch.rand(2, *shape, generator=generator))


def check_corner_weights(answer: Callable) -> None:
    """Exercise 08.1: ``answer(rows, columns)`` -> rows of columns of four weights."""
    grids = ((3, 3), (2, 2), (2, 5), (4, 3))
    results, error = attempts(answer, grids, "corner_weights")
    for (rows, columns), result in zip(grids, results, strict=False):
        try:
            given = torch.tensor(plain_list(result), dtype=torch.float32)
        except (TypeError, ValueError, RuntimeError):
            raise CheckFailed(
                f"{rows} rows of {columns} places with four numbers each are wanted: nested lists "
                "of numbers"
            ) from None
        right = torch.tensor(corner_weights(rows, columns))
        compare(given, right, _grid_mistakes(rows, columns, right), f"a {rows} x {columns} grid")
    if error is not None:
        raise error
    if results:
        print("corner_weights: correct (every corner pure, every place summing to 1)")


def _grid_mistakes(rows: int, columns: int, right: Tensor) -> dict[str, Tensor]:
    """Results of the likely mistakes in the weights of a grid."""
    y, x = (torch.arange(n) / n for n in (rows, columns))
    y, x = y[:, None].expand(rows, columns), x[None].expand(rows, columns)
    short = torch.stack([(1 - y) * (1 - x), (1 - y) * x, y * (1 - x), y * x], -1)
    return {
        "the last row and column are not pure: count the steps, rows - 1, not the rows": short,
        "rows and columns are swapped: the second style belongs to the top right corner": right[
            ..., [0, 2, 1, 3]
        ],
        "the order is top left, top right, bottom left, bottom right": right[..., [0, 1, 3, 2]],
        "rows run upwards: the first row is the top one": right.flip(0),
        "rows and columns have changed places": torch.tensor(corner_weights(columns, rows)),
    }


BRIEFS = {
    1: "the photograph's own colours",
    2: "two worlds in one picture",
    3: "a style that nobody painted",
}


def check_brief(number: int, folder: str | Path) -> None:
    """Look whether a saved recipe answers brief 1, 2 or 3 of lesson 08; taste is not checked."""
    title = f"brief {number} ({BRIEFS[number]})"
    path = Path(folder) / "recipe.json"
    if not path.exists():
        return print(f"{title}: not handed in yet")
    try:
        recipe = Recipe.load(path)
        recipe.check_files(folder)
    except CourseError as error:
        raise CheckFailed(f"{title}: {error}") from None
    shares = recipe.weights or (1,) * len(recipe.styles)
    largest = max(shares) / sum(shares)
    wanted = {
        1: [
            (recipe.colour != "style", "choose one of the two ways to keep the photo's colours"),
            (recipe.alpha >= 0.5, f"alpha is {recipe.alpha:g}: at least 0.5, so that it shows"),
        ],
        2: [
            (len(recipe.masks) == 1, "choose a mask: a split, an ellipse or a picture of yours"),
            (len(recipe.styles) == 2, "give both regions a style of their own"),
            (len(set(recipe.styles)) == len(recipe.styles), "the two styles are the same"),
        ],
        3: [
            (len(recipe.styles) >= 3, f"mix at least three styles, not {len(recipe.styles)}"),
            (largest <= 0.6, f"one style has {largest:.0%} of the weight: at most 60 %"),
            (recipe.style_scale != 1, "choose a style scale other than 1"),
        ],
    }[number]
    missing = [advice for met, advice in wanted if not met]
    if missing:
        raise CheckFailed(f"{title}: {'; '.join(missing)}")
    print(f"{title}: everything is there")
