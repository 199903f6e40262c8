"""For instructors: generating the assignments, grading them, the students' bundle, lesson times.

``generating`` turns ``notebooks/assignments/source`` into ``release``. ``grading`` runs nbgrader on
submissions, one process each (``worker``), after ``mending`` has put back deleted cells; ``guard``
and ``limits`` keep a submission from harming the others. ``bundle`` makes the zip for students,
``readiness`` checks a machine before a course, and ``timing`` measures how long each lesson runs.

nbgrader is needed by ``generating``, ``grading`` and ``limits`` only, and imported by nothing that
a lesson uses: ``pip install -e .[grading]``.
"""
