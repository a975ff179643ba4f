"""Store-and-forward transfer of records over a lossy link: a Sender and any number of Receivers.

Both are sans-I/O: records, frames and ``now_ms`` in, frames and records out. The sender lays
records into blocks (``wire.blocks``) and is a *hybrid* (``wire.schedule``): new source symbols
first, taking turns with those that the latest reports call missing, which are resent uncoded once
per report; every spare slot carries a coded repair (``wire.coding``) for the block furthest short.
So it works with no feedback at all and gets better with any.

A record is confirmed once any station has its block. The block stays in service while another
station that reports still lacks it, with a share of the slots that cannot hold up the rest.

Block numbers are never reused: the owner stores ``next_block`` ahead of use. After a power cut the
open blocks are gone and their records, still unconfirmed in the store, go into new ones.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from wire import records
from wire.auth import STATIONS_MAX
from wire.blocks import BlockReader, BlockWriter
from wire.bodies import NO_MODELS, Models, Packed
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
from wire.outgoing import Lane, Outgoing, lane_of
from wire.records import Record
from wire.schedule import Schedule, Station, dispensability

FLUSH_MS = 4_000  # a half-filled symbol waits this long for company
CLOSE_FRAMES = 150  # a growing block is closed after this many frames, or when full
OUTGOING_BLOCKS_MAX = 48  # at the bound the block that needs it least makes room
STATION_FRESH_FRAMES = 2048  # half a turn of the frame counter; a station silent longer is gone
LOSS_MIN, LOSS_MAX = 0.02, 0.95
RECEIVER_BLOCKS_MAX = 256
STRAYS_MAX = 8  # so many frames in a row that agree on another numbering are believed
_NUMBERS = 1 << 16


class Sender:
    """Records in, DATA frames out, reports in, confirmed record ids out."""

    def __init__(self, node_id: int, mtu_bytes: int, next_block: int) -> None:
        self.next_block = next_block % _NUMBERS
        self.odd_reports = 0  # old, of another node or boot, or claiming what cannot be
        self._node_id = node_id
        self._mtu_bytes = mtu_bytes
        self._blocks: dict[int, Outgoing] = {}  # insertion order is age
        self._open: dict[Lane, Outgoing] = {}
        self._stations: dict[int, Station] = {}  # the fresh ones
        self._counters: dict[int, int] = {}  # of the latest report of each station
        self._schedule = Schedule(self._blocks, self._stations)
        self._sequence = 0
        self._boot: int | None = None
        self._now_ms = 0
        self._expired: list[int] = []

    @property
    def unconfirmed_blocks(self) -> int:
        return sum(not block.is_home for block in self._blocks.values())

    @property
    def outgoing_blocks(self) -> int:
        """Blocks kept, at most OUTGOING_BLOCKS_MAX: unconfirmed, or waited for by some station."""
        return len(self._blocks)

    def backlog_symbols(self, lanes: Collection[Lane] = tuple(Lane)) -> int:
        """Source symbols in these lanes that were never sent."""
        blocks = (b for b in self._blocks.values() if b.lane in lanes)
        return sum(b.writer.symbols - b.sent_symbols for b in blocks)

    def short_blocks(self, lane: Lane, now_ms: int) -> int:
        """Blocks of this lane that are probably not whole where they should go."""
        return self._schedule.wanted((b for b in self._blocks.values() if b.lane is lane), now_ms)

    def takes_pictures(self, now_ms: int) -> bool:
        """False while a picture or log pushed now could only take slots from those before it."""
        return self._schedule.takes_pictures(now_ms)

    def is_caught_up(self, now_ms: int) -> bool:
        """True when no block is probably short: the slots ahead are spare."""
        return self._schedule.is_caught_up(now_ms)

    def push(self, record: Record, now_ms: int, packed: Packed | None = None) -> None:
        """Lay ``record`` into a block: images and logs into one of their own, the rest into the
        growing one of their lane.

        ``packed`` is its body of ``records.pack``, made here without a model when left out. Raises
        ValueError for a record larger than a block.
        """
        packed = packed or records.pack(record)
        lane = lane_of(record.priority)
        block = self._open.get(lane)
        if block is None or not block.writer.add(record, packed):
            self._close(lane)
            block = self._new_block(lane, record, packed, now_ms)
        block.changed_ms = now_ms
        block.extend_life(record.priority, now_ms)
        if lane >= Lane.PICTURE:
            self._close(lane)

    def withdraw(self, record_ids: Collection[int]) -> None:
        """These records are out in a form the ground cannot read: no report confirms them now.

        Their owner pushes them again in another, into another block: a receiver takes a record of
        each block once.
        """
        for lane in list(self._open):
            self._close(lane)
        for block in self._blocks.values():
            writer = block.writer
            writer.record_ids = [i for i in writer.record_ids if i not in record_ids]

    def take_expired(self) -> list[int]:
        """Ids of records whose block made room unconfirmed; the owner may push them again."""
        expired, self._expired = self._expired, []
        return expired

    def next_frame(self, counter: FrameCounter, sequence: int, now_ms: int) -> DataFrame | None:
        """The most useful frame now, or None when everything is confirmed.

        ``sequence`` numbers this boot's frames without wrapping; ``counter`` is it on the air.
        """
        self._sequence, self._boot, self._now_ms = sequence, counter.boot, now_ms
        self._part_with_stations()
        self._age_open()
        choice = self._schedule.choose(now_ms)
        if choice is None:
            return None
        block, esi, writer = choice.block, choice.esi, choice.block.writer
        block.note_sent(esi, sequence, choice.is_repeat)
        is_source = esi < writer.symbols
        symbol = writer.symbol(esi) if is_source else writer.repair(block.number, esi)
        if block.is_spent:
            self._give_up(block)
        return DataFrame(
            self._node_id, counter, block.lane, block.number, max(1, writer.symbols),
            esi, symbol, not writer.is_closed,
        )

    def on_report(self, report: FeedbackFrame, sequence: int) -> list[int]:
        """Ids of the records that ``report`` is the first to confirm.

        ``sequence`` is the number of the last frame sent, to unwrap the report's frame counter.
        """
        if not self._is_credible(report):
            self.odd_reports += 1
            return []
        self._note_station(report, sequence)
        heard_upto = sequence - (sequence - report.last_counter.number) % 4096
        listed = {entry.block: entry for entry in report.reports}
        confirmed: list[int] = []
        for number, block in self._blocks.items():
            if is_before(number, report.first) or not is_before(number, report.upto):
                continue
            if number in listed:
                block.take_report(report.station, listed[number], heard_upto)
            elif block.is_out:
                confirmed += [] if block.is_home else block.writer.record_ids
                block.note_complete(report.station)
            else:
                self.odd_reports += 1  # nobody can have all of what did not go out
        self._drop_served()
        self._schedule.plan_resends(self._now_ms)
        return confirmed

    def _is_credible(self, report: FeedbackFrame) -> bool:
        return (
            report.node_id == self._node_id
            and 0 <= report.station < STATIONS_MAX
            and report.last_counter.boot == self._boot
            and report.counter > self._counters.get(report.station, -1)
        )

    def _note_station(self, report: FeedbackFrame, sequence: int) -> None:
        loss = min(LOSS_MAX, max(LOSS_MIN, report.loss / 255))
        upto = self.next_block if is_before(self.next_block, report.upto) else report.upto
        known = self._stations.get(report.station)
        if known is not None and is_before(upto, known.upto):
            upto = known.upto
        self._counters[report.station] = report.counter
        self._stations[report.station] = Station(sequence, loss, upto)
        self._schedule.loss = loss

    def _part_with_stations(self) -> None:
        """Forget the stations that fell silent, and what only they still waited for."""
        gone = [
            number
            for number, station in self._stations.items()
            if self._sequence - station.came_at > STATION_FRESH_FRAMES
        ]
        for number in gone:
            del self._stations[number]
            for block in self._blocks.values():
                block.forget(number)
        if gone:
            self._drop_served()

    def _drop_served(self) -> None:
        for block in list(self._blocks.values()):
            if block.is_home and not self._schedule.waiting(block):
                self._drop(block)

    def _new_block(self, lane: Lane, record: Record, packed: Packed, now_ms: int) -> Outgoing:
        """A growing block with ``record`` in it. Raises ValueError when it is too large."""
        writer = BlockWriter(self._mtu_bytes)
        writer.add(record, packed)
        if len(self._blocks) >= OUTGOING_BLOCKS_MAX:
            closed = [b for b in self._blocks.values() if b.writer.is_closed]
            standings = [self._schedule.standing(block, now_ms) for block in closed]
            self._give_up(max(standings, key=dispensability).block)
        block = Outgoing(self.next_block, writer, lane, self._sequence, now_ms)
        self.next_block = (self.next_block + 1) % _NUMBERS
        self._blocks[block.number] = self._open[lane] = block
        return block

    def _give_up(self, block: Outgoing) -> None:
        self._drop(block)
        if not block.is_home:
            self._expired += block.writer.record_ids

    def _drop(self, block: Outgoing) -> None:
        assert block.writer.is_closed, "a growing block has a place in its lane"
        del self._blocks[block.number]

    def _close(self, lane: Lane) -> None:
        block = self._open.pop(lane, None)
        if block is not None:
            block.writer.close()

    def _age_open(self) -> None:
        for lane, block in list(self._open.items()):
            if self._sequence - block.opened_at >= CLOSE_FRAMES and not block.has_unsent:
                self._close(lane)
            elif self._now_ms - block.changed_ms >= FLUSH_MS:
                block.writer.flush()
                if block.writer.is_closed:
                    del self._open[lane]


class Receiver:
    """DATA frames of one payload in, records and reports out.

    Only what it heard itself is reported: after a restart its owner feeds the frames of the raw
    log again. A report speaks of a run of blocks; what is older than the run, or was abandoned for
    its age, is never called complete.
    """

    def __init__(self, mtu_bytes: int, models: Models = NO_MODELS) -> None:
        """``models`` are the text models that are here; see ``wire.bodies``."""
        self.duplicate_symbols = 0
        self.poisoned_blocks = 0  # begun again, for its symbols contradicted each other
        self.abandoned_blocks = 0
        self.stray_frames = 0  # of no block that can be, or far from all others
        self._mtu_bytes = mtu_bytes
        self._models = models
        self._readers: dict[int, BlockReader | None] = {}  # by unwrapped number; None is complete
        self._newest: int | None = None
        self._first = 0  # unwrapped; nothing is said of blocks before it
        self._boot: int | None = None
        self._strays: tuple[int, int] = 0, 0  # (block of the last one, how many in a row near it)
        self._older_upto = 0  # unwrapped; where the next report on older blocks ends
        self._is_older_turn = False

    def on_data(self, frame: DataFrame) -> list[Record]:
        """Records that became readable with this frame."""
        number = self._unwrap(frame) if _is_possible(frame) else None
        if number is None:
            self.stray_frames += 1
            return []
        if number in self._readers and self._readers[number] is None:
            self.duplicate_symbols += 1
            return []
        reader = self._readers.get(number) or self._begin(number)
        if not _fits(frame, reader):
            self.poisoned_blocks += 1
            reader = self._begin(number)
        if not frame.is_open:
            reader.length = frame.block_symbols
        before = reader.deficit, reader.have
        found = reader.add(frame.esi, frame.symbol)
        self.duplicate_symbols += (reader.deficit, reader.have) == before
        if reader.is_poisoned:
            self.poisoned_blocks += 1
            self._begin(number)
        elif reader.is_complete:
            self._readers[number] = None
        self._bound()
        return found

    def report(self) -> tuple[int, int, tuple[BlockReport, ...]] | None:
        """(first, upto, incomplete blocks), in as many entries as fit one frame; None at first.

        It speaks of the newest blocks; where that leaves some out, every other report speaks of
        older ones, in turn.
        """
        if self._newest is None:
            return None
        upto = self._newest + 1
        first, entries = self._run_before(upto)
        if first > self._first and self._is_older_turn:
            upto = self._older_upto if self._first < self._older_upto < first else first
            first, entries = self._run_before(upto)
            self._older_upto = first
        self._is_older_turn = not self._is_older_turn
        return first % _NUMBERS, upto % _NUMBERS, tuple(entries)

    def incomplete_blocks(self) -> Iterable[int]:
        """Numbers of the blocks that are known to exist and not yet whole."""
        if self._newest is None:
            return []
        numbers = range(self._first, self._newest + 1)
        return [n % _NUMBERS for n in numbers if self._readers.get(n, _UNHEARD) is not None]

    def _run_before(self, upto: int) -> tuple[int, list[BlockReport]]:
        """The longest run of blocks that ends before ``upto`` and fits: (first, incomplete)."""
        entries_max = (self._mtu_bytes - FEEDBACK_OVERHEAD_BYTES) // FEEDBACK_ENTRY_BYTES
        entries: list[BlockReport] = []
        first = upto
        while first > self._first:
            reader = self._readers.get(first - 1, _UNHEARD)
            if reader is not None:
                if len(entries) == entries_max:
                    break
                deficit = min(254, reader.deficit) if reader.has_heard else DEFICIT_UNKNOWN
                entries.append(BlockReport((first - 1) % _NUMBERS, deficit, reader.have))
            first -= 1
        return first, entries[::-1]

    def _begin(self, number: int) -> BlockReader:
        reader = BlockReader(self._mtu_bytes, number % _NUMBERS, self._models)
        self._readers[number] = reader
        return reader

    def _unwrap(self, frame: DataFrame) -> int | None:
        """The frame's block number without wrapping; None when it is far from all others."""
        if self._newest is None:
            self._renumber(frame)
        assert self._newest is not None
        number = self._newest + (frame.block - self._newest + 0x8000) % _NUMBERS - 0x8000
        if abs(number - self._newest) < RECEIVER_BLOCKS_MAX:
            self._strays = 0, 0
        elif self._is_agreed(frame.block):
            self._renumber(frame)
            number = self._newest
        else:
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

    def _is_agreed(self, block: int) -> bool:
        """Do enough frames in a row say that the numbers are elsewhere now? A late frame or a
        forged one cannot make it forget where they were; a payload that lost its store can."""
        last, in_a_row = self._strays
        apart = (block - last + 0x8000) % _NUMBERS - 0x8000
        in_a_row = in_a_row + 1 if in_a_row and abs(apart) < RECEIVER_BLOCKS_MAX else 1
        self._strays = block, in_a_row
        return in_a_row >= STRAYS_MAX

    def _renumber(self, frame: DataFrame) -> None:
        """Begin at the block of ``frame``; what was still incomplete is abandoned."""
        self.abandoned_blocks += len(list(self.incomplete_blocks()))
        self._readers.clear()
        self._newest = self._first = _NUMBERS + frame.block
        self._boot, self._strays = frame.counter.boot, (0, 0)

    def _bound(self) -> None:
        assert self._newest is not None
        oldest = self._newest - RECEIVER_BLOCKS_MAX + 1
        while self._first < oldest:
            self.abandoned_blocks += self._readers.get(self._first, _UNHEARD) is not None
            self._first += 1
        for number in [n for n in self._readers if n < oldest]:
            del self._readers[number]


def _is_possible(frame: DataFrame) -> bool:
    """Could some sender have sent this? Of a block that grows there are only source symbols."""
    is_known = not frame.is_open or frame.esi < frame.block_symbols
    return is_known and frame.block_symbols <= BLOCK_SYMBOLS_MAX


def _fits(frame: DataFrame, reader: BlockReader) -> bool:
    """Can ``frame`` be of the block that ``reader`` knows?"""
    if frame.is_open:
        return reader.length is None or frame.esi < reader.length
    is_long_enough = not reader.have >> frame.block_symbols
    return is_long_enough and reader.length in (None, frame.block_symbols)


_UNHEARD = BlockReader(mtu_bytes=32)  # stands for a block of which nothing was heard
