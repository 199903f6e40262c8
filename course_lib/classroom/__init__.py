"""For instructors: generating the assignments, grading them, the students' bundle, lesson times.

``generating`` turns ``notebooks/assignments/source`` into ``release``. ``grading`` runs nbgrader on
submissions, one process each (``worker``), after ``notebook_repair`` has put back deleted cells;
``kernel_guard`` and ``output_limits`` keep a submission from harming the others. ``bundle`` makes
the zip for students, ``lesson_copies`` what a student works in, ``readiness`` checks a machine
before a course, and ``lesson_times`` measures how long each lesson runs.

nbgrader is needed by ``generating``, ``grading`` and ``output_limits`` only, and imported by
nothing that a lesson uses: ``pip install -e .[grading]``.
"""
