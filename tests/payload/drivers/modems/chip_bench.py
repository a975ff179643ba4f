"""A fake LoRa chip, its driver, and a clock that moves when told to."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any

from payload.drivers.modems.spi_chip import ChipRadio
from sim.fakes.lora_radio import AirPacket
from sim.fakes.sx1262 import FakeSx1262
from sim.fakes.sx1276 import FakeSx1276
from wire.airtime import Airtime
from wire.mission_radio import LoraChipSection, RadioSection, Sx1262Section, Sx1276Section
from wire.modems.chips import chip_of
from wire.modems.lora_chip import LoraChip

PINS = {"busy_pin": 20, "reset_pin": 18}
SX1276 = Sx1276Section(frequency_khz=868_500)
SX1262 = Sx1262Section(frequency_khz=868_500, **PINS)


class Bench:
    """``board`` is what a fake SX1262 is told of its board."""

    def __init__(self, section: LoraChipSection = SX1276, **board: Any) -> None:
        self.now_ms = 0
        self.aired: list[AirPacket] = []
        self.section = section
        self._heap: list[tuple[int, int, Callable[[], None]]] = []
        kind, fake = (("sx1262", FakeSx1262) if isinstance(section, Sx1262Section)
                      else ("sx1276", FakeSx1276))
        self.fake = fake(lambda: self.now_ms, self._plan,
                         lambda packet, end_ms: self.aired.append(packet), **board)
        radio = RadioSection.model_validate({"kind": kind, kind: section.model_dump()})
        self.chip: LoraChip = chip_of(
            radio, self.fake, self.fake if isinstance(self.fake, FakeSx1262) else None)
        self.airtime = Airtime.of(radio)
        self.radio = ChipRadio(self.chip, radio.mtu_bytes, self.airtime)

    def _plan(self, at_ms: int, action: Callable[[], None]) -> None:
        heapq.heappush(self._heap, (at_ms, len(self._heap) + id(action), action))

    def wait(self, passed_ms: int) -> None:
        end_ms = self.now_ms + passed_ms
        while self._heap and self._heap[0][0] <= end_ms:
            self.now_ms, _, action = heapq.heappop(self._heap)
            action()
        self.now_ms = end_ms

    def hear(self, data: bytes, rssi_dbm: int = -97, snr_db: int = 4, **other: Any) -> None:
        """A packet as this chip itself would send it; it lies in the air before its end."""
        packet = AirPacket(data, **{
            "modulation": self.section.modulation, "channel": 1000 * self.section.frequency_khz,
            "network": self.section.sync_word, **other})
        self.wait(packet.modulation.packet_ms(len(data)))
        self.fake.hear(packet, rssi_dbm, snr_db)
