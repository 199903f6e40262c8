"""Lesson 00: the pipeline in one picture."""
