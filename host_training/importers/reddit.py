"""Reddit's data export (``comments.csv``, ``posts.csv``), to Messages: the author's words only."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from host_training.common.messages import Message, Notes
from host_training.importers.export_rows import RowPlace, csv_columns, csv_rows
from host_training.importers.text import head_text, mend
from host_training.importers.times import from_iso
from host_training.importers.tree import File

NAME = "reddit"
LABEL = "Reddit export"

_GONE = ("[deleted]", "[removed]", "[deleted by user]", "[removed by reddit]")
_QUOTE = re.compile(r"^\s*(?:>|&gt;).*$\n?", re.MULTILINE)


def claims(file: File) -> bool:
    """A CSV whose first line has Reddit's columns."""
    return file.suffix == ".csv" and {"id", "permalink", "date", "subreddit", "body"} <= set(
        csv_columns(head_text(file)))


def read(files: Sequence[File], notes: Notes) -> Iterator[Message]:
    """Comments and posts, without what they quote."""
    for file in files:
        for row, place in csv_rows(file, notes):
            yield from _message(row, place)


def _message(row: dict[str, str], place: RowPlace) -> Iterator[Message]:
    if not row["date"]:
        place.bad("a row with too few cells")
        return
    body, title = row["body"], row.get("title", "")
    if body.strip().lower() in _GONE:
        place.notes.skip("deleted message")
        return
    text = mend(_QUOTE.sub("", f"{title}\n\n{body}" if title else body)).strip()
    utc_ms = from_iso(row["date"])
    if not text:
        place.notes.skip("no words")
    elif utc_ms is None:
        place.bad(f'"date" is {row["date"]!r}')
    else:
        yield Message(NAME, row.get("link") or row["permalink"] or "posts", "post", row["id"],
                      utc_ms, "me", True, text)
