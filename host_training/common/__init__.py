"""Shared by all stages: messages, persona.toml, turn format, plain text, bounded unpacking."""
