"""Lesson 07 and assignment A6: an A/B survey."""
