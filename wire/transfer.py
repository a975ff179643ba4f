"""Store-and-forward transfer of records over a lossy link: a Sender and any number of Receivers.

Both are sans-I/O: records, frames and ``now_ms`` in, frames and records out. The sender lays
records into blocks (``wire.blocks``) and is a *hybrid*: new source symbols first, taking turns with
the source symbols that the latest report calls missing, which are resent uncoded once per report;
every spare slot carries a coded repair (``wire.coding``) for the block furthest short. So it works
with no feedback at all and gets better with any. Bulk lives on every second spare slot.

With feedback a window bounds how many blocks may be out and incomplete; when it is full, resent and
coded symbols come before new ones.

Block numbers are never reused: the owner stores ``next_block`` ahead of use. After a power cut the
open blocks are gone and their records, still unconfirmed in the store, go into new ones.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from wire.blocks import BlockReader, BlockWriter
from wire.frames import (
    BLOCK_SYMBOLS_MAX,
    DEFICIT_UNKNOWN,
    FEEDBACK_ENTRY_BYTES,
    FEEDBACK_OVERHEAD_BYTES,
    BlockReport,
    DataFrame,
    FeedbackFrame,
    FrameCounter,
    is_before,
)
from wire.records import Priority, Record

FLUSH_MS = 4_000  # a half-filled symbol waits this long for company
CLOSE_MS = 120_000  # a growing block is closed after this long, or when full
UNCONFIRMED_BLOCKS_MAX = 48  # at the bound the block sent most often makes room
IMAGE_SLOT_EVERY = 5  # of this many new symbols at least one is an image's, when one waits
RESENDS_QUEUED_MAX = 4 * BLOCK_SYMBOLS_MAX
RECEIVER_BLOCKS_MAX = 256
WINDOW_BLOCKS = 16  # blocks out and probably incomplete, about what one report can speak of
ENOUGH_UNHEARD = -2.0  # a block never reported on: this many standard deviations of margin
NEW_SLOT_EVERY = 16  # when the window is full, one slot of these is still for what is new
LOSS_ASSUMED = 0.4  # until a report says otherwise
LOSS_MIN, LOSS_MAX = 0.02, 0.95
SENDS_REMEMBERED_MAX = 512  # per block, to tell what a report could not know yet
REPAIR_ESI_MAX = (1 << 16) - 1
_NUMBERS = 1 << 16


@dataclass(slots=True)
class _Outgoing:
    number: int
    writer: BlockWriter
    priority: int
    opened_ms: int
    changed_ms: int
    sent_symbols: int = 0  # how many source symbols went out at least once
    sends: int = 0
    repairs: int = 0
    last_sent: dict[int, int] = field(default_factory=dict)  # esi -> unwrapped frame number
    reported_deficit: int | None = None
    since_report: deque[int] = field(default_factory=lambda: deque(maxlen=SENDS_REMEMBERED_MAX))

    @property
    def is_bulk(self) -> bool:
        return self.priority == lane_of(Priority.BULK)

    def has_unsent(self) -> bool:
        return self.sent_symbols < self.writer.sealed_symbols

    def is_short(self, loss: float) -> bool:
        """Is it probably incomplete? Where nobody reports, probably is not good enough."""
        return self.shortage(loss) > (ENOUGH_UNHEARD if self.reported_deficit is None else 0)

    def shortage(self, loss: float) -> float:
        """How far short the receiver probably is, in standard deviations; negative is enough."""
        needed = self.writer.symbols if self.reported_deficit is None else self.reported_deficit
        sent = len(self.since_report)
        return (needed - (1 - loss) * sent) / math.sqrt(1 + sent * loss * (1 - loss))


class Sender:
    """Records in, DATA frames out, reports in, confirmed record ids out."""

    def __init__(self, node_id: int, mtu_bytes: int, next_block: int) -> None:
        self.next_block = next_block % _NUMBERS
        self._node_id = node_id
        self._mtu_bytes = mtu_bytes
        self._blocks: dict[int, _Outgoing] = {}  # insertion order is age
        self._open: _Outgoing | None = None
        self._resends: deque[tuple[int, int]] = deque()
        self._loss = LOSS_ASSUMED
        self._is_reported = False
        self._turn = 0
        self._new_symbols = 0
        self._spare_slots = 0
        self._expired: list[int] = []

    @property
    def unconfirmed_blocks(self) -> int:
        return len(self._blocks)

    def backlog_symbols(self, priorities: Iterable[Priority] = Priority) -> int:
        """Source symbols that were never sent, of blocks that carry records of these classes."""
        lanes = set(map(lane_of, priorities))
        blocks = (b for b in self._blocks.values() if b.priority in lanes)
        return sum(b.writer.symbols - b.sent_symbols for b in blocks)

    def short_blocks(self, priority: Priority) -> int:
        """Blocks that carry records of this class and are probably not whole at the receiver."""
        blocks = (b for b in self._blocks.values() if b.priority == lane_of(priority))
        return sum(b.is_short(self._loss) for b in blocks)

    def push(self, record: Record, now_ms: int) -> None:
        """Lay ``record`` into a block: images into one of their own, the rest into the open one.

        Raises ValueError for a record larger than a block.
        """
        if record.priority >= Priority.IMAGE:
            alone = self._new_block(record, now_ms)
            alone.writer.add(record)
            alone.writer.close()
            return
        if self._open is None or not self._open.writer.add(record):
            self._close_open()
            self._open = self._new_block(record, now_ms)
            self._open.writer.add(record)
        self._open.changed_ms = now_ms

    def take_expired(self) -> list[int]:
        """Ids of records whose block made room unconfirmed; the owner may push them again."""
        expired, self._expired = self._expired, []
        return expired

    def next_frame(self, counter: FrameCounter, sequence: int, now_ms: int) -> DataFrame | None:
        """The most useful frame now, or None when everything is confirmed.

        ``sequence`` numbers this boot's frames without wrapping; ``counter`` is it on the air.
        """
        self._age_open(now_ms)
        chosen = self._choose()
        if chosen is None:
            return None
        block, esi = chosen
        block.sends += 1
        block.since_report.append(sequence)
        block.last_sent[esi] = sequence
        writer = block.writer
        is_source = esi < writer.symbols
        symbol = writer.symbol(esi) if is_source else writer.repair(block.number, esi)
        return DataFrame(
            self._node_id, counter, block.priority, block.number, max(1, writer.symbols),
            esi, symbol, not writer.is_closed,
        )

    def _choose(self) -> tuple[_Outgoing, int] | None:
        """New and resent symbols take turns until the window is full; then the blocks that are
        out come first, so that a flood of new records cannot leave them all half-done. Without
        any report the window stays open: nobody knows what a slot for the old would be worth.

        What they leave is shared by bulk and by repairs of all else, so that neither a picture
        waits for ever nor a lost line waits for a picture."""
        self._turn += 1
        out = [b for b in self._blocks.values() if b.sent_symbols]
        is_full = sum(b.is_short(self._loss) for b in out) >= WINDOW_BLOCKS
        if is_full and self._is_reported and self._turn % NEW_SLOT_EVERY:
            chosen = self._next_resend() or self._next_repair(out) or self._next_new()
        elif self._turn % 2:
            chosen = self._next_resend() or self._next_new()
        else:
            chosen = self._next_new() or self._next_resend()
        if chosen is not None:
            return chosen
        self._spare_slots += 1
        if self._spare_slots % 2:
            short = [b for b in out if b.is_bulk and b.is_short(self._loss)]
            chosen = self._next_new(is_bulk=True) or self._next_repair(short)
        return (
            chosen or self._next_repair([b for b in out if not b.is_bulk]) or self._next_of_open()
            or self._next_new(is_bulk=True) or self._next_repair(out)
        )

    def on_report(self, report: FeedbackFrame, sequence: int) -> list[int]:
        """Ids of the records that ``report`` confirms.

        ``sequence`` is the number of the last frame sent, to unwrap the report's frame counter.
        """
        heard_upto = sequence - (sequence - report.last_counter.number) % 4096
        self._is_reported = True
        self._loss = min(LOSS_MAX, max(LOSS_MIN, report.loss / 255))
        listed = {entry.block: entry for entry in report.reports}
        confirmed: list[int] = []
        self._resends.clear()
        for number, block in list(self._blocks.items()):
            if is_before(number, report.first) or not is_before(number, report.upto):
                continue
            entry = listed.get(number)
            if entry is None:
                confirmed += self._drop(block)
            else:
                self._take_entry(block, entry, heard_upto)
        return confirmed

    def _take_entry(self, block: _Outgoing, entry: BlockReport, heard_upto: int) -> None:
        is_unheard = entry.deficit == DEFICIT_UNKNOWN
        have = 0 if is_unheard else entry.have
        deficit = block.writer.symbols if is_unheard else entry.deficit
        while block.since_report and block.since_report[0] <= heard_upto:
            block.since_report.popleft()
        block.reported_deficit = deficit
        for esi in range(block.sent_symbols):
            is_missing = not have >> esi & 1
            was_heard_of = block.last_sent.get(esi, 0) <= heard_upto
            has_room = len(self._resends) < RESENDS_QUEUED_MAX
            if is_missing and was_heard_of and has_room and deficit > 0:
                self._resends.append((block.number, esi))
                deficit -= 1

    def _new_block(self, record: Record, now_ms: int) -> _Outgoing:
        if len(self._blocks) >= UNCONFIRMED_BLOCKS_MAX:
            closed = [b for b in self._blocks.values() if b is not self._open]
            self._expired += self._drop(max(closed, key=_redundancy))
        lane = lane_of(record.priority)
        block = _Outgoing(self.next_block, BlockWriter(self._mtu_bytes), lane, now_ms, now_ms)
        self.next_block = (self.next_block + 1) % _NUMBERS
        self._blocks[block.number] = block
        return block

    def _drop(self, block: _Outgoing) -> list[int]:
        del self._blocks[block.number]
        if block is self._open:
            self._open = None
        return block.writer.record_ids

    def _close_open(self) -> None:
        if self._open is not None:
            self._open.writer.close()
            self._open = None

    def _age_open(self, now_ms: int) -> None:
        if self._open is None:
            return
        if now_ms - self._open.opened_ms >= CLOSE_MS and not self._open.has_unsent():
            self._close_open()
        elif now_ms - self._open.changed_ms >= FLUSH_MS:
            self._open.writer.flush()
            if self._open.writer.is_closed:
                self._open = None

    def _next_new(self, is_bulk: bool = False) -> tuple[_Outgoing, int] | None:
        waiting = [b for b in self._blocks.values() if b.has_unsent() and b.is_bulk == is_bulk]
        if not waiting:
            return None
        self._new_symbols += not is_bulk
        is_image_turn = self._new_symbols % IMAGE_SLOT_EVERY == 0
        block = (max if is_image_turn else min)(waiting, key=lambda b: b.priority)
        esi = block.sent_symbols
        block.sent_symbols += 1
        return block, esi

    def _next_resend(self) -> tuple[_Outgoing, int] | None:
        while self._resends:
            number, esi = self._resends.popleft()
            block = self._blocks.get(number)
            if block is not None:
                return block, esi
        return None

    def _next_repair(self, blocks: list[_Outgoing]) -> tuple[_Outgoing, int] | None:
        """A coded symbol for the closed one of ``blocks`` that is probably furthest short."""
        closed = [b for b in blocks if b.writer.is_closed]
        if not closed:
            return None
        block = max(closed, key=lambda b: b.shortage(self._loss))
        esi = block.writer.symbols + block.repairs
        if esi > REPAIR_ESI_MAX:
            self._expired += self._drop(block)
            return None
        block.repairs += 1
        return block, esi

    def _next_of_open(self) -> tuple[_Outgoing, int] | None:
        """Nothing else to send: the symbol of the growing block that went out longest ago."""
        block = self._open
        if block is None or not block.sent_symbols:
            return None
        return block, min(block.last_sent, key=lambda esi: block.last_sent[esi])


def lane_of(priority: Priority) -> int:
    """1 text, 2 images, 3 bulk: what shares blocks, and the priority that its frames say."""
    return max(1, priority - Priority.IMAGE + 2)


def _redundancy(block: _Outgoing) -> float:
    return block.sends / max(1, block.writer.symbols)


class Receiver:
    """DATA frames of one payload in, records and reports out.

    Only what it heard itself is reported: after a restart its owner feeds the frames of the raw
    log again, and a block older than anything heard is never called complete.
    """

    def __init__(self, mtu_bytes: int) -> None:
        self.duplicate_symbols = 0
        self.poisoned_blocks = 0
        self.abandoned_blocks = 0
        self._mtu_bytes = mtu_bytes
        self._readers: dict[int, BlockReader | None] = {}  # by unwrapped number; None is complete
        self._newest: int | None = None
        self._first = 0  # unwrapped; nothing is said of blocks before it
        self._boot: int | None = None

    def on_data(self, frame: DataFrame) -> list[Record]:
        """Records that became readable with this frame."""
        number = self._unwrap(frame)
        if number is None:
            return []
        if number in self._readers and self._readers[number] is None:
            self.duplicate_symbols += 1
            return []
        reader = self._readers.get(number) or BlockReader(self._mtu_bytes, number % _NUMBERS)
        self._readers[number] = reader
        if not frame.is_open and reader.length is None:
            reader.length = frame.block_symbols
        before = reader.deficit, reader.have
        found = reader.add(frame.esi, frame.symbol)
        self.duplicate_symbols += (reader.deficit, reader.have) == before
        if reader.is_poisoned:
            self.poisoned_blocks += 1
            self._readers[number] = BlockReader(self._mtu_bytes, number % _NUMBERS)
        elif reader.is_complete:
            self._readers[number] = None
        self._bound()
        return found

    def report(self) -> tuple[int, int, tuple[BlockReport, ...]] | None:
        """(first, upto, incomplete blocks), in as many entries as fit one frame; None at first."""
        if self._newest is None:
            return None
        entries_max = (self._mtu_bytes - FEEDBACK_OVERHEAD_BYTES) // FEEDBACK_ENTRY_BYTES
        entries: list[BlockReport] = []
        upto = self._first
        while upto <= self._newest:
            reader = self._readers.get(upto, _UNHEARD)
            if reader is not None:
                if len(entries) == entries_max:
                    break
                deficit = min(254, reader.deficit) if reader.has_heard else DEFICIT_UNKNOWN
                entries.append(BlockReport(upto % _NUMBERS, deficit, reader.have))
            upto += 1
        return self._first % _NUMBERS, upto % _NUMBERS, tuple(entries)

    def incomplete_blocks(self) -> Iterable[int]:
        """Numbers of the blocks that are known to exist and not yet whole."""
        if self._newest is None:
            return []
        numbers = range(self._first, self._newest + 1)
        return [n % _NUMBERS for n in numbers if self._readers.get(n, _UNHEARD) is not None]

    def _unwrap(self, frame: DataFrame) -> int | None:
        """The frame's block number without wrapping; None when it is too old to be kept."""
        if self._newest is None:
            self._newest = self._first = _NUMBERS + frame.block
        number = self._newest + (frame.block - self._newest + 0x8000) % _NUMBERS - 0x8000
        if number <= self._newest - RECEIVER_BLOCKS_MAX:
            return None
        is_new_boot = frame.counter.boot != self._boot
        if number >= self._newest:
            if is_new_boot:
                # A new boot sends nothing of older blocks: what they lack comes in new ones.
                self._first = number
            self._boot, self._newest = frame.counter.boot, number
        elif not is_new_boot:
            self._first = min(self._first, number)
        return number

    def _bound(self) -> None:
        assert self._newest is not None
        oldest = self._newest - RECEIVER_BLOCKS_MAX + 1
        while self._first < oldest:
            self.abandoned_blocks += self._readers.get(self._first, _UNHEARD) is not None
            self._first += 1
        for number in [n for n in self._readers if n < oldest]:
            del self._readers[number]


_UNHEARD = BlockReader(mtu_bytes=32)  # stands for a block of which nothing was heard
