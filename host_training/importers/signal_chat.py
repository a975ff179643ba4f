"""Signal chats as ``signal-export`` (sigexport) writes them: a ``data.json`` line by line.

Signal's phone apps have no readable export of their own; sigexport reads the desktop app.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from host_training.common.messages import ChatKind, Message, Notes
from host_training.importers.text import head_text, lines_of, mend
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
        rows = list(_rows(file, notes))
        senders = {str(row.get("sender")) for _, row in rows}
        kind: ChatKind = "group" if len(senders) > 2 else "dm"
        for number, row in rows:
            sender, body = row.get("sender"), row.get("body")
            if not isinstance(sender, str) or not isinstance(body, str):
                notes.put(file.name, f"line {number}", '"sender" or "body" is missing')
                continue
            text = mend(body).strip()
            utc_ms = from_iso(row.get("date"), notes.zone)
            if row.get("deleted") or row.get("call"):
                notes.skip("deleted message or call")
            elif not text:
                notes.skip("no words")
            elif utc_ms is None:
                notes.put(file.name, f"line {number}", f'"date" is {row.get("date")!r}')
            else:
                yield Message(NAME, chat, kind, f"{sender} {utc_ms} {text[:60]}", utc_ms, sender,
                              False, text, sender)


def _rows(file: File, notes: Notes) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in lines_of(file):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            notes.put(file.name, f"line {number}", f"not JSON ({error})")
            continue
        if isinstance(row, dict):
            yield number, row
        else:
            notes.put(file.name, f"line {number}", "not an object")
