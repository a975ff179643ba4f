"""Apple's own database of Messages (``chat.db``, of an iPhone's backup ``sms.db``), to Messages.

Since macOS 13 most words are not in the column ``text`` but in ``attributedBody``, an
NSAttributedString in a typedstream, whose first string they are. Source: the tables as
https://github.com/ReagentX/imessage-exporter/tree/develop/docs/tables lists them.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing

from host_training.common.messages import Message, Notes
from host_training.importers import imessage
from host_training.importers.export_rows import Room, RowPlace, chat_row
from host_training.importers.times import from_apple
from host_training.importers.tree import File

NAME = imessage.NAME
LABEL = "iMessage database"

_NAMES = ("chat.db", "sms.db", "3d0d7e5fb2ce288813306e4d4636395e047a3d28")  # the last in a backup
_WORDS = """
SELECT message.ROWID, message.guid, text, attributedBody, date, is_from_me, handle.id,
       chat.chat_identifier, chat.display_name, item_type, associated_message_type,
       (SELECT count(*) FROM chat_handle_join WHERE chat_id = chat.ROWID)
  FROM message LEFT JOIN handle ON handle.ROWID = handle_id
  LEFT JOIN chat_message_join ON message_id = message.ROWID
  LEFT JOIN chat ON chat.ROWID = chat_id ORDER BY chat.ROWID, date"""
_STRING = b"NSString"
_ATTACHED = "\ufffc"  # where a picture stands among the words


def claims(file: File) -> bool:
    """A database by the name that Apple gives it."""
    return file.head.startswith(b"SQLite format 3\0") and file.base.lower() in _NAMES


def read(files: Sequence[File], notes: Notes) -> Iterator[Message]:
    """What people wrote; reactions and notices of the app are counted."""
    notes.own_accounts.add(f"{NAME}:{imessage.OWN}")
    for file in files:
        with tempfile.NamedTemporaryFile(suffix=".db") as copy:  # it may lie in a zip
            with file.opened() as stream:
                shutil.copyfileobj(stream, copy, 1 << 20)
            copy.flush()
            uri = f"file:{copy.name}?mode=ro&immutable=1"
            with closing(sqlite3.connect(uri, uri=True)) as database:
                try:
                    database.execute("PRAGMA trusted_schema = OFF")  # it is somebody else's file
                    database.text_factory = lambda data: data.decode("utf-8", "replace")
                    for row in database.execute(_WORDS):
                        yield from _message(row, RowPlace(file, f"message {row[0]}", notes))
                except sqlite3.DatabaseError as error:
                    notes.put(file.name, "", f"not a whole database of Messages ({error})")


def _message(row: tuple[object, ...], place: RowPlace) -> Iterator[Message]:
    _, guid, text, body, date, is_mine, handle, chat, title, item, associated, n_others = row
    if item or associated:
        place.notes.skip("reaction or service message")
        return
    if not text and isinstance(body, bytes):
        text = first_string(body)
    words = text.replace(_ATTACHED, "") if isinstance(text, str) else None
    room = Room(NAME, str(chat or handle or "?"), "group" if _number(n_others) > 1 else "dm",
                str(title or ""))
    yield from chat_row(room, place, imessage.OWN if is_mine else handle, words, from_apple(date),
                        number=guid)


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def first_string(body: bytes) -> str | None:
    """The first string of a typedstream; None where there is none.

    Behind the name of its class stand five bytes of type, and the length in UTF-8: a byte, or 0x81
    and two, or 0x82 and four, little-endian.
    """
    at = body.find(_STRING)
    if at < 0:
        return None
    at += len(_STRING) + 5
    n_length = {b"\x81": 2, b"\x82": 4}.get(body[at : at + 1], 0)
    start = at + 1 + n_length
    length = int.from_bytes(body[at + 1 : start] if n_length else body[at : at + 1], "little")
    return body[start : start + length].decode("utf-8", "replace")
