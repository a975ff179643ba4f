"""SHT4x: temperature and humidity of one Sensirion SHT40, SHT41, SHT43 or SHT45.

Source: Sensirion SHT4x data sheet, 4.4 (CRC-8), 4.5 (commands), 4.6 (conversion), table 4 (timing).
It has commands in place of registers. One starts a measurement, and the answer is read later: a
read collects what the read before it started. Its heater is a command of its own, which is never
sent.

It is specified down to -40 C and its counts end at -45, so high up it says nothing of the air.
"""

from __future__ import annotations

from payload.devices.buses import I2cBus
from payload.devices.registers import Registers
from payload.ports import DeviceGarbage, DeviceTimeout, Reading

MEASURE_PRECISELY = 0xFD
MEASURED_MS = 9  # table 4: 8.3 at most
WORD_BYTES = 2
ANSWER_BYTES = 6  # temperature and its CRC, humidity and its CRC
_ENDS = (0x0000, 0xFFFF)


def crc8(data: bytes) -> int:
    """Polynomial 0x31, beginning with 0xFF; of BE EF it is 92 (4.4)."""
    crc = 0xFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc << 1 & 0xFF ^ 0x31 * (crc >> 7)
    return crc


def decode_answer(answer: bytes) -> dict[str, float]:
    """temperature_c and humidity_pct from six bytes. Raises DeviceGarbage.

    Beyond 0 and 100 % the formula may go by a few percent, which is cut off, as 4.6 recommends.
    """
    words = []
    for at in (0, WORD_BYTES + 1):
        word, check = answer[at : at + WORD_BYTES], answer[at + WORD_BYTES : at + WORD_BYTES + 1]
        if len(word) != WORD_BYTES or check != bytes((crc8(word),)):
            raise DeviceGarbage("wrong CRC")
        words.append(int.from_bytes(word, "big"))
    if words[0] in _ENDS:
        raise DeviceGarbage("the temperature is beyond its range")
    humidity_pct = -6 + 125 * words[1] / 0xFFFF
    return {
        "temperature_c": -45 + 175 * words[0] / 0xFFFF,
        "humidity_pct": min(max(humidity_pct, 0.0), 100.0),
    }


class Sht4x:
    """One SHT4x on an I2C bus; keys temperature_c and humidity_pct."""

    def __init__(self, bus: I2cBus, address: int = 0x44, name: str = "sht4x") -> None:
        """``address`` is 0x44, 0x45 or 0x46, by its order number."""
        self.name = name
        self._registers = Registers(bus, address, name)
        self._started_ms: int | None = None

    def read(self, now_ms: int) -> Reading:
        """The measurement that the last read started; starts the next one.

        Raises DeviceAbsent, DeviceTimeout at the first read, DeviceGarbage for a wrong CRC or a
        temperature at the end of its range.
        """
        started_ms, self._started_ms = self._started_ms, None
        if started_ms is None:
            self._start(now_ms)
            raise DeviceTimeout(f"{self.name}: starting")
        if now_ms - started_ms < MEASURED_MS:
            self._started_ms = started_ms
            raise DeviceTimeout(f"{self.name}: measuring")
        answer = self._registers.answer(ANSWER_BYTES)
        self._start(now_ms)
        try:
            return Reading(started_ms, decode_answer(answer))
        except DeviceGarbage as error:
            raise DeviceGarbage(f"{self.name}: {error}") from error

    def _start(self, now_ms: int) -> None:
        self._registers.command(MEASURE_PRECISELY)
        self._started_ms = now_ms
