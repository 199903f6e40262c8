"""The A/B survey: build a page, collect answers, score them.

``items`` holds what a survey is and the order in which a participant meets it, ``building`` draws
the questions, ``pages`` writes the page (``page.html``, ``page.css``, ``page.js``) and its key,
``form`` is the same survey inside JupyterLab, ``results`` and ``exports`` read answers that nobody
can vouch for, ``intervals`` holds the statistics, ``scoring`` and ``preference`` the analyses,
``simulating`` makes labelled participants to test them with, ``reporting`` lays out the tables.
"""
