"""The store: all records and small state of the payload, and which of them are durable.

What is appended and put is in RAM at once, and durable when the disk has said so; only then may it
be sent, or anything be done because of it. The disk stands behind ``payload.ports.Disk`` and may
take its time: it is handed what is new, one request at a time. Nothing here waits for it.

While the disk is full, read-only, failing, silent or not there, records wait in a bounded ring and
are offered to the radio from there; at its bound the oldest of the least urgent class make room,
counted. Nothing is deleted because the ground has it: a confirmation marks.

Does not cover: what is queued beyond the next few records (``payload.storage.send_window``), the
file itself (``payload.storage.writer``).
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from payload.ports import CONFIRMED, IN_FLIGHT, QUEUED, Commit, Committed, Disk, Opened, Opening
from payload.storage import small_state
from payload.storage.ids import DISKLESS_ID, IDS_KEY, INCARNATION_KEY, RecordIds
from payload.storage.recorder import Recorder
from payload.storage.send_window import PAGE_RECORDS, SendWindow
from wire.bodies import Body
from wire.records import Kind, Priority, Record, TimeQuality
from wire.session import draw_incarnation

OPEN_MS_MAX = 3_000  # a start waits so long for its disk; then the beacon has to go
STALL_MS = 10_000  # a disk that has not answered for so long is failing
RETRY_MS = 5_000  # from a failure to the next try
END_MS_MAX = 3_000  # at the end of a life the last commit is waited for so long
RING_RECORDS_MAX = 2_000
COMMIT_RECORDS_MAX = 256  # in one request; what is on its way to the disk cannot make room
REQUESTS_PER_STEP_MAX = 12  # of a disk that answers at once: the whole ring, and some reading

_NEWEST_FIRST = frozenset((Priority.MUSING, Priority.BULK, Priority.RELAY))


class Store:
    """One life's. Every call returns at once."""

    def __init__(
        self, disk: Disk, chance: random.Random | None = None, recorder: Recorder | None = None
    ) -> None:
        """Asks the disk to open. ``chance`` draws what no other life may have; by default 0's."""
        self.is_failing = True  # until the disk takes something
        self.dropped_records = 0
        self.damaged_records = 0
        self.salvaged_from: Path | None = None
        self.musings: tuple[str, ...] = ()  # the latest of earlier lives, oldest first
        self.boot = 0  # unknown, where the disk was not there at the start
        self.is_counted = False  # has the disk taken this boot's number at the start?
        self._disk, self._recorder = disk, recorder or Recorder()
        self._chance = chance or random.Random(0)
        self.incarnation = self.draw()  # with the boot it names the life
        self._request: Opening | Commit | None = None  # that the disk is busy with,
        self._asked_ms = 0  # since then
        self._retry_ms = 0
        self._is_open = False
        self._has_begun = False  # the life goes on, whatever the disk still says
        self._has_joined = False
        self._ring: dict[int, tuple[Record, int]] = {}  # id -> record and mono_ms, not yet durable
        self._marks: dict[int, int] = {}  # id -> state, not yet durable
        self._again: dict[int, None] = {}  # ids to be queued once more
        self._small: dict[str, Any] = {}
        self._dirty: dict[str, Any] = {}  # those of them that the disk does not have,
        self._durable: dict[str, Any] = {}  # and what it has
        self.version = 0  # of the small state: one more with every change
        self._asked_version = self._durable_version = 0
        self._windows = {p: SendWindow(p, p in _NEWEST_FIRST) for p in Priority}
        self._may_read = False  # may one of them run low?
        self._count: int | None = None
        self._unconfirmed: int | None = None
        self._ids = RecordIds(self._chance)
        self.open()

    # -- the life and its disk -----------------------------------------------------------------

    def open(self) -> bool:
        """Is it known whether this life has a disk? While not, ask again, up to OPEN_MS_MAX.

        A life that begins before it is known begins without; its disk joins it later.
        """
        assert not self._has_begun
        if self.is_counted:
            return True
        self._ask(0)
        self._hear(0)
        if self._is_open and not self.boot:
            self.boot = int(self.get("boot", 0)) + 1
            self.put("boot", self.boot)
            self._ask(0)
            self._hear(0)
        self.is_counted = self._is_open and "boot" not in self._dirty
        if self.is_counted:  # else this life keeps a name of its own
            self.incarnation = self.get(INCARNATION_KEY)
        return self._request is None

    def poll(self, now_ms: int) -> None:
        """Take what the disk has answered."""
        self._has_begun = True
        self._hear(now_ms)
        if self._request is not None and now_ms - self._asked_ms >= STALL_MS:
            self.is_failing = True

    def commit(self, now_ms: int) -> bool:
        """Hand the disk what it does not have. True when it has everything."""
        self.poll(now_ms)
        for _ in range(REQUESTS_PER_STEP_MAX):
            self._ask(now_ms)
            if not self._hear(now_ms):
                break
        return not self._is_due

    def draw(self) -> int:
        """An incarnation that no life has had."""
        return draw_incarnation(self._chance)

    @property
    def is_busy(self) -> bool:
        """Is a request to the disk unanswered?"""
        return self._request is not None

    def end(self, now_ms: int) -> bool:
        """The last commit of this life, which gives back the ids that were kept; see ``commit``."""
        if self._has_joined:
            self.put(IDS_KEY, self._ids.newest_id)
        return self.commit(max(now_ms, self._retry_ms))

    # -- records and small state ---------------------------------------------------------------

    def append(
        self, kind: Kind, body: Body, mono_ms: int, time_ms: int, quality: TimeQuality
    ) -> Record:
        """Number a new record and hold it for the next commit."""
        record = Record(self._take_id(), kind, self.boot, time_ms, quality, body)
        if len(self._ring) >= RING_RECORDS_MAX:
            self._make_room()
        self._ring[record.record_id] = record, mono_ms
        self._recorder.appended(record, self._is_open and IDS_KEY not in self._dirty)
        return record

    def is_kept(self, record_id: int) -> bool:
        """Is the record durable?"""
        return record_id not in self._ring

    def put(self, key: str, value: Any) -> None:
        """Small state, written with the next commit. ``value`` is what msgpack can hold."""
        self._recorder.put(key, value)
        if key not in self._small or self._small[key] != value:
            self._small[key] = self._dirty[key] = value
            self.version += 1

    def get(self, key: str, default: Any = None) -> Any:
        """What was put last, in this life or an earlier one."""
        return self._small.get(key, default)

    def kept(self, key: str, default: Any = None) -> Any:
        """The same as far as it would survive a power cut now; while the disk fails, all of it."""
        return (self._small if self.is_failing else self._durable).get(key, default)

    @property
    def kept_version(self) -> int:
        """All small state up to this ``version`` would; while the disk fails, all of it."""
        return self.version if self.is_failing else self._durable_version

    def has_forgotten(self, key: str) -> bool:
        """May an earlier life have put ``key``, as a first one does, and this one not know it?"""
        is_first_life = self.boot == 1 and self.salvaged_from is None
        return key not in self._small and not is_first_life

    # -- the way to the ground -----------------------------------------------------------------

    def queued(self, priority: Priority, limit: int) -> list[Record]:
        """The next records of this class that are durable, and neither in flight nor confirmed.

        At most ``limit`` and at most what is in RAM. Musings, bulk and what is relayed come newest
        first, all others oldest first. While the disk fails, records of the ring are offered too.
        """
        found = list(islice(self._windows[priority], limit))
        if self.is_failing and len(found) < limit:
            found += [
                record for record, _ in self._ring.values()
                if record.priority is priority and self._is_queued(record.record_id)
            ]
        return found[:limit]

    @property
    def newest_id(self) -> int:
        """The id of the latest record that a working disk was given; before the first any."""
        return self._ids.newest_id

    def has_queued(self, priority: Priority, after_id: int) -> bool:
        """Whether a record with a larger id has not been laid into a block, ring included.

        True also where that is not known, until the disk has been read.
        """
        return self._windows[priority].may_hold_after(after_id) or any(
            record.priority is priority and record.record_id > after_id
            and self._is_queued(record.record_id)
            for record, _ in self._ring.values())

    def mark_in_flight(self, record_ids: Iterable[int]) -> None:
        laid = tuple(record_ids)
        self._mark(IN_FLIGHT, laid)
        self._recorder.laid(laid, self.is_failing)

    def mark_confirmed(self, record_ids: Iterable[int]) -> None:
        """The ground has them. They stay."""
        self._mark(CONFIRMED, record_ids)

    def mark_queued(self, record_ids: Iterable[int]) -> None:
        """Back into the queue, with the next commit: the block that carried them made room."""
        self._mark(QUEUED, record_ids)

    def send_again(self, record_ids: Iterable[int]) -> None:
        """Back into the queue, even what was confirmed: the ground has it and cannot read it."""
        for record_id in record_ids:
            self._marks.pop(record_id, None)
            self._again[record_id] = None

    @property
    def waiting(self) -> int:
        """Records in RAM that the disk does not have."""
        return len(self._ring)

    def count(self) -> int | None:
        """Records kept, ring included; None while it is not known how many the disk has."""
        return None if self._count is None else self._count + len(self._ring)

    def unconfirmed_count(self) -> int | None:
        """Records the ground has not confirmed, ring included; None while that is not known."""
        return None if self._unconfirmed is None else self._unconfirmed + len(self._ring)

    # -- asking the disk -----------------------------------------------------------------------

    @property
    def _is_due(self) -> bool:
        """Is there anything to write? What is in flight can wait for it: a boot queues it again."""
        if self._ring or self._dirty or self._again:
            return True
        return bool(self._marks) and any(state != IN_FLIGHT for state in self._marks.values())

    def _ask(self, now_ms: int) -> None:
        """Give the disk its next request, if it is free and there is one."""
        if self._request is not None or now_ms < self._retry_ms:
            return
        request = self._next_commit() if self._is_open else Opening(
            not self._has_joined, DISKLESS_ID, self._ids.place_ids)
        if request is not None:
            self._request, self._asked_ms = request, now_ms
            self._asked_version = self.version
            self._disk.start(request)

    def _next_commit(self) -> Commit | None:
        windows = self._windows.values() if self._may_read else ()
        pages = tuple(page for page in (window.wanted() for window in windows) if page is not None)
        self._may_read = bool(pages)
        if self._is_due:
            records = tuple(islice(self._ring.values(), COMMIT_RECORDS_MAX))
            again = tuple(islice(self._again, PAGE_RECORDS))
            return Commit(records, dict(self._marks), again, dict(self._dirty), pages)
        return Commit(pages=pages) if pages else None

    def _hear(self, now_ms: int) -> bool:
        """Take the answer; False while there is none."""
        answer = self._disk.poll() if self._request is not None else None
        if answer is None:
            return False
        request, self._request = self._request, None
        if isinstance(answer, Opened):
            self._join(answer)
        elif isinstance(answer, Committed) and isinstance(request, Commit):
            self._settle(request, answer, now_ms)
        else:
            self._is_open = False
            self._fail(now_ms)
        return True

    def _fail(self, now_ms: int) -> None:
        self.is_failing = True
        self._retry_ms = now_ms + RETRY_MS

    def _settle(self, request: Commit, answer: Committed, now_ms: int) -> None:
        """What the disk has is durable, and what it read is next to be sent."""
        fresh: list[Record] = []
        if answer.is_durable:
            if request.has_content:
                self.is_failing = False
                self._retry_ms = 0
            fresh += [self._ring.pop(record.record_id)[0] for record, _ in request.records]
            self._forget_written(request)
            self._recorder.kept(request)
        else:
            self._fail(now_ms)
        for page, read in zip(request.pages, answer.pages, strict=True):
            self._windows[page.priority].take(page, read, self._is_queued)
        for record in (*fresh, *answer.queued_again):
            sent = request.states.get(record.record_id, QUEUED)
            if self._marks.get(record.record_id, sent) == QUEUED:
                self._windows[record.priority].put(record)
        self._count, self._unconfirmed = answer.count, answer.unconfirmed
        self.damaged_records = answer.damaged
        self.dropped_records += answer.dropped

    def _forget_written(self, request: Commit) -> None:
        """Only what has not changed since the request."""
        self._durable_version = self._asked_version
        for record_id, state in request.states.items():
            if self._marks.get(record_id) == state:
                del self._marks[record_id]
        for record_id in request.again:
            del self._again[record_id]
        for key, value in request.small.items():
            self._durable[key] = value
            if self._dirty.get(key) is value:
                del self._dirty[key]

    def _join(self, opened: Opened) -> None:
        """Take over what the disk knows.

        In a life that began without its disk, what RAM knows is newer; but of two numbers the
        larger one counts, because counters never go back. Its records keep their ids, for they may
        have been sent; where the disk has such ids they get others, and are sent again.
        """
        stored = {"boot": opened.newest_boot} | opened.small
        if "boot" not in opened.small:  # it is unknown which boots the incarnation has had
            stored.pop(INCARNATION_KEY, None)
        if opened.salvaged_from is not None:
            self.salvaged_from = opened.salvaged_from
        if not self._has_joined:
            self._keep_clear(opened.newest_place_id)
            taken_upto = max(opened.newest_id, stored.get(IDS_KEY, 0))  # some went out from RAM
            self._ids.begin(taken_upto, self.salvaged_from is not None)
            self._has_joined = True
            if not self._has_begun:
                self.musings = opened.musings
        self._is_open = True
        self._durable = stored
        self._small = small_state.later(self._small, stored)
        self._dirty = {k: v for k, v in self._small.items()
                       if k not in opened.small or opened.small[k] != v}
        if INCARNATION_KEY not in self._small:
            self.put(INCARNATION_KEY, self.draw())
        if self._has_begun and not self.is_counted:
            self.put("boot", max(1, self.get("boot")))  # so that the next life is not the first
        self._reserve_ids()
        for window in self._windows.values():
            window.restart()
        self._may_read = True

    # -- ids, marks and the ring ---------------------------------------------------------------

    def _take_id(self) -> int:
        if not self.is_counted:
            return self._ids.take(0)
        self._reserve_ids()
        return self._ids.take(self._durable.get(IDS_KEY, 0))

    def _reserve_ids(self) -> None:
        self.put(IDS_KEY, self._ids.ahead(self.get(IDS_KEY, 0)))

    def _keep_clear(self, taken_id: int) -> None:
        """The disk has records up to ``taken_id``, if that is not 0, from this life's place."""
        if taken_id:
            ids = self._ids.move(taken_id, len(self._ring))
            held = zip(ids, self._ring.values(), strict=True)
            self._ring = {number: (replace(record, record_id=number), mono_ms)
                          for number, (record, mono_ms) in held}
            self._marks.clear()

    def _make_room(self) -> None:
        """The oldest of the least urgent class goes; not what is on its way to the disk."""
        sent = self._request.records if isinstance(self._request, Commit) else ()
        leaving = {record.record_id for record, _ in sent}
        victim = max(
            (record for record, _ in self._ring.values() if record.record_id not in leaving),
            key=lambda record: (record.priority, -record.record_id))
        del self._ring[victim.record_id]
        self._marks.pop(victim.record_id, None)
        self.dropped_records += 1

    def _mark(self, state: int, record_ids: Iterable[int]) -> None:
        """Holds at once, and is durable with the next commit; a confirmation is final."""
        for record_id in record_ids:
            if self._marks.get(record_id) == CONFIRMED:
                continue
            self._marks[record_id] = state
            if state != QUEUED:
                self._may_read = True
                for window in self._windows.values():
                    window.drop(record_id)

    def _is_queued(self, record_id: int) -> bool:
        return self._marks.get(record_id, QUEUED) == QUEUED
