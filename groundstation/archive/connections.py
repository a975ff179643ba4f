"""The state of the station's connections, for the page: connected or lost, since when, why.

Each is a row of ``meta``, written when it changes. A station without a radio of its own, a broker
or a control room shared with others has none for it.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import suppress
from typing import TypedDict

from groundstation.archive.archive import Archive
from groundstation.sanitise import clean_text, read_json

RADIO, BROKER, CONTROL_ROOM = "radio", "broker", "control_room"
WORDS_MAX = 120


class ConnectionJson(TypedDict):
    """``why`` is empty while it is connected."""

    name: str
    since_ms: int
    is_connected: bool
    why: str


def note(archive: Archive, key: str, name: str, since_ms: int, why: str | None) -> None:
    """The radio or broker ``name`` is connected since then, UTC ms, or lost for this reason.

    A disk that refuses stops neither: the page then shows the state before.
    """
    state: ConnectionJson = {
        "name": name, "since_ms": since_ms, "is_connected": why is None, "why": why or "",
    }
    with suppress(sqlite3.Error), archive.batch():
        archive.set_meta(key, json.dumps(state))
        archive.note_change("station", None)


def read(db: sqlite3.Connection, key: str) -> ConnectionJson | None:
    """As the page shows it; None where there is none."""
    row = db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    with suppress(ValueError, TypeError, KeyError):
        state = read_json(row[0])
        return {"name": clean_text(state["name"], WORDS_MAX), "since_ms": int(state["since_ms"]),
                "is_connected": bool(state["is_connected"]),
                "why": clean_text(state["why"], WORDS_MAX)}
    return None
