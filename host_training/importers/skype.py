"""Skype's export (``messages.json``), which Teams for private accounts shares, to Messages.

Words are HTML; what they quote and what an edit says of itself are elements of it. Source: the
export of https://secure.skype.com/en/data-export as its readers have it
(https://github.com/siwen-r/skype-export-parser, src/types/SkypeExport.d.ts).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from host_training.common.messages import ChatKind, Message, Notes
from host_training.importers.export_rows import Room, chat_row, json_values
from host_training.importers.html_text import words_of
from host_training.importers.text import head_text
from host_training.importers.times import from_iso
from host_training.importers.tree import File

NAME = "skype"
LABEL = "Skype or Teams export"
BESIDE = re.compile(r"(?:^|/)endpoints\.json$")

_HEAD = re.compile(r'^\s*\{\s*"userId"\s*:\s*"[^"]*"\s*,\s*"exportDate"\s*:')
_WORDS = ("RichText", "Text", "RichText/Html")
_NOT_OWN = "quote, e_m, legacyquote"
_ROW = ("conversations", "*", "MessageList", "*")


def claims(file: File) -> bool:
    """An account and a date of export, then conversations."""
    return file.suffix == ".json" and bool(_HEAD.match(head_text(file)))


def read(files: Sequence[File], notes: Notes) -> Iterator[Message]:
    """What people wrote; calls, files, polls and cards are counted."""
    for file in files:
        own = ""
        title: object = None
        for path, value, place in json_values(file, notes, ("userId",),
                                              ("conversations", "*", "displayName"), _ROW):
            if path == ("userId",):
                own = _account(value)
                notes.own_accounts.add(f"{NAME}:{own}")
            elif path != _ROW:
                title = value  # it comes before the messages
            elif value.get("messagetype") not in _WORDS:
                notes.skip("service message")
            else:
                author = _account(value.get("from"))
                chat = str(value.get("conversationid"))
                kind: ChatKind = "group" if chat.startswith("19:") else "dm"
                content = value.get("content")
                text = (words_of(content.replace("\n", "<br>"), _NOT_OWN)
                        if isinstance(content, str) else content)
                name = value.get("displayName") or (title if author == _account(chat) else "")
                yield from chat_row(Room(NAME, chat.replace("/", ":"), kind, str(title or "")),
                                    place, author, text, from_iso(value.get("originalarrivaltime")),
                                    "" if author == own else name, value.get("id"))


def _account(value: object) -> str:
    """Without the number that says which network it is of."""
    return re.sub(r"^\d+:", "", value) if isinstance(value, str) else ""
