"""Text messages as "SMS Backup & Restore" saves them (XML), to Messages.

Source: its fields, https://www.synctech.com.au/sms-backup-restore/fields-in-xml-backup-files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from xml.etree.ElementTree import Element

from host_training.common.messages import Message, Notes
from host_training.importers import xml_stream
from host_training.importers.export_rows import Room, RowPlace, chat_row
from host_training.importers.text import head_text
from host_training.importers.times import from_ms
from host_training.importers.tree import File

NAME = "sms"
LABEL = "SMS Backup & Restore"
OWN = "me"

_HEAD = re.compile(r"<smses[\s>]")
_RECEIVED, _SENT = "1", "2"  # of type, and of msg_box
_FROM = "137"  # of an address of an MMS
_UNKNOWN = ("", "null", "(Unknown)")


def claims(file: File) -> bool:
    """An XML file of ``smses``."""
    return file.suffix == ".xml" and bool(_HEAD.search(head_text(file)[:4000]))


def read(files: Sequence[File], notes: Notes) -> Iterator[Message]:
    """What people wrote; drafts and what failed are counted."""
    notes.own_accounts.add(f"{NAME}:{OWN}")
    for file in files:
        for row, place in xml_stream.elements(file, notes, {"sms", "mms"}):
            box = row.get("type") if row.tag == "sms" else row.get("msg_box")
            if box not in (_RECEIVED, _SENT):
                notes.skip("draft")
            else:
                yield from _message(row, box == _SENT, place)


def _message(row: Element, is_mine: bool, place: RowPlace) -> Iterator[Message]:
    numbers = row.get("address", "").split("~")  # of a group
    name = row.get("contact_name", "")
    name = "" if name in _UNKNOWN else name
    author, text = numbers[0], row.get("body")
    if row.tag == "mms":
        parts = (part for part in row.iter("part") if part.get("ct") == "text/plain")
        text = "\n".join(words for part in parts if (words := part.get("text", "")) != "null")
        sender = [one.get("address", "") for one in row.iter("addr") if one.get("type") == _FROM]
        author = sender[0] if sender and len(numbers) > 1 else author
    room = Room(NAME, "~".join(numbers), "group" if len(numbers) > 1 else "dm", name)
    yield from chat_row(room, place, OWN if is_mine else author, text, from_ms(row.get("date")),
                        "" if is_mine or len(numbers) > 1 else name)
