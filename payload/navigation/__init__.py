"""Navigation: validated fixes, the clock, the flight phase, the landing prediction."""
