"""Uploads to SondeHub Amateur, and their progress."""
