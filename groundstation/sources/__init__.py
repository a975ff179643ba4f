"""Sources: what the payload wishes to know of the network, asked on its behalf."""
