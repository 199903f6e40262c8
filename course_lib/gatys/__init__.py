"""Style transfer by optimising the pixels: Gatys, Ecker & Bethge 2015.

``optimize(content, style, GatysConfig(...))`` and ``python -m course_lib gatys`` are the same
thing. To read it in one sitting: ``objective.py`` (what is minimised), ``steppers.py`` (the four
optimisers and how pixels stay in range), ``loop.py`` (the run: history, Ctrl-C, scales),
``config.py`` (settings), ``memory.py`` (what it will need). ``sweep.py`` and ``contest.py`` are
the experiments: optimisers against each other, and this code against the ``pastiche`` package.
"""

from course_lib.gatys.config import OPTIMIZERS, GatysConfig, GatysError
from course_lib.gatys.loop import GatysResult, HistoryRow, optimize, snapshot_schedule
from course_lib.gatys.memory import MemoryEstimate, estimate_memory
from course_lib.gatys.objective import GatysLosses, GatysObjective

__all__ = [
    "OPTIMIZERS",
    "GatysConfig",
    "GatysError",
    "GatysLosses",
    "GatysObjective",
    "GatysResult",
    "HistoryRow",
    "MemoryEstimate",
    "estimate_memory",
    "optimize",
    "snapshot_schedule",
]
