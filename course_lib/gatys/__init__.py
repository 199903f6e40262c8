"""Style transfer by optimising the pixels: Gatys, Ecker & Bethge 2015.

``loop.optimize(content, style, GatysConfig(...))`` and ``python -m course_lib gatys`` are the same
thing. To read it in one sitting: ``objective`` (what is minimised), ``optimizers`` (the four
optimisers and how pixels stay in range), ``loop`` (the run: history, Ctrl-C, scales), ``config``
(settings), ``memory_estimate`` (what it will need), ``film`` (how a run looks on paper).
"""
