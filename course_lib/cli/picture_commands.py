"""``stylize`` and ``demo``: photographs in, paintings out."""

import argparse
import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from course_lib import CourseError
from course_lib.cli.options import (
    Parser,
    add_compute_options,
    between,
    count,
    fraction,
    load_transfer,
    positive,
    program,
    tell_left_out,
    tell_made,
)

if TYPE_CHECKING:
    from course_lib.painting.painter import Painter
    from course_lib.painting.recipe import Recipe


def add_commands(command: Callable[..., Parser]) -> None:
    text = "repaint photographs in a painter's style"
    line = "photo.jpg painting.jpg -o out/picture.jpg"
    add_stylize_options(command("stylize", stylize, text, line))
    parser = command(
        "demo",
        demo,
        "render the contact sheet of bundled photos and styles",
        "--photos cat --styles ink_wash -o out/small.png",
    )
    parser.add_argument("-o", "--out", type=Path, default=Path("out/demo.png"), help="image file")
    parser.add_argument("--photos", nargs="+", metavar="NAME", help="only these photographs")
    parser.add_argument("--styles", nargs="+", metavar="NAME", help="these styles")
    parser.add_argument("--size", type=positive, default=256, help="pixels per picture")
    polish = "then optimise each picture by so many steps"
    parser.add_argument("--polish", type=count, default=0, metavar="N", help=polish)
    add_compute_options(parser)


def add_stylize_options(parser: Parser) -> None:
    inputs = [
        parser.add_argument("content", type=Path, help="a photograph, or a folder of them"),
        parser.add_argument("style", type=Path, nargs="+", help="one painting, or several to mix"),
    ]
    parser.add_argument("-o", "--out", type=Path, required=True, help="image file, or folder")
    # Without a default here, an option is known to be given and goes before the recipe's.
    unset = {"default": argparse.SUPPRESS}
    add_control_options(parser, unset)
    parser.add_argument(
        "--size", type=positive, help="shorter side of the output in pixels", **unset
    )
    parser.add_argument(
        "--style-size", type=positive, help="shorter side of the styles (default: 512)", **unset
    )
    parser.add_argument(
        "--recipe",
        action=WithoutInputs,
        inputs=inputs,
        type=Path,
        metavar="FILE",
        help="a saved recipe instead of content and styles; further options go before its own",
    )
    parser.add_argument("--decoder", type=Path, help="a checkpoint; the shipped one if not given")
    add_compute_options(parser)


def add_control_options(parser: Parser, unset: dict[str, str]) -> None:
    strength = parser.add_mutually_exclusive_group()
    strength.add_argument(
        "--alpha", type=fraction, help="0 content ... 1 full style (default: 1)", **unset
    )
    strength.add_argument(
        "--exaggerate", type=exaggeration, metavar="ALPHA", help="go beyond the style: 1 ... 2"
    )
    parser.add_argument("--weights", type=float, nargs="+", help="one weight per style", **unset)
    parser.add_argument(
        "--mask",
        type=Path,
        nargs="+",
        dest="masks",
        metavar="FILE",
        **unset,
        help="white where the first, second ... style goes; one style more paints the rest",
    )
    parser.add_argument(
        "--colour",
        "--color",
        choices=["style", "luminance", "coral"],
        **unset,
        help="the style's, or the photograph's in one of two ways (default: style)",
    )
    parser.add_argument(
        "--style-scale",
        type=float,
        metavar="S",
        **unset,
        help="enlarge the styles before they are measured, 0.125 ... 4 (default: 1)",
    )
    parser.add_argument(
        "--polish",
        type=count,
        metavar="N",
        **unset,
        help="then optimise the picture itself, by so many steps; Ctrl-C keeps the best so far",
    )
    parser.add_argument(
        "--grid",
        type=grid_shape,
        metavar="ROWSxCOLUMNS",
        help="a sheet of mixtures of four styles; --size is that of one picture (default: 160)",
    )


class WithoutInputs(argparse.Action):
    """An option that takes the place of positional arguments, which are then not required."""

    def __init__(self, inputs: list[argparse.Action], **options: object) -> None:
        super().__init__(**options)
        self.inputs = inputs

    def __call__(
        self, parser: Parser, namespace: argparse.Namespace, value: Path, name: str | None = None
    ) -> None:
        setattr(namespace, self.dest, value)
        for action in self.inputs:
            action.required = False


def exaggeration(text: str) -> float:
    """An argument that must lie in [1, 2]."""
    return between(text, 1, 2, "between 1 and 2; --alpha goes from 0 to 1")


def grid_shape(text: str) -> tuple[int, int]:
    """An argument such as 5x5: rows and columns, two at least."""
    rows, _, columns = text.partition("x")
    if not (rows.isdigit() and columns.isdigit() and 2 <= int(rows) <= 20 >= int(columns) >= 2):
        raise argparse.ArgumentTypeError(
            f"'{text}' is not a number of rows and columns from 2x2 to 20x20"
        )
    return int(rows), int(columns)


def stylize(options: argparse.Namespace) -> int:
    from course_lib.painting.batch import check_paths, stylize_file, stylize_folder
    from course_lib.painting.recipe import make_painter

    recipe, folder = read_recipe(options)
    content = folder / recipe.content
    inputs = [folder / name for name in (*recipe.styles, *recipe.masks)]
    check_paths(content, [*inputs, *filter(None, [options.recipe])], options.out)
    if options.grid:
        stylize_grid(options, recipe, folder)
        return 0
    painter = make_painter(load_transfer(options), recipe, folder, progress=True)
    if not content.is_dir():
        print(stylize_file(painter, content, options.out, recipe.size))
        return report_stop(painter)
    report = stylize_folder(painter, content, options.out, recipe.size)
    code = tell_left_out(report.skipped, report.ignored)
    print(
        f"{len(report.saved)} images in {options.out}, {len(report.skipped)} skipped, "
        f"{report.seconds / max(1, len(report.saved)):.2f} s per image"
    )
    if not report.saved:
        raise CourseError(f"no image in {content} could be stylised")
    return report_stop(painter) or code


def report_stop(painter: "Painter") -> int:
    """The exit code, after a word about Ctrl-C if it ended the polishing."""
    if not painter.stopped:
        return 0
    print("polishing was stopped; the last picture is the best until then", file=sys.stderr)
    return 130


def read_recipe(options: argparse.Namespace) -> tuple["Recipe", Path]:
    """The recipe that the options give or name, and the folder that its file names start from."""
    from course_lib.painting.recipe import Recipe

    names = {field.name for field in dataclasses.fields(Recipe)} - {"content", "styles"}
    given = {name: value for name, value in vars(options).items() if name in names}
    if options.exaggerate is not None:
        given["alpha"] = options.exaggerate
    if options.recipe is None:
        styles = tuple(map(str, options.style))
        if "masks" in given:
            given["masks"] = list(map(str, given["masks"]))
        return Recipe(str(options.content), styles, **given), Path()
    if options.content is not None:
        raise CourseError("a recipe names its photograph and styles; give these or --recipe")
    if "masks" in given:  # named from here, not from the recipe's folder
        given["masks"] = [str(path.absolute()) for path in given["masks"]]
    return dataclasses.replace(Recipe.load(options.recipe), **given), options.recipe.parent


def stylize_grid(options: argparse.Namespace, recipe: "Recipe", folder: Path) -> None:
    """Save the sheet of mixtures of four styles."""
    from course_lib.images import check_sheet, load_image, save_image
    from course_lib.painting.mixtures import corner_grid
    from course_lib.painting.painter import open_styles

    if recipe.masks or recipe.weights:
        raise CourseError("--grid mixes by places on the sheet; leave out --mask and --weights")
    if len(recipe.styles) != 4:
        raise CourseError(f"--grid needs four styles, one a corner, got {len(recipe.styles)}")
    check_sheet(*(side + 2 for side in options.grid), recipe.size or 160)
    photograph = load_image(folder / recipe.content)
    paths = [folder / name for name in recipe.styles]
    styles = open_styles(paths, recipe.style_size, recipe.style_scale, recipe.polish > 0)
    sheet = corner_grid(
        load_transfer(options), photograph, styles, *options.grid, recipe, recipe.size or 160
    )
    print(save_image(sheet, options.out))


def demo(options: argparse.Namespace) -> None:
    from course_lib.images import check_output_path, save_image
    from course_lib.painting.batch import demo_sheet

    check_output_path(options.out)
    sheet, seconds = demo_sheet(
        load_transfer(options), options.photos, options.styles, options.size, options.polish
    )
    save_image(sheet, options.out)
    print(f"{options.out}: {seconds:.2f} s per image")
    tell_made([options.out], f"{program()} stylize PHOTO PAINTING -o out/picture.jpg")
