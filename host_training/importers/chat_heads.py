"""Speakers at the heads of lines, behind marks that lists and logs have as well.

A dash, a bar, a bracket or an arrow may stand between a name and its words, or the name alone above
them. Only a question that somebody else answers tells such a chat from a list (``chat_log``).
"""

from __future__ import annotations

import re

from host_training.importers import chat_lines
from host_training.importers.chat_lines import ChatTurn

ALONE, STAMPED, BRACKET = "name alone", "name and time", "bracket"
ABOVE_WORDS = (ALONE, STAMPED)
_ALONE_CHARS_MAX, _ALONE_WORDS_MAX = 40, 4
_INLINE_WORDS_MAX = 4
_BEFORE = re.compile(r"\A(?:\d{1,3}[.)] +|[-*+•] +|#{1,6} +|\| *)+")
_EMPHASIS = re.compile(r"\*\*|__|(?<!\w)[*_]|[*_](?!\w)|"
                       r"</?(?:b|strong|i|em|u|span|div|p|br)\b[^<>]*>", re.IGNORECASE)
_WHO = r"(?P<who>[^\s|\t<>\[\](){}«»【】:：;,][^|\t<>\[\](){}«»【】:：;,\n]{0,39}?)"
_ARROW = re.compile(r"(?P<who><-+|-+>|<<+|>>+|←|→|⇐|⇒|◀|▶) +(?P<words>\S.*)")
_INLINE = tuple((shape, re.compile(pattern)) for shape, pattern in (
    ("colon", rf"{_WHO} ?(?::\s+|：\s*)(?P<words>\S.*)"),
    (BRACKET, rf"[\[(«<{{【]{_WHO}[\])»>}}】]\s*:?\s*(?P<words>\S.*)"),
    ("dash", rf"{_WHO}\s+[-–—]\s+(?P<words>\S.*)"),
    ("angle", rf"{_WHO}>\s*(?P<words>\S.*)"),
    ("bar", rf"{_WHO}\s*\|\s*(?P<words>[^|]*[^|\s])\s*\|?$"),
    ("tab", rf"{_WHO}\s*\t\s*(?P<words>\S.*)"),
    ("letter", r"(?P<who>[A-Z]{1,2})\.\s+(?P<words>\S.*)"),
))
_CELLS = re.compile(rf"\s*[,;|\t]\s*{_WHO}\s*[,;|\t]\s*(?P<words>\S.*)")  # behind a time
_SYMBOLS = re.compile(r"^[^\w+@]+|[^\w]+$")
_PARTICLE_WORDS = "de da di do du la le el al bin ben van von der den zu y e"  # inside names
_PARTICLES = frozenset(_PARTICLE_WORDS.split())
_QUESTION = re.compile(r"[?？؟](?:[^\w\s]|\s|</?\w+>)*$")


def head(line: str) -> ChatTurn | None:
    """Who speaks by the head of a ``plain`` line, and the words behind it, or alone or with a time.
    """
    if arrow := _ARROW.match(line):
        words = arrow["words"]
        return ChatTurn("arrow", arrow["who"], words[chat_lines.stamp_at(words) :].strip())
    bare = _BEFORE.sub("", _EMPHASIS.sub("", line), count=1).strip()
    stamp = chat_lines.stamp_at(bare)
    if stamp:
        cells = _CELLS.match(bare, stamp)
        who = cells and _named(cells["who"], _INLINE_WORDS_MAX)
        return ChatTurn("cells", who, cells["words"]) if cells and who else None
    for shape, pattern in _INLINE:
        if (found := pattern.match(bare)) and (who := _named(found["who"], _INLINE_WORDS_MAX)):
            return ChatTurn(shape, who, found["words"])
    above = chat_lines.before_stamp(bare)
    shape, called = (STAMPED, above) if above is not None else (ALONE, bare.rstrip(":：> "))
    if len(called) <= _ALONE_CHARS_MAX and not called[:1].islower():
        who = _named(called, _ALONE_WORDS_MAX)
        return ChatTurn(shape, who) if who else None
    return None


def is_question(line: str) -> bool:
    """True for a line that ends with a question."""
    return _QUESTION.search(line) is not None


def _named(text: str, words_max: int) -> str:
    """A name without the symbols around it; empty where it is none."""
    who = _SYMBOLS.sub("", text.strip())
    words = who.split()
    is_called = (len(words) == 1 or all(
        not word[0].islower() or word in _PARTICLES for word in words))  # "Went badly" is nobody
    return who if is_called and chat_lines.is_name(who) and len(words) <= words_max else ""
