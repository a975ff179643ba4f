"""Whole sentences of a person's writing, such as can stand alone."""

from __future__ import annotations

import re

from host_training.common.sentences import split
from host_training.corpus.sessions import MERGE_MARK
from host_training.privacy.scrub import PLACEHOLDER
from payload.prompt import strip_control

SENTENCE_CHARS_MIN = 25
SENTENCE_CHARS_MAX = 240

_LINK = re.compile(r"https?://|www\.|\S+@\S+\.\S+")


def sentences(text: str) -> list[str]:
    """Whole sentences of SENTENCE_CHARS_MIN..MAX characters, without links and addresses."""
    found: list[str] = []
    for line in text.replace(MERGE_MARK, "\n").splitlines():
        found += [
            part for part in split(strip_control(line))
            if SENTENCE_CHARS_MIN <= len(part) <= SENTENCE_CHARS_MAX
            and not _LINK.search(part) and not PLACEHOLDER.search(part)
        ]
    return found
