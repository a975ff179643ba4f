"""Recognises texts that hold other people's books: clippings of readers, and books themselves."""

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
)


def refusal(text: str) -> str | None:
    """Why a text is no writing of the author, as a sentence; None where it may be."""
    head = text[:_HEAD_CHARS]
    kind = next((kind for pattern, kind in _KINDS if pattern.search(head)), None)
    return (f"{kind}: somebody else's words; save notes of your own from it as a text of its own"
            if kind else None)
