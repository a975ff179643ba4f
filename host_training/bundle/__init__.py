"""The signed bundle: packed, described, inspected, talked to, and what it costs on a board."""
