"""Retention: thins a full raw log, noise first, and never deletes a frame that our payload signed.

The log is cut into segments, and the table ``segment`` names them. While all of them together have
more than ``bytes_max``, one sealed segment at a time is thinned: written anew without the
receptions of the least worth that it still has, which leave the ``reception`` table too. The one
that was thinned least is the next, among these the oldest, so all noise goes before anything else
does. What is left of neighbours is put together. The same bytes heard again prove nothing new:
of signed frames the first is kept.

A cut at any instant leaves a segment as it was before or as it is after: it is written and synced
under a new name, one commit takes the receptions out and names the new file, and the old file goes
last. A file that the table does not name is taken in when it is newer than all that it names, and
removed otherwise. The table also has what a segment holds, so one that was damaged is made again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from enum import IntEnum
from pathlib import Path

import structlog

from groundstation.archive import rawlog, schema
from groundstation.archive.rawlog import RawLog, Reception

_log = structlog.get_logger()
BYTES_MAX = 256_000_000
SEGMENT_BYTES_MAX = 1 << 20  # what is read and written at once when it is thinned
SEGMENTS = 16  # of a log that is smaller than sixteen of these
THINNED_AT_ONCE = 8  # segments: more than come with one batch, each judged once for each worth
SIGNED_MAX = 1 << 17  # different signed frames that are remembered, to know one heard again
CHANGES_KEPT = 10_000  # lines of the change log; a client this far behind has reloaded long before
# What goes with a reception, and where its number stands in it.
_ROWS = (
    ("reception", "id"), ("sighting", "id"), ("beacon", "id"), ("undecodable", "reception_id"),
    ("unplaced", "reception_id"),
)


class Worth(IntEnum):
    """Why a reception is kept, from the first to be deleted to those never deleted."""

    NOISE = 0  # no frame at all
    OTHERS = 1  # of other payloads and stations, or in unsigned formats
    REFUSED = 2  # in our payload's name and not signed by the key here; another key may prove it
    POSSIBLE = 3  # in our payload's name, and nothing here can prove or refute it yet
    VERIFIED = 4  # signed by our payload


Judge = Callable[[Reception], Worth]


@dataclass(frozen=True, slots=True)
class Segment:
    """One file of the log, written anew ``generation`` times. It has the receptions after the last
    of the segment before it and up to ``last_id``, but for those whose worth is below ``level``."""

    number: int
    generation: int = 0
    level: int = Worth.NOISE
    last_id: int = 0
    size_bytes: int = 0


class Segments:
    """The whole raw log of one archive, and the part of its database that goes with it."""

    def __init__(
        self, path: Path, db: sqlite3.Connection, batch: Callable[[], AbstractContextManager[None]],
        bytes_max: int = BYTES_MAX, *, is_durable: bool = True,
    ) -> None:
        """``path`` is the newest segment's; ``batch`` gives a durable transaction of ``db``.

        Raises OSError. ``recover`` must be called next.
        """
        self.bytes_max = bytes_max
        self._path = path
        self._db = db
        self._batch = batch
        self._segment_bytes = min(SEGMENT_BYTES_MAX, bytes_max // SEGMENTS)
        self._is_durable = is_durable
        self._segments = {
            row["number"]: Segment(*row)
            for row in db.execute("SELECT number, generation, level, last_id, bytes FROM segment")
        }
        self._unnoted: set[int] = set()  # whose rows are not as they are here
        self._signed: set[int] = set()  # hashes of frames that are kept, to know them again
        self._is_over = self._is_refusing = False
        self._file = RawLog(path, is_durable=is_durable)

    def close(self) -> None:
        self._file.close()

    @property
    def size_bytes(self) -> int:
        """Of all segments together."""
        return sum(segment.size_bytes for segment in self._segments.values())

    # -- adding -------------------------------------------------------------------------------

    def append(self, receptions: Sequence[Reception]) -> None:
        """Write and fsync them, numbered upwards. Raises OSError; nothing is written then."""
        newest = self._newest
        if newest.size_bytes >= self._segment_bytes:
            self._file.seal(newest.number)
            newest = Segment(newest.number + 1, last_id=newest.last_id)
            self._put(newest)
        size_bytes = self._file.append(receptions)
        last_id = receptions[-1].reception_id if receptions else newest.last_id
        self._put(replace(newest, last_id=last_id, size_bytes=size_bytes))

    def note(self) -> None:
        """Put into the table what was appended; the caller commits, and then calls ``noted``."""
        self._write([self._segments[number] for number in sorted(self._unnoted)])

    def noted(self) -> None:
        """The table has been committed."""
        self._unnoted.clear()

    def _write(self, segments: Iterable[Segment]) -> None:
        self._db.executemany(
            "INSERT OR REPLACE INTO segment(number, generation, level, last_id, bytes)"
            " VALUES (?, ?, ?, ?, ?)",
            [(s.number, s.generation, s.level, s.last_id, s.size_bytes) for s in segments],
        )

    @property
    def _newest(self) -> Segment:
        return self._segments[max(self._segments)]

    def _put(self, segment: Segment) -> None:
        self._segments[segment.number] = segment
        self._unnoted.add(segment.number)

    # -- thinning -----------------------------------------------------------------------------

    def make_room(self, judge: Judge) -> None:
        """Thin segments while they exceed the bound together, a few at a time.

        Later calls do the rest.
        """
        for _ in range(THINNED_AT_ONCE):
            if self.size_bytes <= self.bytes_max:
                self._is_over = False
                return
            segment = min(
                (s for s in self._sealed() if s.level < Worth.VERIFIED),
                key=lambda s: (s.level, s.number), default=None,
            )
            if segment is None:
                self._say_over()
                return
            try:
                self._thin(segment, judge)
            except (OSError, sqlite3.Error) as error:
                if not self._is_refusing:
                    _log.error("raw_log_not_thinned", why=str(error), bytes=self.size_bytes)
                self._is_refusing = True
                return
            self._is_refusing = False

    def _say_over(self) -> None:
        if not self._is_over:
            _log.warning("raw_log_over_bound", bytes=self.size_bytes, bytes_max=self.bytes_max,
                         why="only frames signed by the payload are left, which are never deleted")
        self._is_over = True

    def _thin(self, segment: Segment, judge: Judge) -> None:
        kept: list[Reception] = []
        gone: list[int] = []
        level: int = Worth.VERIFIED
        signed: set[int] = set()
        for reception in self._held_by(segment):
            worth = judge(reception)
            if worth <= segment.level or self._is_repeat(reception, worth, segment, signed):
                gone.append(reception.reception_id)
            else:
                kept.append(reception)
                level = min(level, worth)
        thinned, old = replace(segment, level=level), [segment]
        if gone:
            data = _packed(kept)
            before = self._before(segment.number)
            if before is not None and before.level > segment.level and (
                    before.size_bytes + len(data) <= self._segment_bytes):
                data = _packed(self._held_by(before)) + data
                old.append(before)
                level = min(level, before.level)
            thinned = replace(thinned, generation=segment.generation + 1, level=level,
                              size_bytes=len(data))
            self._make(self._file_of(thinned), data)
        try:
            with self._batch():
                self._forget(gone)
                self._db.executemany(
                    "DELETE FROM segment WHERE number = ?", [(each.number,) for each in old])
                self._write([thinned])
        except sqlite3.Error:
            if gone:
                self._remove(thinned)
            raise
        self._signed |= signed
        for each in old:
            del self._segments[each.number]
            if each.generation != thinned.generation or each.number != thinned.number:
                self._remove(each)
        self._segments[thinned.number] = thinned

    def _make(self, path: Path, data: bytes) -> None:
        rawlog.write_whole(path, data, is_durable=self._is_durable)

    def _remove(self, segment: Segment) -> None:
        with suppress(OSError):  # the next start removes it
            self._file_of(segment).unlink()

    def _is_repeat(
        self, reception: Reception, worth: Worth, segment: Segment, signed: set[int]
    ) -> bool:
        """Was the same heard before? ``signed`` gets what was not, and the caller keeps."""
        if worth < Worth.POSSIBLE or segment.level > Worth.NOISE:
            return False
        key = hash(reception.raw)
        if key in self._signed or key in signed:
            return True
        if len(self._signed) + len(signed) < SIGNED_MAX:
            signed.add(key)
        return False

    def _forget(self, ids: Sequence[int]) -> None:
        rows = [(number,) for number in ids]
        for table, key in _ROWS:
            self._db.executemany(f"DELETE FROM {table} WHERE {key} = ?", rows)
        schema.add_to_meta(self._db, schema.FORGOTTEN_KEY, len(ids))
        self._db.execute("INSERT INTO change(what, ref) VALUES ('forgotten', NULL)")
        self._db.execute(
            "DELETE FROM change WHERE id <= (SELECT MAX(id) FROM change) - ?", (CHANGES_KEPT,))

    # -- opening ------------------------------------------------------------------------------

    def recover(self) -> list[Reception]:
        """What only the files have, oldest first; the caller puts it into the database, calls
        ``note`` and commits. What a file lacks is written into it again. Raises OSError."""
        files = self._files()
        newest = max([*self._segments, *(number + 1 for number in files), 1])
        self._segments.setdefault(newest, Segment(newest))
        missing: list[Reception] = []
        last_id = 0
        for number in sorted({*self._segments, *files}):
            segment = self._segments.get(number) or Segment(number, files.get(number, 0))
            segment, found = self._recovered(segment, newest)
            last_id = max([last_id, segment.last_id, *(r.reception_id for r in found)])
            missing += found
            self._put(replace(segment, last_id=last_id))
        return missing

    def _recovered(self, segment: Segment, newest: int) -> tuple[Segment, list[Reception]]:
        """The segment as it is now, and what the database does not have of it."""
        path = self._path if segment.number == newest else self._file_of(segment)
        size_bytes = path.stat().st_size if path.exists() else 0
        if size_bytes >= segment.size_bytes:
            found = [r for r, _ in rawlog.read_segment(path, segment.size_bytes)]
            return replace(segment, size_bytes=size_bytes), found
        _log.error("raw_log_shortened", file=path.name, bytes_known=segment.size_bytes,
                   bytes=size_bytes)
        is_open = path == self._path
        if is_open:
            self._file.close()
        data = _packed(self._held_by(segment))
        self._make(path, data)
        if is_open:
            self._file = RawLog(path, is_durable=self._is_durable)
        return replace(segment, size_bytes=len(data)), []

    def _files(self) -> dict[int, int]:
        """The generation of each sealed file, by number; others than are meant are removed."""
        found: dict[int, int] = {}
        newest = max(self._segments, default=0)
        for number, generation, file in rawlog.sealed(self._path):
            known = self._segments.get(number)
            is_meant = number > newest if known is None else known.generation == generation
            if not is_meant:
                file.unlink()
                continue
            if number in found:  # the table was lost: the other is as it was before
                self._file_of(Segment(number, found[number])).unlink()
            found[number] = generation
        return found

    # -- what belongs to a segment ------------------------------------------------------------

    def _sealed(self) -> Iterable[Segment]:
        newest = max(self._segments)
        return (segment for number, segment in self._segments.items() if number != newest)

    def _before(self, number: int) -> Segment | None:
        earlier = max((n for n in self._segments if n < number), default=None)
        return None if earlier is None else self._segments[earlier]

    def _held_by(self, segment: Segment) -> list[Reception]:
        before = self._before(segment.number)
        rows = self._db.execute(
            "SELECT utc_ms, raw, station, rssi_dbm, snr_db, source, id FROM reception"
            " WHERE id > ? AND id <= ? ORDER BY id",
            (before.last_id if before else 0, segment.last_id),
        )
        return [Reception(*row) for row in rows]

    def _file_of(self, segment: Segment) -> Path:
        return rawlog.sealed_path(self._path, segment.number, segment.generation)


def _packed(receptions: Iterable[Reception]) -> bytes:
    return b"".join(map(rawlog.pack, receptions))
