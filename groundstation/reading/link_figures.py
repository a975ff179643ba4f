"""Link statistics in figures: received and lost, silences, dropped.

Reads the archive; what enters it is the business of ``groundstation.decode.link``.
"""

from __future__ import annotations

import sqlite3
from typing import cast

from groundstation.archive import schema
from groundstation.archive.rawlog import RELAYED
from groundstation.reading.page_json import LinkJson

RECENT_LOSS_MINUTES = 5
OWN_AMONG = 1_000  # receptions, the newest; most of them perhaps of other stations


def now(db: sqlite3.Connection, node_id: int) -> LinkJson:
    """The link of this payload over all and lately, the newest signal, and all tallies."""
    heard, lost = db.execute(
        "SELECT COALESCE(SUM(heard), 0), COALESCE(SUM(lost), 0) FROM link_minute"
        " WHERE node_id = ?", (node_id,),
    ).fetchone()
    recent = db.execute(
        "SELECT SUM(heard), SUM(lost) FROM (SELECT heard, lost FROM link_minute"
        " WHERE node_id = ? ORDER BY minute_ms DESC LIMIT ?)", (node_id, RECENT_LOSS_MINUTES),
    ).fetchone()
    recent_lost = max(0, recent[1] or 0)
    total = (recent[0] or 0) + recent_lost
    newest = db.execute("SELECT utc_ms FROM reception ORDER BY id DESC LIMIT 1").fetchone()
    own = db.execute(
        "SELECT rssi_dbm, snr_db FROM (SELECT * FROM reception ORDER BY id DESC LIMIT ?)"
        f" WHERE source NOT IN {RELAYED} LIMIT 1", (OWN_AMONG,)).fetchone()
    receptions = db.execute("SELECT COALESCE(MAX(id), 0) FROM reception").fetchone()[0]
    return cast("LinkJson", {
        "heard": heard, "lost": max(0, lost), "receptions": receptions,
        "loss_recent": round(recent_lost / total, 3) if total else None,
        "last_ms": newest["utc_ms"] if newest else None,
        "rssi_dbm": own["rssi_dbm"] if own else None,
        "snr_db": own["snr_db"] if own else None,
        "forgotten": _counted(db, schema.FORGOTTEN_KEY),
        "dropped": _counted(db, schema.DROPPED_KEY),
        **{row[0]: row[1] for row in db.execute("SELECT name, value FROM tally")},
    })


def minutes(db: sqlite3.Connection, node_id: int, limit: int) -> list[tuple[int, int, int]]:
    """(minute's UTC ms, heard, lost) of the newest minutes, oldest first."""
    rows = db.execute(
        "SELECT minute_ms, heard, lost FROM link_minute WHERE node_id = ?"
        " ORDER BY minute_ms DESC LIMIT ?", (node_id, limit),
    )
    return _levelled([tuple(row) for row in rows][::-1])


def _levelled(rows: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """The same minutes, none with less than nothing lost.

    What came late is counted against the minute in which it was sent; how losses lie in a pause is
    a guess, and in a silence none may have been counted. So it is taken from the nearest minutes,
    and what is left over from none.
    """
    lost = [row[2] for row in rows]
    for at, (minute_ms, _, frames) in enumerate(rows):
        if frames >= 0:
            continue
        lost[at], late = 0, -frames
        for near in sorted(range(len(rows)), key=lambda place: abs(rows[place][0] - minute_ms)):
            taken = max(0, min(late, lost[near]))
            lost[near] -= taken
            late -= taken
            if not late:
                break
    return [(row[0], row[1], count) for row, count in zip(rows, lost, strict=True)]


def silences(db: sqlite3.Connection, node_id: int, limit: int) -> list[list[int]]:
    """[from, to] in UTC ms of the newest pauses in which nothing was received, oldest first."""
    rows = db.execute(
        "SELECT from_ms, to_ms FROM silence WHERE node_id = ? ORDER BY id DESC LIMIT ?",
        (node_id, limit),
    )
    return [list(row) for row in rows][::-1]


def _counted(db: sqlite3.Connection, key: str) -> int:
    row = db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return row[0] if row and isinstance(row[0], int) else 0
