"""An outgoing block: which of its symbols were sent and when, and what each station lacks.

A *station* is one ground station that reports. What it said last about a block is a ``Need``; the
frames of the block that went out after the last one it had heard are not known to it yet, and are
expected to arrive with the probability that its loss leaves.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum

from wire.blocks import BlockWriter
from wire.frames import BLOCK_SYMBOLS_MAX, DEFICIT_UNKNOWN, BlockReport
from wire.records import Priority

SENDS_REMEMBERED_MAX = 512  # per block, to tell what a report could not know yet
REPAIR_ESI_MAX = (1 << 16) - 1
_MINUTE_MS = 60_000
# How long a record is worth a repair while anything fresher waits. What is not listed never ages.
TTL_MS: dict[Priority, int] = {
    Priority.API: 10 * _MINUTE_MS,
    Priority.TRACK: 30 * _MINUTE_MS,
    Priority.IMAGE: 60 * _MINUTE_MS,
}


class Lane(IntEnum):
    """Which records share blocks, the most precious first; it is the priority of their frames."""

    PRECIOUS = 0  # events, command results, musings, questions and replies
    ROUTINE = 1  # track, housekeeping, API calls
    PICTURE = 2  # each picture a block of its own, and each parcel of what is relayed
    BULK = 3  # each tile a block of its own


def lane_of(priority: Priority) -> Lane:
    """The lane that carries records of this class."""
    if priority >= Priority.IMAGE:
        return Lane.BULK if priority == Priority.BULK else Lane.PICTURE
    return Lane.PRECIOUS if priority in (Priority.EVENT, Priority.MUSING) else Lane.ROUTINE


@dataclass(slots=True)
class Need:
    """One station's latest word on one block."""

    deficit: int  # symbols of any kind that it lacked of the ``known``
    have: int  # bitmap of the source symbols that it had
    heard_upto: int  # number of the last frame that it had heard
    known: int  # source symbols that had gone out by then
    sent: int  # frames of this block that went out since


@dataclass(frozen=True, slots=True)
class Judgement:
    """A schedule's cached rating of a block: thousands are needed in a minute, few change."""

    epoch: int  # of the stations; older than theirs, it is worth nothing
    is_short: bool
    shortage: float  # standard deviations


@dataclass(slots=True)
class Outgoing:
    """A block that fills, goes out, and is repaired. Frame numbers do not wrap."""

    number: int
    writer: BlockWriter
    lane: Lane
    opened_at: int  # frame number
    changed_ms: int
    lives_until_ms: int | None = 0  # of its longest-lived record; None is for ever
    sends: int = 0  # frames that could tell something new
    repairs: int = 0
    rounds: int = 0  # how often what had gone was taken back
    is_home: bool = False  # some station had all of it: its records are confirmed
    needs: dict[int, Need] = field(default_factory=dict)  # by station
    complete_at: set[int] = field(default_factory=set)  # stations that have all of it
    first_sent: list[int] = field(default_factory=list)  # frame number of each source symbol,
    last_sent: list[int] = field(default_factory=list)  # the first and the latest time
    ever_sent: list[int] = field(default_factory=list)  # and the first in any round
    judged: Judgement | None = None  # kept by the schedule; forgotten whenever something changes
    _recent: deque[int] = field(default_factory=lambda: deque(maxlen=SENDS_REMEMBERED_MAX))

    @property
    def sent_symbols(self) -> int:
        """How many source symbols went out at least once."""
        return len(self.first_sent)

    @property
    def has_unsent(self) -> bool:
        return self.sent_symbols < self.writer.sealed_symbols

    @property
    def is_out(self) -> bool:
        """All of it went out once: from now on there are only repairs."""
        return self.writer.is_closed and not self.has_unsent

    @property
    def may_be_whole(self) -> bool:
        """All of it went out once, if in an earlier round: a station may have all of it."""
        return self.writer.is_closed and len(self.ever_sent) == self.writer.sealed_symbols

    @property
    def next_repair_esi(self) -> int:
        return self.writer.symbols + self.repairs

    @property
    def is_spent(self) -> bool:
        """Every symbol number was used: there is nothing new to say about it."""
        return self.next_repair_esi > REPAIR_ESI_MAX

    def outlives(self, now_ms: int) -> bool:
        """Is some record in it still worth a repair?"""
        return self.lives_until_ms is None or now_ms < self.lives_until_ms

    def extend_life(self, priority: Priority, now_ms: int) -> None:
        """A record of this class was added."""
        ttl_ms = TTL_MS.get(priority)
        if ttl_ms is None or self.lives_until_ms is None:
            self.lives_until_ms = None
        else:
            self.lives_until_ms = max(self.lives_until_ms, now_ms + ttl_ms)

    def note_sent(self, esi: int, sequence: int, is_repeat: bool) -> None:
        """Symbol ``esi`` goes out in frame ``sequence``; a repeat that no station asked for does
        not count towards what a station may be expected to have."""
        self.judged = None
        if esi < self.sent_symbols:
            self.last_sent[esi] = sequence
        elif esi == self.sent_symbols < self.writer.symbols:
            self.first_sent.append(sequence)
            self.last_sent.append(sequence)
            if esi == len(self.ever_sent):
                self.ever_sent.append(sequence)
        else:
            assert esi == self.next_repair_esi, (esi, self.repairs)
            self.repairs += 1
        if is_repeat:
            return
        self.sends += 1
        self._recent.append(sequence)
        for need in self.needs.values():
            need.sent += 1

    def take_back(self, sequence: int) -> bool:
        """Perhaps no station heard the frames after ``sequence``: they go again, in a later round.
        False where none of them was of this block."""
        kept = bisect_right(self.first_sent, sequence)
        unheard = sum(number > sequence for number in self._recent)
        if not unheard and kept == self.sent_symbols:
            return False
        self.judged = None
        self.sends -= unheard
        for _ in range(unheard):
            self._recent.pop()
        for need in self.needs.values():
            need.sent -= min(unheard, need.sent)
        del self.first_sent[kept:], self.last_sent[kept:]
        self.last_sent = [first if last > sequence else last for first, last
                          in zip(self.first_sent, self.last_sent, strict=True)]
        self.rounds += 1
        return True

    def take_report(self, station: int, entry: BlockReport, heard_upto: int) -> None:
        """``station`` lacks some of this block; ``heard_upto`` is the last frame it had heard."""
        known = bisect_right(self.ever_sent, heard_upto)
        self._end_round(known)
        have = 0 if entry.deficit == DEFICIT_UNKNOWN else entry.have & ((1 << known) - 1)
        # A station that heard only the beginning of a block may not know how much it lacks.
        least = min(known, BLOCK_SYMBOLS_MAX) - have.bit_count() - self.repairs
        deficit = min(known, max(entry.deficit, least))
        sent = sum(sequence > heard_upto for sequence in self._recent)
        self.judged = None
        self.complete_at.discard(station)
        self.needs[station] = Need(deficit, have, heard_upto, known, sent)

    def note_complete(self, station: int) -> None:
        """``station`` has all of this block."""
        self.judged = None
        self.needs.pop(station, None)
        self.complete_at.add(station)
        self.is_home = True
        self._end_round(len(self.ever_sent))

    def _end_round(self, known: int) -> None:
        """A report spoke of the first ``known`` source symbols: they need not go again blindly."""
        if known > self.sent_symbols:
            self.first_sent = self.ever_sent[:known]
            self.last_sent += self.ever_sent[len(self.last_sent) : known]

    def forget(self, station: int) -> None:
        """``station`` is gone: nothing it said counts any more, but for what is home."""
        self.judged = None
        self.needs.pop(station, None)
        self.complete_at.discard(station)

    def missing_everywhere(self, waiting: Iterable[int]) -> list[int]:
        """Source symbols that all stations ``waiting`` are known to lack: sending one of them as it
        is helps them all, and can be read at once. Of others a coded symbol is worth more."""
        words = [self.needs.get(station) for station in waiting]
        if None in words:
            return []  # to one of them the block is new
        needs = [need for need in words if need is not None and need.deficit]
        wanted = max((need.deficit for need in needs), default=0)
        missing = [
            esi
            for esi in range(min(self.sent_symbols, BLOCK_SYMBOLS_MAX))  # what reports show
            if all(
                not need.have >> esi & 1 and self.last_sent[esi] <= need.heard_upto
                for need in needs
            )
        ]
        return missing[:wanted]

    def shortage(self, loss: float, need: Need | None) -> float:
        """How far short a receiver that loses ``loss`` of all frames probably is, in standard
        deviations; negative is enough. ``need`` is what it said; None when it said nothing."""
        if need is None:
            needed, sent = self.sent_symbols, self.sends
        else:
            needed, sent = need.deficit + self.sent_symbols - need.known, need.sent
        return (needed - (1 - loss) * sent) / math.sqrt(1 + sent * loss * (1 - loss))
