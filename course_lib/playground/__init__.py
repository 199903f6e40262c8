"""The style playground of lesson 08: in JupyterLab, as a plain function, and as web pages.

``widget.paint`` needs no widgets; ``widget.playground`` shows the form, whose controls are in
``panel`` and ``gallery``. ``picture_store`` is what both rest on. ``website`` writes the page of
``site/``, which needs none of this where it runs.
"""
