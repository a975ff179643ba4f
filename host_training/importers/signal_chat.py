"""Signal chats as ``signal-export`` (sigexport) writes them: a ``data.json`` line by line.

sigexport reads Signal's desktop app; for the export of the phones' own see signal_export.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from host_training.common.messages import ChatKind, Message, Notes
from host_training.importers.export_rows import json_lines
from host_training.importers.text import head_text, mend
from host_training.importers.times import from_iso
from host_training.importers.tree import File

NAME = "signal"
LABEL = "Signal chat"

_KEYS = ('"date"', '"sender"', '"body"', '"reactions"')
_OWN_NAME = "Me"  # what sigexport calls whose desktop it is


def claims(file: File) -> bool:
    """JSON lines with sigexport's fields."""
    first = head_text(file).lstrip()[:4000].partition("\n")[0]
    return first.startswith("{") and all(key in first for key in _KEYS)


def read(files: Sequence[File], notes: Notes) -> Iterator[Message]:
    """What people wrote, one chat per folder."""
    notes.own_accounts.add(f"{NAME}:{_OWN_NAME}")
    for file in files:
        chat = file.folder.rsplit("/", 1)[-1] or file.name
        rows = list(json_lines(file, notes))
        senders = {str(row.get("sender")) for row, _ in rows}
        kind: ChatKind = "group" if len(senders) > 2 else "dm"
        for row, place in rows:
            sender, body = row.get("sender"), row.get("body")
            if not isinstance(sender, str) or not isinstance(body, str):
                place.bad('"sender" or "body" is missing')
                continue
            text = mend(body).strip()
            utc_ms = from_iso(row.get("date"), notes.zone)
            if row.get("deleted") or row.get("call"):
                notes.skip("deleted message or call")
            elif not text:
                notes.skip("no words")
            elif utc_ms is None:
                place.bad(f'"date" is {row.get("date")!r}')
            else:
                yield Message(NAME, chat, kind, f"{sender} {utc_ms} {text[:60]}", utc_ms, sender,
                              False, text, sender)

