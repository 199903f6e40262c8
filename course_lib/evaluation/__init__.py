"""Scores of stylised pictures, always beside three controls and with what fools them.

To read it in one sitting: ``scores.py`` (five distances and a machine judge, of any two pictures),
``controls.py`` (the controls, and tricks that win one score each), ``methods.py`` (AdaIN, Gatys, an
outside package), ``comparison.py`` (all of them on the same pairs), ``tables.py`` (means and text).
``decoder.py`` holds the two ratios that the shipped decoder is described by.
"""

from course_lib.evaluation.comparison import Comparison, compare, spread_pairs
from course_lib.evaluation.controls import CONTROLS, TRICKS
from course_lib.evaluation.decoder import decoder_scores, score_folders
from course_lib.evaluation.methods import Method, adain_method, gatys_method, outside_method
from course_lib.evaluation.scores import (
    SCORES,
    Measurements,
    colour_distance,
    content_distance,
    edge_distance,
    gram_distance,
    machine_judge,
    measure,
    score,
    statistics_distance,
)
from course_lib.evaluation.tables import format_table, mean_scores

__all__ = [
    "CONTROLS",
    "SCORES",
    "TRICKS",
    "Comparison",
    "Measurements",
    "Method",
    "adain_method",
    "colour_distance",
    "compare",
    "content_distance",
    "decoder_scores",
    "edge_distance",
    "format_table",
    "gatys_method",
    "gram_distance",
    "machine_judge",
    "mean_scores",
    "measure",
    "outside_method",
    "score",
    "score_folders",
    "spread_pairs",
    "statistics_distance",
]
