"""Where and when it is: fixes judged, the clock, the phase of the flight, the landing."""
