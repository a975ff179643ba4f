"""Quantised files: their size, how they are made, and whether they still agree."""
