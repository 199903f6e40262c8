"""What the lessons need: one room for each, and beside them what they share.

``plotting`` draws pictures and grids. ``checking`` is behind every instant check, which says what
is wrong, not only that it is; ``smallest_case`` finds the smallest example, ``homework_checking``
draws the inputs of assignments. ``alternative_texts.toml`` says what every figure shows. Each room
holds the ``figures``, ``checks`` and ``homework`` of its lesson, and the checks of its ``build``.
"""
