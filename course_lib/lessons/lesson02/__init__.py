"""Lesson 02 and assignment A2: channel statistics and AdaIN."""
