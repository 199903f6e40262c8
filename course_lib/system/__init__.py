"""What everything rests on: where to compute, safe files, downloads, the state of this machine."""
