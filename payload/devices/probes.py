"""Asks what is connected: each chip by its identity, receivers and modems by what they say.

A chip is known by its identity register, an SHT4x by the CRCs of its serial number (Sensirion SHT4x
data sheet, 4.9), an INA219, which has none, by its configuration after power-up (TI SBOS448G 8.6.1)
or as the flight core has set it. Whatever else answers at an address is unknown. Nothing is
changed but an SHT4x's last measurement.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from payload.devices import ina219, ina226, lsm6ds, sht4x
from payload.devices.bme280 import Bme280
from payload.devices.bmp280 import Bmp280
from payload.devices.bmp388 import Bmp388
from payload.devices.buses import I2cBus
from payload.devices.ddc import DdcStream
from payload.devices.gnss_stream import GnssStreamParser
from payload.devices.registers import Registers
from payload.ports import ByteStream, DeviceTimeout, PortError

ADDRESSES = range(0x08, 0x78)
LISTEN_MS = 1_200  # a receiver speaks once a second
LISTEN_STEP_MS = 100
READ_BYTES_MAX = 4_096
SERIAL_NUMBER_MS = 10  # SHT4x table 4: 1 ms after the command
UBLOX = "u-blox"
UNKNOWN = "unknown"
_BOSCH_IDS = {(register, chip_id): driver.KIND.lower()
              for register, driver in ((0xD0, Bme280), (0xD0, Bmp280), (0x00, Bmp388))
              for chip_id in driver.CHIP_IDS}
_SHT4X_SERIAL_NUMBER = 0x89
_INA219_CONFIGURATIONS = (0x399F, ina219.CONFIGURATION)
_RYLR_ASK, _RYLR_ANSWER = b"AT+VER?\r\n", b"+VER="

Pause = Callable[[int], None]  # waits so many milliseconds


class BusHung(Exception):
    """The clock line of the bus is held low; the message is one sentence for a person."""


class FoundChip(NamedTuple):
    """Something at an I2C address; ``name`` as in a mission file, or UBLOX or UNKNOWN."""

    address: int
    name: str


class _Probe:
    """One address under question. Each question raises PortError where nobody answers it."""

    def __init__(self, bus: I2cBus, address: int, pause: Pause) -> None:
        self._bus = bus
        self._pause = pause
        self._registers = Registers(bus, address, "probe")

    def bosch(self) -> str | None:
        return next((name for (register, chip_id), name in _BOSCH_IDS.items()
                     if self._registers.byte(register) == chip_id), None)

    def ina(self) -> str | None:
        word = self._registers.word
        if (word(0xFE), word(0xFF) >> 4) == (ina226.MANUFACTURER_ID, ina226.DIE_ID):
            return "ina226"
        return "ina219" if word(0x00) in _INA219_CONFIGURATIONS else None

    def sht4x(self) -> str | None:
        self._registers.command(_SHT4X_SERIAL_NUMBER)
        self._pause(SERIAL_NUMBER_MS)
        answer = self._registers.answer(sht4x.ANSWER_BYTES)
        is_whole = all(sht4x.crc8(answer[at : at + 2]) == answer[at + 2] for at in (0, 3))
        return "sht4x" if is_whole else None

    def lsm6ds(self) -> str | None:
        return "lsm6ds" if self._registers.byte(lsm6ds.WHO_AM_I) in lsm6ds.CHIP_IDS else None

    def ublox(self) -> str | None:
        return UBLOX if hears_receiver(DdcStream(self._bus), self._pause) else None

    def presence(self) -> str | None:
        self._registers.answer(1)
        return UNKNOWN


# Which questions are asked where: a chip is sold with these addresses and no others. A receiver is
# heard first, for a read of its register 0xFF takes from what it says.
_QUESTIONS: tuple[tuple[Callable[[_Probe], str | None], range], ...] = (
    (_Probe.ublox, range(0x42, 0x43)), (_Probe.bosch, range(0x76, 0x78)),
    (_Probe.ina, range(0x40, 0x50)), (_Probe.sht4x, range(0x44, 0x47)),
    (_Probe.lsm6ds, range(0x6A, 0x6C)), (_Probe.presence, ADDRESSES),
)


def chips(bus: I2cBus, pause: Pause) -> list[FoundChip]:
    """What answers, by address. Raises BusHung."""
    found = []
    for address in ADDRESSES:
        probe = _Probe(bus, address, pause)
        for question, addresses in _QUESTIONS:
            name = _answer(question, probe) if address in addresses else None
            if name is not None:
                found.append(FoundChip(address, name))
                break
    return found


def _answer(question: Callable[[_Probe], str | None], probe: _Probe) -> str | None:
    try:
        return question(probe)
    except DeviceTimeout as error:
        raise BusHung("the I2C bus hangs: something holds its clock or data line low; take its "
                      "chips off one by one") from error
    except PortError:
        return None


def hears_receiver(line: ByteStream, pause: Pause) -> bool:
    """True when a whole message of a satellite receiver comes within LISTEN_MS. Raises
    DeviceAbsent."""
    parser = GnssStreamParser()
    for _ in range(LISTEN_MS // LISTEN_STEP_MS):
        if parser.feed(line.read(READ_BYTES_MAX)):
            return True
        pause(LISTEN_STEP_MS)
    return False


def hears_rylr(line: ByteStream, pause: Pause) -> bool:
    """True when a RYLR998 answers within LISTEN_MS. Raises DeviceAbsent, DeviceTimeout."""
    line.write(_RYLR_ASK)
    received = b""
    for _ in range(LISTEN_MS // LISTEN_STEP_MS):
        pause(LISTEN_STEP_MS)
        received = (received + line.read(READ_BYTES_MAX))[-READ_BYTES_MAX:]
        if _RYLR_ANSWER in received:
            return True
    return False
