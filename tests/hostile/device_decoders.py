"""What chips on a bus and a satellite receiver say: ``payload.devices``, and a LoRa chip on SPI."""

from __future__ import annotations

import inspect
import itertools
import math
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial

from payload.devices.bme280 import Bme280
from payload.devices.bmp388 import Bmp388
from payload.devices.buses import I2cBus
from payload.devices.ddc import DdcStream
from payload.devices.ds18b20 import Ds18b20
from payload.devices.gnss_stream import GnssStreamParser
from payload.devices.gnss_ublox import UbloxGnss
from payload.devices.ina219 import Ina219
from payload.devices.ina226 import Ina226
from payload.devices.lsm6ds import Lsm6ds
from payload.devices.sht4x import Sht4x
from payload.ports import DeviceGarbage, DeviceTimeout, PortError, Sensor
from sim.chips.ddc import DdcPort
from sim.fakes.i2c_bus import FakeI2cBus
from sim.fakes.lora_chip import FakeLoraChip
from tests.hostile import seals
from tests.hostile.registry import CELLS, Decoder, Take, Tape, fresh, plain
from tests.payload.devices import (
    test_bme280,
    test_bmp388,
    test_ds18b20,
    test_ina,
    test_lsm6ds,
    test_sht4x,
)
from tests.payload.devices.i2c_fake import FakeBus
from tests.payload.devices.test_gnss_ublox import nmea, pvt
from tests.payload.drivers.modems.chip_bench import SX1262, SX1276, Bench
from wire.mission_radio import LoraChipSection
from wire.modems.radio_dialog import HEARD_FRAMES_MAX, ModuleLost


class ScriptedBus:
    """An I2C bus on which every read gives the next bytes of a script, round and round."""

    def __init__(self, script: bytes) -> None:
        self._script = itertools.cycle(script or b"\0")

    def read_byte_data(self, i2c_addr: int, register: int) -> int:
        return next(self._script)

    def read_i2c_block_data(self, i2c_addr: int, register: int, length: int) -> list[int]:
        return list(itertools.islice(self._script, length))

    def write_byte_data(self, i2c_addr: int, register: int, value: int) -> None:
        pass

    def write_i2c_block_data(self, i2c_addr: int, register: int, data: list[int]) -> None:
        pass

    def write_byte(self, i2c_addr: int, value: int) -> None:
        pass

    def read_bytes(self, i2c_addr: int, length: int) -> list[int]:
        return list(itertools.islice(self._script, length))


class ScriptedWire:
    """A thermometer that says ``data`` after each conversion."""

    def __init__(self, data: bytes) -> None:
        self._text = data.decode("ascii", "replace")

    def start(self) -> None:
        pass

    def poll(self) -> str | None:
        return self._text


def _device(kind: Callable[[I2cBus], Sensor], is_wide: bool, data: bytes) -> object:
    """A chip whose registers hold ``data``, and one that reads ``data`` whatever is asked."""
    fake, address = FakeBus(), inspect.signature(kind).parameters["address"].default
    fake.load(address, 0, data[:256])
    if is_wide:
        words = (int.from_bytes(data[at : at + 2], "big") for at in range(0, 512, 2))
        fake.words[address] = dict(enumerate(words))
    found = []
    for bus in (fake, ScriptedBus(data)):
        sensor = kind(bus)
        for second in range(5):
            try:
                values = sensor.read(second * 1000).values
            except PortError:
                continue
            assert all(map(math.isfinite, values.values())), values
            found.append(values)
    return found


def _thermometer(data: bytes) -> object:
    sensor = Ds18b20(ScriptedWire(data))
    with suppress(DeviceTimeout):
        sensor.read(0)
    try:
        return sensor.read(1000).values
    except DeviceGarbage:
        return None


def _hygrometer(data: bytes) -> object:
    sensor = Sht4x(ScriptedBus(data))
    with suppress(DeviceTimeout):
        sensor.read(0)
    try:
        values = sensor.read(1000).values
    except DeviceGarbage:
        return None
    assert 0 <= values["humidity_pct"] <= 100, values
    return values


def _registers(load: Callable[[FakeBus], None]) -> list[Tape]:
    bus = FakeBus()
    load(bus)
    (chip,) = bus.chips.values()
    return [(bytes(chip.get(register, 0) for register in range(256)),)]


def _words(bus: FakeBus) -> list[Tape]:
    (words,) = bus.words.values()
    return [(b"".join(words.get(at, 0).to_bytes(2, "big") for at in range(256)),)]


def _bmp388(bus: FakeBus) -> None:
    bus.load(test_bmp388.ADDRESS, 0x00, b"\x50")
    bus.load(test_bmp388.ADDRESS, 0x03, b"\x10" + (6_500_000).to_bytes(3, "little"))
    bus.load(test_bmp388.ADDRESS, 0x07, test_bmp388.RAW_T.to_bytes(3, "little"))
    bus.load(test_bmp388.ADDRESS, 0x31, test_bmp388.CALIBRATION)


class Line:
    """A serial line on which ``data`` has just arrived."""

    def __init__(self) -> None:
        self.data = b""

    def read(self, max_bytes: int) -> bytes:
        data, self.data = self.data[:max_bytes], self.data[max_bytes:]
        return data

    def write(self, data: bytes) -> None:
        pass


def _receiver() -> Take:
    line = Line()
    return _listening(line, UbloxGnss(line))


def _receiver_on_i2c() -> Take:
    line = Line()
    return _listening(line, UbloxGnss(DdcStream(FakeI2cBus({0x42: DdcPort(line)}))))


def _listening(line: Line, gnss: UbloxGnss) -> Take:
    times = itertools.count(0, 1000)

    def take(data: bytes) -> object:
        line.data += data
        fixes = gnss.poll(next(times))
        while line.data:
            fixes += gnss.poll(next(times))
        for fix in fixes:
            assert fix.latitude_deg is None or abs(fix.latitude_deg) <= 90
            assert fix.longitude_deg is None or abs(fix.longitude_deg) <= 180
        return fixes

    return take


def _sentences(second: int) -> tuple[bytes, ...]:
    """What a receiver without UBX says of one second."""
    clock, north = f"1200{second:02}.00", f"5204.{1234 + second}"
    return tuple(map(nmea, (
        f"GNGGA,{clock},{north},N,01312.4321,E,1,09,0.9,1234.5,M,45.0,M,,",
        f"GNRMC,{clock},A,{north},N,01312.4321,E,12.3,84.4,211126,,,A",
        "GNGSA,A,3,01,02,03,04,05,06,07,08,09,,,,1.5,0.9,1.2",
    )))


@cache
def gnss_tapes() -> list[Tape]:
    spoken = tuple(b"".join(_sentences(second)) for second in range(4))
    mixed = (pvt(), *_sentences(1), pvt(iTOW=216_001_000))
    return [mixed, (*_sentences(1), *_sentences(2)), spoken]


class RecordedSpi:
    """A LoRa chip that says ``data`` whatever it is asked, and zeros after that; or a fake one that
    is listened to."""

    def __init__(self, data: bytes = b"", fake: FakeLoraChip | None = None) -> None:
        self.data, self._fake = data, fake

    def transfer(self, data: bytes) -> bytes:
        if self._fake is not None:
            said = self._fake.transfer(data)
            self.data += said
            return said
        said, self.data = self.data[: len(data)], self.data[len(data) :]
        return said.ljust(len(data), b"\0")


def _lora_chip(section: LoraChipSection, data: bytes) -> object:
    """What is heard at the looks after a good start."""
    chip = Bench(section).chip
    chip._spi = RecordedSpi(data)
    with suppress(ModuleLost):
        chip.step(0)
    chip, spi = Bench(section).chip, RecordedSpi(data)
    chip.step(0)
    chip._spi = spi
    with suppress(ModuleLost):
        while spi.data:
            chip.step(0)
    heard = chip.take_heard()
    assert len(heard) <= HEARD_FRAMES_MAX
    for one in heard:
        assert 1 <= len(one.data) <= 255 and -200 < one.rssi_dbm <= 115 and abs(one.snr_db) <= 32
    return heard or None


def _lora_tapes(section: LoraChipSection) -> list[Tape]:
    bench = Bench(section)
    bench.chip.step(0)
    spi = RecordedSpi(fake=bench.fake)
    bench.chip._spi = spi
    for _ in range(2):
        bench.hear(b"frame", -100, -5)
        bench.chip.step(bench.now_ms)
    return [(spi.data,)]


DEVICES: list[Decoder] = [
    Decoder("payload.devices.gnss_stream", fresh(lambda: GnssStreamParser().feed), gnss_tapes,
            seal=seals.gnss, is_stream=True, cost=2, words=CELLS),
    Decoder("payload.devices.gnss_ublox", fresh(_receiver), gnss_tapes, seal=seals.gnss, cost=3,
            words=CELLS),
    Decoder("payload.devices.bme280", plain(partial(_device, Bme280, False)),
            lambda: _registers(test_bme280.chip), cost=2),
    Decoder("payload.devices.bmp388", plain(partial(_device, Bmp388, False)),
            lambda: _registers(_bmp388), cost=2),
    Decoder("payload.devices.ds18b20", plain(_thermometer),
            lambda: [(test_ds18b20.KERNEL.encode(),)]),
    Decoder("payload.devices.lsm6ds", plain(partial(_device, Lsm6ds, False)),
            lambda: _registers(test_lsm6ds.turning), cost=2),
    Decoder("payload.devices.ddc", fresh(_receiver_on_i2c), gnss_tapes, seal=seals.gnss, cost=4,
            words=CELLS),
    Decoder("payload.devices.sht4x", plain(_hygrometer),
            lambda: [(test_sht4x.answer(0x6666, 0x7333),)]),
    Decoder("payload.devices.ina219", plain(partial(_device, Ina219, True)),
            lambda: _words(test_ina.ina219(7400, 5000)), cost=5),
    Decoder("payload.devices.ina226", plain(partial(_device, Ina226, True)),
            lambda: _words(test_ina.ina226(3200, 4000)), cost=5),
    Decoder("wire.modems.sx1276", plain(partial(_lora_chip, SX1276)),
            lambda: _lora_tapes(SX1276), cost=5),
    Decoder("wire.modems.sx1262", plain(partial(_lora_chip, SX1262)),
            lambda: _lora_tapes(SX1262), cost=5),
]
