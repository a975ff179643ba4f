"""How a Bosch barometer is started, read and restarted: what its two families have in common.

    LOST --id, reset--> RESET --ready, set up--> STARTED --first result--> RUNNING
      ^-------- garbage, or absent ABSENT_READS_MAX times in a row ---------'

One step a read, so that none waits for the chip. A chip that was lost may come back as another one
of its kind, whose calibration is its own: it is started from the beginning.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from enum import Enum, auto
from typing import ClassVar

from payload.devices.buses import I2cBus
from payload.devices.registers import Registers
from payload.plausible import is_plausible
from payload.ports import DeviceAbsent, DeviceGarbage, DeviceTimeout, Reading

ABSENT_READS_MAX = 3


class _State(Enum):
    LOST = auto()
    RESET = auto()
    STARTED = auto()
    RUNNING = auto()


class BoschBarometer(ABC):
    """One chip on an I2C bus; a driver says what its registers are."""

    KIND: ClassVar[str]
    CHIP_IDS: ClassVar[tuple[int, ...]]
    SECOND_RESULT_MS: ClassVar[int]  # from the set-up; the first result may be of before it

    def __init__(self, bus: I2cBus, address: int, name: str) -> None:
        """``address`` is 0x76 or 0x77, as its pin SDO chooses."""
        self.name = name
        self._registers = Registers(bus, address, name)
        self._state = _State.LOST
        self._started_ms = 0
        self._absent_reads = 0

    def read(self, now_ms: int) -> Reading:
        """The latest measurement, at most SECOND_RESULT_MS old.

        Raises: DeviceAbsent, DeviceTimeout while starting, DeviceGarbage for a wrong chip id, blank
        calibration, a chip that reports an error, a skipped measurement or values no atmosphere
        has.
        """
        try:
            reading = self._advance(now_ms)
        except DeviceGarbage:
            self._state = _State.LOST
            raise
        except DeviceAbsent:
            self._absent_reads += 1
            if self._absent_reads >= ABSENT_READS_MAX:
                self._state = _State.LOST
            raise
        self._absent_reads = 0
        if reading is None:
            raise DeviceTimeout(f"{self.name}: starting")
        return reading

    def _advance(self, now_ms: int) -> Reading | None:
        """One step towards RUNNING, or a reading once there."""
        if self._state is _State.LOST:
            self._check_id()
            self._reset()
            self._state = _State.RESET
            return None
        if self._state is _State.RESET:
            if self._is_ready():
                self._set_up()
                self._state, self._started_ms = _State.STARTED, now_ms
            return None
        if self._state is _State.STARTED and now_ms - self._started_ms < self.SECOND_RESULT_MS:
            return None
        reading = self._measure(now_ms)
        self._state = _State.RUNNING
        return reading

    def _check_id(self) -> None:
        chip_id = self._chip_id()
        if chip_id not in self.CHIP_IDS:
            raise DeviceGarbage(f"{self.name}: chip id {chip_id:#04x} is not a {self.KIND}")

    def _check(self, temperature_c: float, pressure_hpa: float) -> None:
        """Raises DeviceGarbage where no atmosphere has these values."""
        if not is_plausible("chip_c", temperature_c):
            raise DeviceGarbage(f"{self.name}: {temperature_c:.2f} C")
        if not is_plausible("chip_hpa", pressure_hpa):
            raise DeviceGarbage(f"{self.name}: {pressure_hpa:.2f} hPa")

    @abstractmethod
    def _chip_id(self) -> int: ...

    @abstractmethod
    def _reset(self) -> None: ...

    @abstractmethod
    def _is_ready(self) -> bool:
        """Has the chip finished its reset?"""

    @abstractmethod
    def _set_up(self) -> None:
        """Read the calibration, twice: a byte damaged by radio noise on the bus would spoil the
        whole flight. Then begin to measure."""

    @abstractmethod
    def _measure(self, now_ms: int) -> Reading: ...
