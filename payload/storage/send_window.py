"""A window on the send queue: the next records of one class, as far as they have been read.

The queue itself is on the disk and may be long. The window covers its beginning, up to the last id
that was read, or all of it; what becomes durable inside that range is put in, what lies behind it
is read when the window runs low. So the whole queue passes by, and RAM holds little of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from payload.ports import PageRead, QueuePage
from wire.records import Priority, Record

PAGE_RECORDS = 64  # read at a time, and held; a picture or tile has up to 8 kB
LOW_RECORDS = 16  # with fewer the next page is asked for


class SendWindow:
    """One class of the queue. Covers all of it, and that is nothing, until ``restart``."""

    def __init__(self, priority: Priority, is_newest_first: bool) -> None:
        self._priority = priority
        self._is_newest_first = is_newest_first
        self._records: dict[int, Record] = {}  # by id, in the order in which they are sent
        self._last_id: int | None = None  # where what was read ends; None: all of the queue
        self._is_unread = False

    def __iter__(self) -> Iterator[Record]:
        return iter(self._records.values())

    def restart(self) -> None:
        """What is on the disk is not known any more: the queue is read from its beginning."""
        self._is_unread = True

    def wanted(self) -> QueuePage | None:
        """What is to be read now, or None."""
        if not self._is_unread and (self._last_id is None or len(self._records) >= LOW_RECORDS):
            return None
        beyond_id = None if self._is_unread else self._last_id
        return QueuePage(self._priority, self._is_newest_first, beyond_id, PAGE_RECORDS)

    def take(self, page: QueuePage, read: PageRead, is_queued: Callable[[int], bool]) -> None:
        """The answer to ``page``; what the disk does not know to be sent yet is left out."""
        if page.beyond_id is None:
            self._records.clear()
            self._is_unread = False
        self._records |= {r.record_id: r for r in read.records if is_queued(r.record_id)}
        self._last_id = read.last_id

    def put(self, record: Record) -> None:
        """This record is queued, and on the disk."""
        if not self._covers(record.record_id):
            return
        is_last = not self._records or self._comes_after(record.record_id, next(
            reversed(self._records)))
        self._records[record.record_id] = record
        if not is_last:
            self._records = dict(sorted(self._records.items(), reverse=self._is_newest_first))
        if len(self._records) > PAGE_RECORDS:
            self._records.popitem()
            self._last_id = next(reversed(self._records))

    def drop(self, record_id: int) -> None:
        """This record is no longer queued."""
        self._records.pop(record_id, None)

    def may_hold_after(self, record_id: int) -> bool:
        """Is a record with a larger id queued, or may one be that was not read yet?"""
        if self._is_unread or any(held > record_id for held in self._records):
            return True
        return self._last_id is not None and (
            not self._is_newest_first or self._last_id > record_id + 1)

    def _covers(self, record_id: int) -> bool:
        return self._last_id is None or not self._comes_after(record_id, self._last_id)

    def _comes_after(self, record_id: int, other_id: int) -> bool:
        return record_id < other_id if self._is_newest_first else record_id > other_id
