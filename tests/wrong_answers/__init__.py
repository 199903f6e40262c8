"""Answers that students might give: one module per check.

Each module has ``check``, ``RIGHT`` (name -> answer) and ``WRONG`` (name -> answer and a regular
expression that the diagnosis must match).
"""

import importlib
import pkgutil

BANK = {
    info.name: importlib.import_module(f"{__name__}.{info.name}")
    for info in pkgutil.iter_modules(__path__)
}
