"""Lesson 06 and assignment A5: an honest benchmark."""
