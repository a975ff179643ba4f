"""The tables of the archive, and how a database is opened.

``reception`` holds what the radio said and is never derived, ``segment`` which file of the raw log
has it; ``outbox``, ``uplink`` and ``meta`` hold what people and this station did. Every other table
can be made again from ``reception``.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from wire.beacon import FIELDS

VERSION = 6
BEACON_COLUMNS = (*(field.name for field in FIELDS), "faults", "command_counter")
# Of meta: how far the archive was uploaded (upload_queue), and how many receptions are not in it
# any more (retention) or never were (held).
SONDEHUB_KEY = "sondehub"
FORGOTTEN_KEY = "receptions_forgotten"
DROPPED_KEY = "receptions_dropped"
# What of the shared control room this archive has told, and was told (control_room.cursors).
CONTROL_ROOM_LOG_KEY = "control_room_log"
CONTROL_ROOM_PUSHED_KEY, CONTROL_ROOM_PULLED_KEY = "control_room_pushed", "control_room_pulled"
CONTROL_ROOM_SEEN_KEY = "control_room_seen"
CONTROL_ROOM_OFFERED_KEY = "control_room_offered"
SALVAGED_FROM_KEY = "salvaged_from"  # the number of the damaged database whose outbox is here
SALVAGED_KEYS = (
    SONDEHUB_KEY, FORGOTTEN_KEY, DROPPED_KEY, CONTROL_ROOM_LOG_KEY, CONTROL_ROOM_PUSHED_KEY,
    CONTROL_ROOM_PULLED_KEY, CONTROL_ROOM_SEEN_KEY, CONTROL_ROOM_OFFERED_KEY)
DERIVED_TABLES = (
    "beacon", "record", "record_conflict", "boot_clock", "link_minute", "silence", "node", "ear",
    "tally", "change", "sighting", "neighbour", "picture", "tile", "incarnation", "unplaced",
    "undecodable",
)
_BEACON_SQL = ", ".join(f"{name} REAL" for name in BEACON_COLUMNS)
# A record is known by its node, the life of its store (``groundstation.decode.sessions``) and its
# id.
_RECORD_SQL = """
    id INTEGER PRIMARY KEY, node_id INTEGER NOT NULL, life INTEGER NOT NULL,
    record_id INTEGER NOT NULL, kind INTEGER NOT NULL, boot INTEGER NOT NULL,
    time_ms INTEGER NOT NULL, quality INTEGER NOT NULL, body BLOB NOT NULL,
    heard_utc_ms INTEGER NOT NULL, authenticity TEXT NOT NULL"""

SCHEMA = f"""
CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE reception(
    id INTEGER PRIMARY KEY, utc_ms INTEGER NOT NULL, station TEXT NOT NULL, raw BLOB NOT NULL,
    rssi_dbm REAL, snr_db REAL, source TEXT NOT NULL);
CREATE INDEX reception_of_others ON reception(station, utc_ms)
    WHERE source IN ('mqtt', 'control-room');
CREATE INDEX reception_relayed ON reception(station, utc_ms) WHERE source = 'relay';
CREATE TABLE segment(
    number INTEGER PRIMARY KEY, generation INTEGER NOT NULL, level INTEGER NOT NULL,
    last_id INTEGER NOT NULL, bytes INTEGER NOT NULL);
CREATE TABLE outbox(
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, opcode INTEGER NOT NULL, text TEXT NOT NULL,
    asker TEXT NOT NULL DEFAULT '', state TEXT NOT NULL, created_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL DEFAULT 0, attempts INTEGER NOT NULL DEFAULT 0,
    last_sent_ms INTEGER, confirmed_ms INTEGER, answered_ms INTEGER, counter INTEGER, why TEXT,
    sender TEXT NOT NULL DEFAULT '');
CREATE TABLE uplink(
    counter INTEGER PRIMARY KEY, utc_ms INTEGER NOT NULL, what TEXT NOT NULL, outbox_id INTEGER);

CREATE TABLE beacon(
    id INTEGER PRIMARY KEY, node_id INTEGER NOT NULL, utc_ms INTEGER NOT NULL, boot INTEGER,
    number INTEGER, authenticity TEXT NOT NULL, is_listening INTEGER, is_cutdown_armed INTEGER,
    is_late INTEGER NOT NULL, {_BEACON_SQL});
CREATE INDEX beacon_by_node ON beacon(node_id, id);
CREATE INDEX beacon_by_phase ON beacon(node_id, phase, id) WHERE NOT is_late;
CREATE TABLE incarnation(
    node_id INTEGER, life INTEGER, incarnation INTEGER NOT NULL, boot INTEGER NOT NULL,
    first_ms INTEGER NOT NULL, PRIMARY KEY(node_id, life), UNIQUE(node_id, incarnation))
    WITHOUT ROWID;
CREATE TABLE unplaced(reception_id INTEGER PRIMARY KEY);
CREATE TABLE record({_RECORD_SQL}, UNIQUE(node_id, record_id, life));
CREATE INDEX record_by_kind ON record(node_id, kind, life, record_id);
CREATE TABLE record_conflict({_RECORD_SQL}, UNIQUE(node_id, life, record_id, body));
CREATE TABLE picture(
    node_id INTEGER, life INTEGER, number INTEGER, record_id INTEGER, columns INTEGER,
    rows INTEGER, PRIMARY KEY(node_id, life, number), UNIQUE(node_id, life, record_id))
    WITHOUT ROWID;
CREATE TABLE tile(
    node_id INTEGER, life INTEGER, number INTEGER, place INTEGER, record_id INTEGER NOT NULL,
    PRIMARY KEY(node_id, life, number, place), UNIQUE(node_id, life, record_id)) WITHOUT ROWID;
CREATE TABLE boot_clock(
    node_id INTEGER, life INTEGER, boot INTEGER, offset_ms INTEGER NOT NULL,
    PRIMARY KEY(node_id, life, boot)) WITHOUT ROWID;
CREATE TABLE link_minute(
    node_id INTEGER, minute_ms INTEGER, heard INTEGER NOT NULL, lost INTEGER NOT NULL,
    PRIMARY KEY(node_id, minute_ms)) WITHOUT ROWID;
CREATE TABLE silence(
    id INTEGER PRIMARY KEY, node_id INTEGER NOT NULL, from_ms INTEGER NOT NULL,
    to_ms INTEGER NOT NULL);
CREATE TABLE node(
    node_id INTEGER PRIMARY KEY, ident TEXT, first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL,
    frames INTEGER NOT NULL);
CREATE TABLE ear(
    node_id INTEGER, station TEXT, frames INTEGER NOT NULL, firsts INTEGER NOT NULL,
    first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, PRIMARY KEY(node_id, station))
    WITHOUT ROWID;
CREATE TABLE sighting(
    id INTEGER PRIMARY KEY, via TEXT NOT NULL, callsign TEXT NOT NULL, utc_ms INTEGER NOT NULL,
    boot INTEGER, humidity_percent REAL, is_cutdown_armed INTEGER, musing TEXT NOT NULL,
    {_BEACON_SQL});
CREATE TABLE neighbour(
    callsign TEXT PRIMARY KEY, via TEXT NOT NULL, first_ms INTEGER NOT NULL,
    last_ms INTEGER NOT NULL, frames INTEGER NOT NULL, latitude_deg REAL, longitude_deg REAL,
    altitude_m REAL) WITHOUT ROWID;
CREATE TABLE undecodable(reception_id INTEGER PRIMARY KEY, error TEXT NOT NULL);
CREATE TABLE tally(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE change(id INTEGER PRIMARY KEY AUTOINCREMENT, what TEXT NOT NULL, ref INTEGER);
PRAGMA user_version = {VERSION};
"""


_ODD_SEGMENTS = (
    "SELECT COUNT(*) FROM segment WHERE number < 1 OR " + " OR ".join(
        f"typeof({name}) != 'integer' OR {name} < 0"
        for name in ("generation", "level", "last_id", "bytes"))
)


class WrongVersion(Exception):
    """The database was written by another version; the message is one sentence."""


class OlderVersion(sqlite3.DatabaseError):
    """The database was written by an earlier version: a new one is made of the raw log."""


def connect(path: Path) -> sqlite3.Connection:
    """A connection in autocommit mode that waits up to 5 s for another writer."""
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5.0)
    db.row_factory = sqlite3.Row
    db.text_factory = _any_text
    db.execute("PRAGMA trusted_schema = OFF")
    return db


def _any_text(data: bytes) -> str:
    """A damaged character in one row must not stop the station from starting."""
    return data.decode("utf-8", "replace")


def connect_reader(path: Path) -> sqlite3.Connection:
    """A connection that cannot write. Raises sqlite3.OperationalError when there is no file."""
    db = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None,
        check_same_thread=False, timeout=5.0,
    )
    db.row_factory = sqlite3.Row
    db.text_factory = _any_text
    db.execute("PRAGMA query_only = ON")
    return db


def add_to_meta(db: sqlite3.Connection, key: str, count: int) -> None:
    """Add to the counts under ``key``; the caller holds a transaction."""
    db.execute(
        "INSERT INTO meta(key, value) VALUES (?, ?)"
        " ON CONFLICT DO UPDATE SET value = value + excluded.value", (key, count),
    )


def prepare(db: sqlite3.Connection, name: str) -> None:
    """Turn WAL on and make the tables where there are none.

    Raises sqlite3.DatabaseError for a damaged file, its OlderVersion for one of an earlier version,
    and WrongVersion for one of a later.
    """
    try:
        _prepare(db, name)
    except UnicodeDecodeError as error:  # sqlite3 quotes the damage in its message
        raise sqlite3.DatabaseError("its table names are not text") from error


def _prepare(db: sqlite3.Connection, name: str) -> None:
    db.execute("PRAGMA journal_mode = WAL")
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version > VERSION:
        raise WrongVersion(
            f"{name}: written by a newer spacepi (schema {version}; this version supports "
            f"{VERSION})"
        )
    if version == 0:
        db.executescript(f"BEGIN IMMEDIATE; {SCHEMA} COMMIT;")
    elif version < VERSION:  # its raw log has everything, so a new one is made of that
        raise OlderVersion(
            f"written by an older spacepi (schema {version}; this version writes {VERSION})")
    elif db.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
        raise sqlite3.DatabaseError("quick_check found damage")
    elif _shape(db) != _sound_shape():
        raise sqlite3.DatabaseError("its tables do not match the schema")
    elif db.execute(_ODD_SEGMENTS).fetchone()[0]:
        raise sqlite3.DatabaseError("its data about the raw log is inconsistent")


def _shape(db: sqlite3.Connection) -> list[tuple[str, ...]]:
    """Every table and index as it was made; quick_check does not see a changed name."""
    rows = db.execute("SELECT type, name, tbl_name, COALESCE(sql, '') FROM sqlite_master")
    return sorted(tuple(row) for row in rows)


def _sound_shape() -> list[tuple[str, ...]]:
    with closing(sqlite3.connect(":memory:")) as db:
        db.executescript(SCHEMA)
        return _shape(db)
