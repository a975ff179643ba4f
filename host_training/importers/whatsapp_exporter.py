"""WhatsApp-Chat-Exporter's JSON, which it reads from a phone's own database, to Messages.

Source: ChatStore and Message of https://github.com/KnugiHK/WhatsApp-Chat-Exporter, data_model.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from host_training.common.messages import ChatKind, Message, Notes
from host_training.importers import whatsapp
from host_training.importers.export_rows import Room, chat_row, json_values
from host_training.importers.text import head_text
from host_training.importers.times import from_seconds
from host_training.importers.tree import File

NAME = whatsapp.NAME
LABEL = "WhatsApp-Chat-Exporter JSON"
OWN = "me"

_HEAD = re.compile(r'^\s*\{\s*"[^"]{3,80}@(?:s\.whatsapp\.net|g\.us|lid|broadcast)"\s*:\s*\{')
_BREAK = re.compile(r"<br ?/?>")


def claims(file: File) -> bool:
    """An object whose keys are WhatsApp's names of chats."""
    return file.suffix == ".json" and bool(_HEAD.match(head_text(file)))


def read(files: Sequence[File], notes: Notes) -> Iterator[Message]:
    """What people wrote; of media the caption."""
    notes.own_accounts.add(f"{NAME}:{OWN}")
    for file in files:
        title = ""
        for path, value, place in json_values(file, notes, ("*", "name"), ("*", "messages", "*")):
            chat = path[0]
            if len(path) == 2:
                title = value if isinstance(value, str) else ""
            elif value.get("meta") or value.get("sticker"):
                notes.skip("service message or sticker")
            else:
                kind: ChatKind = "group" if chat.endswith("@g.us") else "dm"
                text = value.get("caption") if value.get("media") else value.get("data")
                if isinstance(text, str):
                    text = _BREAK.sub("\n", text)
                sender = value.get("sender") or (title if kind == "dm" else "")
                author = OWN if value.get("from_me") else sender or chat.partition("@")[0]
                yield from chat_row(Room(NAME, chat, kind, title), place, author, text,
                                    from_seconds(value.get("timestamp")),
                                    "" if author == OWN else sender, value.get("key_id"))
