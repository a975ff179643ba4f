"""The flight's own sender and receiver, at the two ends of a benchmark channel.

Real frames are encoded, lost or not, decoded. A listening window costs one whole slot; where
several stations listen they answer in turn, one a window. Signed or not: a MAC takes four bytes of
each frame (``wire.auth``).
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from bench.link_peers import MTU_BYTES, SlotChannel, ideal_slots
from wire import auth, blocks, records
from wire.frames import (
    BLOCK_SYMBOLS_MAX,
    DataFrame,
    FeedbackFrame,
    FrameCounter,
    decode_downlink,
    decode_uplink,
    encode_downlink,
    encode_uplink,
)
from wire.incoming import Receiver
from wire.records import EPOCH_2025_MS, Kind, Record, TimeQuality
from wire.transfer import Sender

SLOT_MS = 1000
SLOTS_MAX = 20_000
KEY = bytes(32)
LOSS_WINDOW = 255  # frames, as in groundstation.decode.node_receiver
PACKED_BYTES = blocks.content_bytes(MTU_BYTES)
SIGNED_MTU_BYTES = MTU_BYTES - auth.DOWNLINK_MAC_BYTES


def symbol_mtu_bytes(is_signed: bool) -> int:
    """The MTU that is left to the transfer, as ``Mission.symbol_mtu_bytes``."""
    return SIGNED_MTU_BYTES if is_signed else MTU_BYTES


@dataclass(frozen=True, slots=True)
class Feedback:
    """The ground reports in every slot ``every``; the sender knows ``delay`` slots later."""

    every: int
    delay: int


class LinkStation:
    """One ground station and its own weather."""

    def __init__(self, number: int, channel: SlotChannel, is_signed: bool = False) -> None:
        self.number = number
        self.channel = channel
        self.receiver = Receiver(symbol_mtu_bytes(is_signed))
        self.heard: dict[int, int] = {}  # record id -> slot
        self.symbols = 0  # frames that got through
        self._is_signed = is_signed
        self._last = FrameCounter(1, 0)
        self._recent: deque[bool] = deque(maxlen=LOSS_WINDOW)
        self._reports = 0

    def hear(self, data: bytes, slot: int) -> None:
        """The payload sends ``data`` in ``slot``."""
        is_lost = self.channel.is_lost(slot)
        self._recent.append(is_lost)
        if not is_lost:
            self.symbols += 1
            self.take(data, slot)

    def take(self, data: bytes, slot: int) -> None:
        """``data`` gets through."""
        heard = decode_downlink(data, {7: KEY} if self._is_signed else None)
        assert isinstance(heard, DataFrame)
        self._last = heard.counter
        for record in self.receiver.on_data(heard):
            self.heard.setdefault(record.record_id, slot)

    def report(self, slot: int) -> bytes | None:
        """What it says in ``slot``, if it has anything to say and the weather lets it through."""
        return None if self.channel.is_lost(slot) else self.say()

    def say(self) -> bytes | None:
        """Its report; None before it heard anything."""
        found = self.receiver.report()
        if found is None:
            return None
        self._reports += 1
        loss = round(255 * sum(self._recent) / max(1, len(self._recent)))
        counter = 16 * self._reports + self.number
        frame = FeedbackFrame(7, self.number, counter, loss, self._last, *found)
        data = encode_uplink(frame, KEY)
        assert len(data) <= MTU_BYTES
        return data


class LinkEnds:
    """One sender and its stations; ``slot`` passes the time of one frame."""

    def __init__(
        self, channels: Sequence[SlotChannel], feedback: Feedback | None, is_signed: bool = False
    ) -> None:
        self.sender = Sender(7, symbol_mtu_bytes(is_signed))
        self.stations = [LinkStation(n, channel, is_signed) for n, channel in enumerate(channels)]
        self._key = KEY if is_signed else None
        self.slots = 0
        self._feedback = feedback
        self._sequence = 0
        self._windows = 0
        self._on_their_way: deque[tuple[int, bytes]] = deque()

    @property
    def now_ms(self) -> int:
        return self.slots * SLOT_MS

    def greet(self) -> None:
        """Before the time that counts: a first record, that every station hears and confirms."""
        self.sender.push(record_of(0, 20, random.Random(0)), 0)
        while self.sender.unconfirmed_blocks:
            data = self._next_frame()
            for station in self.stations:
                if data is not None:
                    station.take(data, 0)
                    self._hear(station.say())
        for station in self.stations:
            del station.heard[0]

    def slot(self) -> None:
        while self._on_their_way and self._on_their_way[0][0] <= self.slots:
            self._hear(self._on_their_way.popleft()[1])
        feedback = self._feedback
        if feedback is not None and self.slots % (feedback.every + 1) == feedback.every:
            data = self.stations[self._windows % len(self.stations)].report(self.slots)
            self._windows += 1
            self._on_their_way += [(self.slots + feedback.delay, data)] if data else []
        else:
            self._send()
        self.slots += 1

    def _hear(self, data: bytes | None) -> None:
        report = decode_uplink(data or b"", KEY)
        if isinstance(report, FeedbackFrame):
            self.sender.on_report(report, self._sequence)

    def _send(self) -> None:
        data = self._next_frame()
        for station in self.stations:
            if data is not None:
                station.hear(data, self.slots)

    def _next_frame(self) -> bytes | None:
        self._sequence += 1
        counter = FrameCounter(1, self._sequence & 0xFFF)
        frame = self.sender.next_frame(counter, self._sequence, self.now_ms)
        data = encode_downlink(frame, self._key) if frame is not None else None
        assert data is None or len(data) <= MTU_BYTES
        return data


def record_of(number: int, size: int, rng: random.Random) -> Record:
    """A musing of about ``size`` bytes that nothing compresses."""
    body = {"text": rng.randbytes(size)}
    return Record(number, Kind.MUSING, 1, EPOCH_2025_MS + number * 1000, TimeQuality.GPS, body)


def block_of(
    symbols: int, first_id: int, rng: random.Random, mtu_bytes: int = MTU_BYTES
) -> list[Record]:
    """Records of about 4 kB that fill exactly ``symbols`` symbols of one block."""
    left = symbols * blocks.content_bytes(mtu_bytes) - 8
    found: list[Record] = []
    while left > 100:
        size = min(4000, left - 24)
        record = record_of(first_id + len(found), size, rng)
        found.append(record)
        left -= len(records.encode(record, None))
    return found


def until_all(
    channels: Sequence[SlotChannel], feedback: Feedback | None, is_signed: bool = False
) -> tuple[LinkEnds, list[Record]]:
    """Send one full block, all there from the start, until every station has all its records.

    Of several stations the payload must have heard: it waits for none that it does not know.
    """
    link = LinkEnds(channels, feedback, is_signed)
    if len(channels) > 1:
        link.greet()
    sent = block_of(BLOCK_SYMBOLS_MAX, 1, random.Random(0), symbol_mtu_bytes(is_signed))
    for record in sent:
        link.sender.push(record, 0)
    assert link.sender.backlog_symbols() == BLOCK_SYMBOLS_MAX, link.sender.backlog_symbols()
    while min(len(s.heard) for s in link.stations) < len(sent) and link.slots < SLOTS_MAX:
        link.slot()
    assert all(len(s.heard) == len(sent) for s in link.stations), "not all arrived"
    return link, sent


def hybrid(
    skies: Sequence[Sequence[SlotChannel]], feedback: Feedback | None, is_signed: bool = False
) -> tuple[float, float]:
    """(ratio in symbols, ratio in net bytes) of the transfer that flies, one block a sky; a sky
    holds one channel for each station."""
    ideal = slots = net_bytes = 0
    for channels in skies:
        link, sent = until_all(channels, feedback, is_signed)
        ideal += ideal_slots(channels, BLOCK_SYMBOLS_MAX)
        slots += link.slots
        net_bytes += sum(len(records.pack(record).data) for record in sent)
    return ideal / slots, ideal / slots * net_bytes / (len(skies) * BLOCK_SYMBOLS_MAX * MTU_BYTES)


def steady(loss: float, slots: int) -> tuple[float, float]:
    """Endless new musings, the later two thirds of ``slots``: (symbols that told something new,
    records that became readable), both as shares of all that got through, windows included."""
    channel = SlotChannel(1, loss, False)
    link = LinkEnds([channel], Feedback(64, 8))
    station = link.stations[0]
    rng = random.Random(2)
    sizes: dict[int, int] = {}
    start = slots // 3
    new_symbols = 0
    while link.slots < slots:
        while link.sender.backlog_symbols() < 6:
            record = record_of(len(sizes) + 1, rng.randrange(60, 200), rng)
            sizes[record.record_id] = len(records.encode(record, record))
            link.sender.push(record, link.now_ms)
        assert not link.sender.take_expired(), "a block was given up half-done"
        before = station.symbols - station.receiver.duplicate_symbols
        link.slot()
        if link.slots > start:
            new_symbols += station.symbols - station.receiver.duplicate_symbols - before
    packed = sum(sizes[record_id] for record_id, slot in station.heard.items() if slot >= start)
    capacity = sum(not channel.is_lost(slot) for slot in range(start, slots))
    return new_symbols / capacity, packed / PACKED_BYTES / capacity


def small_records(loss: float, slots: int, is_bursty: bool, load: float = 0.6) -> float:
    """Share of 70-byte records, Poisson, one-way, that arrive within 300 slots."""
    link = LinkEnds([SlotChannel(3, loss, is_bursty)], None)
    rng = random.Random(4)
    sample = record_of(200, 60, rng)
    size = len(records.encode(sample, sample))
    assert size == 70, size
    rate = load * (1 - loss) * PACKED_BYTES / size  # records per slot
    due, number = rng.expovariate(rate), 0
    born: dict[int, int] = {}
    while link.slots < slots + 300:
        while due <= link.slots < slots:
            number += 1
            born[number] = link.slots
            link.sender.push(record_of(number, 60, rng), link.now_ms)
            due += rng.expovariate(rate)
        link.slot()
    heard = link.stations[0].heard
    return sum(heard.get(n, 1 << 30) - slot <= 300 for n, slot in born.items()) / len(born)
