"""Side-by-side measurements against targets, peers and physical limits."""
