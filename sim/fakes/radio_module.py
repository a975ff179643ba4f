"""Fake serial LoRa modules: their bytes, their pins, and what they put on the air.

A module hears another when modulation, channel and network agree. What it has to say comes out of
its line ``ANSWER_MS`` later, never at once. The two kinds, ``FakeEbyte`` and ``FakeRylr``, share
what is here.

What can be broken is a public attribute or method, set and cleared from outside at any time.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

from payload.ports import DeviceAbsent
from sim.fakes.lora_radio import AirPacket, FakeLoraRadio, Plan, Send

ANSWER_MS = 20
OUT_BYTES_MAX = 4096  # of the operating system's serial port; what comes later is lost


class FakeModule(FakeLoraRadio):
    """A ``ByteStream``, and what the station uses of a pyserial port.

    Faults, all off at first:

    is_unplugged   the port is gone: every call raises DeviceAbsent, which is an OSError
    is_silent      the port is there, and nothing comes out of it
    """

    timeout: float = 0.0  # never waited for: a world of its own time

    def __init__(self, now_ms: Callable[[], int], plan: Plan, send: Send) -> None:
        super().__init__(now_ms, plan, send)
        self.is_silent = False
        self._out = bytearray()

    def read(self, max_bytes: int) -> bytes:
        """What has come out."""
        self._check()
        data = bytes(self._out[:max_bytes])
        del self._out[:max_bytes]
        return data

    @property
    def in_waiting(self) -> int:
        return len(self._out)

    def write(self, data: bytes) -> None:
        """It takes all of it: the line is slower than the fake's world, and nobody looks."""
        self._check()
        self._take(data)

    def hear(self, packet: AirPacket, rssi_dbm: int, snr_db: int) -> None:
        if not self.is_sending and self._is_for_us(packet):
            self._say(self._received(packet.data, rssi_dbm, snr_db))

    def _say(self, data: bytes) -> None:
        self._plan(self._now_ms() + ANSWER_MS, lambda: self._come_out(data))

    def _come_out(self, data: bytes) -> None:
        if not self.is_silent and not self.is_unplugged:
            self._out += data[: OUT_BYTES_MAX - len(self._out)]

    def _check(self) -> None:
        if self.is_unplugged:
            self._out.clear()
            raise DeviceAbsent("the module is unplugged")

    @abstractmethod
    def _take(self, data: bytes) -> None: ...

    @abstractmethod
    def _is_for_us(self, packet: AirPacket) -> bool: ...

    @abstractmethod
    def _received(self, data: bytes, rssi_dbm: int, snr_db: int) -> bytes: ...
