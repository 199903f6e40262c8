"""Settings of nbgrader for this folder: ``nbgrader`` commands run here use them.

``python -m course_lib grade`` uses the same settings and adds time limits for whole submissions.
"""

from nbconvert.preprocessors import ClearMetadataPreprocessor, CSSHTMLHeaderPreprocessor
from nbgrader.preprocessors import (
    AssignLatePenalties,
    CheckCellMetadata,
    ClearHiddenTests,
    Execute,
    IgnorePattern,
    LimitOutput,
    SaveAutoGrades,
)
from nbgrader.preprocessors.getgrades import GetGrades

from course_lib.classroom.feedback_pages import FeedbackExporter, HarmlessOutputs, HideTests
from course_lib.classroom.output_limits import LimitCharacters

c = get_config()  # noqa: F821 - nbgrader defines it

c.CourseDirectory.course_id = "style-transfer"
c.CourseDirectory.ignore = [".ipynb_checkpoints", "*.pyc", "__pycache__", ".DS_Store"]

# What students see in place of a solution. A function keeps its docstring: a comment is enough.
c.ClearSolutions.code_stub = {"python": "# YOUR CODE HERE"}
c.ClearSolutions.text_stub = "YOUR ANSWER HERE"

# A cell may take this long; then it is interrupted, counts as failed, and the next one runs.
c.Execute.timeout = 120
c.OverwriteCells.add_missing_cells = True  # deleted checks come back
c.LimitOutput.max_lines = 200
c.Autograde.autograde_preprocessors = [
    Execute,
    IgnorePattern,
    LimitCharacters,
    ClearMetadataPreprocessor,
    LimitOutput,
    SaveAutoGrades,
    AssignLatePenalties,
    CheckCellMetadata,
]
# Feedback without the hidden tests, so that they can be used again, and without scripts.
c.GenerateFeedback.export_class = FeedbackExporter
c.GenerateFeedback.preprocessors = [
    HideTests,
    ClearHiddenTests,
    HarmlessOutputs,
    GetGrades,
    CSSHTMLHeaderPreprocessor,
]
