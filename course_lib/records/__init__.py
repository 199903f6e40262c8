"""How the records in ``data/runs`` were made: what each measures, and how.

Nothing imports these modules but the command line.
"""

EXPERIMENT_NAMES = (
    "decoder",
    "recipe_study",
    "training_speed",
    "runtime",
    "report_recipe",
    "inference",
    "optimizers",
)
