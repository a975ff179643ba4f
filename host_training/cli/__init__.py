"""The command groups of ``spacepi-train``."""
