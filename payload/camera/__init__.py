"""Pictures: how each is taken, which are sent in full, and in what order their tiles go."""
