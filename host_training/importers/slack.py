"""A Slack workspace export (a folder per channel, a file per day), to Messages."""

from __future__ import annotations

import html
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from host_training.common.messages import ChatKind, Message, Notes
from host_training.importers import json_stream, prose
from host_training.importers.export_rows import RowPlace
from host_training.importers.json_stream import END, START
from host_training.importers.text import decode, mend
from host_training.importers.times import from_seconds
from host_training.importers.tree import UNREADABLE, File

NAME = "slack"
LABEL = "Slack export"

_DAY = re.compile(r"^(?P<root>(?:.*/)?)(?P<channel>[^/]+)/\d{4}-\d{2}-\d{2}\.json$")
_LISTS = ("users.json", "channels.json", "groups.json", "dms.json", "mpims.json",
          "integration_logs.json", "canvases.json", "lists.json")
_OWN_WORDS = (None, "thread_broadcast", "me_message", "file_share")
# in place of words, or before those that went with the file
_UPLOADED = re.compile(r"<@[A-Z0-9]+(?:\|[^>]*)?> (?:uploaded|shared) a file: <[^>]*>"
                       r"(?: and commented: )?")
_USER = re.compile(r"<@([A-Z0-9]+)(?:\|([^>]*))?>")
_MARKUP = re.compile(r"<([#!])?([^<>|]*)(?:\|([^<>]*))?>")


def groups(files: Sequence[File]) -> list[list[File]]:
    """The files below each folder that has channel folders with files of days."""
    roots = {match["root"] for file in files if (match := _DAY.match(file.name))
             and (b'"ts"' in file.head or file.head.strip() == b"[]")}
    return [[f for f in files if f.name.startswith(root)
             and (_DAY.match(f.name) or f.name.removeprefix(root) in _LISTS)]
            for root in sorted(roots)]


def read(files: Sequence[File], notes: Notes) -> Iterator[Message]:
    """What people wrote, day by day."""
    names = _people(files, notes)
    ids = _channel_ids(files, notes)
    direct = {str(channel.get("id")): channel.get("members") for file in files
              if file.base == "dms.json" for channel in _list(file, notes)}
    days: defaultdict[str, list[File]] = defaultdict(list)
    for file in files:
        match = _DAY.match(file.name)
        if match:
            days[match["channel"]].append(file)
    for channel, of_channel in sorted(days.items()):
        kind: ChatKind = "dm" if channel in direct else "group"
        chat = ids.get(channel, channel), _title(direct.get(channel), names) or channel, kind
        for file in of_channel:
            index = 0
            try:
                for path, row in json_stream.walk(file, frozenset({()})):
                    if path == ("*",):
                        place = RowPlace(file, f"row {index}", notes)
                        yield from message(row, chat, names, place)
                        index += 1
                    elif row not in (START, END):
                        notes.put(file.name, "", "not a list of messages")
            except json_stream.Damaged as error:
                notes.put(file.name, f"row {index}", str(error))


def _list(file: File, notes: Notes) -> list[dict[str, Any]]:
    try:
        rows = json.loads(decode(file.read()))
    except (ValueError, RecursionError, *UNREADABLE) as error:
        notes.put(file.name, "", f"not JSON ({error})")
        return []
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _people(files: Sequence[File], notes: Notes) -> dict[str, str]:
    """User id -> name, from users.json, which an export may lack."""
    names = {"USLACKBOT": "Slackbot"}
    for file in files:
        if file.base != "users.json":
            continue
        for user in _list(file, notes):
            profile = user.get("profile")
            profile = profile if isinstance(profile, dict) else {}
            name = profile.get("display_name") or user.get("real_name") or user.get("name")
            if isinstance(user.get("id"), str) and isinstance(name, str):
                names[user["id"]] = name
                for known in (name, user.get("real_name"), user.get("name")):
                    notes.called(f"{NAME}:{user['id']}", known)
    return names


def _channel_ids(files: Sequence[File], notes: Notes) -> dict[str, str]:
    """Name -> id of the channels: every workspace has a "general", and names change."""
    return {str(channel.get("name")): str(channel["id"]) for file in files
            if file.base in ("channels.json", "groups.json", "mpims.json")
            for channel in _list(file, notes) if isinstance(channel.get("id"), str)}


def _title(members: Any, names: dict[str, str]) -> str:
    """Slack names a direct message by an id; who is in it says more."""
    people = members if isinstance(members, list) else []
    return ", ".join(names[one] for one in people if isinstance(one, str) and one in names)


def message(row: Any, chat: tuple[str, str, ChatKind], names: dict[str, str], place: RowPlace
            ) -> Iterator[Message]:
    """A row of Slack's; ``chat`` is id, name and kind, ``names`` those of users by their ids."""
    (channel, chat_name, kind), notes = chat, place.notes
    if not isinstance(row, dict) or not isinstance(row.get("text", ""), str):
        place.bad("not a message")
        return
    if row.get("bot_id") or row.get("subtype") == "bot_message" or row.get("user") == "USLACKBOT":
        notes.skip("sent by a bot")
        return
    if row.get("type") != "message" or row.get("subtype") not in _OWN_WORDS:
        notes.skip("service message")
        return
    author, stamp = row.get("user"), row.get("ts")
    text = mend(_plain(_UPLOADED.sub("", row.get("text", ""), count=1), names))
    text = prose.without_quotes(text).strip()
    if not text:
        notes.skip("no words")
    elif not isinstance(author, str):
        place.bad('"user" is missing')
    elif (utc_ms := from_seconds(stamp)) is None:
        place.bad(f'"ts" is {stamp!r}, not seconds')
    else:
        # a guest of a shared channel is in no users.json, but in the row
        guest = row.get("user_profile")
        if author not in names and isinstance(guest, dict):
            for known in (guest.get("real_name"), guest.get("display_name")):
                notes.called(f"{NAME}:{author}", known)
            names[author] = str(guest.get("display_name") or guest.get("real_name") or "")
        thread = row.get("thread_ts")
        # an answer in a thread answers the thread, not what the channel said meanwhile
        chat_id = channel if thread in (None, stamp) else f"{channel}/{thread}"
        yield Message(NAME, chat_id, kind, str(stamp), utc_ms, author, False, text,
                      names.get(author, ""), chat_name=chat_name)


def _plain(text: str, names: dict[str, str]) -> str:
    """Slack's markup as words: ``<@U1|bo>``, ``<#C1|general>``, ``<https://x|label>``, ``&lt;``."""
    text = _USER.sub(lambda m: "@" + (m[2] or names.get(m[1], "")), text)

    def words(match: re.Match[str]) -> str:
        mark, target, label = match.groups()
        if mark == "!":
            return "@" + target.partition("^")[0]
        return f"#{label or ''}" if mark == "#" else label or target

    return html.unescape(_MARKUP.sub(words, text))
