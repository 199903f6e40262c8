"""How the records in ``data/runs`` were made: what each measures, and how.

Nothing imports these modules but the command line.
"""
