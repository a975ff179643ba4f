"""Flights drawn from seeds, flown to their end, and what must have come home by then."""
