"""Decoding of a reception: its payload, its session, its records."""
