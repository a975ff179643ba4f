"""Desks on which the tests of ``sim`` lay single parts: two antennas, four chips, one track."""

from __future__ import annotations

from datetime import UTC, datetime

from payload.devices.bme280 import Bme280
from payload.devices.bmp388 import Bmp388
from payload.devices.ina219 import Ina219
from payload.devices.ina226 import Ina226
from payload.ports import DeviceTimeout, Reading, Sensor
from sim.balloon import AirState
from sim.chips.bme280 import EXAMPLE_TRIMMING, Bme280Chip, Trimming
from sim.chips.bmp388 import EXAMPLE_TRIMMING_388, Bmp388Chip, Trimming388
from sim.chips.ina import Ina219Chip, Ina226Chip
from sim.clock import SimClock, part_rng
from sim.fakes.i2c_bus import FakeI2cBus
from sim.radio.channel import Channel, GilbertElliott
from sim.radio.impairments import FrameDamage
from sim.radio.line_of_sight import OpenAir
from sim.radio.modem import SimRadio
from tests.sim.flights import Quiet
from wire.airtime import HdlcAirtime

START_UTC_MS = int(datetime(2027, 6, 19, 9, 0, tzinfo=UTC).timestamp()) * 1000
HEIGHT_M = 5_000.0


class Track:
    """A payload that hangs at one height and moves as it is told."""

    start_utc_ms = START_UTC_MS
    end_s = 100_000.0
    pad = (47.0, 13.0, 500.0)

    def __init__(self) -> None:
        self.altitude_m = HEIGHT_M
        self.climb_mps = 0.0
        self.speed_mps = 5.0
        self.latitude_deg, self.longitude_deg = 47.0, 13.0

    def state(self, t_s: float) -> AirState:
        return AirState(
            t_s, self.latitude_deg + 1e-5 * t_s, self.longitude_deg, self.altitude_m, 500.0,
            self.climb_mps, self.speed_mps, 90.0,
        )


class AirDesk:
    """Two antennas and clear air."""

    def __init__(self, distance_m: float = 30_000.0) -> None:
        self.clock = SimClock(0)
        clear = [GilbertElliott(part_rng(1, name), 0.0) for name in ("down", "up")]
        wear = [FrameDamage(part_rng(1, name)) for name in ("down", "up")]
        for direction in wear:
            direction.none()
        self.channel = Channel(
            self.clock, HdlcAirtime(100, 2_400, 400, 16), part_rng(1, "channel"),
            OpenAir(lambda: distance_m),
            (clear[0], clear[1]), (wear[0], wear[1]),
        )
        self.sent: list[tuple[bytes, int]] = []
        self.radio = SimRadio(
            self.clock, self.channel, 222, lambda frame, end: self.sent.append((frame, end))
        )


class ChipBench:
    """A clock, a bus with four chips, and the air and the supply around them."""

    def __init__(
        self, trimming: Trimming = EXAMPLE_TRIMMING,
        trimming_388: Trimming388 = EXAMPLE_TRIMMING_388,
    ) -> None:
        self.clock = SimClock(0)
        self.air_now = (20.0, 101_325.0, 40.0)
        self.supply = (3_700.0, 400.0)
        self.bme280 = Bme280Chip(self.clock, lambda: self.air_now, Quiet(1), trimming)
        self.bmp388 = Bmp388Chip(self.clock, lambda: self.air_now, Quiet(1), trimming_388)
        self.ina219 = Ina219Chip(lambda: self.supply, Quiet(1))
        self.ina226 = Ina226Chip(lambda: self.supply, Quiet(1))
        self.bus = FakeI2cBus({
            0x76: self.bme280, 0x77: self.bmp388, 0x40: self.ina219, 0x41: self.ina226,
        })
        self.drivers: dict[str, Sensor] = {
            "bme280": Bme280(self.bus, 0x76), "bmp388": Bmp388(self.bus, 0x77),
            "ina219": Ina219(self.bus, 0x40), "ina226": Ina226(self.bus, 0x41),
        }

    def read(self, name: str) -> dict[str, float]:
        """The next reading once the chip has started, a second a try."""
        for _ in range(6):
            self.clock.now_ms += 1_000
            try:
                return self.drivers[name].read(self.clock.now_ms).values
            except DeviceTimeout:
                continue
        raise AssertionError("the chip never started")

    def one(self, name: str) -> Reading:
        """One read, whatever comes of it."""
        self.clock.now_ms += 1_000
        return self.drivers[name].read(self.clock.now_ms)
