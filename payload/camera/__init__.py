"""Pictures: one capture at a time, which go out whole, in which order their tiles go."""
