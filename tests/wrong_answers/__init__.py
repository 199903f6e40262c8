"""Answers that students might give: one module per check of a lesson, one per assignment.

Each module of a lesson has ``check``, ``RIGHT`` (name -> answer) and ``WRONG`` (name -> answer and
a regular expression that the diagnosis must match). A module of an assignment has ``EXERCISES``,
name -> ``Answers`` with the same three.
"""

import importlib
import pkgutil

BANK, HOMEWORK = {}, {}
for info in pkgutil.iter_modules(__path__):
    module = importlib.import_module(f"{__name__}.{info.name}")
    if hasattr(module, "EXERCISES"):
        HOMEWORK |= module.EXERCISES
    elif hasattr(module, "check"):
        BANK[info.name] = module
BANK |= HOMEWORK
