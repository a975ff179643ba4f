"""The error that ends a command of the station with a sentence for the operator."""

from __future__ import annotations


class StationError(Exception):
    """What was asked cannot be done; the message is one sentence for a person."""
