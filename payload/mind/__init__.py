"""What it thinks: when, of what, with which memory, and what it never says."""
