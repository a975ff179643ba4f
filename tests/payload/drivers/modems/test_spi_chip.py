"""LoRa chips on SPI behind the drivers of payload and station: set up, sent, lost and back.

What is of one kind alone: ``test_sx1276.py``, ``test_sx1262.py``.
"""

from __future__ import annotations

import ctypes
import struct
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from groundstation.inputs import gateway
from groundstation.inputs.chip_line import ChipLine
from payload.ports import DeviceAbsent
from sim.fakes.lora_radio import AirPacket
from tests.payload.drivers.modems.chip_bench import SX1262, SX1276, Bench
from tests.sim.module_flights import CHIPS, over
from wire import mission_radio
from wire.mission_radio import LoraChipSection, Sx1276Section
from wire.modems import spi_device, sx1262, sx1276
from wire.modems.lora_chip import RETRY_MS, SENT_MS, ChipAbsent, ChipTimeout
from wire.modems.radio_dialog import HEARD_FRAMES_MAX, ModuleLost, RadioFrame
from wire.modems.spi_device import SpiDevice
from wire.modems.sx1276 import Sx1276


@pytest.fixture(params=[SX1276, SX1262], ids=["sx1276", "sx1262"])
def section(request: pytest.FixtureRequest) -> LoraChipSection:
    return request.param


def test_it_is_set_up_at_the_first_look_and_takes_a_frame(section: LoraChipSection) -> None:
    bench = Bench(section)
    assert bench.radio.identity is None
    assert bench.radio.offer(b"\x00\xff frame", 0)
    name = "SX1262" if section is SX1262 else "SX1276"
    assert bench.radio.identity == f"{name}, 868.5 MHz, SF9, 125 kHz, 14 dBm"
    (packet,) = bench.aired
    assert packet == AirPacket(b"\x00\xff frame", section.modulation, 868_500_000, 0x12)
    assert bench.airtime.modulation == packet.modulation


@pytest.mark.parametrize("size", [1, 255])
def test_the_next_frame_waits_until_the_chip_says_that_it_has_sent(
    section: LoraChipSection, size: int
) -> None:
    bench = Bench(section)
    bench.radio.mtu_bytes = 255
    assert bench.radio.offer(bytes(range(size)), 0)
    time_ms = bench.airtime.on_air_ms(size)
    assert not bench.radio.offer(b"next", 0)
    bench.wait(section.modulation.packet_ms(size) - 1)
    assert not bench.radio.is_idle(bench.now_ms)
    bench.wait(time_ms - bench.now_ms)
    assert bench.radio.offer(b"next", bench.now_ms), "the airtime is no shorter than the real one"
    assert [packet.data for packet in bench.aired] == [bytes(range(size)), b"next"]


@pytest.mark.parametrize(("rssi_dbm", "snr_db"), [(-97, 4), (-120, -7), (-60, 12), (-131, -20)])
@pytest.mark.parametrize("khz", [868_500, 434_000])
def test_frames_are_heard_with_their_strength(
    section: LoraChipSection, rssi_dbm: int, snr_db: int, khz: int
) -> None:
    bench = Bench(section.model_copy(update={"frequency_khz": khz}))
    bench.radio.poll(0)
    bench.hear(b"\x00\r\xe5 frame", rssi_dbm, snr_db)
    (heard,) = bench.radio.poll(bench.now_ms)
    assert heard.data == b"\x00\r\xe5 frame" and heard.snr_db == snr_db
    assert heard.rssi_dbm is not None and abs(heard.rssi_dbm - rssi_dbm) <= 1
    assert bench.radio.poll(bench.now_ms) == [], "told once"


@pytest.mark.parametrize("other", [
    {"network": 0x34}, {"channel": 868_300_000},
    {"modulation": Sx1276Section(frequency_khz=868_500, spreading=10).modulation},
])
def test_what_was_sent_otherwise_is_not_heard(
    section: LoraChipSection, other: dict[str, object]
) -> None:
    bench = Bench(section)
    bench.radio.poll(0)
    bench.hear(b"frame", **other)
    assert bench.radio.poll(bench.now_ms) == []


def test_a_damaged_packet_is_counted_and_the_next_one_heard(section: LoraChipSection) -> None:
    bench = Bench(section)
    bench.radio.poll(0)
    bench.fake.is_crc_failing = True
    bench.hear(b"damaged")
    assert bench.radio.poll(bench.now_ms) == [] and bench.chip.damaged_packets == 1
    bench.fake.is_crc_failing = False
    bench.hear(b"whole")
    assert [one.data for one in bench.radio.poll(bench.now_ms)] == [b"whole"]


def test_packets_go_round_the_end_of_the_fifo(section: LoraChipSection) -> None:
    bench = Bench(section)
    bench.radio.poll(0)
    for number in range(5):
        data = bytes([number]) * 200
        bench.hear(data)
        assert [one.data for one in bench.radio.poll(bench.now_ms)] == [data]


def test_it_is_deaf_until_it_was_seen_to_have_sent(section: LoraChipSection) -> None:
    """Why the downlink looks at a chip when the airtime is over."""
    bench = Bench(section)
    assert bench.radio.offer(b"beacon", 0)
    bench.wait(bench.airtime.on_air_ms(6))
    bench.hear(b"too early")
    assert bench.radio.poll(bench.now_ms) == []
    bench.hear(b"in time")
    assert [one.data for one in bench.radio.poll(bench.now_ms)] == [b"in time"]


def test_nobody_fetches_what_it_hears_and_it_stays_bounded(section: LoraChipSection) -> None:
    bench = Bench(section)
    bench.radio.is_idle(0)
    for number in range(HEARD_FRAMES_MAX + 3):
        bench.hear(bytes([number]))
        bench.radio.is_idle(bench.now_ms)
    heard = bench.radio.poll(bench.now_ms)
    assert len(heard) == HEARD_FRAMES_MAX and heard[0].data == b"\x03"


@pytest.mark.parametrize("floating", [0x00, 0xFF])
def test_a_bus_without_a_chip_is_absent_said_once_and_asked_again(
    section: LoraChipSection, floating: int
) -> None:
    bench = Bench(section)
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
    assert bench.radio.identity is None


def test_a_lost_chip_is_left_alone_for_a_second(section: LoraChipSection) -> None:
    transfers = 0

    class Silent:
        def transfer(self, data: bytes) -> bytes:
            nonlocal transfers
            transfers += 1
            return bytes(len(data))

    bench = Bench(section)
    bench.chip._spi = Silent()
    for now_ms in (0, 1, RETRY_MS - 1):
        with pytest.raises(ChipAbsent):
            bench.chip.step(now_ms)
    assert transfers == 1
    with pytest.raises(ChipAbsent):
        bench.chip.step(RETRY_MS)
    assert transfers == 2 and bench.chip.identity is None


@pytest.mark.parametrize("is_sending", [False, True])
def test_a_chip_that_lost_its_supply_is_set_up_again(
    section: LoraChipSection, is_sending: bool
) -> None:
    bench = Bench(section)
    bench.radio.poll(0)
    if is_sending:
        assert bench.radio.offer(b"frame", 0)
    bench.fake.restart()
    with pytest.raises(DeviceAbsent, match="was restarted"):
        bench.radio.poll(0)
    bench.wait(RETRY_MS)
    assert bench.radio.offer(b"again", bench.now_ms)
    assert bench.aired[-1].data == b"again" and bench.aired[-1].channel == 868_500_000


def test_a_chip_that_never_says_that_it_has_sent_is_lost(section: LoraChipSection) -> None:
    bench = Bench(section)
    bench.fake.is_stuck = True
    assert bench.radio.offer(b"frame", 0)
    limit_ms = section.modulation.packet_ms(5) + SENT_MS
    bench.wait(limit_ms - 1)
    bench.chip.step(bench.now_ms)
    bench.wait(1)
    with pytest.raises(ChipTimeout):
        bench.chip.step(bench.now_ms)
    bench.fake.is_stuck = False
    bench.wait(RETRY_MS)
    assert bench.radio.offer(b"again", bench.now_ms) and bench.aired[-1].data == b"again"


def test_a_bus_that_breaks_while_a_frame_is_handed_over_is_absent(section: LoraChipSection) -> None:
    bench = Bench(section)
    bench.radio.poll(0)

    class Broken:
        def transfer(self, data: bytes) -> bytes:
            if data[0] in (sx1276.WRITE, sx1262.WRITE_BUFFER):  # of the FIFO, of the buffer
                raise OSError(5, "Input/output error")
            return bench.fake.transfer(data)

    bench.chip._spi = Broken()
    with pytest.raises(DeviceAbsent, match="Input/output error"):
        bench.radio.offer(b"frame", 0)
    assert not bench.aired and bench.radio.identity is None


def test_the_station_hears_waits_its_turn_and_answers(section: LoraChipSection) -> None:
    bench = Bench(section)
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
            Sx1276(device, SX1276).step(0)
        device.close()


@given(section=st.sampled_from([SX1276, SX1262]), script=st.binary(min_size=1, max_size=64),
       looks=st.integers(1, 12))
def test_any_bytes_on_the_bus_are_a_chip_or_a_reason(
    section: LoraChipSection, script: bytes, looks: int
) -> None:
    """After a good start, whatever comes back."""
    bench = Bench(section)
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
