"""OneNote's pages as it exports them on Windows, a Single File Web Page (.mht), to Messages.

MHTML (RFC 2557) is a mail: one HTML part for a page, several parts for a section with pictures.
Every page is a ``div`` of its own in it, whose title is the largest and whose date is grey. Web
pages that a browser saved are MHTML too, and somebody else's: OneNote's say that they are its.
"""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Iterator, Sequence

from selectolax.lexbor import LexborHTMLParser, LexborNode

from host_training.common.messages import Message, Notes
from host_training.importers.export_rows import Room, RowPlace, own_text
from host_training.importers.html_text import words_of
from host_training.importers.mail_body import inline_text
from host_training.importers.text import head_text
from host_training.importers.times import from_english, from_mail
from host_training.importers.tree import File

NAME = "onenote"
LABEL = "OneNote pages"
TIER = 2
SECTION_BYTES_MAX = 200_000_000

_MADE_BY = re.compile(r"content=3D\"?(?:OneNote\.File|Microsoft OneNote)")
_SOFT_BREAK = re.compile(r"=\r?\n")
_PAGE = 'body > div[style*="border-width:100%"]'
_TITLE = 'p[style*="font-size:20.0pt"]'
_DATE = 'p[style*="color:#767676"]'
_NOT_PROSE = f"{_TITLE}, {_DATE}, table, blockquote, cite"


def claims(file: File) -> bool:
    """The head of a mail, and OneNote as what made the page in it."""
    return file.suffix in (".mht", ".mhtml") and _MADE_BY.search(
        _SOFT_BREAK.sub("", head_text(file))) is not None


def read(files: Sequence[File], notes: Notes) -> Iterator[Message]:
    """Title and text of each page, with its date where that is in English."""
    for file in files:
        place = RowPlace(file, "", notes)
        if file.size > SECTION_BYTES_MAX:
            place.bad(f"{file.size} bytes; at most {SECTION_BYTES_MAX} are read")
            continue
        mail = email.message_from_bytes(file.read(), policy=email.policy.compat32)
        section = next((inline_text(part) for part in mail.walk()
                        if part.get_content_type() == "text/html"), "")
        if "</html" not in section.lower():
            place.bad("the file is truncated; the export or the copy is incomplete")
        for number, page in enumerate(LexborHTMLParser(section).css(_PAGE)):
            yield from _page(page, file, number, notes)


def _page(page: LexborNode, file: File, number: int, notes: Notes) -> Iterator[Message]:
    title, text = _words(page, _TITLE), words_of(page.html or "", _NOT_PROSE)
    date = _words(page, _DATE)
    yield from own_text(Room(NAME, f"{file.name}/{number}", "note", title),
                        RowPlace(file, f"page {number + 1}", notes),
                        f"{title}\n\n{text}".strip() if text else None,
                        from_english(date, notes.zone) or from_mail(date), number, TIER)


def _words(page: LexborNode, selector: str) -> str:
    return " ".join(" ".join(node.text() for node in page.css(selector)).split())
