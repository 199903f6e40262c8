"""Lesson 01 and assignment A1: the VGG encoder."""
