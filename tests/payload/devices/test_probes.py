"""Probes: every fake chip is known by its identity, and nothing else is taken for one."""

from __future__ import annotations

import random

import pytest

from payload.devices.probes import UBLOX, UNKNOWN, BusHung, FoundChip, chips, hears_rylr
from payload.ports import DeviceAbsent
from sim.chips.bme280 import Bme280Chip
from sim.chips.bmp280 import Bmp280Chip
from sim.chips.bmp388 import Bmp388Chip
from sim.chips.ddc import DdcPort
from sim.chips.ina import Ina219Chip, Ina226Chip
from sim.chips.lsm6ds import Hanging, Lsm6dsChip
from sim.chips.sht4x import Sht4xChip
from sim.clock import SimClock
from sim.fakes.i2c_bus import Chip, FakeI2cBus
from tests.payload.devices.test_gnss_ublox import pvt

RNG = random.Random(0)


class Desk:
    """A clock, and a chip of each kind."""

    def __init__(self) -> None:
        self.clock = clock = SimClock(0)
        self.said = b""

        def air() -> tuple[float, float, float]:
            return 20.0, 100_000.0, 40.0

        def supply() -> tuple[float, float]:
            return 4_000.0, 200.0

        self.kinds: dict[str, Chip] = {
            "bme280": Bme280Chip(clock, air, RNG), "bmp280": Bmp280Chip(clock, air, RNG),
            "bmp388": Bmp388Chip(clock, air, RNG), "sht4x": Sht4xChip(clock, air, RNG),
            "ina219": Ina219Chip(supply, RNG), "ina226": Ina226Chip(supply, RNG),
            "lsm6ds": Lsm6dsChip(lambda: Hanging(0.0, 1.0), RNG), UBLOX: DdcPort(self),
        }

    def pause(self, milliseconds: int) -> None:
        self.clock.now_ms += milliseconds

    def read(self, max_bytes: int) -> bytes:
        said, self.said = self.said[:max_bytes], self.said[max_bytes:]
        return said

    def write(self, data: bytes) -> None:
        pass

    def found(self, bus: FakeI2cBus) -> list[FoundChip]:
        return chips(bus, self.pause)


@pytest.mark.parametrize(("name", "address"), [
    ("bme280", 0x76), ("bmp280", 0x77), ("bmp388", 0x76), ("sht4x", 0x44), ("sht4x", 0x46),
    ("ina219", 0x40), ("ina219", 0x44), ("ina226", 0x41), ("ina226", 0x45), ("lsm6ds", 0x6A),
    ("lsm6ds", 0x6B),
])
def test_each_chip_is_known(name: str, address: int) -> None:
    desk = Desk()
    assert desk.found(FakeI2cBus({address: desk.kinds[name]})) == [FoundChip(address, name)]


def test_all_at_once_and_an_ina219_that_is_in_use() -> None:
    desk = Desk()
    desk.said = pvt()
    desk.kinds["ina219"].write(0x00, b"\x3e\x67")  # as the flight core sets it
    places = {0x40: "ina219", 0x41: "ina226", 0x42: UBLOX, 0x44: "sht4x", 0x6A: "lsm6ds",
              0x76: "bme280", 0x77: "bmp388"}
    bus = FakeI2cBus({address: desk.kinds[name] for address, name in places.items()})
    assert desk.found(bus) == [FoundChip(*place) for place in places.items()]


def test_what_shows_no_identity_is_unknown() -> None:
    """A silent receiver, a wrong chip id, and a clock with a battery at its own address."""
    desk = Desk()
    bme280 = Bme280Chip(desk.clock, lambda: (20.0, 100_000.0, 40.0), RNG)
    bme280.forge_id(0x12)
    bus = FakeI2cBus({0x42: desk.kinds[UBLOX], 0x68: desk.kinds["bmp280"], 0x76: bme280})
    assert desk.found(bus) == [FoundChip(address, UNKNOWN) for address in (0x42, 0x68, 0x76)]


def test_an_empty_bus_and_one_that_hangs() -> None:
    desk, bus = Desk(), FakeI2cBus({})
    assert desk.found(bus) == []
    bus.is_stuck_low = True
    with pytest.raises(BusHung, match="something holds its clock"):
        desk.found(bus)


class Modem:
    """Answers a question with some noise around the answer."""

    def __init__(self, answer: bytes) -> None:
        self.answer, self.said = answer, b""

    def read(self, max_bytes: int) -> bytes:
        said, self.said = self.said[:3], self.said[3:]
        return said

    def write(self, data: bytes) -> None:
        assert data == b"AT+VER?\r\n"
        self.said += b"\xff" + self.answer


@pytest.mark.parametrize(("answer", "is_one"), [
    (b"+VER=RYLR998_REYAX_V1.2.2\r\n", True), (b"+ERR=4\r\n", False), (b"", False),
])
def test_a_module_is_known_by_its_version(answer: bytes, is_one: bool) -> None:
    assert hears_rylr(Modem(answer), Desk().pause) is is_one


def test_a_port_that_goes_is_said() -> None:
    class Gone(Modem):
        def read(self, max_bytes: int) -> bytes:
            raise DeviceAbsent("gone")

    with pytest.raises(DeviceAbsent):
        hears_rylr(Gone(b""), Desk().pause)
