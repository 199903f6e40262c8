"""Creative controls: colour, masks, mixtures of styles, and recipes that name them all."""

from course_lib.controls.colour import COLOUR_MODES, coral, luminance, preserve_luminance
from course_lib.controls.masks import (
    add_rest,
    apply_statistics_by_region,
    fit_masks,
    load_mask,
)
from course_lib.controls.mixing import corner_grid, corner_weights
from course_lib.controls.painting import Painter, compose, measure_styles, open_styles
from course_lib.controls.recipe import Recipe, RecipeError, make_painter, render

__all__ = [
    "COLOUR_MODES",
    "Painter",
    "Recipe",
    "RecipeError",
    "add_rest",
    "apply_statistics_by_region",
    "compose",
    "coral",
    "corner_grid",
    "corner_weights",
    "fit_masks",
    "load_mask",
    "luminance",
    "make_painter",
    "measure_styles",
    "open_styles",
    "preserve_luminance",
    "render",
]
