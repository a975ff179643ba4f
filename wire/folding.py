"""Text folding for comparison: one form for every spelling of the same letters.

Pure, character by character, so that what is found in the folded text can be told in the original.
The mind's last gate and the training's scrubber both compare by it. Source: Unicode UAX 15 (NFKD)
and chapter 3.13 (case folding).

Covers: case, full width and other compatibility forms, composed and decomposed letters, accents,
strokes, invisible characters, kinds of apostrophe and dash. Does not cover: letters of one script
that look like another's, transliterations (``ue`` for ``ü``), letters spaced out.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

CHARS_KEPT_MAX = 4_096  # characters whose fold is remembered

# Letters, marks and symbols that show nothing; what is of category C does not either.
_UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
# On Latin, Greek and Cyrillic, and the vowel points of Hebrew and Arabic: what may be left out.
_ACCENTS = (
    range(0x0300, 0x0370), range(0x0591, 0x05C8), range(0x064B, 0x0653), range(0x0670, 0x0671))
_VARIANTS = (range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0))
# Typed without their stroke or dot; apostrophes; dashes.
_ALIKE = {
    **dict(zip("łøđı", "lodi", strict=True)),
    **dict.fromkeys("\u2018\u2019\u201b\u02bc\u2032", "'"),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
}


def fold(text: str) -> str:
    """``text`` as it is compared; white space of any kind is a blank, as often as it stands."""
    return text.lower() if text.isascii() and text.isprintable() else "".join(map(fold_char, text))


@lru_cache(CHARS_KEPT_MAX)
def fold_char(char: str) -> str:
    """What ``char`` becomes in ``fold``: none, one or several characters."""
    if char.isspace():
        return " "
    kept = (part for part in unicodedata.normalize("NFKD", char) if not _is_unseen(part))
    folded = unicodedata.normalize("NFKD", "".join(kept).casefold())
    return "".join(_ALIKE.get(part, part) for part in folded if not _is_in(part, _ACCENTS))


def narrow(text: str) -> str:
    """``text`` with full-width and other forms of one character as the ordinary one.

    As long as ``text``, so a place in one is that place in the other; case stays.
    """
    if text.isascii() or unicodedata.is_normalized("NFKC", text):
        return text
    return "".join(map(_narrow_char, text))


@lru_cache(CHARS_KEPT_MAX)
def _narrow_char(char: str) -> str:
    form = unicodedata.normalize("NFKC", char)
    return form if len(form) == 1 else char


def _is_unseen(char: str) -> bool:
    return (char in _UNSEEN or unicodedata.category(char).startswith("C")
            or _is_in(char, _VARIANTS))


def _is_in(char: str, ranges: tuple[range, ...]) -> bool:
    return any(ord(char) in one for one in ranges)
