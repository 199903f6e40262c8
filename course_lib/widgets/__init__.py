"""The style playground: sliders in JupyterLab, and the same as a plain function.

``paint`` needs no widgets; ``playground`` shows the form. ``Studio`` is what both rest on.
"""

from course_lib.widgets.looks import Look
from course_lib.widgets.playground import Playground, paint, playground
from course_lib.widgets.shapes import Ellipse, Split
from course_lib.widgets.studio import Studio

__all__ = ["Ellipse", "Look", "Playground", "Split", "Studio", "paint", "playground"]
