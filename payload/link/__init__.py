"""The radio, both ways: what is sent next, and what becomes of an order from the ground."""
