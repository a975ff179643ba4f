"""What the mind must never say aloud: words of the mission's list, and anybody's way to be reached.

A small model repeats what it was trained on. The training scrubs; this is the last gate before a
line is stored and sent.
"""

from __future__ import annotations

import re

# A mail address; and seven or more digits with at most one separator between two, as telephone,
# card and account numbers are written. Readings have fewer, or a unit or a point between them.
_MAIL = re.compile(r"[^\s@]+@[^\s@]+\.\w")
_NUMBER = re.compile(r"(?:\d[ ()/-]?){7,}")


class PrivateWords:
    """The list of one mission, beside what is private for everybody."""

    def __init__(self, words: tuple[str, ...]) -> None:
        """``words`` are found whole, whatever their case."""
        found = "|".join(re.escape(word) for word in words)
        self._words = re.compile(rf"(?<!\w)(?:{found})(?!\w)", re.IGNORECASE) if words else None

    def are_in(self, text: str) -> bool:
        """True when ``text`` must not be kept."""
        if _MAIL.search(text) or _NUMBER.search(text):
            return True
        return self._words is not None and self._words.search(text) is not None
