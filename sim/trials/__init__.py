"""Random flights from seeds, run to their end, and the conditions that must hold by then."""
