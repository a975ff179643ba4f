"""The packets that the station received, page by page, and one of them byte by byte."""

from __future__ import annotations

import sqlite3
from typing import TypedDict

from groundstation.decode import anatomy, payload_summaries, sondehub_telemetry
from groundstation.reading import receiving_stations
from groundstation.reading.receiving_stations import HeardJson
from groundstation.sanitise import clean_text
from wire.auth import Authenticity

_ROW = "SELECT id, utc_ms, raw, rssi_dbm, snr_db, source, station FROM reception"
OF_OTHERS = {payload_summaries.SOURCE: "summary", sondehub_telemetry.SOURCE: "sondehub"}
_FATES = {
    Authenticity.GENUINE.value: "signed by the payload, verified",
    Authenticity.UNVERIFIED.value: "signed, not verified here",
    Authenticity.UNSIGNED.value: "not signed",
}


class PacketLineJson(TypedDict):
    """A packet in one line."""

    id: int  # of the reception
    utc_ms: int
    bytes: int
    kind: str  # in words
    node_id: int | None
    is_signed: bool  # it carries a signature; ``fate`` of the packet says whether it holds
    rssi_dbm: float | None
    snr_db: float | None
    source: str


class PartJson(TypedDict):
    """``decode.anatomy.Part``."""

    name: str
    at: int
    size: int
    value: str


class PacketJson(PacketLineJson):
    """A packet byte by byte."""

    hex: str
    parts: list[PartJson]
    station: str
    fate: str  # what the station made of it
    heard_by: list[HeardJson]


def page(db: sqlite3.Connection, before: int | None, limit: int) -> list[PacketLineJson]:
    """Receptions with a number below ``before``, newest first, a line each."""
    rows = db.execute(
        f"{_ROW} WHERE (? IS NULL OR id < ?) ORDER BY id DESC LIMIT ?", (before, before, limit))
    return [_line(row, _anatomy(row)) for row in rows]


def one(db: sqlite3.Connection, number: int) -> PacketJson | None:
    """A reception with its bytes in hex, its fields, and what the station made of it."""
    row = db.execute(f"{_ROW} WHERE id = ?", (number,)).fetchone()
    if row is None:
        return None
    found = _anatomy(row)
    parts: list[PartJson] = [
        {"name": part.name, "at": part.at, "size": part.size, "value": part.value}
        for part in found.parts]
    return {
        **_line(row, found), "hex": row["raw"].hex(), "parts": parts,
        "station": clean_text(row["station"], 40), "fate": _fate(db, row["id"], found),
        "heard_by": receiving_stations.of_packet(db, row["id"]),
    }


def _anatomy(row: sqlite3.Row) -> anatomy.Anatomy:
    raw = bytes(row["raw"])
    kind = OF_OTHERS.get(row["source"])
    if kind is not None:
        text = clean_text(raw.decode("utf-8", "replace"), anatomy.VALUE_CHARACTERS_MAX)
        return anatomy.Anatomy(kind, None, False,
                               [anatomy.Part("text", 0, len(raw), text)])
    return anatomy.of(raw)


def _line(row: sqlite3.Row, found: anatomy.Anatomy) -> PacketLineJson:
    return {
        "id": row["id"], "utc_ms": row["utc_ms"], "bytes": len(row["raw"]), "kind": found.kind,
        "node_id": found.node_id, "is_signed": found.is_signed, "rssi_dbm": row["rssi_dbm"],
        "snr_db": row["snr_db"], "source": clean_text(row["source"], 24),
    }


def _fate(db: sqlite3.Connection, number: int, found: anatomy.Anatomy) -> str:
    """What the station made of it, as far as the archive says."""
    failed = db.execute(
        "SELECT error FROM undecodable WHERE reception_id = ?", (number,)).fetchone()
    if failed:
        return f"the decoder failed: {clean_text(failed[0], 200)}"
    if db.execute("SELECT 1 FROM unplaced WHERE reception_id = ?", (number,)).fetchone():
        return "signed data of a session that is not known: it waits"
    kept = db.execute("SELECT authenticity FROM beacon WHERE id = ?", (number,)).fetchone()
    if kept:
        return f"shown as a beacon; {_FATES.get(kept[0], 'not verified')}"
    if db.execute("SELECT 1 FROM sighting WHERE id = ?", (number,)).fetchone():
        return "shown as a claim: a format without signatures"
    if found.kind == "beacon":
        return "not shown: of another payload, not signed by it, old, or received twice"
    return "counted"
