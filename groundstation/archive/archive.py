"""The archive: every reception, first as raw bytes, then decoded.

A reception is acknowledged when ``add_receptions`` returns: its bytes are then in the raw log
(fsynced) and in the database (committed, synchronous=FULL). What is decoded from it goes into a
second commit, which may be lost with the power, because ``decoded_upto`` goes with it and the next
start decodes the rest.
"""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import structlog

from groundstation.archive import counters, outbox, rawlog, retention, salvage, schema
from groundstation.archive.rawlog import Reception
from groundstation.archive.retention import Judge, Segments
from wire.beacon import Beacon
from wire.commands import Opcode
from wire.frames import BeaconFrame

_log = structlog.get_logger()
PAGE = 500  # receptions read at once
SAME_BEACON_MS = 120_000  # between two stations' clocks; the same number comes again much later
_BEACON_NAMES = ("id", "node_id", "utc_ms", "boot", "number", "authenticity", "is_listening",
                 "is_cutdown_armed", "is_late", *schema.BEACON_COLUMNS)
_BEACON_INSERT = (
    f"INSERT OR IGNORE INTO beacon({', '.join(_BEACON_NAMES)})"
    f" VALUES ({', '.join('?' * len(_BEACON_NAMES))})"
)
_RECEPTION_INSERT = (
    "INSERT OR IGNORE INTO reception(utc_ms, raw, station, rssi_dbm, snr_db, source, id)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)"  # in the order of the fields of Reception
)
_CHANGE_INSERT = "INSERT INTO change(what, ref) VALUES (?, ?)"


class ArchiveBusy(Exception):
    """Another process is receiving into this archive; the message is one sentence."""


class Archive:
    """One station's archive: a SQLite file and its raw log beside it (suffix ``.raw``).

    A database that is damaged or older is moved aside and made again from the raw log, so opening
    raises only OSError (no place to write), ArchiveBusy and schema.WrongVersion. With
    ``is_durable`` false nothing is fsynced: for simulated flights only. ``raw_log_bytes_max``
    bounds the raw log, and with it what the database keeps of receptions
    (``groundstation.archive.retention``).
    """

    def __init__(
        self, path: Path, raw_log_bytes_max: int = retention.BYTES_MAX, *,
        is_durable: bool = True,
    ) -> None:
        self.path = path
        self.raw_path = path.with_suffix(".raw")
        self._full = "FULL" if is_durable else "OFF"
        self._normal = "NORMAL" if is_durable else "OFF"
        self._synchronous = ""  # of the open database, as set last
        self._changes: list[tuple[str, int | None]] = []  # of the open batch, not written yet
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = path.with_suffix(".lock").open("w")
        try:
            fcntl.lockf(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ArchiveBusy(f"{path}: another station is writing to it") from error
        try:
            self.db = self._open()
        except sqlite3.DatabaseError as error:
            salvage.move_aside(path, error)
            self.db = self._open()
        salvage.salvage(path, self.db)
        self._raw = Segments(
            self.raw_path, self.db, self.batch, raw_log_bytes_max, is_durable=is_durable)
        # What only the raw log has, as it was given and numbered.
        self._logged: list[tuple[Reception, Reception]] = []
        self._reconcile()

    def close(self) -> None:
        """Fold the write-ahead log into the file and close it."""
        self._raw.close()
        self.db.close()
        self._lock.close()

    @contextmanager
    def batch(self, *, is_durable: bool = True) -> Iterator[None]:
        """One transaction; an inner batch joins the outer one. Rolled back on an exception. Its
        changes go into the change log together, at its end."""
        if self.db.in_transaction:
            yield
            return
        wanted = self._full if is_durable else self._normal
        if wanted != self._synchronous:  # a statement less on most receptions
            self.db.execute(f"PRAGMA synchronous = {wanted}")
            self._synchronous = wanted
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.db.executemany(_CHANGE_INSERT, self._changes)
            self.db.execute("COMMIT")
        except BaseException:
            if self.db.in_transaction:  # some errors have rolled it back already
                self.db.execute("ROLLBACK")
            raise
        finally:
            self._changes.clear()

    @property
    def changes_noted(self) -> int:
        """How many changes the open batch has noted so far."""
        return len(self._changes)

    def forget_changes(self, from_number: int) -> None:
        """Those noted after so many were undone."""
        del self._changes[from_number:]

    # -- what was heard -----------------------------------------------------------------------

    def add_receptions(
        self, receptions: Sequence[Reception], dropped: int = 0
    ) -> list[Reception]:
        """Make them durable and number them; ``dropped`` are counted that were lost before them.

        Raises OSError or sqlite3.Error when it cannot; the same objects may then be given again,
        and are not written into the raw log twice.
        """
        assert not self.db.in_transaction, "raw bytes are committed before anything else"
        given = {id(r) for r in receptions}
        self._logged = [pair for pair in self._logged if id(pair[0]) in given]
        logged = {id(r) for r, _ in self._logged}
        logged_id = max((n.reception_id for _, n in self._logged), default=0)
        first = max(logged_id, self.last_reception_id()) + 1
        fresh = [r for r in receptions if id(r) not in logged]
        numbered = [
            Reception(r.utc_ms, r.raw[: rawlog.RAW_BYTES_MAX], r.station, r.rssi_dbm, r.snr_db,
                      r.source, first + i)
            for i, r in enumerate(fresh)
        ]
        self._raw.append(numbered)
        self._logged += zip(fresh, numbered, strict=True)
        numbered = [n for _, n in self._logged]
        with self.batch():
            self._insert_receptions(numbered)
            self._raw.note()
            if dropped:
                schema.add_to_meta(self.db, schema.DROPPED_KEY, dropped)
        self._raw.noted()
        self._logged.clear()
        return numbered

    def make_room(self, judge: Judge) -> None:
        """Delete the least valuable receptions while the raw log exceeds its bound."""
        self._raw.make_room(judge)

    def last_reception_id(self) -> int:
        row = self.db.execute("SELECT COALESCE(MAX(id), 0) FROM reception").fetchone()
        return int(row[0])

    def reception(self, reception_id: int) -> Reception | None:
        """The one of this number."""
        row = self.db.execute(
            "SELECT utc_ms, raw, station, rssi_dbm, snr_db, source, id FROM reception"
            " WHERE id = ?", (reception_id,)
        ).fetchone()
        return Reception(*row) if row else None

    def relayed_at(self, station: str, utc_ms: int, limit: int = -1) -> list[bytes]:
        """What another station received then, by whatever way it was passed on; at most so many."""
        rows = self.db.execute(
            "SELECT raw FROM reception WHERE station = ? AND utc_ms = ?"
            " AND source IN ('mqtt', 'control-room') LIMIT ?", (station, utc_ms, limit))
        return [row[0] for row in rows]

    def receptions(self, after_id: int = 0, since_ms: int | None = None) -> Iterator[Reception]:
        """Receptions with a larger id, or received at or after ``since_ms``, in order.

        They are read a page at a time: there may be a flood of them, and the caller may write
        meanwhile.
        """
        last_id = -1
        while True:
            rows = self.db.execute(
                "SELECT utc_ms, raw, station, rssi_dbm, snr_db, source, id FROM reception"
                " WHERE id > ? AND (id > ? OR utc_ms >= ?) ORDER BY id LIMIT ?",
                (last_id, after_id, since_ms if since_ms is not None else 1 << 62, PAGE),
            ).fetchall()
            for row in rows:
                yield Reception(*row)
            if len(rows) < PAGE:
                return
            last_id = rows[-1]["id"]

    def _insert_receptions(self, receptions: Sequence[Reception]) -> None:
        self.db.executemany(_RECEPTION_INSERT, receptions)

    # -- what it means ------------------------------------------------------------------------

    def add_beacon(
        self, reception: Reception, frame: BeaconFrame, state: Beacon, *, is_late: bool = False
    ) -> None:
        """Keep one beacon under the id of its reception; one that ``is_late`` says where the
        payload was, never where it is."""
        counter = frame.counter
        values = [getattr(state, name) for name in schema.BEACON_COLUMNS]
        self.db.execute(
            _BEACON_INSERT,
            (reception.reception_id, frame.node_id, reception.utc_ms, counter.boot, counter.number,
             frame.authenticity.value, frame.is_listening, state.is_cutdown_armed, is_late,
             *values),
        )
        self.note_change("beacon", reception.reception_id)

    def has_beacon(self, frame: BeaconFrame, utc_ms: int) -> bool:
        """Was it received about then, by whatever station?"""
        counter = frame.counter
        row = self.db.execute(
            "SELECT 1 FROM beacon WHERE node_id = ? AND boot = ? AND number = ?"
            " AND abs(utc_ms - ?) <= ?",
            (frame.node_id, counter.boot, counter.number, utc_ms, SAME_BEACON_MS)).fetchone()
        return row is not None

    def add_minutes(self, rows: Mapping[tuple[int, int], tuple[int, int]]) -> None:
        """(node, minute's UTC ms) -> (heard, lost), added to what is there.

        ``lost`` is negative where more came late than were counted as lost in that minute.
        """
        self.db.executemany(
            "INSERT INTO link_minute(node_id, minute_ms, heard, lost) VALUES (?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET heard = heard + excluded.heard,"
            " lost = lost + excluded.lost",
            [(*key, *value) for key, value in rows.items()],
        )

    def add_silence(self, node_id: int, from_ms: int, to_ms: int) -> None:
        """Nothing was received from a node between these UTC ms."""
        self.db.execute(
            "INSERT INTO silence(node_id, from_ms, to_ms) VALUES (?, ?, ?)",
            (node_id, from_ms, to_ms),
        )
        self.note_change("silence", None)

    def add_node_frames(self, node_id: int, frames: int, first_ms: int, last_ms: int) -> None:
        """Count frames of a node, ours or foreign."""
        self.db.execute(
            "INSERT INTO node(node_id, first_ms, last_ms, frames) VALUES (?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET last_ms = MAX(last_ms, excluded.last_ms),"
            " frames = frames + excluded.frames",
            (node_id, first_ms, last_ms, frames),
        )

    def add_ear(
        self, node_id: int, station: str, frames: int, firsts: int, first_ms: int, last_ms: int
    ) -> None:
        """Count what a station received of a node, and had before every other station."""
        self.db.execute(
            "INSERT INTO ear(node_id, station, frames, firsts, first_ms, last_ms)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
            " frames = frames + excluded.frames, firsts = firsts + excluded.firsts,"
            " first_ms = MIN(first_ms, excluded.first_ms),"
            " last_ms = MAX(last_ms, excluded.last_ms)",
            (node_id, station, frames, firsts, first_ms, last_ms),
        )

    def set_ident(self, node_id: int, text: str) -> None:
        """What a node calls itself on the air; not trusted, and shown as a claim."""
        changed = self.db.execute(
            "UPDATE node SET ident = ? WHERE node_id = ? AND ident IS NOT ?", (text, node_id, text))
        if changed.rowcount:
            self.note_change("node", None)

    def count(self, counts: Mapping[str, int]) -> None:
        """Add to the named tallies."""
        self.db.executemany(
            "INSERT INTO tally(name, value) VALUES (?, ?)"
            " ON CONFLICT DO UPDATE SET value = value + excluded.value",
            list(counts.items()),
        )

    def note_change(self, what: str, ref: int | None) -> None:
        """A line of the change log that the page follows; inside a batch."""
        assert self.db.in_transaction, "a change is committed with what it is about"
        self._changes.append((what, ref))

    # -- small state --------------------------------------------------------------------------

    def meta(self, key: str) -> Any:
        row = self.db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    def set_meta(self, key: str, value: Any) -> None:
        self.db.execute("INSERT OR REPLACE INTO meta(key, value) VALUES (?, ?)", (key, value))

    def queue(
        self, opcode: Opcode, text: str, utc_ms: int, station: int = 0, *, asker: str = "",
        lifetime_s: int | None = None,
    ) -> int:
        """Add a command to the outbox; returns its id. Raises ValueError when it cannot be sent."""
        with self.batch():
            return outbox.add(
                self.db, opcode, text, utc_ms, station, asker=asker, lifetime_s=lifetime_s)

    def take_counter(
        self, utc_ms: int, what: str, command_id: int | None = None, station: int = 0
    ) -> int:
        """A fresh uplink counter of this station, durable before it is returned."""
        with self.batch():
            return counters.take(self.db, utc_ms, what, command_id, station)

    def rebuild(self) -> None:
        """Forget everything derived; the next ``Ground`` on this archive decodes it all again."""
        with self.batch():
            for table in schema.DERIVED_TABLES:
                self.db.execute(f"DELETE FROM {table}")
            self.set_meta("decoded_upto", 0)

    # -- opening ------------------------------------------------------------------------------

    def _open(self) -> sqlite3.Connection:
        db = schema.connect(self.path)
        try:
            schema.prepare(db, self.path.name)
        except BaseException:
            db.close()
            raise
        self._synchronous = ""
        return db

    def _reconcile(self) -> None:
        """Make the raw log and the ``reception`` table agree."""
        missing = self._raw.recover()
        with self.batch():
            self._insert_receptions(missing)
            self._raw.note()
        self._raw.noted()
        if missing:
            _log.info("receptions_recovered", count=len(missing))
