"""The battery: what it has left, what may be spent of it, and what heat forbids."""
