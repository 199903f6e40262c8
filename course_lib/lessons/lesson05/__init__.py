"""Lesson 05 and assignment A4: Gatys' optimisation."""
