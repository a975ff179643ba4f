"""LoRa modules at the station: on a pty, and by the command that sets them up."""

from __future__ import annotations

import heapq
import os
import select
import threading
import tty
from pathlib import Path

import pytest

from groundstation.inputs import gateway
from groundstation.inputs.module_line import ModuleLine, set_up
from sim.fakes.ebyte import FakeEbyte
from sim.fakes.rylr import FakeRylr
from tests.sim.module_flights import RADIOS, over
from wire.mission_radio import RadioSection
from wire.modems import rylr
from wire.modems.radio_dialog import RadioFrame

ROOT = Path(__file__).resolve().parents[3]


class Desk:
    """A fake module at the far end of a pty, served by a thread; its time passes with each byte."""

    def __init__(self, name: str, link: Path) -> None:
        self.radio = RadioSection.model_validate({**RADIOS[name], "device": str(link)})
        self.now_ms = 0
        self._heap: list[tuple[int, int, object]] = []
        plan = lambda at_ms, act: heapq.heappush(self._heap, (at_ms, id(act), act))  # noqa: E731
        self.aired: list[bytes] = []
        send = lambda packet, end_ms: self.aired.append(packet.data)  # noqa: E731
        if self.radio.ebyte is None:
            self.module = FakeRylr(lambda: self.now_ms, plan, send)
        else:
            self.module = FakeEbyte(self.radio.ebyte.model, lambda: self.now_ms, plan, send)
            self.module.select(*self.radio.ebyte.model.configuration_pins)
        self._far, self._near = os.openpty()  # ours stays open: the line never hangs up
        tty.setraw(self._near)
        link.symlink_to(os.ttyname(self._near))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while not self._stop.is_set():
            if not select.select([self._far], [], [], 0.02)[0]:
                continue
            self.module.write(os.read(self._far, 4096))
            while self._heap:
                self.now_ms, _, act = heapq.heappop(self._heap)
                act()
            os.write(self._far, self.module.read(4096))

    def say(self, data: bytes) -> None:
        os.write(self._far, data)

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        os.close(self._near)
        os.close(self._far)


class Uptime:
    """A clock that moves with each look, so that no answer can be waited for in vain for ever."""

    def __init__(self) -> None:
        self.now_ms = 0

    def __call__(self) -> int:
        self.now_ms += 60
        return self.now_ms


@pytest.mark.parametrize("name", RADIOS)
def test_the_station_sets_up_its_module(name: str, tmp_path: Path) -> None:
    desk = Desk(name, tmp_path / "ttyUSB0")
    line = ModuleLine(desk.radio, Uptime(), has_mode_pins=True)
    told = set_up(line, 0.05)
    assert told.startswith(("E22 ", "E220 ", "E32 ", "RYLR998_")), told
    line.close()
    desk.close()


def test_a_rylr_at_the_station_carries_frames_both_ways(tmp_path: Path) -> None:
    desk = Desk("RYLR998", tmp_path / "ttyUSB0")
    line = ModuleLine(desk.radio, Uptime())
    assert not line.can_send(), "nothing is transmitted before it is set up"
    set_up(line, 0.05)
    assert line.can_send()
    line.write(b"uplink")
    assert not line.can_send()
    while not line.can_send():
        line.read(0.05)
    assert desk.aired == [rylr.send_command(b"uplink", False)[len("AT+SEND=0,8,"):-2]]
    data = rylr.send_command(b"downlink", False)[len("AT+SEND=0,10,"):-2]
    desk.say(b"+RCV=0,10,%s,-101,-4\r\n" % data)
    heard: list[RadioFrame] = []
    while not heard:
        heard = line.read(0.05)
    assert heard == [RadioFrame(b"downlink", -101, -4)]
    desk.close()
    with pytest.raises(OSError):
        for _ in range(3):
            line.read(0.05)
    line.close()


def test_a_module_that_does_not_answer_is_an_error_of_the_line(tmp_path: Path) -> None:
    """So the gateway opens it again, as it does every radio."""
    desk = Desk("RYLR998", tmp_path / "ttyUSB0")
    desk.module.is_silent = True
    line = ModuleLine(desk.radio, Uptime())
    with pytest.raises(OSError, match="RYLR998: does not answer"):
        set_up(line, 0.001)
    line.close()
    with pytest.raises(OSError):
        ModuleLine(desk.radio.model_copy(update={"device": str(tmp_path / "none")}), Uptime())
    desk.close()


def test_the_gateway_opens_the_modules_of_the_mission(tmp_path: Path) -> None:
    desk = Desk("E22", tmp_path / "ttyUSB0")
    plan = over("E22").model_copy(update={"radio": desk.radio})
    opened = gateway.opener(plan, Uptime())
    assert opened is not None
    line = opened()
    assert isinstance(line, ModuleLine) and line.name == str(tmp_path / "ttyUSB0")
    line.close()
    desk.close()
