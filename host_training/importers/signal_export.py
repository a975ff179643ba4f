"""Signal's own export of its chats (``main.jsonl``), to Messages.

A line is a recipient, a chat or an item of one, as Backup.proto of libsignal names them; of an
edited message the last version is the item. Source: Signal -> Settings -> Chats -> Export chat
history, and https://github.com/signalapp/Signal-Android, Backup.proto.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from host_training.common.messages import ChatKind, Message, Notes
from host_training.importers.export_rows import Room, RowPlace, chat_row, json_lines
from host_training.importers.text import head_text
from host_training.importers.times import from_ms
from host_training.importers.tree import File

NAME = "signal"
LABEL = "Signal export"
BESIDE = re.compile(r"(?:^|/)metadata\.json$")

_OWN = "Me"
_KINDS: dict[str, ChatKind] = {"contact": "dm", "group": "group", "self": "self"}


def claims(file: File) -> bool:
    """JSON lines, the first with the time of the backup or an account."""
    if file.suffix != ".jsonl":
        return False
    first = head_text(file).lstrip()[:4000].partition("\n")[0]
    return first.startswith("{") and ('"backupTimeMs"' in first or '{"account":' in first[:20])


def read(files: Sequence[File], notes: Notes) -> Iterator[Message]:
    """What people wrote; calls, changes and deleted messages are counted."""
    notes.own_accounts.add(f"{NAME}:{_OWN}")
    for file in files:
        book = _AddressBook()
        for row, place in json_lines(file, notes):
            if isinstance(item := row.get("chatItem"), dict):
                yield from _item(item, book, place)
            else:
                book.learn(row, notes)


@dataclass(slots=True)
class _AddressBook:
    """Who and which chat the numbers stand for; they come before the first message."""

    accounts: dict[str, str] = field(default_factory=dict)  # by recipient: number or name
    names: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, ChatKind] = field(default_factory=dict)
    recipients: dict[str, str] = field(default_factory=dict)  # by chat

    def learn(self, row: dict[str, Any], notes: Notes) -> None:
        recipient, chat, account = (row.get(key) for key in ("recipient", "chat", "account"))
        if isinstance(account, dict):
            notes.called(f"{NAME}:{_OWN}", _name(account, "given", "family"))
        if isinstance(chat, dict):
            self.recipients[str(chat.get("id"))] = str(chat.get("recipientId"))
        if isinstance(recipient, dict):
            kind = next((key for key in _KINDS if isinstance(recipient.get(key), dict)), None)
            if kind is None:
                return  # release notes, a list for stories, a link to a call
            number, about = str(recipient.get("id")), recipient[kind]
            self.kinds[number] = _KINDS[kind]
            name = (_name(about, "systemGiven", "systemFamily")
                    or _name(about, "profileGiven", "profileFamily") or _title(about))
            phone = about.get("e164")
            self.names[number] = name
            self.accounts[number] = _OWN if kind == "self" else str(
                phone or name or f"recipient {number}")


def _item(item: dict[str, Any], book: _AddressBook, place: RowPlace) -> Iterator[Message]:
    chat, author = str(item.get("chatId")), str(item.get("authorId"))
    recipient = book.recipients.get(chat, "")
    message = item.get("standardMessage")
    text = message.get("text") if isinstance(message, dict) else None
    if recipient not in book.kinds:
        place.notes.skip("words of the app")
    elif not isinstance(message, dict):
        place.notes.skip("deleted message" if "remoteDeletedMessage" in item else
                         "service message")
    else:
        name = book.names[recipient]
        kind = book.kinds[recipient]
        room = Room(NAME, book.accounts[recipient] if kind == "dm" else f"chat {chat}", kind, name)
        account = _OWN if "outgoing" in item else book.accounts.get(author, "")
        yield from chat_row(room, place, account,
                            text.get("body") if isinstance(text, dict) else None,
                            from_ms(item.get("dateSent")),
                            "" if account == _OWN else book.names.get(author, ""))


def _name(about: dict[str, Any], *parts: str) -> str:
    found = (about.get(f"{part}Name") for part in parts)
    return " ".join(part for part in found if isinstance(part, str)).strip()


def _title(group: dict[str, Any]) -> str:
    """``snapshot.title.title``, of a group."""
    title: Any = group
    for key in ("snapshot", "title", "title"):
        title = title.get(key) if isinstance(title, dict) else None
    return title if isinstance(title, str) else ""
