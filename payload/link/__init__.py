"""The radio, both ways: what is sent next, and what becomes of a command from the ground."""
