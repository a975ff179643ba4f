"""The flight in a terminal."""
