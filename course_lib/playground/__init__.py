"""The style playground of lesson 08: sliders in JupyterLab, and the same as a plain function.

``widget.paint`` needs no widgets; ``widget.playground`` shows the form, whose controls are in
``panel``. ``picture_store`` is what both rest on.
"""
