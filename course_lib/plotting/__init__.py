"""Figures of the lessons: pictures, curves, maps, in colour-blind-safe palettes."""

from course_lib.plotting.controls import (
    strip_alpha,
    strip_colours,
    strip_interpolation,
    strip_masks,
    strip_style_scale,
)
from course_lib.plotting.curves import (
    moving_average,
    plot_consecutive_runs,
    plot_curves,
    plot_epochs,
    plot_judged,
    plot_runs,
    plot_trade_off,
)
from course_lib.plotting.diagrams import draw_pipeline
from course_lib.plotting.encoder import (
    draw_boxes,
    draw_encoder,
    plot_filter_means,
    plot_layer_curves,
    show_feature_maps,
    show_maps,
    show_reconstructions,
)
from course_lib.plotting.evaluation import plot_scores
from course_lib.plotting.gatys import plot_optimizers, show_grams, show_sheet
from course_lib.plotting.pictures import (
    OKABE_ITO,
    figures_as_jpeg,
    show_described,
    show_grid,
    show_images,
)
from course_lib.plotting.runtime import (
    plot_equal_quality,
    plot_evaluations,
    plot_images,
    plot_layers,
    plot_sizes,
    plot_timers,
)
from course_lib.plotting.statistics import (
    plot_against_style,
    show_channel,
    show_distances,
    show_fingerprints,
)
from course_lib.plotting.survey import plot_intervals, plot_rates, plot_shares, show_question
from course_lib.plotting.training import draw_mirror, plot_losses, plot_run

__all__ = [
    "OKABE_ITO",
    "draw_boxes",
    "draw_encoder",
    "draw_mirror",
    "draw_pipeline",
    "figures_as_jpeg",
    "moving_average",
    "plot_against_style",
    "plot_consecutive_runs",
    "plot_curves",
    "plot_epochs",
    "plot_equal_quality",
    "plot_evaluations",
    "plot_filter_means",
    "plot_images",
    "plot_intervals",
    "plot_judged",
    "plot_layer_curves",
    "plot_layers",
    "plot_losses",
    "plot_optimizers",
    "plot_rates",
    "plot_run",
    "plot_runs",
    "plot_scores",
    "plot_shares",
    "plot_sizes",
    "plot_timers",
    "plot_trade_off",
    "show_channel",
    "show_described",
    "show_distances",
    "show_feature_maps",
    "show_fingerprints",
    "show_grams",
    "show_grid",
    "show_images",
    "show_maps",
    "show_question",
    "show_reconstructions",
    "show_sheet",
    "strip_alpha",
    "strip_colours",
    "strip_interpolation",
    "strip_masks",
    "strip_style_scale",
]
