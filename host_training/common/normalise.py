"""Normalises a text: one encoding for each letter, and no invisible characters.

This precedes every search in a text: otherwise a name with an invisible character in it, or a
number with no-break spaces, would not be found.
"""

from __future__ import annotations

import re
import unicodedata

WORD_CHARS_MAX = 120  # longer is base64, a path or a keyboard mash
COMBINING_MAX = 3  # marks on one letter; Vietnamese has two, Zalgo twenty

_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b.?")
_ARABIC_FORMS = re.compile(r"[\ufb50-\ufdff\ufe70-\ufeff]+")
_EMOJI_JOIN = ("\u200d", "\ufe0f", "\u200c")  # families and flags; ZWNJ is spelling in Persian
# but nothing in Latin, Greek, Cyrillic, Chinese: there they hide a word; a keycap is one emoji
_JOINED_FOR_NOTHING = re.compile(
    r"(?<=[ -\u052f\u3000-\u9fff\uac00-\ud7af])[\u200c\u200d\ufe0f]+(?!\u20e3)")
# letters, marks and symbols that show nothing, and which form of a sign is meant
_UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_VARIANTS = (range(0xFE00, 0xFE0F), range(0xE0100, 0xE01F0))
# Latin letters in one piece and common marks: nothing to change in them
_SIMPLE = re.compile(r"[ -~\n\u00a1-\u00ac\u00ae-\u024f‘-‟–—…€]*")
_LONG_WORD = re.compile(rf"[^ \n]{{{WORD_CHARS_MAX + 1}}}")
_BLANK_LINES = re.compile(r"\n{3,}")


def plain(text: str) -> str:
    """NFC, without escapes, control, bidi and invisible characters; emoji stay whole.

    Arabic presentation forms become letters, marks heaped on a letter are cut to COMBINING_MAX,
    a word of more than WORD_CHARS_MAX characters goes, blank lines are at most one.
    """
    if not _SIMPLE.fullmatch(text):
        text = _visible(text)
    if _LONG_WORD.search(text):
        text = "\n".join(" ".join(filter(_is_word, line.split(" "))) for line in text.split("\n"))
    if "\n" not in text:
        return text.strip()
    return _BLANK_LINES.sub("\n\n", "\n".join(map(str.strip, text.split("\n")))).strip()


def _visible(text: str) -> str:
    text = _ANSI.sub("", text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " "))
    text = _ARABIC_FORMS.sub(lambda m: unicodedata.normalize("NFKC", m[0]), text)
    text = unicodedata.normalize("NFC", text)
    kept: list[str] = []
    n_marks = 0
    for char in text:
        if char in _UNSEEN or any(ord(char) in forms for forms in _VARIANTS):
            continue
        category = unicodedata.category(char)
        if category[0] == "M" and char not in _EMOJI_JOIN:
            n_marks += 1
            if n_marks > COMBINING_MAX:
                continue
        elif char not in _EMOJI_JOIN:
            n_marks = 0
        if category[0] == "C" and char != "\n" and char not in _EMOJI_JOIN:
            continue
        kept.append(" " if category == "Zs" else char)
    return unicodedata.normalize("NFC", _JOINED_FOR_NOTHING.sub("", "".join(kept)))


def _is_word(word: str) -> bool:
    """True if it is not too long; Chinese, Japanese and Thai paragraphs have no spaces."""
    if len(word) <= WORD_CHARS_MAX:
        return True
    return sum(c > "\u0e00" and c.isalpha() for c in word) > len(word) // 2
