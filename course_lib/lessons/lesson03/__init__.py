"""Lesson 03 and assignment A3: the decoder and its training."""
