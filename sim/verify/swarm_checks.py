"""The invariants between payloads, checked after every step of each.

What each payload promises for itself is in ``sim.verify.checks``; here is what one may do with the
words of another. A breach is noted with the payload that did it.

    carried_true     a parcel holds frames that their origin sent, and nothing else
    custody_kept     what was taken of a neighbour is in a parcel a minute later, while it lives
    custody_bounded  of no neighbour more than its share is taken, and no more parcels than
                     RELAYED_MAX wait
    talk_bounded     answers stay within their budgets of a day, and no musing is answered twice
    archives_agree   no station has a record of a payload that this payload did not make so
    turns_kept       where payloads take turns, whoever has a steady clock sends in its own slot
                     alone, by the true time; but for a beacon that could wait no longer
"""

from __future__ import annotations

import hashlib
import sqlite3
import zlib
from collections import Counter, deque
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path

from payload.link.custody import PARCEL_MS, SHARE_BYTES, SHARE_BYTES_PER_S
from payload.mind.neighbour_talk import ANSWERS_A_DAY_MAX, DAY_MS, OF_ONE_A_DAY_MAX
from payload.notes import Note
from payload.storage.retention import RELAYED_MAX
from sim.daemon import Observer
from sim.verify.checks import Checks
from sim.world import World
from wire import relaying
from wire.frames import BeaconFrame, DataFrame, decode_downlink
from wire.records import Kind, Priority, pack_body, unpack_body

NAMES = ("carried_true", "custody_kept", "custody_bounded", "talk_bounded", "archives_agree",
         "turns_kept")
LATE_MS = 15_000  # a step of an orbit, and one that comes late
EARLY_MS = 1_000  # that a clock may be fast: others are still in their guard time
BEACON_LATE_MS = 5_000  # before the bound of its interval, a beacon that goes out of its turn
COUNT_EVERY_MS = 3_600_000


class SwarmChecks:
    """Looks on at all payloads; each breach goes to the ``checks`` of whoever did it."""

    def __init__(self, worlds: Sequence[World], checks: Sequence[Checks]) -> None:
        """The worlds have not run yet."""
        self.worlds = tuple(worlds)
        self.said: dict[int, set[bytes]] = {}  # node id -> frames that may be carried
        self.watches = [
            _Watch(self, world, each) for world, each in zip(worlds, checks, strict=True)]

    def look_at_archives(self, paths: Sequence[Path]) -> None:
        """archives_agree, of the archives at ``paths``; nobody forges in this air."""
        for watch in self.watches:
            watch.look_at_archives(paths)


class _Watch(Observer):
    """Of one payload."""

    def __init__(self, swarm: SwarmChecks, world: World, checks: Checks) -> None:
        self._swarm = swarm
        self._world = world
        self._checks = checks
        self._node_id = world.mission.payload.node_id
        self._answered: set[tuple[int, int, int]] = set()
        self._answers: Counter[tuple[int, int]] = Counter()  # by day and neighbour
        self._count_due_ms = COUNT_EVERY_MS
        self.frames_in_turn = 0
        self._beacon_ms: int | None = None  # of the latest beacon of this life
        self._begin()
        swarm.said[self._node_id] = set()
        world.observers.append(self)

    def on_boot(self) -> None:
        """What was gathered in RAM is gone."""
        self._beacon_ms = None
        self._begin()

    def on_send(self, frame: bytes) -> None:
        if relaying.carried(frame) is not None:
            self._swarm.said[self._node_id].add(_digest(frame))
        self._look_at_turn(frame)

    def on_step(self) -> None:
        flight, now_ms = self._world.flight, self._world.clock.now_ms
        assert flight is not None
        for note in flight.notes:
            if note.kind is Kind.RELAYED:
                self._look_at_parcel(note)
            elif note.kind is Kind.MUSING and "answers" in note.body:
                self.look_at_answer(tuple(note.body["answers"]))
        self._look_at_custody(flight.neighbours.custody.taken_frames, now_ms)
        if now_ms >= self._count_due_ms:
            self._count_due_ms = now_ms + COUNT_EVERY_MS
            self._count_parcels()

    def on_uplink(self, frame: bytes) -> None:
        """What the ground says is not looked at."""

    def on_crash(self, error: Exception) -> None:
        """That is another check's business."""

    def look_at_archives(self, paths: Sequence[Path]) -> None:
        """Every record of this payload, in whichever archive, is as it was promised."""
        promised = self._checks.ledger.acknowledged
        for path in paths:
            with closing(sqlite3.connect(path)) as db:
                rows = db.execute("SELECT record_id, body FROM record WHERE node_id = ?",
                                  (self._node_id,)).fetchall()
                (conflicts,) = db.execute("SELECT COUNT(*) FROM record_conflict WHERE node_id = ?",
                                          (self._node_id,)).fetchone()
            if conflicts:
                self._violate("archives_agree", f"{conflicts} records have two contents in "
                              f"{path.name} of {path.parent.name}")
            for record_id, body in rows:
                kept = promised.get(record_id)
                if kept is not None and kept != zlib.crc32(pack_body(unpack_body(body))):
                    self._violate("archives_agree", f"record {record_id} differs in {path.name} "
                                  f"of {path.parent.name}")
                elif kept is None and record_id not in self._checks.ledger.ram_ids:
                    self._violate("archives_agree", f"record {record_id} in {path.name} of "
                                  f"{path.parent.name} was never made")

    # -- turns ---------------------------------------------------------------------------------

    def _look_at_turn(self, frame: bytes) -> None:
        """``frame`` begins to go out. The slots are counted here anew, by the true time."""
        world, swarm = self._world, self._world.mission.swarm
        if swarm is None or swarm.slot_s is None:
            return
        assert world.flight is not None
        now_ms, slot_ms = world.clock.now_ms, 1000 * swarm.slot_s
        before_ms = self._beacon_ms
        is_beacon = isinstance(decode_downlink(frame), BeaconFrame)
        if is_beacon:
            self._beacon_ms = now_ms
        if world.flight.clock.steady_utc_ms(world.daemon.now_ms) is None:
            return
        place = sum(other < self._node_id for other in swarm.names)
        into_ms = (world.clock.utc_ms - place * slot_ms + EARLY_MS) % swarm.round_ms - EARLY_MS
        end_ms = into_ms + world.channel.airtime.on_air_ms(len(frame))
        if end_ms <= slot_ms:
            self.frames_in_turn += 1
        elif not is_beacon or before_ms is None or (
                now_ms - before_ms < 2 * swarm.round_ms - BEACON_LATE_MS):
            self._violate("turns_kept", f"a frame from {into_ms / 1000:.1f} to {end_ms / 1000:.1f} "
                          f"s of a slot of {swarm.slot_s} s")

    # -- custody -------------------------------------------------------------------------------

    def _begin(self) -> None:
        """A life begins."""
        self._begun_ms = self._world.clock.now_ms
        self._taken: deque[tuple[int, int]] = deque()  # when, and how many frames by then
        self._packed_frames = 0
        self._packed_bytes: Counter[int] = Counter()  # of each neighbour

    def _look_at_parcel(self, note: Note) -> None:
        heard = relaying.unpack(note.body)
        for data, _ in heard:
            frame = decode_downlink(data)
            node_id = data[1] if len(data) > 1 else 0
            if _digest(data) not in self._swarm.said.get(node_id, ()) or node_id == self._node_id:
                self._violate("carried_true", f"a frame of {len(data)} bytes in the name of "
                              f"payload {node_id}, which never sent it")
            if isinstance(frame, DataFrame):
                self._packed_frames += 1
                self._packed_bytes[node_id] += len(data)
        lived_s = (self._world.clock.now_ms - self._begun_ms) / 1000
        allowed = SHARE_BYTES + SHARE_BYTES_PER_S * lived_s
        for node_id, size_bytes in self._packed_bytes.items():
            if size_bytes > allowed:
                self._violate("custody_bounded", f"{size_bytes} bytes of payload {node_id} in "
                              f"{lived_s:.0f} s")

    def _look_at_custody(self, taken_frames: int, now_ms: int) -> None:
        if not self._taken or self._taken[-1][1] != taken_frames:
            self._taken.append((now_ms, taken_frames))
        due_frames = 0
        while self._taken and now_ms - self._taken[0][0] > PARCEL_MS + LATE_MS:
            due_frames = self._taken.popleft()[1]
        if self._packed_frames < due_frames:
            self._violate("custody_kept", f"{due_frames} frames were taken a minute ago, "
                          f"{self._packed_frames} are in parcels")

    def _count_parcels(self) -> None:
        """By the store's own connection: it has locked the file."""
        store = self._world.store
        assert store is not None
        if store.writer.db is None:
            return  # a disk that does not answer holds nothing more
        with suppress(sqlite3.OperationalError):  # nor does one that refuses
            (waiting,) = store.writer.db.execute(
                "SELECT COUNT(*) FROM record WHERE class = ? AND state < 2",
                (int(Priority.RELAY),)).fetchone()
            if waiting > RELAYED_MAX:
                self._violate("custody_bounded", f"{waiting} parcels wait")

    # -- conversation --------------------------------------------------------------------------

    def look_at_answer(self, musing: tuple[int, int, int]) -> None:
        """A thought that began before midnight is told after it: one more than the budget."""
        node_id, day = musing[0], self._world.clock.utc_ms // DAY_MS
        if musing in self._answered:
            self._violate("talk_bounded", f"the musing {musing} was answered twice")
        self._answered.add(musing)
        self._answers[day, node_id] += 1
        in_all = sum(count for (when, _), count in self._answers.items() if when == day)
        if self._answers[day, node_id] > OF_ONE_A_DAY_MAX + 1 or in_all > ANSWERS_A_DAY_MAX + 1:
            self._violate("talk_bounded", f"{self._answers[day, node_id]} answers to payload "
                          f"{node_id} in a day, {in_all} in all")

    def _violate(self, check: str, detail: str) -> None:
        self._checks.violate(check, detail)


def _digest(frame: bytes) -> bytes:
    return hashlib.blake2b(frame, digest_size=8).digest()
