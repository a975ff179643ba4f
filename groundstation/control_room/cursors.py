"""How much this archive and the control room have told each other, as rows of ``meta``.

They belong to one room, known by its name. A room that is another one, or whose numbers have gone
back because it was restored from a copy, is told everything again, and tells everything again: what
is there already is recognised.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
from typing import NamedTuple

from groundstation.archive.archive import Archive
from groundstation.archive.rawlog import BY_RADIO
from groundstation.archive.schema import (
    CONTROL_ROOM_LOG_KEY,
    CONTROL_ROOM_PULLED_KEY,
    CONTROL_ROOM_PUSHED_KEY,
    CONTROL_ROOM_SEEN_KEY,
)
from groundstation.control_room.tables import LOG_BYTES
from groundstation.sanitise import read_json

PULLED, PUSHED = CONTROL_ROOM_PULLED_KEY, CONTROL_ROOM_PUSHED_KEY
SEEN = CONTROL_ROOM_SEEN_KEY  # the room's number when this archive put in its last reception


class ArchiveName(NamedTuple):
    """``log`` names the archive in the room. One that began without receptions of its own is given
    those back which an earlier archive of this station put in (``wants_own``)."""

    log: bytes
    wants_own: bool


def name_of(archive: Archive) -> ArchiveName:
    """The name that the archive has had since it first had a control room. Raises sqlite3.Error."""
    try:
        log, wants_own = read_json(archive.meta(CONTROL_ROOM_LOG_KEY) or "")
        if len(found := bytes.fromhex(log)) == LOG_BYTES:
            return ArchiveName(found, bool(wants_own))
    except (ValueError, TypeError):
        pass  # the first time, or unreadable
    is_empty = archive.db.execute(
        "SELECT 1 FROM reception WHERE source = ? LIMIT 1", (BY_RADIO,)).fetchone() is None
    name = ArchiveName(secrets.token_bytes(LOG_BYTES), is_empty)
    with archive.batch():
        archive.set_meta(CONTROL_ROOM_LOG_KEY, json.dumps([name.log.hex(), is_empty]))
    return name


def read(db: sqlite3.Connection, key: str, room: bytes) -> int:
    """The number up to which all is told; 0 in a room that is another one."""
    row = db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    try:
        name, number = read_json(row[0]) if row else ("", 0)
        return int(number) if name == room.hex() else 0
    except (ValueError, TypeError):
        return 0


def note(db: sqlite3.Connection, key: str, room: bytes, number: int) -> None:
    """All up to this number is told. The caller commits."""
    db.execute("INSERT OR REPLACE INTO meta(key, value) VALUES (?, ?)",
               (key, json.dumps([room.hex(), number])))
