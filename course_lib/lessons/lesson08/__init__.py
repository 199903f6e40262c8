"""Lesson 08: the creative controls."""
