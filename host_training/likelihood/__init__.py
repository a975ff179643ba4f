"""How likely a model finds a text: by rows, by pairs, and by the canaries in it."""
