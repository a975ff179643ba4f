"""Which stations heard a payload, and which of them heard a given packet."""

from __future__ import annotations

import sqlite3
from typing import TypedDict, cast

from groundstation.sanitise import clean_text

STATIONS_MAX = 33  # this one, and those that it listens to
NAME_CHARACTERS_MAX = 40
NEAR = 20_000  # receptions before and after one among which the same is looked for


class StationJson(TypedDict):
    """What one station heard; ``firsts`` are the frames that it had before every other."""

    station: str
    frames: int
    firsts: int
    first_ms: int
    last_ms: int


class HeardJson(TypedDict):
    """One reception of a packet, by one station."""

    station: str
    utc_ms: int
    rssi_dbm: float | None
    snr_db: float | None


def stations(db: sqlite3.Connection, node_id: int) -> list[StationJson]:
    """What each station heard of a payload, and had before every other; most frames first."""
    rows = db.execute(
        "SELECT station, frames, firsts, first_ms, last_ms FROM ear WHERE node_id = ?"
        " ORDER BY frames DESC, station LIMIT ?", (node_id, STATIONS_MAX))
    return [cast(StationJson, dict(row) | {
        "station": clean_text(row["station"], NAME_CHARACTERS_MAX)}) for row in rows]


def of_packet(db: sqlite3.Connection, number: int) -> list[HeardJson]:
    """The receptions of the same bytes, by whichever station, oldest first."""
    rows = db.execute(
        "SELECT station, utc_ms, rssi_dbm, snr_db FROM reception WHERE id BETWEEN ? AND ?"
        " AND raw = (SELECT raw FROM reception WHERE id = ?) ORDER BY utc_ms, id LIMIT ?",
        (number - NEAR, number + NEAR, number, STATIONS_MAX))
    return [{"station": clean_text(station, NAME_CHARACTERS_MAX), "utc_ms": utc_ms,
             "rssi_dbm": rssi_dbm, "snr_db": snr_db} for station, utc_ms, rssi_dbm, snr_db in rows]
