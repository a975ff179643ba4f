"""Writing that an app exports as pages of HTML: Apple Journal, Medium, Notion, to Messages.

An app is a ``PageLayout``: by what its pages are known, and where in one title, text and date are.
Source: AppleJournalEntries/Entries/*.html; Medium's posts/*.html (microformats); Notion's export as
HTML (``page-title``, ``page-body``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from selectolax.lexbor import LexborHTMLParser

from host_training.common.messages import Message, Notes
from host_training.importers.export_rows import Room, RowPlace, own_text
from host_training.importers.html_text import words_of
from host_training.importers.text import head_text, text_of
from host_training.importers.times import from_iso
from host_training.importers.tree import File

LABEL = "journal or blog as pages"
PAGE_BYTES_MAX = 20_000_000
BESIDE = re.compile(r"(?:^|/)(?:AppleJournalEntries/(?:index\.html|Resources/[^/]+\.json)|"
                    r"(?:profile|claps|bookmarks|lists|highlights|following-users|sessions|blocks|"
                    r"ips|partner-program|posts-unlisted|interests|pubs-following|"
                    r"topics-following|twitter|users-following)/[^/]+\.html|README\.html)$")

_NOTION_ID = re.compile(r" ?[0-9a-f]{32}(?=\.html?$|/)")
_DATE_IN_NAME = re.compile(r"(?<!\d)(\d{4}-\d{2}-\d{2})(?!\d)")


@dataclass(frozen=True, slots=True)
class PageLayout:
    """Where an app's pages have what; ``title``, ``body`` and ``date`` are CSS selectors.

    ``left_out`` are the parts of the text that are nobody's prose; ``tier`` is that of a Message.
    """

    source: str
    known_by: re.Pattern[str]
    title: str
    body: str
    left_out: str
    tier: int
    date: str = ""


LAYOUTS = (
    PageLayout("apple-journal", re.compile(r'<div class="pageHeader"|class="pageContainer"'),
               "div.title", "body", "div.pageHeader, div.title, div.assetGrid, div.gridItem", 2),
    PageLayout("medium", re.compile(r'<section data-field="body" class="e-content"'),
               "h1.p-name", "section.e-content",
               "h3.graf--title, h4.graf--subtitle, figure, pre, .graf--blockquote,"
               " .graf--pullquote, .graf--mixtapeEmbed", 1, "time.dt-published"),
    PageLayout("notion", re.compile(r'<article [^>]*class="page (?:sans|serif|mono)"'),
               "h1.page-title", "div.page-body",
               "figure, table, pre, blockquote, ul.to-do-list, nav, .bookmark", 2),
)


def claims(file: File) -> bool:
    """A page of one of the layouts."""
    return file.suffix in (".html", ".htm") and _layout(file) is not None


def read(files: Sequence[File], notes: Notes) -> Iterator[Message]:
    """Title and text of each page."""
    for file in files:
        layout = _layout(file)
        assert layout is not None, "read without claims"
        place = RowPlace(file, "", notes)
        if file.size > PAGE_BYTES_MAX:
            place.bad(f"{file.size} bytes; at most {PAGE_BYTES_MAX} are read as one page")
            continue
        page = LexborHTMLParser(text_of(file))
        title, body = page.css_first(layout.title), page.css_first(layout.body)
        date = page.css_first(layout.date) if layout.date else None
        stamp = date.attributes.get("datetime") if date is not None else None
        named = _DATE_IN_NAME.search(file.base)
        heading = " ".join(title.text().split()) if title is not None else ""
        text = words_of(body.html or "", layout.left_out) if body is not None else ""
        if body is None:
            place.bad("the file is truncated; the export or the copy is incomplete")
        else:
            yield from own_text(Room(layout.source, _NOTION_ID.sub("", file.name), "note"), place,
                                f"{heading}\n\n{text}".strip() if text else None,
                                from_iso(stamp) or (
                                    from_iso(f"{named[1]}T12:00") if named else None),
                                file.base, layout.tier)


def _layout(file: File) -> PageLayout | None:
    head = head_text(file)
    return next((layout for layout in LAYOUTS if layout.known_by.search(head)), None)
