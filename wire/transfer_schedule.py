"""Decides what the next slot of the transfer is used for: new data, missing data, or a repair.

With stations to hear, new symbols and those that the reports call missing take turns, and spare
slots repair the block furthest short. A window bounds how many blocks may be out and incomplete;
when it is full, the old come before the new, so that a flood of new records cannot leave them all
half-done. With none to hear, a fixed share of the slots tops up what is out to what the assumed
loss asks for, the precious first.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum

from wire.frames import BLOCK_SYMBOLS_MAX
from wire.outgoing import Judgement, Lane, Outgoing

IMAGE_SLOT_EVERY = 5  # of this many new symbols at least one is an image's, when one waits
BULK_SPARE_EVERY = 2  # of the slots that nothing else needs, one of these is bulk's
RESENDS_QUEUED_MAX = 4 * BLOCK_SYMBOLS_MAX
WINDOW_BLOCKS = 16  # blocks out and probably incomplete, about what one report can speak of
ENOUGH_UNHEARD = -2.0  # a block never reported on: this many standard deviations of margin
CAUGHT_UP_BLOCKS = WINDOW_BLOCKS // 4  # at most so many short: the channel has room to spare
NEW_SLOT_EVERY = 16  # when the window is full, one slot of these is still for what is new
COMPANY_SLOT_EVERY = 4  # of these one may go to what is home but not yet at every station
REPAIR_SLOT_EVERY = 3  # with no station to hear: of these one tops up what is out
OTHERS_REPAIR_EVERY = 3  # and of those, one is not for the precious
GROWING_SLOT_EVERY = 4  # of the spare slots: one repeats what no repair can cover yet
WORDS_AHEAD = 2  # so often words are repeated before what is new of the rest goes
PICTURES_AHEAD = 2  # with none to hear: so many may be out and short before the next begins
# With none to hear, whose repairs come first. A row of the track is readable alone, and half of
# the rows tell the flight; a picture is whole or nothing.
BLIND_ORDER = {Lane.PRECIOUS: 0, Lane.PICTURE: 1, Lane.ROUTINE: 2, Lane.BULK: 3}
# Until a report says otherwise; what is precious is planned for worse.
LOSS_ASSUMED = {Lane.PRECIOUS: 0.6, Lane.ROUTINE: 0.5, Lane.PICTURE: 0.5, Lane.BULK: 0.5}


@dataclass(slots=True)
class Station:
    """A ground station whose latest report is fresh."""

    came_at: int  # our frame number when it came
    loss: float
    upto: int  # it has spoken of the blocks before this one; for later ones it surely waits


class Rank(IntEnum):
    """Whom a repair of a block would serve."""

    WANTED = 0  # probably complete nowhere
    COMPANY = 1  # home, and probably short at another station
    AGED = 2  # short as well, and past its time
    ENOUGH = 3  # probably there already


@dataclass(frozen=True, slots=True)
class Standing:
    """A block, and how it stands with the station that is furthest short of it."""

    block: Outgoing
    rank: Rank
    shortage: float  # standard deviations

    @property
    def may_repair(self) -> bool:
        return self.block.is_out and not self.block.is_spent


@dataclass(frozen=True, slots=True)
class Choice:
    """Send symbol ``esi`` of ``block``; a repeat is one that no report requested."""

    block: Outgoing
    esi: int
    is_repeat: bool = False


class Schedule:
    """Looks at the sender's blocks and stations, which the sender owns, and chooses."""

    def __init__(
        self, blocks: Mapping[int, Outgoing], stations: Mapping[int, Station]
    ) -> None:
        self.loss: float | None = None  # of the latest report; for blocks that none spoke of
        self._blocks = blocks
        self._stations = stations
        self._resends: deque[tuple[int, int]] = deque()
        self._epoch = 0
        self._turn = 0
        self._new_symbols = 0
        self._spare_slots = 0

    def waiting(self, block: Outgoing) -> list[int]:
        """Fresh stations that lack ``block``, as they said or because it is new to them."""
        return [
            number
            for number, station in self._stations.items()
            if number in block.needs
            or (number not in block.complete_at and block.number >= station.upto)
        ]

    def on_stations(self) -> None:
        """A station reported or fell silent: every block is to be judged anew."""
        self._epoch += 1

    def standing(self, block: Outgoing, now_ms: int) -> Standing:
        """Where no station waits for it, the listener that never reports stands for all."""
        if block.judged is None or block.judged.epoch != self._epoch:
            block.judged = self._judge(block)
        shortage = block.judged.shortage
        if not block.judged.is_short:
            return Standing(block, Rank.ENOUGH, shortage)
        if not block.outlives(now_ms):
            return Standing(block, Rank.AGED, shortage)
        return Standing(block, Rank.COMPANY if block.is_home else Rank.WANTED, shortage)

    def _judge(self, block: Outgoing) -> Judgement:
        furthest, is_short = -math.inf, False
        for number in self.waiting(block) if self._stations else ():
            need = block.needs.get(number)
            shortage = block.shortage(self._stations[number].loss, need)
            is_short |= shortage > (ENOUGH_UNHEARD if need is None else 0)
            furthest = max(furthest, shortage)
        if furthest == -math.inf:
            furthest = block.shortage(self.loss or LOSS_ASSUMED[block.lane], None)
            is_short = furthest > ENOUGH_UNHEARD
        return Judgement(self._epoch, is_short, furthest)

    def takes_pictures(self, now_ms: int) -> bool:
        """False while no station reports and earlier pictures still lack repairs: those who hear
        would have halves of all and none whole."""
        pictures = (b for b in self._blocks.values() if b.lane is Lane.PICTURE)
        return bool(self._stations) or self._wanted(pictures, now_ms) < PICTURES_AHEAD

    def is_caught_up(self, now_ms: int) -> bool:
        """Few blocks but bulk are probably short of what they need; with none to hear, not one."""
        rest = (b for b in self._blocks.values() if b.lane < Lane.BULK)
        return self._wanted(rest, now_ms) <= (CAUGHT_UP_BLOCKS if self._stations else 0)

    def short_blocks(self, lane: Lane, now_ms: int) -> int:
        """Blocks of ``lane`` that are probably complete nowhere."""
        return self._wanted((b for b in self._blocks.values() if b.lane is lane), now_ms)

    def _wanted(self, blocks: Iterable[Outgoing], now_ms: int) -> int:
        return sum(self.standing(block, now_ms).rank is Rank.WANTED for block in blocks)

    def plan_resends(self, now_ms: int) -> None:
        """After a report: queue what all stations that spoke are known to lack, text first."""
        self._resends.clear()
        for block in sorted(self._blocks.values(), key=lambda b: b.lane):
            if not block.is_home and block.outlives(now_ms):
                room = RESENDS_QUEUED_MAX - len(self._resends)
                missing = block.missing_everywhere(self.waiting(block))[:room]
                self._resends += [(block.number, esi) for esi in missing]

    def choose(self, now_ms: int) -> Choice | None:
        """The most useful symbol now, or None when there is nothing to send."""
        self._turn += 1
        sent = [block for block in self._blocks.values() if block.sent_symbols]
        standings = [self.standing(block, now_ms) for block in sent]
        return next(filter(None, self._offers(standings)), None)

    def _offers(self, standings: list[Standing]) -> Iterator[Choice | None]:
        """In the order of what they are worth; lazily, for an offer that is looked at is taken."""
        turn = self._turn
        bulk = [s for s in standings if s.block.lane is Lane.BULK]
        rest = [s for s in standings if s.block.lane is not Lane.BULK]
        if not self._stations:
            is_turn_of_others = turn % (REPAIR_SLOT_EVERY * OTHERS_REPAIR_EVERY) == 0
            if turn % REPAIR_SLOT_EVERY == 0:
                yield _top_up(rest, is_turn_of_others)
            yield self._next_new()
            yield _top_up(rest, is_turn_of_others)
        else:
            if turn % COMPANY_SLOT_EVERY == 1:
                yield _repair(rest, Rank.COMPANY)
            is_full = sum(s.rank is Rank.WANTED for s in standings) >= WINDOW_BLOCKS
            if is_full and turn % NEW_SLOT_EVERY:
                yield self._next_resend()
                yield _repair(standings, Rank.WANTED)
            elif turn % 2:
                yield self._next_resend()
            yield self._next_new()
            yield self._next_resend()
            yield _repair(rest, Rank.WANTED)
        self._spare_slots += 1
        if self._spare_slots % BULK_SPARE_EVERY == 0:
            yield from self._bulk(bulk)
        yield _repair(standings, Rank.COMPANY)
        yield _repair(rest, Rank.AGED)
        if turn % GROWING_SLOT_EVERY == 1:
            yield self._next_of_growing()
        yield _repair(rest, Rank.ENOUGH)
        yield self._next_of_growing()
        yield from self._bulk(bulk)
        yield _repair(standings, Rank.ENOUGH)

    def _bulk(self, standings: list[Standing]) -> Iterator[Choice | None]:
        """Bulk lives on what the others leave: something new of it, or what it lacks."""
        yield self._next_new(is_bulk=True)
        yield _repair(standings, Rank.WANTED)

    def _next_new(self, is_bulk: bool = False) -> Choice | None:
        blocks = self._blocks.values()
        waiting = [b for b in blocks if b.has_unsent and (b.lane is Lane.BULK) == is_bulk]
        if not waiting:
            return None
        self._new_symbols += not is_bulk
        is_image_turn = self._new_symbols % IMAGE_SLOT_EVERY == 0
        block = (max(waiting, key=lambda b: b.lane) if is_image_turn
                 else min(waiting, key=_turn_of))
        return Choice(block, block.sent_symbols)

    def _next_resend(self) -> Choice | None:
        while self._resends:
            number, esi = self._resends.popleft()
            block = self._blocks.get(number)
            if block is not None:
                return Choice(block, esi)
        return None

    def _next_of_growing(self) -> Choice | None:
        """The symbol of a growing block that went out longest ago, once more."""
        growing = [b for b in self._blocks.values() if b.sent_symbols and not b.writer.is_closed]
        if not growing:
            return None
        block = min(growing, key=lambda b: min(b.last_sent))
        return Choice(block, block.last_sent.index(min(block.last_sent)), is_repeat=True)


def _turn_of(block: Outgoing) -> tuple[int, Lane]:
    """The order of what has to go, the first time or again."""
    return block.rounds + WORDS_AHEAD * (block.lane > Lane.PRECIOUS), block.lane


def _repair(standings: list[Standing], rank: Rank) -> Choice | None:
    """A coded symbol for the block of ``rank`` that is probably furthest short."""
    ready = [s for s in standings if s.rank is rank and s.may_repair]
    if not ready:
        return None
    block = max(ready, key=lambda s: s.shortage).block
    return Choice(block, block.next_repair_esi)


def _top_up(standings: list[Standing], is_turn_of_others: bool) -> Choice | None:
    """Where no station reports: a coded symbol for the worthiest block that is short of its plan,
    and among its like for the one furthest short. ``is_turn_of_others``: not a precious one, if any
    other is short."""
    wanted = [s for s in standings
              if s.rank is Rank.WANTED and s.may_repair and not s.block.rounds]
    others = [s for s in wanted if s.block.lane is not Lane.PRECIOUS]
    wanted = others if is_turn_of_others and others else wanted
    worthiest = min((BLIND_ORDER[s.block.lane] for s in wanted), default=None)
    return _repair([s for s in wanted if BLIND_ORDER[s.block.lane] == worthiest], Rank.WANTED)


def dispensability(standing: Standing) -> tuple[bool, bool, bool, int, float]:
    """Which block makes room at the bound: one that is home, then one past its time, then one
    that had what it needs; of the others the least worthy and nearest to done."""
    block, rank = standing.block, standing.rank
    is_aged, is_enough = rank is Rank.AGED, rank is Rank.ENOUGH
    return block.is_home, is_aged, is_enough, BLIND_ORDER[block.lane], -standing.shortage
