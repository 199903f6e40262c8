"""Lesson 04 and assignment A7: loss curves and what they tell, and a run on a GPU."""
