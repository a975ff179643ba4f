"""Removal of secrets, personal data and names before training, each by its own rules."""
