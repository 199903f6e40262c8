"""Speed, measured side by side in one process.

One module per question: ``stylize.py`` (seconds per picture) and ``training.py`` (seconds per
training step) time this course against the way that the common ports do it, whose networks are in
``plain.py``. ``timing.py`` holds what they share.
"""

from course_lib.benchmark.stylize import PlainTransfer, benchmark_stylize
from course_lib.benchmark.timing import compare, matrix_rate, seconds
from course_lib.benchmark.training import PlainTrainer, benchmark_training

__all__ = [
    "PlainTrainer",
    "PlainTransfer",
    "benchmark_stylize",
    "benchmark_training",
    "compare",
    "matrix_rate",
    "seconds",
]
