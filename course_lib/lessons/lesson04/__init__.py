"""Lesson 04: loss curves, and what they tell."""
