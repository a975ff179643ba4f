"""One sender and several stations under one sky: each loses frames of its own."""

from __future__ import annotations

import random
from collections.abc import Iterable

from wire.frames import (
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

MTU = 222
NODE = 7
KEY = bytes(32)
SLOT_MS = 500
REPORT_EVERY = 32  # slots


def record(number: int, size: int = 150, kind: Kind = Kind.MUSING) -> Record:
    """A record whose content no other has."""
    body = {"text": random.Random(number).randbytes(size)}
    return Record(number, kind, 1, EPOCH_2025_MS + number * 1000, TimeQuality.GPS, body)


class Ear:
    """A ground station: its receiver, its losses, and what it has heard."""

    def __init__(self, number: int, loss: float, seed: int = 1, mtu_bytes: int = MTU) -> None:
        self.number = number
        self.loss = loss
        self.receiver = Receiver(mtu_bytes)
        self.heard: dict[int, Record] = {}
        self.last_counter = FrameCounter(1, 0)
        self.is_silent = False  # it hears, and does not report
        self._rng = random.Random(f"{seed} {number}")
        self._reports = 0

    def loses(self) -> bool:
        return self._rng.random() < self.loss

    def hear(self, frame: DataFrame) -> None:
        self.last_counter = frame.counter
        for found in self.receiver.on_data(frame):
            assert self.heard.setdefault(found.record_id, found) == found

    def report(self) -> FeedbackFrame | None:
        """What it says next, as it goes on the air."""
        told = self.receiver.report()
        if told is None:
            return None
        self._reports += 1
        counter = 16 * self._reports + self.number
        loss = round(255 * self.loss)
        frame = FeedbackFrame(NODE, self.number, counter, loss, self.last_counter, *told)
        decoded = decode_uplink(encode_uplink(frame, KEY), KEY)
        assert decoded == frame and isinstance(decoded, FeedbackFrame)
        return decoded


class Air:
    """``slot`` passes the time of one frame; the stations report in turn."""

    def __init__(self, ears: Iterable[Ear], mtu_bytes: int = MTU) -> None:
        self.ears = list(ears)
        self.sender = Sender(NODE, mtu_bytes)
        self.sequence = 0
        self.now_ms = 0
        self.confirmed: list[int] = []
        self.sent: list[DataFrame] = []

    def push(self, records: Iterable[Record]) -> None:
        for new in records:
            self.sender.push(new, self.now_ms)

    def slot(self) -> DataFrame | None:
        self.now_ms += SLOT_MS
        self.sequence += 1
        counter = FrameCounter(1, self.sequence & 0xFFF)
        frame = self.sender.next_frame(counter, self.sequence, self.now_ms)
        if frame is not None:
            self.sent.append(frame)
            heard = decode_downlink(encode_downlink(frame))
            assert heard == frame and isinstance(heard, DataFrame)
            for ear in self.ears:
                if not ear.loses():
                    ear.hear(heard)
        self._reports()
        return frame

    def slots(self, count: int) -> None:
        for _ in range(count):
            self.slot()

    def tell(self, report: FeedbackFrame | None) -> list[int]:
        """The sender hears ``report``; what it confirms was heard by somebody."""
        if report is None:
            return []
        newly = self.sender.on_report(report, self.sequence)
        self.confirmed += newly
        return newly

    def _reports(self) -> None:
        if self.sequence % REPORT_EVERY or not self.ears:
            return
        ear = self.ears[self.sequence // REPORT_EVERY % len(self.ears)]
        if not ear.is_silent and not ear.loses():
            newly = self.tell(ear.report())
            assert set(newly) <= set(ear.heard), "confirmed what its reporter never heard"
