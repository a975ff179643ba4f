"""The SX1276 behind the drivers of payload and station: set up, sent, lost and back."""

from __future__ import annotations

import ctypes
import heapq
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from groundstation.inputs import gateway
from groundstation.inputs.chip_line import ChipLine
from payload.drivers.modems.spi_chip import ChipRadio
from payload.ports import DeviceAbsent
from sim.fakes.lora_radio import AirPacket
from sim.fakes.sx1276 import FakeSx1276
from tests.sim.module_flights import CHIPS, over
from wire import mission_radio
from wire.airtime import Airtime
from wire.mission_radio import LoraChipSection, RadioSection
from wire.modems import spi_device, sx1276
from wire.modems.lora_chip import (
    RETRY_MS,
    SENT_MS,
    ChipAbsent,
    ChipGarbage,
    ChipTimeout,
    LoraChip,
)
from wire.modems.radio_dialog import HEARD_FRAMES_MAX, ModuleLost, RadioFrame
from wire.modems.spi_device import SpiDevice
from wire.modems.sx1276 import Sx1276

SECTION = LoraChipSection(frequency_khz=868_500)


class Bench:
    """A fake chip, its driver, and a clock that moves when told to."""

    def __init__(self, section: LoraChipSection = SECTION) -> None:
        self.now_ms = 0
        self.aired: list[AirPacket] = []
        self._heap: list[tuple[int, int, Callable[[], None]]] = []
        self.fake = FakeSx1276(
            lambda: self.now_ms, self._plan, lambda packet, end_ms: self.aired.append(packet))
        self.chip: LoraChip = Sx1276(self.fake, section)
        radio = RadioSection.model_validate({"kind": "sx1276", "sx1276": section.model_dump()})
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

    def hear(self, data: bytes, rssi_dbm: int = -97, snr_db: int = 4) -> None:
        """A packet as this chip itself would send it; it lies in the air before its end."""
        packet = AirPacket(data, SECTION.modulation, 868_500_000, SECTION.sync_word)
        self.wait(packet.modulation.packet_ms(len(data)))
        self.fake.hear(packet, rssi_dbm, snr_db)


def test_the_registers_of_the_data_sheet() -> None:
    """434 MHz is RegFrf's reset value, 6C8000; SF12 at 125 kHz is a symbol of 32.8 ms."""
    assert sx1276.frf(434_000_000) == 0x6C8000 and sx1276.frf(868_500_000) == 0xD92000
    slow = sx1276.settings(LoraChipSection(
        frequency_khz=434_000, spreading=12, coding=4, sync_word=0x34, power_dbm=17))
    assert [slow[at] for at in (0x06, 0x07, 0x08, 0x1D, 0x1E, 0x26, 0x39, 0x09)] == [
        0x6C, 0x80, 0x00, 0x78, 0xC4, 0x0C, 0x34, 0xFF]
    assert (slow[0x31], slow[0x2F], slow[0x36]) == (0x43, 0x40, 0x03), "errata 2.3"
    wide = sx1276.settings(LoraChipSection(
        frequency_khz=915_000, spreading=12, bandwidth_khz=500, power_dbm=2))
    assert (wide[0x36], wide[0x3A], wide[0x31], wide[0x26]) == (0x02, 0x64, 0xC3, 0x04)
    assert wide[0x09] == 0xF0 and 0x2F not in wide


@pytest.mark.parametrize(("spreading", "khz", "is_slow"), [
    (10, 125, False), (11, 125, True), (11, 250, False), (12, 250, True), (12, 500, False)])
def test_slow_symbols_are_optimised_for(spreading: int, khz: int, is_slow: bool) -> None:
    values = sx1276.settings(LoraChipSection.model_validate(
        {"frequency_khz": 868_500, "spreading": spreading, "bandwidth_khz": khz}))
    assert bool(values[0x26] & 0x08) is is_slow


def test_it_is_set_up_at_the_first_look_and_takes_a_frame() -> None:
    bench = Bench()
    assert bench.radio.told is None
    assert bench.radio.offer(b"\x00\xff frame", 0)
    assert bench.radio.told == "SX1276, 868.5 MHz, SF9, 125 kHz, 14 dBm"
    (packet,) = bench.aired
    assert packet == AirPacket(b"\x00\xff frame", SECTION.modulation, 868_500_000, 0x12)
    assert bench.airtime.modulation == packet.modulation


@pytest.mark.parametrize("size", [1, 255])
def test_the_next_frame_waits_until_the_chip_says_that_it_has_sent(size: int) -> None:
    bench = Bench()
    bench.radio.mtu_bytes = 255
    assert bench.radio.offer(bytes(range(size)), 0)
    time_ms = bench.airtime.on_air_ms(size)
    assert not bench.radio.offer(b"next", 0)
    bench.wait(SECTION.modulation.packet_ms(size) - 1)
    assert not bench.radio.is_idle(bench.now_ms)
    bench.wait(time_ms - bench.now_ms)
    assert bench.radio.offer(b"next", bench.now_ms), "the airtime is no shorter than the real one"
    assert [packet.data for packet in bench.aired] == [bytes(range(size)), b"next"]


@pytest.mark.parametrize(("rssi_dbm", "snr_db"), [(-97, 4), (-120, -7), (-60, 12), (-131, -20)])
@pytest.mark.parametrize("khz", [868_500, 434_000])
def test_frames_are_heard_with_their_strength(rssi_dbm: int, snr_db: int, khz: int) -> None:
    bench = Bench(LoraChipSection(frequency_khz=khz))
    bench.radio.poll(0)
    bench.wait(1000)
    packet = AirPacket(b"\x00\r\xe5 frame", SECTION.modulation, khz * 1000, 0x12)
    bench.fake.hear(packet, rssi_dbm, snr_db)
    (heard,) = bench.radio.poll(bench.now_ms)
    assert heard.data == b"\x00\r\xe5 frame" and heard.snr_db == snr_db
    assert heard.rssi_dbm is not None and abs(heard.rssi_dbm - rssi_dbm) <= 1
    assert bench.radio.poll(bench.now_ms) == [], "told once"


@pytest.mark.parametrize("other", [
    {"network": 0x34}, {"channel": 868_300_000},
    {"modulation": LoraChipSection(frequency_khz=868_500, spreading=10).modulation},
])
def test_what_was_sent_otherwise_is_not_heard(other: dict[str, object]) -> None:
    bench = Bench()
    bench.radio.poll(0)
    bench.wait(1000)
    ours = {"modulation": SECTION.modulation, "channel": 868_500_000, "network": 0x12}
    bench.fake.hear(AirPacket(b"frame", **{**ours, **other}), -90, 5)
    assert bench.radio.poll(bench.now_ms) == []


def test_a_damaged_packet_is_counted_and_the_next_one_heard() -> None:
    bench = Bench()
    bench.radio.poll(0)
    bench.fake.is_crc_failing = True
    bench.hear(b"damaged")
    assert bench.radio.poll(bench.now_ms) == [] and bench.chip.damaged_packets == 1
    bench.fake.is_crc_failing = False
    bench.hear(b"whole")
    assert [one.data for one in bench.radio.poll(bench.now_ms)] == [b"whole"]


def test_packets_go_round_the_end_of_the_fifo() -> None:
    bench = Bench()
    bench.radio.poll(0)
    for number in range(5):
        data = bytes([number]) * 200
        bench.hear(data)
        assert [one.data for one in bench.radio.poll(bench.now_ms)] == [data]


def test_it_is_deaf_until_it_was_seen_to_have_sent() -> None:
    """Why the downlink looks at a chip when the airtime is over."""
    bench = Bench()
    assert bench.radio.offer(b"beacon", 0)
    bench.wait(bench.airtime.on_air_ms(6))
    bench.hear(b"too early")
    assert bench.radio.poll(bench.now_ms) == []
    bench.hear(b"in time")
    assert [one.data for one in bench.radio.poll(bench.now_ms)] == [b"in time"]


def test_nobody_fetches_what_it_hears_and_it_stays_bounded() -> None:
    bench = Bench()
    bench.radio.is_idle(0)
    for number in range(HEARD_FRAMES_MAX + 3):
        bench.hear(bytes([number]))
        bench.radio.is_idle(bench.now_ms)
    heard = bench.radio.poll(bench.now_ms)
    assert len(heard) == HEARD_FRAMES_MAX and heard[0].data == b"\x03"


@pytest.mark.parametrize("floating", [0x00, 0xFF])
def test_a_bus_without_a_chip_is_absent_said_once_and_asked_again(floating: int) -> None:
    bench = Bench()
    bench.fake.is_unplugged, bench.fake.floating = True, floating
    with capture_logs() as logs:
        for _ in range(30):
            with pytest.raises(DeviceAbsent, match="nothing answers: check NSS, SCK, MOSI"):
                bench.radio.poll(bench.now_ms)
            bench.wait(100)
    assert [each["event"] for each in logs] == ["radio_chip_lost"]
    bench.fake.is_unplugged = False
    bench.wait(RETRY_MS)
    assert bench.radio.offer(b"frame", bench.now_ms)
    bench.fake.is_unplugged = True
    with pytest.raises(ChipAbsent, match="does not answer any more"):
        bench.chip.step(bench.now_ms)
    assert bench.radio.told is None


def test_a_lost_chip_is_left_alone_for_a_second() -> None:
    bench = Bench()
    transfers = 0

    class Counted:
        def transfer(self, data: bytes) -> bytes:
            nonlocal transfers
            transfers += 1
            return bytes(len(data))

    chip = Sx1276(Counted(), SECTION)
    for now_ms in (0, 1, RETRY_MS - 1):
        with pytest.raises(ChipAbsent):
            chip.step(now_ms)
    assert transfers == 1
    with pytest.raises(ChipAbsent):
        chip.step(RETRY_MS)
    assert transfers == 2 and bench.chip.told is None


def test_another_chip_and_one_that_keeps_no_settings_are_named() -> None:
    bench = Bench()
    bench.fake.registers[sx1276.VERSION] = 0x22  # an SX1272
    with pytest.raises(ChipGarbage, match="version 0x22 in place of 0x12"):
        bench.chip.step(0)
    bench = Bench()
    write = bench.fake._write
    bench.fake._write = lambda at, value: write(at, 0 if at == 0x08 else value)
    bench.chip = Sx1276(bench.fake, LoraChipSection(frequency_khz=868_501))
    with pytest.raises(ChipGarbage, match="register 0x08 holds 0x00 in place of 0x10"):
        bench.chip.step(0)


@pytest.mark.parametrize("is_sending", [False, True])
def test_a_chip_that_lost_its_supply_is_set_up_again(is_sending: bool) -> None:
    bench = Bench()
    bench.radio.poll(0)
    if is_sending:
        assert bench.radio.offer(b"frame", 0)
    bench.fake.restart()
    with pytest.raises(DeviceAbsent, match="was restarted, RegOpMode holds 0x09"):
        bench.radio.poll(0)
    bench.wait(RETRY_MS)
    assert bench.radio.offer(b"again", bench.now_ms)
    assert bench.aired[-1].data == b"again" and bench.aired[-1].channel == 868_500_000


def test_a_chip_that_never_says_that_it_has_sent_is_lost() -> None:
    bench = Bench()
    bench.fake.is_stuck = True
    assert bench.radio.offer(b"frame", 0)
    limit_ms = SECTION.modulation.packet_ms(5) + SENT_MS
    bench.wait(limit_ms - 1)
    bench.chip.step(bench.now_ms)
    bench.wait(1)
    with pytest.raises(ChipTimeout):
        bench.chip.step(bench.now_ms)
    bench.fake.is_stuck = False
    bench.wait(RETRY_MS)
    assert bench.radio.offer(b"again", bench.now_ms) and bench.aired[-1].data == b"again"


def test_a_bus_that_breaks_while_a_frame_is_handed_over_is_absent() -> None:
    bench = Bench()
    bench.radio.poll(0)

    class Broken:
        def transfer(self, data: bytes) -> bytes:
            if data[0] == sx1276.WRITE:  # of the FIFO
                raise OSError(5, "Input/output error")
            return bench.fake.transfer(data)

    bench.chip._spi = Broken()
    with pytest.raises(DeviceAbsent, match="Input/output error"):
        bench.radio.offer(b"frame", 0)
    assert not bench.aired and bench.radio.told is None


def test_the_station_hears_waits_its_turn_and_answers() -> None:
    bench = Bench()
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        bench.wait(round(1000 * seconds))

    bus = SpiDevice("/dev/spidev0.0")  # never opened
    line = ChipLine("/dev/spidev0.0", bench.chip, bus, lambda: bench.now_ms, pause)
    assert not line.can_send(), "nothing is transmitted before it is set up"
    assert line.read(0.2) == [] and sum(pauses) == pytest.approx(0.2) and line.can_send()
    bench.hear(b"beacon", -101, -4)
    assert line.read(0.2) == [RadioFrame(b"beacon", -101, -4)]
    assert not line.can_send(), "the payload does not listen yet"
    bench.wait(150)
    assert line.can_send()
    line.write(b"uplink")
    assert not line.can_send() and bench.aired[0].data == b"uplink"
    bench.wait(2000)
    line.read(0)
    assert line.can_send()
    bench.fake.is_unplugged = True
    with pytest.raises(OSError, match="does not answer"):
        line.read(0)
    line.close()


def test_the_gateway_opens_the_chip_of_the_mission(tmp_path: Path) -> None:
    plan = over("SX1276", device=str(tmp_path / "spidev0.0"))
    opened = gateway.opener(plan, lambda: 0)
    assert opened is not None
    line = opened()
    assert isinstance(line, ChipLine) and line.name == plan.radio.device
    with pytest.raises(OSError, match=r"spidev0\.0"):
        line.read(0)
    line.close()


def test_an_spi_transfer_is_one_request_to_the_kernel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Method: an ioctl that reads and writes the buffers at the addresses it is given, as the
    kernel does. linux/spi/spidev.h: 32 bytes, 'k' 0 for one message."""
    path = tmp_path / "spidev0.0"
    path.touch()
    asked: list[int] = []

    def ioctl(file: int, request: int, message: bytes) -> int:
        asked.append(request)
        if request == 0x40206B00:
            out, back, size, speed_hz, *rest = struct.unpack("=QQIIHBBBBBB", message)
            assert len(message) == 32 and not any(rest) and speed_hz == 1_000_000
            ctypes.memmove(back, bytes(byte ^ 0xFF for byte in ctypes.string_at(out, size)), size)
        return 0

    monkeypatch.setattr(spi_device.fcntl, "ioctl", ioctl)
    device = SpiDevice(str(path))
    assert device.transfer(b"\x42\x00\x01") == b"\xbd\xff\xfe"
    assert device.transfer(bytes(256)) == b"\xff" * 256
    assert asked == [0x40016B01, 0x40206B00, 0x40206B00], "opened once"
    device.close()
    assert device.transfer(b"\x00") == b"\xff" and asked[3:] == [0x40016B01, 0x40206B00]
    device.close()


def test_a_file_that_is_no_spi_bus_is_absent(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    for name, why in ((path, "ioctl"), (tmp_path / "none", "none")):
        device = SpiDevice(str(name))
        with pytest.raises(ChipAbsent, match=why):
            Sx1276(device, SECTION).step(0)
        device.close()


@given(script=st.binary(min_size=1, max_size=64), looks=st.integers(1, 12))
def test_any_bytes_on_the_bus_are_a_chip_or_a_reason(script: bytes, looks: int) -> None:
    """After a good start, whatever comes back."""
    bench = Bench()
    bench.chip.step(0)

    class Scripted:
        at = 0

        def transfer(self, data: bytes) -> bytes:
            self.at += 1
            return bytes(script[(self.at + n) % len(script)] for n in range(len(data)))

    bench.chip._spi = Scripted()
    for look in range(looks):
        with suppress(ModuleLost):
            bench.chip.step(look * 700)
            if bench.chip.is_ready():
                bench.chip.send(b"frame", look * 700)
        assert all(len(one.data) <= 255 for one in bench.chip.take_heard())


def test_every_kind_of_chip_has_its_table() -> None:
    assert {kind["kind"] for kind in CHIPS.values()} == set(mission_radio.CHIPS)
