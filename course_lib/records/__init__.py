"""Records: what was measured, each by one command that writes one file under ``data/runs``."""

EXPERIMENT_NAMES = (
    "decoder", "recipe_study", "training_speed", "runtime", "report_recipe", "inference",
    "optimizers",
)  # fmt: skip
