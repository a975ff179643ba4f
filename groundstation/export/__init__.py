"""Exports for people and other programs: files, pictures, space packets."""
