"""Exchanges with the control room what this station has and the others have.

Two threads: ``turn`` waits for the database, in a thread of its own, and has connections of its own
to the archive; ``poll`` is called by the thread that receives, takes what came and never waits. The
archive is the queue in both directions: a reception counts as told when the room has committed it,
as taken when the archive has. So nothing depends on the database but what other stations know.
"""

from __future__ import annotations

import re
import sqlite3
from collections import deque
from collections.abc import Callable
from contextlib import closing
from typing import NamedTuple

from groundstation.archive import acknowledgements, connections, outbox, schema, shared_outbox
from groundstation.archive.outbox import QueuedCommand
from groundstation.archive.rawlog import BY_RADIO, BY_ROOM, Reception
from groundstation.archive.shared_outbox import joined
from groundstation.control_room import cursors
from groundstation.control_room.room import ControlRoom, OfferChanged
from groundstation.control_room.signed import Signer
from groundstation.ground import Ground, HeardBytes
from groundstation.inputs.notices import Notices
from groundstation.uplink.sending_rights import SendingRights, is_left_to_another
from wire.mission import Mission
from wire.mission_mqtt import STATION_NAME

BATCH_MAX = 500  # receptions in one transaction
INBOX_MAX = 4  # batches that wait for the thread that receives
LOOKED_AT_MAX = 2_000  # receptions in one turn, most of them perhaps from other stations
ENTRIES_MAX = 50  # entries in one transaction
RECENT_MAX = 500  # entries of the outbox that are compared, the newest
STAY_EVERY_MS = 10_000
STATIONS_MAX = 32
AT_ONCE_MAX = 100  # receptions of one station in one millisecond
AHEAD_MS_MAX = 60_000  # by another station's clock; what is dated later is taken for new
_NAME = re.compile(STATION_NAME)


class State(NamedTuple):
    """Whether the room answers, since when, and why not; ``why`` is empty while it does."""

    since_ms: int
    why: str


class _Batch(NamedTuple):
    """Receptions of others, and the room's number up to which these are all."""

    receptions: list[Reception]
    upto: int
    room: bytes


class RoomExchange:
    """Of one station."""

    def __init__(
        self, ground: Ground, mission: Mission,
        open_room: Callable[[bytes, Signer | None], ControlRoom], now: Callable[[], int],
        uptime_ms: Callable[[], int],
    ) -> None:
        """``open_room`` is given the name of the archive, and what signs. ``now`` gives UTC in ms,
        ``uptime_ms`` is of a clock that is never set. Raises sqlite3.Error."""
        assert mission.ground.control_room is not None
        self.notices = Notices("control_room_rows_refused", uptime_ms)
        self.state: State | None = None
        self._ground = ground
        self._path = ground.archive.path
        self._name = mission.ground.control_room.shown
        self._station_number = mission.ground.station_number
        self._rights = ground.rights
        key = ground.uplink_key
        self._signer = None if key is None else Signer(
            key, mission.ground.station, mission.ground.station_number)
        self._now = now
        self._uptime_ms = uptime_ms
        archive = cursors.name_of(ground.archive)
        self._wants_own = archive.wants_own
        self._room = open_room(archive.log, self._signer)
        self._inbox: deque[_Batch] = deque()
        self._taken: _Batch | None = None  # while the disk refuses what was in it
        self._stations: set[str] = set()
        self._noted_state: State | None = None
        self.leave()

    # -- the thread that receives -------------------------------------------------------------

    def poll(self) -> None:
        """Take what came. Raises nothing."""
        try:
            self._note_state()
            self._take()
        except sqlite3.Error:  # the disk refuses: the same again in the next round
            pass
        self.notices.log()

    def _note_state(self) -> None:
        state = self.state
        if state is not None and state != self._noted_state:
            connections.note(self._ground.archive, connections.CONTROL_ROOM, self._name,
                             state.since_ms, state.why or None)
            self._noted_state = state

    def _take(self) -> None:
        batch, archive = self._taken, self._ground.archive
        new: list[HeardBytes] = []
        if batch is None:
            if not self._inbox:
                return
            batch = self._inbox[0]
            new = self._new(batch.receptions)
            self._inbox.popleft()
            self._taken = batch
        if not self._ground.receive_many(new):  # they wait in memory
            return
        self._taken = None
        with archive.batch(is_durable=False):
            cursors.note(archive.db, cursors.PULLED, batch.room, batch.upto)

    def _new(self, receptions: list[Reception]) -> list[HeardBytes]:
        found: dict[tuple[str, int, bytes], HeardBytes] = {}
        now_ms = self._now()
        for reception in receptions:
            if not self._is_welcome(reception.station):
                self.notices.count("of_other_stations")
                continue
            key = (reception.station, reception.utc_ms, reception.raw)
            if key not in found and not self._is_here(*key):
                utc_ms = reception.utc_ms if reception.utc_ms <= now_ms + AHEAD_MS_MAX else now_ms
                found[key] = HeardBytes(
                    reception.raw, utc_ms, reception.rssi_dbm, reception.snr_db, BY_ROOM,
                    reception.station)
        return list(found.values())

    def _is_here(self, station: str, utc_ms: int, raw: bytes) -> bool:
        there = self._ground.archive.relayed_at(station, utc_ms, AT_ONCE_MAX)
        if len(there) == AT_ONCE_MAX:  # no receiver does that
            self.notices.count("of_one_moment")
        return raw in there or len(there) == AT_ONCE_MAX

    def _is_welcome(self, station: str) -> bool:
        if station not in self._stations:
            if len(self._stations) >= STATIONS_MAX or not _NAME.fullmatch(station):
                return False
            self._stations.add(station)
        return True

    # -- the thread of the room ---------------------------------------------------------------

    def leave(self) -> None:
        """The connection is lost: the next turn enters again."""
        self._is_in = False
        self._stayed_ms = 0
        self._entries_upto = 0
        self._known: dict[int, QueuedCommand] = {}  # as the room has them
        self._compared: tuple[int, int] | None = None  # the last changes here and there, both told

    def turn(self) -> bool:
        """Tell and be told; True when more waits. Raises sqlalchemy.exc.SQLAlchemyError,
        RoomRefuses, and sqlite3.Error."""
        with closing(schema.connect_reader(self._path)) as db:
            if not self._is_in:
                self._enter(db)
            elif self._uptime_ms() - self._stayed_ms >= STAY_EVERY_MS:
                self._room.stay()
                self._stayed_ms = self._uptime_ms()
            newest = self._room.newest()
            has_more = self._pull_receptions(newest)
            if self._signer is not None and self._rights is not None:
                has_more |= self._pull_entries(newest, self._signer)
                has_more |= self._push_entries(db, newest, self._signer)
                self._claim(self._rights)
            has_more |= self._push_receptions(db)
        for _ in range(self._room.take_unreadable()):
            self.notices.count("unreadable")
        return has_more

    def _enter(self, db: sqlite3.Connection) -> None:
        self._room_name, newest = self._room.enter()
        self._pulled = max(
            cursors.read(db, cursors.PULLED, self._room_name),
            *(batch.upto for batch in list(self._inbox) if batch.room == self._room_name), 0)
        self._pushed = cursors.read(db, cursors.PUSHED, self._room_name)
        # A room that was restored from a copy has forgotten what came after it.
        if newest < max(self._pulled, cursors.read(db, cursors.SEEN, self._room_name)):
            self._pulled = self._pushed = 0
        self._is_in, self._stayed_ms = True, self._uptime_ms()

    def _pull_receptions(self, newest: int) -> bool:
        if newest <= self._pulled or len(self._inbox) >= INBOX_MAX:
            return False
        found, upto = self._room.receptions(
            self._pulled, newest, BATCH_MAX, with_own=self._wants_own)
        if found:
            self._inbox.append(_Batch(found, upto, self._room_name))
        self._pulled = upto
        return upto < newest

    def _push_receptions(self, db: sqlite3.Connection) -> bool:
        rows = db.execute(
            "SELECT utc_ms, raw, station, rssi_dbm, snr_db, source, id FROM reception"
            " WHERE id > ? ORDER BY id LIMIT ?", (self._pushed, LOOKED_AT_MAX)).fetchall()
        if not rows:
            return False
        own = [Reception(*row) for row in rows if row["source"] == BY_RADIO]
        due = own[:BATCH_MAX]
        upto = int(rows[-1]["id"]) if len(own) <= BATCH_MAX else due[-1].reception_id
        seen = self._room.add_receptions(due) if due else None
        with outbox.of_another_process(self._path) as writer:
            cursors.note(writer, cursors.PUSHED, self._room_name, upto)
            if seen is not None:
                cursors.note(writer, cursors.SEEN, self._room_name, seen)
        self._pushed = upto
        return len(rows) == LOOKED_AT_MAX or len(own) > BATCH_MAX

    def _pull_entries(self, newest: int, signer: Signer) -> bool:
        if newest <= self._entries_upto:
            return False
        found, forged, upto = self._room.entries(self._entries_upto, newest)
        for command_id in forged:  # where there was one of ours, it is put there again
            self._known.pop(command_id, None)
        self._note_known(
            [entry for entry in found if self._known.get(entry.command_id) != entry], signer)
        self._entries_upto = upto
        return upto < newest

    def _push_entries(self, db: sqlite3.Connection, newest: int, signer: Signer) -> bool:
        change_id = int(db.execute("SELECT COALESCE(MAX(id), 0) FROM change").fetchone()[0])
        if (change_id, newest) == self._compared:
            return False
        self._exchange_acknowledgements(db)
        entries = [entry for entry in reversed(outbox.recent(db, RECENT_MAX))
                   if shared_outbox.is_shared(entry)]
        due = [entry for entry in entries if self._is_news(signer.shared(entry))]
        if not due:
            self._compared = change_id, newest
            return False
        self._offer(due[:ENTRIES_MAX], signer)
        return True

    def _is_news(self, entry: QueuedCommand) -> bool:
        """Does it change what the room has?"""
        known = self._known.get(entry.command_id)
        return known is None or joined(known, entry) != known

    def _offer(self, entries: list[QueuedCommand], signer: Signer) -> None:
        station = self._station_number

        def offer() -> bool:
            with outbox.of_another_process(self._path) as writer:
                return shared_outbox.offer(writer, entries, station)

        try:
            known = self._room.add_entries([signer.shared(entry) for entry in entries], offer)
        except OfferChanged:
            return
        self._note_known(known, signer)

    def _note_known(self, entries: list[QueuedCommand], signer: Signer) -> None:
        """The room has these: so has the archive from now on."""
        taken = [signer.adopted(entry) for entry in entries]
        if taken:
            with outbox.of_another_process(self._path) as writer:
                shared_outbox.take(writer, taken, self._station_number)
        for entry, ours in zip(entries, taken, strict=True):
            self._known[entry.command_id] = entry
            is_over = not entry.is_waiting or is_left_to_another(ours)
            if is_over and self._rights is not None:
                self._rights.forget(entry.command_id)

    def _exchange_acknowledgements(self, db: sqlite3.Connection) -> None:
        theirs = self._room.exchange_acknowledgements(acknowledgements.known(db))
        latest_ms = self._now() + AHEAD_MS_MAX  # later ones would cover what is raised after them
        with outbox.of_another_process(self._path) as writer:
            for given in theirs:
                if given.at_ms <= latest_ms:
                    acknowledgements.take(writer, given)

    def _claim(self, rights: SendingRights) -> None:
        for command_id in rights.wishes():
            asked_ms = self._uptime_ms()
            if self._room.claim(command_id, rights.lease_ms):
                rights.grant(command_id, asked_ms)
            else:
                rights.forget(command_id)
