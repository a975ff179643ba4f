"""The link as its operator sees it: signal by minute, airtime by class, and what was refused.

Reads what is stored of the last WINDOW_MS before the newest reception, at most RECEPTIONS_MAX. A
modem that tells no signal gives none here: an absent value is no zero.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from typing import TypedDict

from groundstation.archive.rawlog import RELAYED
from groundstation.reading import link_figures
from wire import frames
from wire.airtime_budget import AirtimeBudget
from wire.frames import SIGNED_BIT, VERSION, FrameType
from wire.mission import Mission

WINDOW_MS = 3_600_000
MINUTE_MS = 60_000
MINUTES_MAX = 240
RECEPTIONS_MAX = 20_000
_NEWEST = f"(SELECT * FROM reception ORDER BY id DESC LIMIT {RECEPTIONS_MAX})"
# What the data frames of each priority carry, docs/protocol.md.
CARRIES = ("texts and events", "track and readings", "thumbnails", "picture tiles")
_DATA = (FrameType.DATA, FrameType.OPEN_DATA)


class AirtimeJson(TypedDict):
    """One class of receptions; ``ms`` is its time on the air."""

    name: str
    frames: int
    bytes: int
    ms: int


class LinkRoomJson(TypedDict):
    """``loss`` is [minute's UTC ms, heard, lost], ``signal`` as ``_signal`` has it, ``sent`` the
    frames of this station."""

    window_ms: int
    newest_ms: int | None
    loss: list[list[int]]
    signal: list[list[float | None]]
    airtime: list[AirtimeJson]
    sent: int


def now(db: sqlite3.Connection, mission: Mission) -> LinkRoomJson:
    """Everything that the page shows of the link."""
    node_id = mission.payload.node_id
    row = db.execute("SELECT utc_ms FROM reception ORDER BY id DESC LIMIT 1").fetchone()
    newest_ms = row[0] if row else None
    since_ms = (newest_ms or 0) - WINDOW_MS
    return {
        "window_ms": WINDOW_MS, "newest_ms": newest_ms,
        "loss": [list(row) for row in link_figures.minutes(db, node_id, MINUTES_MAX)],
        "signal": _signal(db, since_ms),
        "airtime": _airtime(db, mission, since_ms),
        "sent": db.execute("SELECT COUNT(*) FROM uplink WHERE utc_ms > ?", (since_ms,)
                           ).fetchone()[0],
    }


def _signal(db: sqlite3.Connection, since_ms: int) -> list[list[float | None]]:
    """[minute's UTC ms, mean RSSI in dBm, mean SNR in dB] at this station; None where the modem
    told none."""
    rows = db.execute(
        f"SELECT utc_ms / {MINUTE_MS} * {MINUTE_MS} AS minute, AVG(rssi_dbm), AVG(snr_db)"
        f" FROM {_NEWEST} WHERE utc_ms > ? AND source NOT IN {RELAYED} GROUP BY minute"
        " HAVING COUNT(rssi_dbm) + COUNT(snr_db) > 0 ORDER BY minute", (since_ms,))
    return [list(row) for row in rows]


def _airtime(db: sqlite3.Connection, mission: Mission, since_ms: int) -> list[AirtimeJson]:
    """Frames, bytes and time on the air of each class that was received, longest first.

    What was lost was on the air too, and is not in it; what several stations received was on the
    air once.
    """
    airtime = AirtimeBudget(mission).airtime
    counts: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    times: Counter[str] = Counter()
    rows = db.execute(
        "SELECT substr(raw, 1, 2), length(raw), SUM(times) FROM (SELECT raw, MAX(times) AS times"
        f" FROM (SELECT raw, COUNT(*) AS times FROM {_NEWEST} WHERE utc_ms > ?"
        " GROUP BY raw, station) GROUP BY raw) GROUP BY 1, 2", (since_ms,))
    for head, size, count in rows:
        name = class_of(bytes(head), mission.payload.node_id)
        counts[name] += count
        sizes[name] += count * size
        times[name] += count * airtime.on_air_ms(size)
    return [{"name": name, "frames": counts[name], "bytes": sizes[name], "ms": ms}
            for name, ms in times.most_common()]


def class_of(head: bytes, node_id: int) -> str:
    """What a reception is by its first two bytes alone, which anybody can write."""
    if len(head) < 2 or head[0] >> 6 != VERSION:
        return "other formats and noise"
    if frames.is_uplink(head + b"\0"):
        return "uplink overheard"
    if head[1] != node_id:
        return "other payloads or noise"
    kind = head[0] >> 2 & 0xF & ~SIGNED_BIT
    if kind == FrameType.BEACON:
        return "beacons"
    if kind in _DATA:
        return CARRIES[head[0] & 3]
    return "identification" if kind in (FrameType.IDENT, FrameType.INCARNATION) else "unknown type"
