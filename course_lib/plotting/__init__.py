"""Figures of the lessons: pictures, curves, maps, in colour-blind-safe palettes."""

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
from course_lib.plotting.pictures import OKABE_ITO, figures_as_jpeg, show_grid, show_images
from course_lib.plotting.statistics import (
    plot_against_style,
    show_channel,
    show_distances,
    show_fingerprints,
)

__all__ = [
    "OKABE_ITO",
    "draw_boxes",
    "draw_encoder",
    "draw_pipeline",
    "figures_as_jpeg",
    "plot_against_style",
    "plot_filter_means",
    "plot_layer_curves",
    "show_channel",
    "show_distances",
    "show_feature_maps",
    "show_fingerprints",
    "show_grid",
    "show_images",
    "show_maps",
    "show_reconstructions",
]
