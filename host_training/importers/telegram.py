"""Telegram Desktop's JSON export (``result.json``), full or of a single chat, to Messages.

Who "me" is comes from the export's own ``personal_information.user_id`` and from the ids in
``persona.toml``; display names decide nothing, because two people may share one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from host_training.errors import TrainingError
from host_training.importers.json_file import read_json
from host_training.messages import ChatKind, Message, Quarantine

WHAT = 'a Telegram JSON export (an object with "chats" or with "messages")'

_SECONDS_MAX = 253_402_300_799  # the end of the year 9999

_CHAT_KINDS: dict[str, ChatKind] = {
    "personal_chat": "dm",
    "bot_chat": "dm",
    "saved_messages": "self",
    "private_group": "group",
    "private_supergroup": "group",
    "public_supergroup": "group",
    "private_channel": "channel",
    "public_channel": "channel",
}


def import_telegram(path: Path, me: Iterable[str]) -> tuple[list[Message], Quarantine]:
    """All messages with words in them, in the order of the export.

    Args:    me: ids of the author, e.g. ``user5550111222``; the export's own id is added.
    Raises:  TrainingError when the file is not such an export or no message is the author's.
    """
    export = read_json(path, WHAT)
    if not isinstance(export, dict):
        raise TrainingError(f"{path}: the top is a {type(export).__name__}; expected {WHAT}.")
    me_ids = set(me) | _own_id(export)
    quarantine = Quarantine()
    messages = [
        message
        for chat in _chats(export, path)
        for message in _messages_of(chat, path, me_ids, quarantine)
    ]
    if messages and not any(message.is_me for message in messages):
        seen = sorted({message.author for message in messages})[:5]
        raise TrainingError(
            f"{path}: none of the {len(messages)} messages is the author's; put the author's id"
            f' into "me" of persona.toml, the export has {", ".join(seen)}.'
        )
    return messages, quarantine


def _own_id(export: dict[str, Any]) -> set[str]:
    person = export.get("personal_information")
    user_id = person.get("user_id") if isinstance(person, dict) else None
    return {f"user{user_id}"} if isinstance(user_id, int) else set()


def _chats(export: dict[str, Any], path: Path) -> list[dict[str, Any]]:
    """The chats of a full export, or the one chat that a single-chat export is."""
    if isinstance(export.get("messages"), list):
        return [export]
    chats = export.get("chats")
    listed = chats.get("list") if isinstance(chats, dict) else None
    if not isinstance(listed, list):
        raise TrainingError(f'{path}: neither "chats.list" nor "messages" is there; expected'
                            f" {WHAT}.")
    return [chat for chat in listed if isinstance(chat, dict)]


def _messages_of(
    chat: dict[str, Any], path: Path, me_ids: set[str], quarantine: Quarantine
) -> Iterator[Message]:
    chat_id = str(chat.get("id", "?"))
    kind = str(chat.get("type", "?"))
    rows = chat.get("messages")
    if not isinstance(rows, list):
        quarantine.put(f"{path}: chat {chat_id}", '"messages" is not a list')
        return
    if kind == "bot_chat":
        quarantine.skipped["chat with a bot"] += len(rows)
        return
    for index, row in enumerate(rows):
        place = f"{path}: chat {chat_id}, row {index}"
        if not isinstance(row, dict):
            quarantine.put(place, "the row is not an object")
            continue
        reason = _skip_reason(row)
        if reason:
            quarantine.skip(reason)
            continue
        text = plain_text(row.get("text"))
        if text is None:
            quarantine.put(place, '"text" is neither a string nor a list of strings and objects')
        elif not text.strip():
            quarantine.skip("no words")
        elif not isinstance(row.get("from_id"), str):
            quarantine.put(place, '"from_id" is missing')
        elif (utc_ms := _utc_ms(row)) is None:
            quarantine.put(place, '"date_unixtime" is missing or not a number of seconds')
        else:
            author = row["from_id"]
            yield Message("telegram", chat_id, _CHAT_KINDS.get(kind, "group"),
                          str(row.get("id", index)), utc_ms, author, author in me_ids, text.strip())


def _skip_reason(row: dict[str, Any]) -> str | None:
    """Why this is nobody's own writing here, or None."""
    if row.get("type") != "message":
        return "service message"
    if row.get("forwarded_from") is not None or row.get("forwarded_from_id") is not None:
        return "forwarded"
    if row.get("via_bot") is not None:
        return "sent by a bot"
    if row.get("media_type") == "sticker":
        return "sticker"
    return None


def plain_text(text: Any) -> str | None:
    """The words of a ``text`` field: a string, or a list of strings and ``{type, text}``.

    Returns None when it is something else.
    """
    if isinstance(text, str):
        return text
    if not isinstance(text, list):
        return None
    parts = []
    for part in text:
        words = part.get("text") if isinstance(part, dict) else part
        if not isinstance(words, str):
            return None
        parts.append(words)
    return "".join(parts)


def _utc_ms(row: dict[str, Any]) -> int | None:
    """From ``date_unixtime`` only: ``date`` is local time of an unknown zone."""
    seconds = row.get("date_unixtime")
    if isinstance(seconds, str) and seconds.isascii() and seconds.isdigit() and len(seconds) < 13:
        seconds = int(seconds)
    is_time = type(seconds) is int and 0 <= seconds <= _SECONDS_MAX
    return seconds * 1000 if is_time else None
