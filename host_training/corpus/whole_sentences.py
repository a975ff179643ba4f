"""Selects whole sentences of a person's writing that can be quoted alone."""

from __future__ import annotations

import re
import unicodedata

from host_training.common.sentences import split
from host_training.corpus.sessions import MERGE_MARK
from host_training.privacy.scrub import PLACEHOLDER
from payload.prompt import strip_control

SENTENCE_CHARS_MIN = 25
SENTENCE_CHARS_MAX = 240
_WIDE_LETTER_CHARS = 3  # an ideogram, a kana or a Hangul syllable says as much as so many letters

_LINK = re.compile(r"https?://|www\.|\S+@\S+\.\S+")


def is_long_enough(text: str) -> bool:
    """True from SENTENCE_CHARS_MIN characters; a wide one counts as _WIDE_LETTER_CHARS."""
    wide = sum(unicodedata.east_asian_width(c) == "W" for c in text)
    return len(text) + (_WIDE_LETTER_CHARS - 1) * wide >= SENTENCE_CHARS_MIN


def quotable_sentences(text: str) -> list[str]:
    """Whole sentences of allowed length, at most SENTENCE_CHARS_MAX, without links or addresses."""
    found: list[str] = []
    for line in text.replace(MERGE_MARK, "\n").splitlines():
        found += [
            part for part in split(strip_control(line))
            if is_long_enough(part) and len(part) <= SENTENCE_CHARS_MAX
            and not _LINK.search(part) and not PLACEHOLDER.search(part)
        ]
    return found
