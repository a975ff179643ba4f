"""The mind: when to think, about what, with which memory, and what is never sent."""
