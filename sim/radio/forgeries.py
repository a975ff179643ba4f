"""Forgeries: frames in the name of our payload and of our station, sent without the keys.

Whoever sends them knows the format and the time: they are numbered as news, signed with a key of
his own or not at all, and each would do harm to whoever believed it.
"""

from __future__ import annotations

import random

from wire import auth, beacon, commands
from wire.beacon import Beacon, Phase
from wire.blocks import BlockWriter
from wire.commands import Command, Opcode
from wire.frames import (
    BeaconFrame,
    CommandFrame,
    DataFrame,
    Downlink,
    FeedbackFrame,
    FrameCounter,
    Uplink,
    encode_downlink,
    encode_uplink,
)
from wire.records import EPOCH_2025_MS, Kind, Record, TimeQuality

ELSEWHERE_DEG = (-47.1, -126.7)  # in the middle of the Pacific, far from every site
KEY_BYTES = 32
ORDERS = (
    Command(Opcode.CUTDOWN_ARM, ()), Command(Opcode.CUTDOWN_FIRE, ()), Command(Opcode.REBOOT, ()),
    Command(Opcode.TX_OFF, (30,)), Command(Opcode.ASK, (1, "Where are you?")),
)


class Forger:
    """One stranger with time on his hands; nothing is drawn while nobody asks."""

    def __init__(self, rng: random.Random, node_id: int, symbol_mtu_bytes: int) -> None:
        self._rng = rng
        self._node_id = node_id
        self._mtu_bytes = symbol_mtu_bytes

    def uplink(self, utc_ms: int) -> bytes:
        """An order, or "I have everything", that claims to be of this second."""
        rng = self._rng
        counter = auth.next_counter(rng.randrange(auth.STATIONS_MAX), _seconds(utc_ms))
        station = counter % auth.STATIONS_MAX
        frame: Uplink
        if rng.random() < 0.3:
            frame = FeedbackFrame(
                self._node_id, station, counter, 0, self._frame_counter(), 0, 65_535, ())
        else:
            body = commands.encode(rng.choice(ORDERS))
            frame = CommandFrame(self._node_id, station, counter, body)
        return encode_uplink(frame, rng.randbytes(KEY_BYTES))

    def downlink(self, utc_ms: int) -> bytes:
        """A beacon, or a block with one track record in it: the payload is somewhere else."""
        rng = self._rng
        place = [degrees + rng.uniform(-0.5, 0.5) for degrees in ELSEWHERE_DEG]
        frame: Downlink = (
            self._beacon(utc_ms, *place) if rng.random() < 0.5 else self._block(utc_ms, *place))
        return encode_downlink(frame, rng.choice((None, rng.randbytes(KEY_BYTES))))

    def _beacon(self, utc_ms: int, latitude_deg: float, longitude_deg: float) -> BeaconFrame:
        state = Beacon(
            time_of_day_s=utc_ms // 1000 % 86_400, latitude_deg=latitude_deg,
            longitude_deg=longitude_deg, altitude_m=5.0, fix_age_s=1.0, phase=Phase.LANDED,
        )
        return BeaconFrame(self._node_id, self._frame_counter(), beacon.encode(state), True)

    def _block(self, utc_ms: int, latitude_deg: float, longitude_deg: float) -> DataFrame:
        record = Record(self._rng.getrandbits(24), Kind.TRACK, 1, utc_ms, TimeQuality.GPS, {
            "lat": round(latitude_deg * 1e7), "lon": round(longitude_deg * 1e7), "alt": 5,
        })
        block = BlockWriter(self._mtu_bytes)
        block.add(record)
        block.close()
        return DataFrame(
            self._node_id, self._frame_counter(), int(record.priority), self._rng.getrandbits(16),
            block.symbols, 0, block.symbol(0), False)

    def _frame_counter(self) -> FrameCounter:
        return FrameCounter.unpack(self._rng.getrandbits(16))


def _seconds(utc_ms: int) -> int:
    return (utc_ms - EPOCH_2025_MS) // 1000
