"""Discord's own data package (the zip one requests), to Messages.

It holds only what the author wrote: there is no other side to answer to, so these messages become
monologue and never half of a made-up conversation.
"""

from __future__ import annotations

import csv
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from host_training.common.messages import ChatKind, Message, Notes
from host_training.importers import json_stream, prose
from host_training.importers.json_stream import END, START
from host_training.importers.text import decode, head_text, mend, open_text
from host_training.importers.times import from_iso, from_snowflake
from host_training.importers.tree import UNREADABLE, File

NAME = "discord"
LABEL = "Discord data package"

_CHANNEL = re.compile(r"^(?P<root>(?:.*/)?)[^/]+/(?P<channel>c?\d{1,20})/"
                      r"(?P<file>messages\.json|messages\.csv|channel\.json)$")
# what tells the folders of messages, account, servers and activity from anybody else's
_OWN_FILE = re.compile(r"[^/]+/(?:c?\d{1,20}/(?:messages\.json|messages\.csv|channel\.json|"
                       r"guild\.json)|user\.json|[^/]+/events(?:-\d+-\d+-of-\d+)?\.json)$")
_ROW_KEYS = ('"Contents"', '"Timestamp"')
_MARKUP = re.compile(r"<a?:(\w+):\d+>|<[@#][!&]?\d+>|<t:-?\d+(?::\w)?>|</[\w -]+:\d+>")


def groups(files: Sequence[File]) -> list[list[File]]:
    """A folder of numbered channels, whatever its language, and the package's folders beside it.

    Other exports that were unpacked into the same place stay there.
    """
    roots = {match["root"] for file in files if (match := _CHANNEL.match(file.name))
             and match["file"] != "channel.json" and _is_channel(file)}
    return [_package(root, [f for f in files if f.name.startswith(root)]) for root in sorted(roots)]


def _package(root: str, files: Sequence[File]) -> list[File]:
    below = [(file.name[len(root) :], file) for file in files]
    own = {name.partition("/")[0] for name, file in below if _OWN_FILE.match(name)}
    return [file for name, file in below
            if name.partition("/")[0] in own or name == "README.txt"]


def _is_channel(file: File) -> bool:
    head = head_text(file)
    if file.suffix == ".csv":
        return head.startswith("ID,Timestamp,Contents")
    return head.strip() == "[]" or all(key in head for key in _ROW_KEYS)


def read(files: Sequence[File], notes: Notes) -> Iterator[Message]:
    """The author's messages, channel by channel."""
    channels: defaultdict[tuple[str, str], dict[str, File]] = defaultdict(dict)
    names: dict[str, str] = {}
    for file in files:
        match = _CHANNEL.match(file.name)
        if match:
            channels[file.folder, match["channel"]][match["file"]] = file
        elif file.base == "user.json":
            _whose(file, notes)
        elif file.base == "index.json":
            names |= _channel_names(file, notes)
        else:
            notes.skip("other file of a Discord data package")
    for (folder, channel), found in sorted(channels.items(), key=lambda item: item[0]):
        kind: ChatKind = _kind(found["channel.json"], notes) if "channel.json" in found else "group"
        chat = channel.lstrip("c"), names.get(channel.lstrip("c"), ""), kind
        if "messages.json" in found:
            yield from _messages(_json_rows(found["messages.json"], notes), chat,
                                 found["messages.json"], notes)
        elif "messages.csv" in found:
            yield from _messages(_csv_rows(found["messages.csv"], notes), chat,
                                 found["messages.csv"], notes)
        else:
            notes.put(folder, "", "neither messages.json nor messages.csv")


def _object(file: File, notes: Notes) -> dict[str, Any]:
    try:
        value = json.loads(decode(file.read()))
    except (ValueError, RecursionError, *UNREADABLE) as error:
        notes.put(file.name, "", f"not JSON ({error})")
        return {}
    return value if isinstance(value, dict) else {}


def _whose(file: File, notes: Notes) -> None:
    user = _object(file, notes)
    for key in ("username", "global_name"):
        notes.called(f"{NAME}:me", user.get(key))
    if user.get("id"):
        notes.own_accounts.add(f"{NAME}:{user['id']}")  # DiscordChatExporter knows one by it


def _channel_names(file: File, notes: Notes) -> dict[str, str]:
    """``index.json`` names the channels; a direct message by its partner, who is a name to scrub.
    """
    names = {channel: name for channel, name in _object(file, notes).items()
             if isinstance(name, str)}
    for channel, name in names.items():
        if name.startswith("Direct Message with "):
            notes.called(f"{NAME}:{channel}", name.removeprefix("Direct Message with ")
                         .partition("#")[0])
    return names


def _kind(file: File, notes: Notes) -> ChatKind:
    return "dm" if _object(file, notes).get("type") in (1, "DM") else "group"


def _json_rows(file: File, notes: Notes) -> Iterator[Any]:
    """Since 2022."""
    try:
        for path, value in json_stream.walk(file, frozenset({()})):
            if path == ("*",):
                yield value
            elif value not in (START, END):
                notes.put(file.name, "", "not a list of messages")
    except json_stream.Damaged as error:
        notes.put(file.name, "", str(error))


def _csv_rows(file: File, notes: Notes) -> Iterator[Any]:
    """Until 2022."""
    try:
        with open_text(file) as stream:
            yield from csv.DictReader(stream)
    except (csv.Error, *UNREADABLE) as error:
        notes.put(file.name, "", f"not CSV ({error})")


def _messages(rows: Iterator[Any], chat: tuple[str, str, ChatKind], file: File, notes: Notes
              ) -> Iterator[Message]:
    """``chat`` is id, name and kind."""
    channel, chat_name, kind = chat
    for index, row in enumerate(rows):
        place = f"row {index}"
        if not isinstance(row, dict) or not isinstance(row.get("Contents"), str):
            notes.put(file.name, place, '"Contents" is missing')
            continue
        text = mend(_MARKUP.sub(lambda m: f":{m[1]}:" if m[1] else "", row["Contents"]))
        text = prose.without_quotes(text).strip()
        # UTC, with or without the offset
        utc_ms = from_snowflake(row.get("ID"), from_iso(row.get("Timestamp")))
        if not text:
            notes.skip("no words")
        elif utc_ms is None:
            notes.put(file.name, place, f'"Timestamp" is {row.get("Timestamp")!r}, not a date and'
                                        " time")
        else:
            yield Message(NAME, channel, kind, str(row.get("ID", index)), utc_ms, "me", True, text,
                          chat_name=chat_name)
