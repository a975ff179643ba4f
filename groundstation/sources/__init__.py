"""Sources: what the payload wishes to know from the network, asked on its behalf."""
