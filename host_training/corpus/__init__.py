"""From imported messages to one person's examples: selection, sessions, weights."""
