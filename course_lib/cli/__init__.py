"""The commands, by theme: each module declares its options and runs them. No maths here.

``add_commands`` of every module gets a function that makes a parser. Heavy imports happen inside
the functions that run, so that ``--help`` answers at once.
"""
