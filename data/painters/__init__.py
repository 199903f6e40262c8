"""Seeded painters: every function here makes one style picture from noise, strokes and geometry."""
