"""What is kept: the raw log, the tables, the commands, and what a full disk forgets first."""
