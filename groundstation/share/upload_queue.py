"""The upload position in the archive, which survives a restart of the station.

The queue is the archive itself. What is kept beside it is the id of the last reception that is
settled, in ``meta``, with the counts that the page shows. A batch is settled after its answer, so
what was not answered is sent again, after a restart too, and nothing else is.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypedDict

from groundstation.archive import schema
from groundstation.sanitise import clean_text
from groundstation.share import sondehub
from groundstation.share.sondehub import AGE_MS_MAX, UploadOutcome
from wire.mission import Mission
from wire.records import Kind, unpack_body

BATCH_MAX = 100  # entries in one request
LOOKED_AT_MAX = 2_000  # beacons in one round: a whole flight may be too old to be sent
MUSING_MS_MAX = 600_000  # an older musing is not sent with a position


@dataclass(slots=True)
class Progress:
    """The upload so far; every count in beacons, times in UTC ms."""

    upto: int = 0  # the id of the last reception that is settled
    taken: int = 0
    refused: int = 0
    passed_over: int = 0  # without a place, too old, not verified, or out of a replay
    set_aside: int = 0  # SondeHub stumbles over them, and not over others
    taken_ms: int = 0
    listener_ms: int = 0  # when the station's own position was last uploaded
    trouble: str = ""  # why nothing is being taken now

    @classmethod
    def load(cls, text: Any) -> Progress:
        """From the value in ``meta``; from the beginning where it is unreadable."""
        try:
            fields = json.loads(text)
            counts = {name: int(fields[name]) for name in cls.__slots__ if name != "trouble"}
            return cls(**counts, trouble=str(fields["trouble"]))
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
            return cls()


@dataclass(frozen=True, slots=True)
class Batch:
    """The next entries; with them everything up to the reception ``upto`` is settled."""

    entries: tuple[dict[str, Any], ...]
    upto: int
    passed_over: int


class UploadQueue:
    """The unsettled part of one archive. Every method raises sqlite3.Error."""

    def __init__(self, path: Path, mission: Mission) -> None:
        """``path`` is an archive that has been opened once."""
        self._mission = mission
        self._db = schema.connect(path)
        self._db.execute("PRAGMA synchronous = FULL")
        row = self._db.execute(
            "SELECT value FROM meta WHERE key = ?", (schema.SONDEHUB_KEY,)
        ).fetchone()
        self.progress = Progress.load(row[0] if row else None)
        newest = self._db.execute("SELECT COALESCE(MAX(id), 0) FROM reception").fetchone()[0]
        self.progress.upto = min(self.progress.upto, newest)  # ids of a lost archive come again
        self._is_dirty = False

    def close(self) -> None:
        self._db.close()

    def next_batch(self, now_ms: int, entries_max: int = BATCH_MAX) -> Batch | None:
        """The next entries to upload, None when there is nothing. ``entries`` may be empty."""
        self._commit()
        entries: list[dict[str, Any]] = []
        upto, passed_over = self.progress.upto, 0
        for row in self._rows(upto, "ASC"):
            if len(entries) == entries_max:
                break
            upto = row["id"]
            entry = self._entry(row, now_ms)
            if entry is None:
                passed_over += 1
            else:
                entries.append(entry)
        is_empty = upto == self.progress.upto
        return None if is_empty else Batch(tuple(entries), upto, passed_over)

    def newest(self, batch: Batch, now_ms: int) -> dict[str, Any] | None:
        """The newest entry after ``batch``, None when there is none."""
        entries = (self._entry(row, now_ms) for row in self._rows(batch.upto, "DESC"))
        return next((entry for entry in entries if entry is not None), None)

    def _rows(self, after_id: int, order: str) -> sqlite3.Cursor:
        return self._db.execute(
            "SELECT b.*, r.rssi_dbm, r.snr_db, r.source FROM beacon b"
            " JOIN reception r ON r.id = b.id WHERE b.node_id = ? AND b.id > ?"
            f" ORDER BY b.id {order} LIMIT ?",
            (self._mission.payload.node_id, after_id, LOOKED_AT_MAX))

    def _entry(self, row: Any, now_ms: int) -> dict[str, Any] | None:
        """The entry of a beacon; None for one that is not uploaded."""
        if sondehub.made_ms(row) < now_ms - AGE_MS_MAX:
            return None
        return sondehub.telemetry(row, self._musing(row["utc_ms"]), self._mission)

    def settle(self, batch: Batch, outcome: UploadOutcome, now_ms: int) -> None:
        """The batch was answered. Known at once, and durable when this returns."""
        progress = self.progress
        progress.upto = batch.upto
        progress.taken += outcome.taken
        progress.refused += outcome.refused
        progress.passed_over += batch.passed_over
        if outcome.taken:
            progress.taken_ms = now_ms
        self._is_dirty = True
        self._commit()

    def set_aside(self, batch: Batch) -> None:
        """The batch is never sent again, though it was not refused. Durable when this returns."""
        progress = self.progress
        progress.upto = batch.upto
        progress.set_aside += len(batch.entries)
        progress.passed_over += batch.passed_over
        self._is_dirty = True
        self._commit()

    def note_listener(self, now_ms: int) -> None:
        """The station's own position was uploaded."""
        self.progress.listener_ms = now_ms
        self._is_dirty = True
        self._commit()

    def note_trouble(self, why: str) -> None:
        """Why nothing is being accepted; empty when it is again."""
        if why != self.progress.trouble:
            self.progress.trouble = why
            self._is_dirty = True
            self._commit()

    def _commit(self) -> None:
        """Write down what is known and not yet written, also what a full disk refused before."""
        if not self._is_dirty:
            return
        db = self._db
        db.execute("BEGIN IMMEDIATE")
        try:
            db.execute("INSERT OR REPLACE INTO meta(key, value) VALUES (?, ?)",
                       (schema.SONDEHUB_KEY, json.dumps(asdict(self.progress))))
            db.execute("INSERT INTO change(what, ref) VALUES ('sondehub', NULL)")
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        self._is_dirty = False

    def _musing(self, heard_ms: int) -> str | None:
        """The newest musing received by the time of this beacon."""
        row = self._db.execute(
            "SELECT body FROM record WHERE node_id = ? AND kind = ? AND heard_utc_ms <= ?"
            " AND heard_utc_ms > ? ORDER BY life DESC, record_id DESC LIMIT 1",
            (self._mission.payload.node_id, int(Kind.MUSING), heard_ms, heard_ms - MUSING_MS_MAX),
        ).fetchone()
        try:
            return clean_text(unpack_body(row[0]).get("text")) if row else None
        except ValueError:
            return None


class UploadJson(TypedDict):
    """The upload as the page shows it; counts are of beacons."""

    mode: str
    taken: int
    refused: int
    set_aside: int
    taken_ms: int | None
    trouble: str


def status(meta: Any, mission: Mission) -> UploadJson:
    """What the page shows: ``meta`` is the value under SONDEHUB_KEY, None at first."""
    progress = Progress.load(meta)
    return {
        "mode": mission.ground.sondehub, "taken": progress.taken, "refused": progress.refused,
        "set_aside": progress.set_aside, "taken_ms": progress.taken_ms or None,
        "trouble": clean_text(progress.trouble, 200),
    }
