"""Looking: a port is asked at each rate, closed after each, and one that goes harms no other."""

from __future__ import annotations

from payload.devices.probes import UBLOX, FoundChip
from payload.ports import DeviceAbsent
from payload.scan.connected import RYLR, Connected, FoundLine
from payload.scan.look import look
from sim.chips.ina import Ina219Chip
from sim.fakes.i2c_bus import FakeI2cBus
from tests.payload.devices.test_gnss_ublox import pvt
from tests.payload.devices.test_probes import RNG

RIGHT = {"/dev/ttyACM0": (38400, pvt()), "/dev/ttyUSB0": (115200, b"+VER=RYLR998\r\n")}


class Port:
    """A serial port behind which a receiver speaks, or a module answers, at one rate."""

    opened: list[Port]

    def __init__(self, path: str, baud: int) -> None:
        self.is_closed = False
        self._path, self._baud = path, baud
        self._is_asked = False

    def read(self, max_bytes: int) -> bytes:
        if self._path == "/dev/gone":
            raise DeviceAbsent("gone")
        baud, said = RIGHT.get(self._path, (0, b""))
        if said.startswith(b"+") and not self._is_asked:
            return b""
        return said if baud == self._baud else b"\x80\xfe\x00"

    def write(self, data: bytes) -> None:
        self._is_asked = True

    def close(self) -> None:
        self.is_closed = True


def test_every_bus_and_port() -> None:
    ports: list[Port] = []

    def opened(path: str, baud: int) -> Port:
        assert all(port.is_closed for port in ports)
        ports.append(Port(path, baud))
        return ports[-1]

    waited: list[int] = []
    bus = FakeI2cBus({0x40: Ina219Chip(lambda: (4_000.0, 100.0), RNG)})
    paths = ["/dev/gone", "/dev/serial0", *RIGHT]
    assert look(1, bus, ["28-3c01d607a1b2"], paths, opened, waited.append) == Connected(
        1, [FoundChip(0x40, "ina219")], ["28-3c01d607a1b2"], [
            FoundLine("/dev/gone"), FoundLine("/dev/serial0"),
            FoundLine("/dev/ttyACM0", UBLOX, 38400), FoundLine("/dev/ttyUSB0", RYLR, 115200)])
    assert all(port.is_closed for port in ports)
    assert sum(waited) < 15_000  # a maker waits for it


def test_no_bus_and_one_that_hangs() -> None:
    assert look(1, None, [], [], Port, lambda pause_ms: None) == Connected(None)
    bus = FakeI2cBus({})
    bus.is_stuck_low = True
    flaw = look(1, bus, [], [], Port, lambda pause_ms: None).flaw
    assert flaw is not None and flaw.startswith("the I2C bus hangs")
