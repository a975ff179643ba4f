"""Recognises texts by somebody else or by nobody knows whom: books and clippings from them, lists
of quotations, licences, a single mail, speech without speakers.
"""

from __future__ import annotations

import re

_HEAD_CHARS = 20_000
_KINDS: tuple[tuple[re.Pattern[str], str], ...] = (
    # ten equals signs, a title, a line that says what, where and when, in any language
    (re.compile(r"(?:\A|^={10}\r?\n)\ufeff?\S.*\r?\n- .*\d.* \| .*\d{4}.*\r?\n", re.MULTILINE),
     "clippings from a Kindle"),
    (re.compile(r"readwise\.io/|^!\[rw-book-cover\]|^## Highlights$(?=[\s\S]*^- .+\(\[(?:Location|"
                r"Page|View Highlight))", re.MULTILINE),
     "highlights from Readwise"),
    (re.compile(r"^(?:\*\*\* ?START OF (?:THE|THIS) PROJECT GUTENBERG|"
                r"\ufeff?The Project Gutenberg (?:eBook|EBook|Etext) of )", re.MULTILINE),
     "a book from Project Gutenberg"),
    (re.compile(r"^Notes? and (?:highlights|annotations) (?:for|from)\b|"
                r"^Excerpt From\r?\n.+\r?\n.+\r?\nThis material may be protected by copyright\.",
                re.MULTILINE | re.IGNORECASE),
     "highlights from an app for books"),
    (re.compile(r"^ *(?:Permission is hereby granted, free of charge, to any|Apache License$|"
                r"GNU (?:LESSER |AFFERO )?GENERAL PUBLIC LICENSE|Redistribution and use in source)",
                re.MULTILINE), "a licence"),
)
_QUOTATION = re.compile(r"""\W{0,3}["“„«‘'][^"“”«»]{8,}["“”»’'][.,]?\s*[-–—~]{1,2} ?\w""")
_QUOTATIONS_MIN, _QUOTATIONS_SHARE = 3, 0.6
_MAIL = re.compile(r"\s*(?:[\w-]{2,30}: ?.*\n){0,5}?(?:From|Von|De|Van|Da|Från|Fra|Od|От) ?: ?.*@.*"
                   r"\n(?:[\w-]{2,30}: ?.*\n){0,5}?(?:[\w-]{2,30}: ?.*\d{1,2}[:.]\d{2}.*\n)")
_TIMED = re.compile(r"[\[(]?(\d{1,2}:\d{2}:\d{2})(?:[.,]\d{1,3})?(?: ?-+> ?[\d:.,]+)?[\])]?"
                    r" +\S")
_TIMED_MIN, _TIMED_SHARE = 3, 0.8


def refusal(text: str) -> str | None:
    """Why a text is no writing of the author, as a sentence; None where it may be."""
    head = text[:_HEAD_CHARS]
    kind = next((kind for pattern, kind in _KINDS if pattern.search(head)), None)
    if kind or _is_of_quotations(head):
        return (f"{kind or 'quotations'}: somebody else's words; save notes of your own from it as"
                " a text of its own")
    if _MAIL.match(head):
        return "a mail, of which nobody knows who you are in it; export it as .eml or .mbox"
    if _is_timed(head):
        return "speech without its speakers; export it as .srt or .vtt, with their names"
    return None


def _is_of_quotations(text: str) -> bool:
    """Most paragraphs are words in quotation marks, a dash and a name."""
    for parts in (text.split("\n"), re.split(r"\n\s*\n", text)):
        written = [part.strip() for part in parts if part.strip()]
        n_quoted = sum(map(bool, map(_QUOTATION.match, written)))
        if n_quoted >= max(_QUOTATIONS_MIN, _QUOTATIONS_SHARE * len(written)):
            return True
    return False


def _is_timed(text: str) -> bool:
    """Nearly all lines begin with a time, which begins with the first minute and never turns back.
    """
    lines = [line for line in text.split("\n") if line.strip()]
    times = [found[1].zfill(8) for line in lines if (found := _TIMED.match(line))]
    return (len(times) >= max(_TIMED_MIN, _TIMED_SHARE * len(lines)) and times == sorted(times)
            and times[0].startswith("00:00:"))
