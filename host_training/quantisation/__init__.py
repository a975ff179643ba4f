"""Smaller files: what each step weighs, how it is made, and whether it still agrees."""
