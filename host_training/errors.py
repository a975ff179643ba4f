"""The one error a maker may see: a sentence naming the thing, the place and what is allowed."""

from __future__ import annotations

WARNING = "warning"  # the stage under which a sentence is reported that the maker must not miss


class TrainingError(Exception):
    """Something the maker gave us cannot be used; the text is one clear sentence."""
