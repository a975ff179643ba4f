"""From imported messages to one person's examples: chosen, cut into sessions, weighted."""
