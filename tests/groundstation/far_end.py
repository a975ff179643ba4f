"""A payload as the ground hears it: the real wire code, with nothing behind it."""

from __future__ import annotations

import math
import random
from typing import Any

from wire import beacon, commands, frames
from wire.auth import is_of_station
from wire.beacon import Beacon, Phase, PowerMode
from wire.frames import (
    BeaconFrame,
    CommandFrame,
    FeedbackFrame,
    FrameCounter,
    IncarnationFrame,
)
from wire.mission import Mission, parse
from wire.records import Kind, Record, TimeQuality
from wire.session import Session
from wire.transfer import Sender

START_MS = 1_790_000_000_000  # 2026-09-21T14:13:20Z
MASTER_KEY = bytes(range(32))
TEXT = """
    [payload]
    name = "EDDA"
    callsign = "N0CALL"
    node_id = 7
    [radio]
    kind = "none"
    [power]
    capacity_mah = 3000
    eco_mv = 3600
    low_mv = 3400
    critical_mv = 3200
    [ground]
    station = "meadow"
    """
MISSION = parse(TEXT + "[keys]\ndownlink_mac = false", "test")
SIGNED_MISSION = parse(TEXT, "test")
INCARNATION = 0x3FA0C1D0  # so the four bits of its sessions are those of the boot


class FarEnd:
    """Records in, frames out, one per call; hears uplink frames and answers questions."""

    def __init__(
        self, key: bytes | None = None, mission: Mission = MISSION, node_id: int = 7,
        boot: int = 1, incarnation: int = INCARNATION,
    ) -> None:
        self.session = Session(incarnation, boot)
        self.sender = Sender(node_id, mission.symbol_mtu_bytes, self.session)
        self.key = key
        self.downlink_key = mission.downlink_key(MASTER_KEY)
        self.node_id = node_id
        self.boot = boot
        self.sequence = 0
        self.last_counter = 0  # of any station
        self.last_counters: dict[int, int] = {}
        self.next_record = boot * 10_000
        self.confirmed: set[int] = set()
        self.pushed: list[Record] = []
        self.questions: dict[int, str] = {}
        self.commands_heard = 0

    def push(self, kind: Kind, now_ms: int, body: dict[str, Any],
             quality: TimeQuality = TimeQuality.GPS) -> Record:
        self.next_record += 1
        record = Record(self.next_record, kind, self.boot, now_ms // 100 * 100, quality, body)
        self.sender.push(record, now_ms)
        self.pushed.append(record)
        return record

    def _counter(self) -> FrameCounter:
        self.sequence += 1
        return FrameCounter(self.session.boot_bits, self.sequence % 4096)

    def tell(self) -> bytes:
        """Which session this is."""
        frame = IncarnationFrame(self.node_id, self._counter(), self.session)
        return frames.encode_downlink(frame, self.downlink_key)

    def beacon(self, state: Beacon, *, is_listening: bool = False) -> bytes:
        from dataclasses import replace

        state = replace(state, command_counter=self.last_counter & 0xFFFF)
        frame = BeaconFrame(self.node_id, self._counter(), beacon.encode(state), is_listening)
        return frames.encode_downlink(frame, self.downlink_key)

    def data(self, now_ms: int) -> bytes | None:
        counter = self._counter()
        frame = self.sender.next_frame(counter, self.sequence, now_ms)
        if frame is None:
            self.sequence -= 1
            return None
        return frames.encode_downlink(frame, self.downlink_key)

    def hear(self, data: bytes, now_ms: int) -> None:
        assert self.key is not None
        frame = frames.decode_uplink(data, self.key, self.session)
        assert frame is not None, "the ground sent something that is not genuine"
        last = self.last_counters.get(frame.station, 0)
        assert is_of_station(frame.counter, frame.station), "another station's counter"
        assert frame.counter > last, "an uplink counter came twice"
        self.last_counter = self.last_counters[frame.station] = frame.counter
        if isinstance(frame, FeedbackFrame):
            self.confirmed.update(self.sender.on_report(frame, self.sequence))
            return
        assert isinstance(frame, CommandFrame)
        self.commands_heard += 1
        command = commands.decode(frame.body)
        question_id, text = command.arguments
        if question_id not in self.questions:
            self.questions[int(question_id)] = str(text)
            self.push(Kind.REPLY, now_ms, {
                "text": "Cold, and wider than I was told.", "question": text,
                "question_id": question_id, "by": "canned",
            })


def state_at(t_s: float) -> Beacon:
    """A plausible flight: an hour up, half an hour down, on a straight wind."""
    alt = 40 + 5.2 * t_s if t_s < 5700 else max(60.0, 29_680 - 13.0 * (t_s - 5700))
    phase = Phase.ASCENT if t_s < 5700 else Phase.DESCENT if alt > 60 else Phase.LANDED
    moving = 0.0 if phase is Phase.LANDED else 1.0
    end_s = min(t_s, 7980)
    return Beacon(
        time_of_day_s=int(51200 + t_s) % 86400,
        latitude_deg=52.1 + 0.000055 * end_s + 0.03 * math.sin(end_s / 1400),
        longitude_deg=13.2 + 0.00017 * end_s,
        altitude_m=alt, climb_mps=moving * (5.2 if phase is Phase.ASCENT else -13.0),
        speed_mps=moving * 14, heading_deg=68, satellites=11, fix_age_s=1, phase=phase,
        power_mode=PowerMode.NOMINAL, battery_mv=4080 - t_s * 0.075,
        outside_c=max(-56.0, 17 - alt * 0.0065) if alt < 20_000 else -56 + (alt - 20_000) * 0.001,
        inside_c=21 - min(alt, 15_000) / 1000 + 2 * math.sin(t_s / 500),
        pressure_hpa=max(8.0, 1013 * math.exp(-alt / 7200)), queue_records=int(6 + t_s / 900),
    )


class Channel:
    """Independent loss from one seed."""

    def __init__(self, loss: float, seed: int) -> None:
        self._loss = loss
        self._random = random.Random(seed)

    def carries(self) -> bool:
        return self._random.random() >= self._loss
