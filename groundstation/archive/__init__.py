"""What is kept: the raw log, the tables, the letters, and what a full disk forgets first."""
