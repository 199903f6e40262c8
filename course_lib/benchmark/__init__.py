"""Speed, measured side by side in one process.

One module per question: ``stylize.py`` (seconds per picture) and ``training.py`` (seconds per
training step) time this course against the way that the common ports do it, whose networks are in
``plain.py``; ``runtime.py`` times AdaIN against Gatys' optimisation, with the ``runtime_*``
modules for its parts. ``timing.py`` and ``memory.py`` hold what they share.
"""

from course_lib.benchmark.memory import PeakMemory
from course_lib.benchmark.runtime import RuntimeConfig, benchmark_runtime
from course_lib.benchmark.stylize import PlainTransfer, benchmark_stylize
from course_lib.benchmark.tiling import benchmark_tiling
from course_lib.benchmark.timing import compare, matrix_rate, repeated, seconds, summary
from course_lib.benchmark.training import PlainTrainer, benchmark_training

__all__ = [
    "PeakMemory",
    "PlainTrainer",
    "PlainTransfer",
    "RuntimeConfig",
    "benchmark_runtime",
    "benchmark_stylize",
    "benchmark_tiling",
    "benchmark_training",
    "compare",
    "matrix_rate",
    "repeated",
    "seconds",
    "summary",
]
