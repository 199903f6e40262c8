"""How good and how fast, measured honestly.

Good: ``scores`` (five distances and a machine judge, of any two pictures), ``controls`` (the
controls, and tricks that win one score each), ``comparison`` (several methods on the same pairs),
``tables`` (means and text), ``decoder_scores`` (the two ratios that the shipped decoder is
described by). Fast: ``timing``, ``peak_memory``, and ``plain_networks``, the way that the common
ports do it.
"""
