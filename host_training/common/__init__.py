"""What every stage needs: messages, persona.toml, the turn format, plain text, safe unpacking."""
