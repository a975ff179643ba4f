"""The checks: what must never happen, and what is told held against what is true."""
