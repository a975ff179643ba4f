"""Discord's own data package (the zip one requests, unpacked) to Messages.

It holds only what the author wrote: there is no other side to answer to, so these messages become
monologue and never half of a made-up conversation (research/training.md §0.1).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from host_training.errors import TrainingError
from host_training.importers.json_file import read_json
from host_training.messages import ChatKind, Message, Quarantine

WHAT = "an unpacked Discord data package (a folder with messages/c<number>/messages.json)"

_MARKUP = re.compile(r"<a?:(\w+):\d+>|<[@#][!&]?\d+>")


def import_discord(package: Path) -> tuple[list[Message], Quarantine]:
    """The author's messages, each channel in order of time.

    Raises:  TrainingError when the folder is no such package or holds no channel.
    """
    folder = next((package / name for name in ("messages", "Messages")
                   if (package / name).is_dir()), None)
    if folder is None:
        raise TrainingError(f"{package}: there is no messages folder; expected {WHAT}.")
    quarantine = Quarantine()
    messages: list[Message] = []
    channels = sorted(c for c in folder.iterdir() if c.is_dir() and re.fullmatch(r"c?\d+", c.name))
    if not channels:
        raise TrainingError(f"{folder}: there is no channel folder in it; expected {WHAT}.")
    for channel in channels:
        rows = list(_messages_of(channel, quarantine))
        messages += sorted(rows, key=lambda message: message.utc_ms)
    return messages, quarantine


def _rows(channel: Path) -> list[Any] | None:
    """The rows of a channel, from JSON (since 2022) or CSV (before); None when it has neither."""
    if (channel / "messages.json").exists():
        rows = read_json(channel / "messages.json", "a list of messages")
        if not isinstance(rows, list):
            raise TrainingError(f"{channel / 'messages.json'}: not a list; expected {WHAT}.")
        return rows
    if (channel / "messages.csv").exists():
        path = channel / "messages.csv"
        try:
            with open(path, encoding="utf-8-sig", newline="") as file:
                return list(csv.DictReader(file))
        except UnicodeDecodeError as error:
            raise TrainingError(f"{path}: byte {error.start} is not UTF-8.") from error
        except csv.Error as error:
            raise TrainingError(f"{path}: not CSV ({error}); expected {WHAT}.") from error
    return None


def _messages_of(channel: Path, quarantine: Quarantine) -> Iterator[Message]:
    rows = _rows(channel)
    if rows is None:
        quarantine.put(str(channel), "neither messages.json nor messages.csv")
        return
    kind: ChatKind = "group"
    if (channel / "channel.json").exists():
        about = read_json(channel / "channel.json", "a channel description")
        if isinstance(about, dict) and about.get("type") in (1, "DM"):
            kind = "dm"
    for index, row in enumerate(rows):
        place = f"{channel}: row {index}"
        if not isinstance(row, dict) or not isinstance(row.get("Contents"), str):
            quarantine.put(place, '"Contents" is missing')
            continue
        text = _MARKUP.sub(lambda m: f":{m[1]}:" if m[1] else "", row["Contents"]).strip()
        utc_ms = _utc_ms(row.get("Timestamp"))
        if not text:
            quarantine.skip("no words")
        elif utc_ms is None:
            quarantine.put(place, f'"Timestamp" is {row.get("Timestamp")!r}, not a date and time')
        else:
            yield Message("discord", channel.name, kind, str(row.get("ID", index)), utc_ms,
                          "me", True, text)


def _utc_ms(stamp: Any) -> int | None:
    """Discord writes UTC, with or without the offset."""
    if not isinstance(stamp, str):
        return None
    try:
        moment = datetime.fromisoformat(stamp)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)
