"""Likeness, leakage and the cost of quantisation: one measure per file."""
