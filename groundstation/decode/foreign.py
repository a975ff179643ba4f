"""Beacons in other formats, stored as such: Horus Binary, UKHAS, payload summaries, SondeHub.

With our callsign one is a sighting of our payload, with any other it is a neighbour. These formats
are unsigned, so a sighting is never verified: it is kept in a table of its own, and where the
station can verify signatures it is shown next to what is verified and never in its place. Its age
follows from the time of day in it.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Collection
from typing import TypedDict, cast

from groundstation.archive import schema
from groundstation.archive.archive import Archive
from groundstation.archive.rawlog import Reception
from groundstation.archive.track import Point
from groundstation.decode import payload_summaries, sondehub_telemetry
from groundstation.sanitise import clean_text
from wire import horus, ukhas
from wire.beacon import Beacon
from wire.horus import Packet

STRANGERS_MAX = 8  # payloads of our own kind that nobody expects, on the page
NEIGHBOURS_MAX = 32  # the one heard longest ago is forgotten for the next
CALLSIGN_CHARACTERS_MAX = 20
LAG_S_MAX = 43_200  # a time of day is ambiguous; further back it is a clock that is ahead
STALE_FIX_S = 20  # an older position is no point of the track
_DAY_S = 86_400
_NAMES = ("id", "via", "callsign", "utc_ms", "boot", "humidity_percent", "is_cutdown_armed",
          "musing", *schema.BEACON_COLUMNS)
_INSERT = (
    f"INSERT OR IGNORE INTO sighting({', '.join(_NAMES)}) VALUES ({', '.join('?' * len(_NAMES))})"
)


def read(raw: bytes) -> tuple[str, Packet] | None:
    """(horus | ukhas | summary | sondehub, what it says), None for any other bytes."""
    packet = horus.decode(raw)
    if packet is not None:
        return "horus", packet
    sentence = ukhas.parse(raw)
    if sentence is not None:
        beacon = Beacon(
            time_of_day_s=sentence.time_of_day_s, latitude_deg=sentence.latitude_deg,
            longitude_deg=sentence.longitude_deg, altitude_m=sentence.altitude_m,
        )
        return "ukhas", Packet(sentence.callsign, sentence.sequence, beacon)
    summary = payload_summaries.parse(raw)
    if summary is not None:
        return "summary", summary
    entry = sondehub_telemetry.parse(raw)
    return None if entry is None else ("sondehub", entry)


def keep(archive: Archive, reception: Reception, callsign: str) -> str | None:
    """Keep the beacon in ``reception``; the name it is tallied under, None when there is none.

    ``callsign`` is ours. The caller holds a batch of ``archive``.
    """
    found = read(reception.raw)
    via, packet = found or ("", None)
    sender = clean_text(packet.callsign, CALLSIGN_CHARACTERS_MAX) if packet else ""
    if packet is None or not sender:
        return "bad_summaries" if reception.source == payload_summaries.SOURCE else None
    if sender.upper() == callsign.upper():
        _add_sighting(archive, reception, via, sender, packet)
        return f"sightings_{via}"
    _add_neighbour(archive, reception, via, sender, packet)
    return "neighbour_frames"


def _add_sighting(
    archive: Archive, reception: Reception, via: str, callsign: str, packet: Packet
) -> None:
    beacon = packet.beacon
    values = {name: getattr(beacon, name) for name in schema.BEACON_COLUMNS}
    values["fix_age_s"] = _age_s(reception.utc_ms, beacon)
    archive.db.execute(_INSERT, (
        reception.reception_id, via, callsign, reception.utc_ms, packet.boot,
        packet.humidity_percent, beacon.is_cutdown_armed, packet.musing, *values.values(),
    ))
    archive.note_change("sighting", reception.reception_id)


def _age_s(heard_ms: int, beacon: Beacon) -> float | None:
    """The age of its position when it was received, s; None where it is unknown."""
    if beacon.time_of_day_s is None:
        return beacon.fix_age_s
    lag_s = math.floor(heard_ms / 1000 - beacon.time_of_day_s) % _DAY_S
    return (beacon.fix_age_s or 0) + (lag_s if lag_s <= LAG_S_MAX else 0)


def _add_neighbour(
    archive: Archive, reception: Reception, via: str, callsign: str, packet: Packet
) -> None:
    beacon, at_ms = packet.beacon, reception.utc_ms
    archive.db.execute(
        "INSERT INTO neighbour(callsign, via, first_ms, last_ms, frames, latitude_deg,"
        " longitude_deg, altitude_m) VALUES (?, ?, ?, ?, 1, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET via = excluded.via, last_ms = excluded.last_ms,"
        " frames = frames + 1, latitude_deg = excluded.latitude_deg,"
        " longitude_deg = excluded.longitude_deg, altitude_m = excluded.altitude_m",
        (callsign, via, at_ms, at_ms, beacon.latitude_deg, beacon.longitude_deg, beacon.altitude_m),
    )
    forgotten = archive.db.execute(
        "DELETE FROM neighbour WHERE callsign IN (SELECT callsign FROM neighbour"
        " WHERE callsign != ? ORDER BY last_ms DESC, callsign LIMIT -1 OFFSET ?)",
        (callsign, NEIGHBOURS_MAX - 1),
    )
    if forgotten.rowcount:
        archive.count({"neighbours_forgotten": forgotten.rowcount})
    archive.note_change("neighbour", None)


# -- reading it again -------------------------------------------------------------------------


def newest(db: sqlite3.Connection) -> sqlite3.Row | None:
    """The latest sighting of our payload."""
    row: sqlite3.Row | None = db.execute(
        "SELECT * FROM sighting ORDER BY id DESC LIMIT 1"
    ).fetchone()
    return row


def points(db: sqlite3.Connection) -> list[Point]:
    """Its positions from other formats, at the times of their fixes."""
    rows = db.execute(
        "SELECT utc_ms - CAST(1000 * COALESCE(fix_age_s, 0) AS INTEGER), latitude_deg,"
        " longitude_deg, altitude_m FROM sighting WHERE latitude_deg IS NOT NULL"
        " AND longitude_deg IS NOT NULL AND COALESCE(fix_age_s, 0) <= ?", (STALE_FIX_S,),
    )
    return [Point(*row) for row in rows]


class NeighbourJson(TypedDict):
    """Another payload on the channel."""

    callsign: str
    via: str  # the format
    last_ms: int
    frames: int
    latitude_deg: float | None
    longitude_deg: float | None
    altitude_m: float | None


class NodeJson(TypedDict):
    """Another payload of our own kind."""

    node_id: int
    ident: str
    last_ms: int
    frames: int


def neighbours(db: sqlite3.Connection) -> list[NeighbourJson]:
    """Other payloads on the channel, the latest first."""
    rows = db.execute(
        "SELECT callsign, via, last_ms, frames, latitude_deg, longitude_deg, altitude_m"
        " FROM neighbour ORDER BY last_ms DESC, callsign"
    )
    return [cast("NeighbourJson", dict(row)) for row in rows]


def nodes(
    db: sqlite3.Connection, node_id: int, expected: Collection[int] = ()
) -> list[NodeJson]:
    """Payloads of our own kind other than ``node_id``, those with most frames first: all that are
    ``expected``, and STRANGERS_MAX others."""
    rows = db.execute(
        "SELECT node_id, ident, last_ms, frames FROM node WHERE node_id != ?"
        " ORDER BY frames DESC, node_id", (node_id,),
    ).fetchall()  # a node id is a byte
    strangers = [row["node_id"] for row in rows if row["node_id"] not in expected][:STRANGERS_MAX]
    rows = [row for row in rows if row["node_id"] in expected or row["node_id"] in strangers]
    return [
        {"node_id": n, "ident": clean_text(ident, 40), "last_ms": last, "frames": frames}
        for n, ident, last, frames in rows
    ]
