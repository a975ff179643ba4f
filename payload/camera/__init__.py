"""Pictures: one capture at a time, which are sent in full, and the order of their tiles."""
