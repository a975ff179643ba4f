"""Two real ends of the socket: wishes are granted, silence and the end put everything back."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

from payload.drivers import powersave
from payload.drivers.power_switches import PowerSwitches
from payload.drivers.powersave_socket import PowersaveSocket
from tests.payload.drivers.test_power_switches import Pi

WAIT_S = 10.0


class Recorder(PowerSwitches):
    """Notes what is turned, and says when."""

    def __init__(self, pi: Pi) -> None:
        self.turned: list[tuple[bool, bool]] = []
        self.news = threading.Semaphore(0)
        super().__init__(pi.ledger, pi.sysfs, pi.rfkill)

    def turn(self, is_away: bool, is_idle: bool) -> None:
        super().turn(is_away, is_idle)
        self.turned.append((is_away, is_idle))
        self.news.release()


def serve(folder: Path, switches: Recorder, silence_s: float = WAIT_S) -> None:
    """In a thread that ends with the tests."""
    arguments = powersave.opened(folder), switches, silence_s
    threading.Thread(target=powersave.serve, args=arguments, daemon=True).start()


def test_a_wish_is_granted_and_garbage_puts_back(tmp_path: Path) -> None:
    switches = Recorder(Pi(tmp_path))
    serve(tmp_path, switches)
    saver = PowersaveSocket(tmp_path)
    for wish in ((True, True), (True, False)):
        saver.ask(*wish)
        while switches.turned[-1] != wish:
            assert switches.news.acquire(timeout=WAIT_S)
    saver._socket.sendto(b"garbage", str(tmp_path / powersave.SOCKET))
    while switches.turned[-1] != (False, False):
        assert switches.news.acquire(timeout=WAIT_S)
    saver.ask(is_away=True, is_idle=True)
    saver.close()  # the flight core stops in order
    while switches.turned[-2:] != [(True, True), (False, False)]:
        assert switches.news.acquire(timeout=WAIT_S)


def test_a_core_that_died_says_nothing_and_everything_comes_back(tmp_path: Path) -> None:
    switches = Recorder(Pi(tmp_path))
    serve(tmp_path, switches, silence_s=0.2)
    PowersaveSocket(tmp_path).ask(is_away=True, is_idle=True)
    while switches.turned[-2:] != [(True, True), (False, False)]:
        assert switches.news.acquire(timeout=WAIT_S)


def test_nobody_listens(tmp_path: Path) -> None:
    """Goal: the flight core never waits and never fails. Method: no folder, a dead socket, a full
    one."""
    absent = PowersaveSocket(tmp_path / "nothing")
    absent.ask(is_away=True, is_idle=True)
    assert absent.summary is None
    powersave.opened(tmp_path).close()
    dead = PowersaveSocket(tmp_path)
    dead.ask(is_away=True, is_idle=True)
    with powersave.opened(tmp_path):
        for _ in range(5_000):
            dead.ask(is_away=True, is_idle=True)
    dead.close()


def test_told(tmp_path: Path) -> None:
    (tmp_path / powersave.SUMMARY).write_text("in flight off: Wi-Fi\n")
    assert PowersaveSocket(tmp_path).summary is None  # left by a process that is gone
    with powersave.opened(tmp_path):
        assert PowersaveSocket(tmp_path).summary == "in flight off: Wi-Fi"


def test_an_end_puts_back_too(tmp_path: Path) -> None:
    """Goal: SIGTERM, which main turns into an exception. Method: a receive that raises it."""
    class Ending:
        said = iter((powersave.wish(is_away=True, is_idle=True),))

        def settimeout(self, seconds: float) -> None:
            pass

        def recv(self, size: int) -> bytes:
            for data in self.said:
                return data
            raise SystemExit(0)

    switches = Recorder(Pi(tmp_path))
    with contextlib.suppress(SystemExit):
        powersave.serve(Ending(), switches)  # type: ignore[arg-type]
    assert switches.turned[-2:] == [(True, True), (False, False)]
