"""Store-and-forward transfer of records over a lossy link: a Sender and any number of Receivers.

Both are sans-I/O: records, frames and ``now_ms`` in, frames and records out. The sender lays
records into blocks (``wire.blocks``) and is a *hybrid* (``wire.transfer_schedule``): new source
symbols first, taking turns with those that the latest reports call missing, which are resent
uncoded once per report; every spare slot carries a coded repair (``wire.erasure_code``) for the
block furthest short. So it works with no feedback at all and gets better with any.

A record is confirmed once any station has its block. The block stays in service while another
station that reports still lacks it, with a share of the slots that cannot hold up the rest. A block
so old that receivers will have forgotten it is given up, and its records go into new ones.

Block numbers begin at 0 in each session (``wire.session``) and do not wrap: when they are used up
the owner goes on in another session, with another sender. After a power cut the open blocks are
gone and their records, still unconfirmed in the store, go into new ones.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from wire import records
from wire.auth import STATIONS_MAX
from wire.blocks import BlockWriter
from wire.bodies import Packed
from wire.frames import (
    BLOCKS_MAX,
    DEFICIT_UNKNOWN,
    BlockReport,
    DataFrame,
    FeedbackFrame,
    FrameCounter,
    feedback_entries_max,
)
from wire.incoming import RECEIVER_BLOCKS_MAX
from wire.outgoing import Lane, Outgoing, lane_of
from wire.records import Priority, Record
from wire.session import Session
from wire.transfer_schedule import Schedule, Station, dispensability

FLUSH_MS = 4_000  # a half-filled symbol waits this long for company, once it is its turn
CLOSE_FRAMES = 150  # a growing block is closed after this many frames, or when full
OUTGOING_BLOCKS_MAX = 48  # at the bound the block that needs it least makes room
# What lies further back is given up, while receivers have a little memory left to complete it.
BLOCK_SPAN_MAX = RECEIVER_BLOCKS_MAX * 3 // 4
STATION_FRESH_FRAMES = 2048  # half a turn of the frame counter; a station silent longer is gone
LOSS_MIN, LOSS_MAX = 0.02, 0.95


class Sender:
    """Records in, DATA frames out, reports in, confirmed record ids out; of one session."""

    def __init__(
        self, node_id: int, mtu_bytes: int, session: Session | None = None,
        report_bytes: int | None = None,
    ) -> None:
        """``report_bytes`` is the largest report that can come, as the stations know too;
        ``mtu_bytes`` if left out."""
        self.session = session
        self.next_block = 0
        self.odd_reports = 0  # old, of another node or session, or claiming what cannot be
        self._node_id = node_id
        self._mtu_bytes = mtu_bytes
        self._entries_max = feedback_entries_max(report_bytes or mtu_bytes)
        self._blocks: dict[int, Outgoing] = {}  # insertion order is age
        self._open: dict[Lane, Outgoing] = {}
        self._stations: dict[int, Station] = {}  # the fresh ones
        self._counters: dict[int, int] = {}  # of the latest report of each station
        self._schedule = Schedule(self._blocks, self._stations)
        self._sequence = 0
        self._now_ms = 0
        self._expired: list[int] = []

    @property
    def is_used_up(self) -> bool:
        """No block can be opened any more; nothing may be pushed."""
        return self.next_block >= BLOCKS_MAX

    @property
    def unconfirmed_blocks(self) -> int:
        return sum(not block.is_home for block in self._blocks.values())

    @property
    def outgoing_blocks(self) -> int:
        """Blocks kept, at most OUTGOING_BLOCKS_MAX: unconfirmed, or waited for by some station."""
        return len(self._blocks)

    def backlog_symbols(self, priorities: Iterable[Priority] = Priority) -> int:
        """Source symbols that were never sent, of blocks that carry records of these classes."""
        lanes = set(map(lane_of, priorities))
        blocks = (b for b in self._blocks.values() if b.lane in lanes and not b.rounds)
        return sum(b.writer.symbols - b.sent_symbols for b in blocks)

    def short_blocks(self, priority: Priority, now_ms: int) -> int:
        """Blocks that carry records of this class and are probably not whole anywhere."""
        return self._schedule.short_blocks(lane_of(priority), now_ms)

    def takes_pictures(self, now_ms: int) -> bool:
        """False while a picture or log pushed now could only take slots from those before it."""
        return self._schedule.takes_pictures(now_ms)

    def is_caught_up(self, now_ms: int) -> bool:
        """True while there is room for what was given up once, and would be short again."""
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
        if lane >= Lane.PICTURE or block.writer.is_outsize:
            self._close(lane)

    def flush(self, priority: Priority) -> None:
        """Send what was pushed of this class with the next frames, without waiting for company."""
        block = self._open.get(lane_of(priority))
        if block is not None:
            block.writer.flush()
            if block.writer.is_closed:
                del self._open[block.lane]

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

    def take_back(self, sequence: int, now_ms: int) -> None:
        """Perhaps no station heard the frames after ``sequence``, such as those of a pass without a
        report: text that went in them goes again, uncoded, after what never went. A picture is
        whole or nothing, and its repairs go on."""
        for block in self._blocks.values():
            is_text = block.lane < Lane.PICTURE
            is_again = is_text and block.take_back(sequence)
            if is_again and self._open.get(block.lane) is block:
                self._close(block.lane)  # what is new begins another one
        self._schedule.plan_resends(now_ms)

    def give_up(self) -> list[int]:
        """The session ends: ids of all records that no report has confirmed."""
        kept = [i for b in self._blocks.values() if not b.is_home for i in b.writer.record_ids]
        return self.take_expired() + kept

    def next_frame(self, counter: FrameCounter, sequence: int, now_ms: int) -> DataFrame | None:
        """The most useful frame now, or None when everything is confirmed.

        ``sequence`` numbers this boot's frames without wrapping; ``counter`` is it on the air.
        """
        self._sequence, self._now_ms = sequence, now_ms
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
            esi, symbol, not writer.is_closed, session=self.session,
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
        is_whole = len(listed) < self._entries_max
        confirmed: list[int] = []
        for number, block in self._blocks.items():
            if number >= report.upto:
                continue
            if number < report.first:
                unheard = BlockReport(number, DEFICIT_UNKNOWN, have=0)
                # With room left in the report, it goes back to the first block that it knows of.
                if is_whole:
                    block.take_report(report.station, unheard, heard_upto)
            elif number in listed:
                block.take_report(report.station, listed[number], heard_upto)
            elif block.may_be_whole:
                confirmed += [] if block.is_home else block.writer.record_ids
                block.note_complete(report.station)
            else:
                self.odd_reports += 1  # no station can have all of what was not sent
        self._drop_served()
        self._schedule.plan_resends(self._now_ms)
        return confirmed

    def _is_credible(self, report: FeedbackFrame) -> bool:
        return (
            report.node_id == self._node_id
            and 0 <= report.station < STATIONS_MAX
            and report.session == self.session
            and report.counter > self._counters.get(report.station, -1)
        )

    def _note_station(self, report: FeedbackFrame, sequence: int) -> None:
        loss = min(LOSS_MAX, max(LOSS_MIN, report.loss / 255))
        upto = min(report.upto, self.next_block)
        known = self._stations.get(report.station)
        if known is not None:
            upto = max(upto, known.upto)
        self._counters[report.station] = report.counter
        self._stations[report.station] = Station(sequence, loss, upto)
        self._schedule.loss = loss
        self._schedule.on_stations()

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
            self._schedule.on_stations()
            self._drop_served()

    def _drop_served(self) -> None:
        for block in list(self._blocks.values()):
            if block.is_home and not self._schedule.waiting(block):
                self._drop(block)

    def _new_block(self, lane: Lane, record: Record, packed: Packed, now_ms: int) -> Outgoing:
        """A growing block with ``record`` in it. Raises ValueError when it is too large."""
        assert not self.is_used_up
        writer = BlockWriter(self._mtu_bytes)
        writer.add(record, packed)
        for old in list(self._blocks.values()):
            if self.next_block - old.number >= BLOCK_SPAN_MAX:
                if self._open.get(old.lane) is old:
                    self._close(old.lane)
                self._give_up(old)
        if len(self._blocks) >= OUTGOING_BLOCKS_MAX:
            closed = [b for b in self._blocks.values() if b.writer.is_closed]
            standings = [self._schedule.standing(block, now_ms) for block in closed]
            self._give_up(max(standings, key=dispensability).block)
        block = Outgoing(self.next_block, writer, lane, self._sequence, now_ms)
        self.next_block += 1
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

    def _is_turn_of(self, lane: Lane) -> bool:
        """Nothing new waits that goes before the growing block of ``lane``."""
        return not any(b.has_unsent and not b.rounds
                       for b in self._blocks.values() if b.lane <= lane)

    def _age_open(self) -> None:
        for lane, block in list(self._open.items()):
            if self._sequence - block.opened_at >= CLOSE_FRAMES and not block.has_unsent:
                self._close(lane)
            elif self._now_ms - block.changed_ms >= FLUSH_MS and self._is_turn_of(lane):
                block.writer.flush()
                if block.writer.is_closed:
                    del self._open[lane]
