"""The statements on the tables of a shared control room; each method is one short transaction.

Two kinds of rows are written: receptions, which are only ever added, and entries of the outbox,
which are joined with what is there, under the lock of the row ``room``. Everything may therefore be
written again, after an answer that was lost, and is there once.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import sqlalchemy as sql

from groundstation.archive import acknowledgements, rawlog
from groundstation.archive.acknowledgements import Acknowledgement
from groundstation.archive.outbox import QueuedCommand
from groundstation.archive.rawlog import RAW_BYTES_MAX, Reception
from groundstation.archive.shared_outbox import joined
from groundstation.control_room import tables
from groundstation.control_room.signed import Signer
from wire.commands import HAZARDOUS
from wire.mission import Mission

ALONE_MS = 60_000  # a station that was not seen for so long may be replaced by its namesake
ENTRIES_MAX = 200  # rows in one answer
_ROOM = tables.room.c.id == 1
_ALTERED = "its tables were altered: what is in them is not what a station writes"


def _is_short(limit: int, *columns: sql.Column[Any]) -> sql.ColumnElement[bool]:
    """Is each of these texts or byte strings that short? What is longer is not even fetched."""
    return sql.and_(*(sql.func.coalesce(sql.func.length(column), 0) <= limit for column in columns))


_ENTRY_IS_SHORT = _is_short(tables.TEXT_CHARS_MAX, *(
    column for column in tables.outbox.columns
    if isinstance(column.type, sql.Text | sql.LargeBinary)))


class RoomRefuses(Exception):
    """This station cannot use this control room; the message is one clause."""


class OfferChanged(Exception):
    """An entry changed in the archive while it was being offered: the next turn offers it again."""


class ControlRoom:
    """One control room, as one station uses it. Methods raise sqlalchemy.exc.SQLAlchemyError."""

    def __init__(self, engine: sql.Engine, mission: Mission, log: bytes, signer: Signer | None
                 ) -> None:
        """``log`` names the archive of the station; without a ``signer``, the key of the uplink, it
        shares receptions alone."""
        self._engine = engine
        self._mission = mission
        self._log = log
        self._signer = signer
        self._station = mission.ground.station
        self._unreadable = 0

    def enter(self) -> tuple[bytes, int]:
        """Make the tables where there are none, and register this station; the room's name, and
        the last number that was given in it. Raises RoomRefuses."""
        with self._engine.begin() as tx:
            _check_server(self._engine.dialect)
            if not sql.inspect(tx).has_table("room"):
                self._make(tx)
        with self._engine.begin() as tx:
            self._draw(tx, 0)  # locks
            found = self._check_room(tx)
            self._register(tx)
        return found

    def stay(self) -> None:
        """This station is still here."""
        with self._engine.begin() as tx:
            tx.execute(sql.update(tables.station)
                       .where(tables.station.c.log == self._log)
                       .values(seen_ms=tables.now_ms()))

    def newest(self) -> int:
        """The last number that was given: every row up to it is visible."""
        with self._engine.begin() as tx:
            return _number(tx.execute(sql.select(tables.room.c.number).where(_ROOM)).scalar_one())

    def take_unreadable(self) -> int:
        """How many rows have come since the last call that no station wrote, or a newer spacepi."""
        count, self._unreadable = self._unreadable, 0
        return count

    # -- receptions ---------------------------------------------------------------------------

    def add_receptions(self, receptions: Sequence[Reception]) -> int:
        """Those of this station; what is there already stays as it is. The room's last number."""
        digests = [hashlib.sha256(each.raw).digest()[: tables.DIGEST_BYTES] for each in receptions]
        table = tables.reception
        times = [each.utc_ms for each in receptions]
        with self._engine.begin() as tx:
            first = self._draw(tx, len(receptions))
            there = {(row.utc_ms, row.digest) for row in tx.execute(
                sql.select(table.c.utc_ms, table.c.digest)
                .where(table.c.station == self._station)
                .where(table.c.utc_ms.in_(times)))}
            new: dict[tuple[int, bytes], dict[str, Any]] = {}
            for at, (each, digest) in enumerate(zip(receptions, digests, strict=True)):
                if (each.utc_ms, digest) not in there:
                    new[each.utc_ms, digest] = {
                        "number": first + at, "log": self._log, "station": self._station,
                        "utc_ms": each.utc_ms, "digest": digest, "raw": each.raw,
                        "rssi_dbm": each.rssi_dbm, "snr_db": each.snr_db}
            if new:
                tx.execute(sql.insert(table), list(new.values()))
        return first + len(receptions) - 1

    def receptions(
        self, after: int, newest: int, limit: int, *, with_own: bool
    ) -> tuple[list[Reception], int]:
        """(what other archives put in after one number and up to another, at most so many; the
        number up to which that is all).

        ``with_own``: also what an earlier archive of this station put in.
        """
        table = tables.reception
        wanted = (sql.select(table.c.number, table.c.utc_ms, table.c.raw, table.c.station,
                             table.c.rssi_dbm, table.c.snr_db)
                  .where(table.c.number > after).where(table.c.number <= newest)
                  .where(table.c.log != self._log)
                  .where(_is_short(RAW_BYTES_MAX, table.c.raw))
                  .where(_is_short(tables.TEXT_CHARS_MAX, table.c.station))
                  .order_by(table.c.number).limit(limit))
        if not with_own:
            wanted = wanted.where(table.c.station != self._station)
        with self._engine.begin() as tx:
            rows = tx.execute(wanted).all()
        found = [Reception(row.utc_ms, row.raw, row.station, row.rssi_dbm, row.snr_db,
                           rawlog.BY_ROOM) for row in rows]
        sound = [each for each in found if _is_sound(each)]
        self._unreadable += len(found) - len(sound)
        return sound, rows[-1].number if len(rows) == limit else newest

    # -- the outbox ---------------------------------------------------------------------------

    def entries(self, after: int, newest: int) -> tuple[list[QueuedCommand], list[int], int]:
        """(entries that changed after one number and up to another, at most ENTRIES_MAX; the ids of
        those that no station wrote, or a newer spacepi; the number up to which that is all)."""
        assert self._signer is not None
        table = tables.outbox
        with self._engine.begin() as tx:
            rows = tx.execute(
                sql.select(table).where(_ENTRY_IS_SHORT)
                .where(table.c.changed > after).where(table.c.changed <= newest)
                .order_by(table.c.changed).limit(ENTRIES_MAX)).mappings().all()
        found = [self._signer.entry(row) for row in rows]
        sound = [entry for entry in found if entry is not None]
        forged = [row["id"] for row, entry in zip(rows, found, strict=True)
                  if entry is None and isinstance(row["id"], int)]
        self._unreadable += len(found) - len(sound)
        return sound, forged, rows[-1]["changed"] if len(rows) == ENTRIES_MAX else newest

    def add_entries(
        self, entries: Sequence[QueuedCommand], offer: Callable[[], bool]
    ) -> list[QueuedCommand]:
        """Join these with what is there; the entries as the room has them then.

        ``offer`` is called before the commit: from then on other stations may know them. Where it
        returns False nothing is written, and OfferChanged is raised.
        """
        assert self._signer is not None
        table, known = tables.outbox, []
        with self._engine.begin() as tx:
            number = self._draw(tx, len(entries))
            for entry in entries:
                row = tx.execute(
                    sql.select(table).where(table.c.id == entry.command_id)
                    .where(_ENTRY_IS_SHORT)).mappings().one_or_none()
                theirs = None if row is None else self._signer.entry(row)
                both = entry if theirs is None else joined(theirs, entry)
                known.append(both)
                if both != theirs:
                    self._write(tx, both, number, is_first=theirs is None)
                    number += 1
            if not offer():
                raise OfferChanged
        return known

    def claim(self, command_id: int, lease_ms: int) -> bool:
        """Take or keep the lease of an entry; False where it is over, or another station has it or
        that of any other entry: one voice at a time, because a beacon shows the last counter alone
        that was taken, and so confirms one station.

        A hazardous command never changes hands: it is repeated by the station that sent it, or not
        at all.
        """
        table, other = tables.outbox, tables.outbox.alias()
        is_waiting = ("queued", "sent")
        others_speak = sql.exists().where(
            other.c.holder != self._station, other.c.held_until_ms >= tables.now_ms(),
            other.c.state.in_(is_waiting))
        is_free = sql.or_(
            table.c.holder.is_(None), table.c.holder == self._station,
            sql.and_(table.c.held_until_ms < tables.now_ms(),
                     table.c.opcode.not_in([int(opcode) for opcode in HAZARDOUS])))
        with self._engine.begin() as tx:
            # Two that claim different entries at once would not see each other.
            tx.execute(sql.select(tables.room.c.id).where(_ROOM).with_for_update())
            taken = tx.execute(
                sql.update(table).where(table.c.id == command_id)
                .where(table.c.state.in_(is_waiting)).where(is_free).where(~others_speak)
                .values(holder=self._station, held_until_ms=tables.now_ms() + lease_ms))
        return bool(taken.rowcount)

    def _write(
        self, tx: sql.Connection, entry: QueuedCommand, number: int, *, is_first: bool
    ) -> None:
        """In place of what a stranger may have written. An entry that was sent before the others
        knew of it is held by its sender."""
        assert self._signer is not None
        table, values = tables.outbox, self._signer.row(entry) | {"changed": number}
        if not is_first:
            tx.execute(sql.update(table).where(table.c.id == entry.command_id).values(**values))
            return
        values["holder"] = entry.sender or None
        values["held_until_ms"] = tables.now_ms() + ALONE_MS if entry.sender else None
        tx.execute(sql.delete(table).where(table.c.id == entry.command_id))
        tx.execute(sql.insert(table).values(**values))

    # -- acknowledgements ---------------------------------------------------------------------

    def exchange_acknowledgements(self, ours: Iterable[Acknowledgement]) -> list[Acknowledgement]:
        """Put in those of ours that are the last of their rule; what was there before."""
        assert self._signer is not None
        table = tables.acknowledgement
        with self._engine.begin() as tx:
            rows = tx.execute(
                sql.select(table).where(_is_short(
                    tables.TEXT_CHARS_MAX, table.c.rule, table.c.reasons, table.c.station))
                .limit(acknowledgements.RULES_MAX)).mappings().all()
            there = {row["rule"]: self._signer.acknowledgement(row) for row in rows}
            for given in ours:
                theirs = there.get(given.rule)
                if theirs is not None and theirs.at_ms >= given.at_ms:
                    continue
                self._draw(tx, 1)
                tx.execute(sql.delete(table).where(table.c.rule == given.rule))
                tx.execute(sql.insert(table).values(**self._signer.acknowledgement_row(given)))
        self._unreadable += sum(given is None for given in there.values())
        return [given for given in there.values() if given is not None]

    # -- the room -----------------------------------------------------------------------------

    def _make(self, tx: sql.Connection) -> None:
        """Where two stations do it at once, one of them fails and finds the tables there next."""
        payload = self._mission.payload
        tables.create(tx)
        tx.execute(sql.insert(tables.room).values(
            id=1, name=secrets.token_bytes(tables.NAME_BYTES), version=tables.VERSION,
            callsign=payload.callsign, node_id=payload.node_id, number=0))

    def _draw(self, tx: sql.Connection, count: int) -> int:
        """The first of so many numbers; no other station draws any before this one commits."""
        last = tx.execute(sql.update(tables.room).where(_ROOM)
                          .values(number=tables.room.c.number + count)
                          .returning(tables.room.c.number)).scalar_one()
        return _number(last) - count + 1

    def _check_room(self, tx: sql.Connection) -> tuple[bytes, int]:
        table, payload = tables.room, self._mission.payload
        found = tx.execute(
            sql.select(table).where(_ROOM)
            .where(_is_short(tables.TEXT_CHARS_MAX, table.c.name, table.c.callsign))).one_or_none()
        if found is None or not isinstance(found.name, bytes):
            raise RoomRefuses(_ALTERED)
        if found.version != tables.VERSION:
            raise RoomRefuses(f"it was made by another spacepi (version {found.version}; this one "
                              f"uses {tables.VERSION})")
        if (found.callsign, found.node_id) != (payload.callsign, payload.node_id):
            raise RoomRefuses("it is that of another payload; each flight needs a database of its "
                              "own")
        return found.name, _number(found.number)

    def _register(self, tx: sql.Connection) -> None:
        table, number = tables.station, self._mission.ground.station_number
        mine = sql.or_(table.c.number == number, table.c.name == self._station)
        for other in tx.execute(sql.select(table, (tables.now_ms() - table.c.seen_ms).label("ago"))
                                .where(mine)
                                .where(_is_short(tables.TEXT_CHARS_MAX, table.c.name, table.c.log))
                                ).all():
            if other.number != number or other.name != self._station:
                raise RoomRefuses(
                    f"ground.station = \"{self._station}\" and ground.station_number = {number} "
                    f"are not free: station {other.number} is \"{other.name}\"")
            is_here = isinstance(other.ago, int) and other.ago < ALONE_MS
            if other.log != self._log and is_here:
                raise RoomRefuses(
                    f"another machine is station \"{self._station}\" in it now; ground.station and "
                    "ground.station_number must differ at each station")
        tx.execute(sql.delete(table).where(mine))
        tx.execute(sql.insert(table).values(
            number=number, name=self._station, log=self._log, seen_ms=tables.now_ms()))


def _check_server(dialect: sql.Dialect) -> None:
    major = int((dialect.server_version_info or (0,))[0])
    if dialect.name == "postgresql" and major < tables.POSTGRESQL_MIN:
        raise RoomRefuses(f"it is PostgreSQL {major}; required is {tables.POSTGRESQL_MIN} or later")


def _number(value: object) -> int:
    if not isinstance(value, int):
        raise RoomRefuses(_ALTERED)
    return value


def _is_sound(reception: Reception) -> bool:
    """Columns may have other types than they were made with, and hold anything."""
    utc_ms, raw, station = reception.utc_ms, reception.raw, reception.station
    is_dated = type(utc_ms) is int and 0 <= utc_ms < rawlog.UTC_MS_MAX
    is_whole = isinstance(raw, bytes) and len(raw) > 0 and isinstance(station, str)
    return is_dated and is_whole and rawlog.is_level(reception.rssi_dbm, reception.snr_db)
