"""A fake EBYTE E22, E220 or E32: registers in configuration mode, packets in transparent mode.

It is shipped as EBYTE ships it: address 0, 2400 bit/s at 9600 baud, and a channel that nobody else
uses. Registers survive a power-off.
"""

from __future__ import annotations

from collections.abc import Callable

from sim.fakes.lora_radio import AirPacket, Plan, Send
from sim.fakes.radio_module import FakeModule
from wire.lora import Modulation
from wire.modems import ebyte
from wire.modems.ebyte import Model

PRODUCT = bytes.fromhex("00220a16140a00")
VERSION = b"\xc3\x32\x0c\x14"
BUFFER_BYTES = {Model.E22: 1000, Model.E220: 400, Model.E32: 512}
_SHIPPED = {
    Model.E22: bytes.fromhex("00000062001703"), Model.E220: bytes.fromhex("000062001703"),
    Model.E32: bytes.fromhex("00001a1744"),
}
STRAY = b"\xfc\x00\x00"  # after power-up, before its first answer


class FakeEbyte(FakeModule):
    """Also its pins, ``payload.drivers.modems.serial_module.ModeSwitch``.

    Faults, all off at first:

    is_aux_stuck   AUX stays low
    refuses        every command is answered FF FF FF
    """

    def __init__(
        self, model: Model, now_ms: Callable[[], int], plan: Plan, send: Send,
    ) -> None:
        super().__init__(now_ms, plan, send)
        self.is_aux_stuck = False
        self.refuses = False
        self.overrun_bytes = 0
        self.writes = 0  # of its registers
        self._model = model
        self._registers = _SHIPPED[model]
        self._pins = (1, 1)  # pulled up while nobody drives them: asleep
        self._stray = STRAY

    def select(self, m1: int, m0: int) -> None:
        self._pins = (m1, m0)

    def is_aux_high(self) -> bool | None:
        return not (self.is_aux_stuck or self.is_sending)

    def brown_out(self) -> None:
        """The supply was gone for a moment."""
        self._stray = STRAY
        self._busy_until_ms = self._now_ms()

    @property
    def _speed(self) -> int:
        return self._registers[{Model.E22: 3, Model.E220: 2, Model.E32: 2}[self._model]]

    @property
    def _channel(self) -> int:
        return self._registers[{Model.E22: 5, Model.E220: 4, Model.E32: 3}[self._model]]

    @property
    def _modulation(self) -> Modulation:
        return ebyte.MODULATIONS[self._model.air_rates[self._speed & 7]]

    @property
    def _network(self) -> int:
        return self._registers[2] if self._model.has_network else 0

    def _take(self, data: bytes) -> None:
        if self._pins == self._model.configuration_pins:
            self._configure(data)
        elif self._pins == (0, 0):
            self._carry(data)

    def _configure(self, data: bytes) -> None:
        stray, self._stray = self._stray, b""
        if self.refuses:
            self._say(stray + b"\xff\xff\xff")
        elif self._model is Model.E32:
            if data[:1] == b"\xc0":
                self._registers, data = data[1:6], data[6:]
                self.writes += 1
            if data == ebyte.E32_READ:
                self._say(stray + b"\xc0" + self._registers)
            elif data == ebyte.E32_VERSION:
                self._say(stray + VERSION)
        elif data[:3] == b"\xc1\x80\x07":
            self._say(stray + data[:3] + PRODUCT)
        else:
            start, count = data[1:3]
            if data[0] == 0xC0:
                kept = bytearray(self._registers)
                kept[start : start + count] = data[3:]
                self._registers = bytes(kept)
                self.writes += 1
            values = self._registers[start : start + count]
            self._say(stray + bytes((0xC1, start, count)) + values)

    def _carry(self, data: bytes) -> None:
        """Cut into packets, as they leave. What is left of a full buffer is lost."""
        room = BUFFER_BYTES[self._model]
        self.overrun_bytes += max(0, len(data) - room)
        for at in range(0, min(len(data), room), self._model.packet_bytes):
            packet = data[at : at + self._model.packet_bytes]
            self._transmit(
                AirPacket(packet, self._modulation, self._channel, self._network),
                self._model.own_bytes, lambda: None)

    def _is_for_us(self, packet: AirPacket) -> bool:
        return self._pins == (0, 0) and (
            packet.modulation, packet.channel, packet.network
        ) == (self._modulation, self._channel, self._network)

    def _received(self, data: bytes, rssi_dbm: int, snr_db: int) -> bytes:
        has_rssi = self._model.has_rssi and self._registers[-1] & 0x80
        return data + (bytes((256 + rssi_dbm,)) if has_rssi else b"")
