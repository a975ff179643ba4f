"""The checks: invariants, and reported values compared with the simulated truth."""
