"""EBYTE and RYLR modules behind the driver that flies: set up, sent, lost and back."""

from __future__ import annotations

import heapq
import os
import select
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from gpiozero.pins.mock import MockFactory
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from payload.drivers.modems.serial_module import ModuleRadio
from payload.drivers.pins import ModulePins
from payload.drivers.serial_port import SerialStream
from payload.ports import DeviceAbsent
from sim.fakes.ebyte import FakeEbyte
from sim.fakes.lora_radio import AirPacket
from sim.fakes.radio_module import FakeModule
from sim.fakes.rylr import FakeRylr
from tests.payload.drivers.test_streams import WAIT_S, HandClock, open_pty
from tests.sim.module_flights import RADIOS
from wire.airtime import Airtime
from wire.mission_radio import RadioSection
from wire.modems import ebyte, rylr
from wire.modems.ebyte_dialog import AUX_MS_MAX
from wire.modems.module_dialogs import dialog_of
from wire.modems.radio_dialog import ModuleLost

NAMES = list(RADIOS)
LOOK_MS = 100  # the downlink looks so often whether its radio is idle


class Bench:
    """The driver over one fake module, and a clock that moves when told to."""

    def __init__(self, name: str, stream: object = None, has_pins: bool = True) -> None:
        self.section = RadioSection.model_validate(RADIOS[name])
        self.now_ms = 0
        self.aired: list[AirPacket] = []
        self._heap: list[tuple[int, int, Callable[[], None]]] = []
        self.module = self._module()
        dialog = dialog_of(self.section, has_pins)
        assert dialog is not None
        switch = self.module if isinstance(self.module, FakeEbyte) and has_pins else None
        self.airtime = Airtime.of(self.section)
        self.radio = ModuleRadio(
            stream or self.module, self.section.mtu_bytes, self.airtime, dialog, switch)

    def _module(self) -> FakeModule:
        def plan(at_ms: int, action: Callable[[], None]) -> None:
            heapq.heappush(self._heap, (at_ms, len(self._heap) + id(action), action))

        def send(packet: AirPacket, end_ms: int) -> None:
            self.aired.append(packet)

        if self.section.ebyte is None:
            return FakeRylr(lambda: self.now_ms, plan, send)
        return FakeEbyte(self.section.ebyte.model, lambda: self.now_ms, plan, send)

    def wait(self, passed_ms: int) -> None:
        end_ms = self.now_ms + passed_ms
        while self._heap and self._heap[0][0] <= end_ms:
            self.now_ms, _, action = heapq.heappop(self._heap)
            action()
        self.now_ms = end_ms

    def look_until(self, is_over: Callable[[], bool], looks: int = 100) -> None:
        """As the downlink does; a module that is lost in between is looked for again."""
        for _ in range(looks):
            with suppress(DeviceAbsent):
                self.radio.is_idle(self.now_ms)
            if is_over():
                return
            self.wait(LOOK_MS)
        raise AssertionError("it never came")

    def set_up(self) -> None:
        self.look_until(lambda: self.radio.is_idle(self.now_ms))


def lost_with(bench: Bench, limit_ms: int = 60_000) -> str:
    """Why the driver gives the module up."""
    end_ms = bench.now_ms + limit_ms
    while bench.now_ms < end_ms:
        try:
            bench.radio.poll(bench.now_ms)
        except DeviceAbsent as error:
            return str(error)
        bench.wait(LOOK_MS)
    return "never lost"


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_taken_before_the_module_is_set_up(name: str) -> None:
    """A record that counts as on its way has been given to a module that is on the air."""
    bench = Bench(name)
    assert not bench.radio.offer(b"early", 0) and bench.radio.identity is None
    bench.set_up()
    assert bench.radio.offer(b"frame", bench.now_ms)
    bench.wait(10_000)
    (packet,) = bench.aired
    assert packet.network == (5 if name == "E22" else 0 if "E" in name[:1] else packet.network)
    assert packet.modulation == bench.airtime.modulation
    told = {"E22": "channel 18, 2400 bit/s", "E32": "E32 320c14, channel 6",
            "RYLR998": "RYLR998_REYAX_V1.2.2, 868.5 MHz, SF9, 125 kHz, network 7"}
    assert told.get(name, "") in str(bench.radio.identity)


@pytest.mark.parametrize("name", NAMES)
def test_settings_that_are_right_are_not_written_to_its_flash_again(name: str) -> None:
    bench = Bench(name)
    bench.set_up()
    writes = bench.module.writes
    assert writes >= 1
    again = Bench(name, bench.module)
    again.module, again._heap = bench.module, bench._heap
    bench.radio._forget()
    bench.set_up()
    assert bench.module.writes == writes


@pytest.mark.parametrize("name", NAMES)
def test_the_next_frame_waits_for_the_airtime_and_for_the_module(name: str) -> None:
    bench = Bench(name)
    bench.set_up()
    frame = bytes(range(bench.section.mtu_bytes))
    assert bench.radio.offer(frame, bench.now_ms)
    time_ms = bench.airtime.on_air_ms(len(frame))
    assert not bench.radio.offer(b"next", bench.now_ms)
    bench.wait(time_ms - 1)
    assert not bench.radio.is_idle(bench.now_ms)
    bench.wait(50)  # its answer
    bench.radio.poll(bench.now_ms)
    assert bench.radio.offer(b"next", bench.now_ms), "the airtime is no shorter than the real one"


@pytest.mark.parametrize("name", NAMES)
def test_frames_are_heard_with_their_strength(name: str) -> None:
    bench = Bench(name)
    bench.set_up()
    assert bench.radio.offer(b"\x00\r\n+,\xe5 frame", bench.now_ms)
    bench.wait(10_000)
    bench.radio.poll(bench.now_ms)
    for packet in bench.aired:
        bench.module.hear(packet, -97, 4)
    bench.wait(100)
    (heard,) = bench.radio.poll(bench.now_ms)
    assert heard.data == b"\x00\r\n+,\xe5 frame"
    assert heard.rssi_dbm == (None if name == "E32" else -97)
    assert heard.snr_db == (4 if name.startswith("RYLR") else None)


@pytest.mark.parametrize("name", NAMES)
def test_a_module_that_falls_silent_is_lost_and_found_again(name: str) -> None:
    bench = Bench(name)
    bench.module.is_silent = True
    with capture_logs() as logs:
        assert "does not answer" in lost_with(bench)
        lost_with(bench)
    assert [each["event"] for each in logs] == ["radio_module_lost"], "logged once"
    assert bench.radio.identity is None
    bench.module.is_silent = False
    bench.set_up()
    bench.module.is_unplugged = True
    assert "unplugged" in lost_with(bench)
    bench.module.is_unplugged = False
    bench.set_up()
    assert bench.radio.offer(b"again", bench.now_ms)


def test_an_ebyte_whose_aux_stays_low_is_lost() -> None:
    bench = Bench("E22")
    bench.set_up()
    bench.module.is_aux_stuck = True
    assert not bench.radio.offer(b"frame", bench.now_ms)
    assert lost_with(bench, AUX_MS_MAX + 1000) == "E22: AUX has been low for 30 s"
    bench.module.is_aux_stuck = False
    bench.set_up()


@pytest.mark.parametrize("name", ["E22", "E220", "E32"])
def test_an_ebyte_that_refuses_or_is_another_model_is_named(name: str) -> None:
    bench = Bench(name)
    bench.module.refuses = True
    assert lost_with(bench) == f"{name}: the module refused the command"


def test_an_ebyte_without_pins_is_used_as_it_is_set() -> None:
    bench = Bench("E22", has_pins=False)
    bench.module.select(0, 0)
    bench.set_up()
    assert bench.radio.identity is None and bench.module.writes == 0
    assert bench.radio.offer(b"frame", bench.now_ms)
    assert ebyte.Decoder(False).feed(bench.aired[0].data)[0].frame == b"frame"


def test_a_rylr_that_restarts_is_asked_again() -> None:
    bench = Bench("RYLR998")
    bench.set_up()
    bench.module.settings["PARAMETER"] = "12,7,1,12"
    bench.module.restart()
    bench.wait(100)
    bench.look_until(lambda: bench.module.settings["PARAMETER"] == "9,7,1,12")
    bench.set_up()


def test_a_rylr_that_sends_nothing_is_lost_with_its_reason() -> None:
    """One error may be the channel's; three frames in a row are the module's."""
    bench = Bench("RYLR998")
    bench.set_up()
    bench.module.failing_code = 10
    for _ in range(2):
        assert bench.radio.offer(b"frame", bench.now_ms)
        bench.wait(5000)
        bench.set_up()
    assert bench.radio.offer(b"frame", bench.now_ms)
    assert lost_with(bench) == "RYLR998: sent none of 3 frames: +ERR=10"


def test_a_firmware_that_cuts_at_zero_carries_every_frame_as_base85() -> None:
    bench = Bench("RYLR998")
    bench.module.is_binary_unsafe = True
    bench.set_up()
    assert bench.radio.offer(bytes(150), bench.now_ms)
    bench.wait(5000)
    bench.set_up()
    assert len(bench.aired) == 1
    unsafe = Bench("RYLR998 binary")
    unsafe.module.is_binary_unsafe = True
    unsafe.set_up()
    assert unsafe.radio.offer(bytes(150), unsafe.now_ms)
    assert not unsafe.aired, "why is_binary_safe is false by default"


def test_a_packet_that_came_damaged_is_no_failure_to_send() -> None:
    bench = Bench("RYLR998")
    bench.set_up()
    for _ in range(4):
        assert bench.radio.offer(b"frame", bench.now_ms)
        bench.module._answer("ERR=12")
        bench.wait(5000)
        bench.set_up()
    assert len(bench.aired) == 4


@pytest.mark.parametrize("name", ["E22", "RYLR998"])
def test_over_a_real_serial_port_that_vanishes_and_returns(name: str, tmp_path: Path) -> None:
    """Goal: the bytes of the dialog pass a tty unchanged. Method: a pty, a fake at its far end."""
    clock = HandClock()
    stream = SerialStream(os.fspath(tmp_path / "ttyUSB*"), 9600, clock)
    bench = Bench(name, stream)
    with pytest.raises(DeviceAbsent):
        bench.radio.poll(0)

    def serve(far: int) -> None:
        """Until the module is set up: what either end wrote is carried to the other."""
        for _ in range(200):
            bench.radio.is_idle(bench.now_ms)
            while select.select([far], [], [], 0.01)[0]:
                bench.module.write(os.read(far, 4096))
            bench.wait(LOOK_MS)
            out = bench.module.read(4096)
            if out:
                os.write(far, out)
                select.select([stream._port.fileno()], [], [], WAIT_S)
            if bench.radio.is_idle(bench.now_ms):
                return
        raise AssertionError("never set up")

    for port in ("ttyUSB0", "ttyUSB1"):
        far = open_pty(tmp_path / port)
        clock.now_s += 2
        serve(far)
        assert bench.radio.offer(b"frame", bench.now_ms)
        sent = ebyte.encode(b"frame") if name == "E22" else rylr.send_command(b"frame", False)
        assert os.read(far, 4096) == sent
        os.close(far)
        (tmp_path / port).unlink()
        with pytest.raises(DeviceAbsent):
            for _ in range(2):
                bench.radio.poll(bench.now_ms)
    stream.close()


def test_the_pins_of_a_module_are_outputs_low_until_the_mode_is_chosen() -> None:
    factory = MockFactory()
    pins = ModulePins(22, 27, 23, factory)
    assert (factory.pin(22).state, factory.pin(27).state) == (False, False)
    pins.select(1, 0)
    assert (factory.pin(22).state, factory.pin(27).state) == (False, True)
    factory.pin(23).drive_high()
    assert pins.is_aux_high() is True
    factory.pin(23).drive_low()
    assert pins.is_aux_high() is False
    with pytest.raises(DeviceAbsent):
        ModulePins(22, 5, None, factory)  # somebody holds it
    pins.close()
    without = ModulePins(22, 27, None, factory)
    assert without.is_aux_high() is None
    without.close()
    with pytest.raises(DeviceAbsent):
        without.select(0, 0)


@pytest.mark.parametrize("name", NAMES)
@given(chunks=st.lists(st.binary(max_size=40) | st.sampled_from(
    [b"\xc1\x00\x07", b"\xff\xff\xff", b"+OK\r\n", b"+READY\r\n", b"+ERR=1\r\n", b"+VER=",
     b"+MODE=0\r\n", b"+RCV=1,5,00000,-1,1\r\n", b"\xe5"]), max_size=30))
def test_any_bytes_of_a_module_are_an_answer_or_noise(name: str, chunks: list[bytes]) -> None:
    dialog = dialog_of(RadioSection.model_validate(RADIOS[name]), True)
    assert dialog is not None
    now_ms = 0
    for chunk in chunks:
        now_ms += 400
        try:
            assert len(dialog.step(chunk, now_ms)) < 100
        except ModuleLost as error:
            assert str(error) and "\n" not in str(error)
        if dialog.is_ready():
            dialog.send(b"frame", now_ms)
        assert len(dialog.take_heard()) <= 64
