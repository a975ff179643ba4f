"""Serial ports and TCP connections that go and come back, on ptys and local sockets."""

from __future__ import annotations

import os
import select
import socket
import termios
import tty
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from payload.drivers.modems.kiss_tnc import KissRadio
from payload.drivers.name_lookup import NameLookup
from payload.drivers.serial_port import (
    CONNECT_S_MAX,
    PENDING_BYTES_MAX,
    SerialStream,
    TcpStream,
    serial_ports,
)
from payload.ports import DeviceAbsent, DeviceTimeout
from wire.airtime import HdlcAirtime
from wire.modems import kiss

WAIT_S = 30.0


class HandClock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def open_pty(link: Path) -> int:
    """A pty whose far end is at ``link``; returns our end."""
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    link.unlink(missing_ok=True)
    link.symlink_to(os.ttyname(theirs))
    os.close(theirs)
    return ours


def test_serial_port_that_vanishes_and_returns_under_another_name(tmp_path: Path) -> None:
    """Goal: bytes both ways, DeviceAbsent while it is gone, and again after a new name."""
    clock = HandClock()
    port = SerialStream(os.fspath(tmp_path / "ttyACM*"), 9600, clock)
    with pytest.raises(DeviceAbsent):
        port.read(10)
    far = open_pty(tmp_path / "ttyACM0")
    with pytest.raises(DeviceAbsent):
        port.read(10)  # looked for at most once a second
    clock.now_s += 1
    assert port.read(10) == b""
    os.write(far, b"$GNGGA")
    select.select([port._port.fileno()], [], [], WAIT_S)
    assert port.read(3) == b"$GN"
    assert port.read(100) == b"GGA"
    port.write(b"\xb5\x62")
    assert os.read(far, 10) == b"\xb5\x62"
    os.close(far)
    with pytest.raises(DeviceAbsent):
        for _ in range(2):
            port.read(10)
    (tmp_path / "ttyACM0").unlink()
    far = open_pty(tmp_path / "ttyACM1")
    clock.now_s += 1
    assert port.read(10) == b""
    port.write(b"again")
    assert os.read(far, 10) == b"again"
    port.close()
    os.close(far)


def test_serial_port_that_takes_nothing(tmp_path: Path) -> None:
    """Goal: a full line never blocks the core. Method: a pty that nobody reads."""
    far = open_pty(tmp_path / "ttyUSB0")
    port = SerialStream(os.fspath(tmp_path / "ttyUSB0"), 9600)
    with pytest.raises(DeviceTimeout):
        for _ in range(100):
            port.write(bytes(2048))
    assert len(port._pending) <= PENDING_BYTES_MAX
    port.close()
    os.close(far)


def test_a_port_that_vanishes_while_it_is_opened_is_absent(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug: what termios raises is no OSError, and ended the step."""
    far, near = os.openpty()
    really = termios.tcflush

    def unplugged(fd: int, queue: int) -> None:
        os.close(far)
        really(fd, queue)

    monkeypatch.setattr(termios, "tcflush", unplugged)
    with pytest.raises(DeviceAbsent):
        SerialStream(os.ttyname(near), 9600).read(100)
    os.close(near)


def test_serial_path_that_is_no_port(tmp_path: Path) -> None:
    """Goal: a plain file in the port's place is DeviceAbsent."""
    (tmp_path / "ttyS9").write_bytes(b"")
    with pytest.raises(DeviceAbsent):
        SerialStream(os.fspath(tmp_path / "ttyS9"), 9600).read(1)


def listen() -> socket.socket:
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(WAIT_S)
    return server


def test_tcp_refused_then_served_then_closed() -> None:
    """Goal: every way a modem program can be missing is DeviceAbsent, and it is found again."""
    server = listen()
    port = server.getsockname()[1]
    server.close()
    clock = HandClock()
    stream = TcpStream("localhost", port, clock)
    with pytest.raises(DeviceAbsent):
        for _ in range(2):
            stream.read(10)
    with pytest.raises(DeviceAbsent, match="not connected"):
        stream.write(b"x")
    server = socket.create_server(("127.0.0.1", port))
    server.settimeout(WAIT_S)
    clock.now_s += 1
    stream.write(b"first")
    peer, _ = server.accept()
    stream.read(10)
    assert peer.recv(10) == b"first"
    peer.sendall(b"abc")
    assert stream._socket is not None
    select.select([stream._socket], [], [], WAIT_S)
    assert stream.read(10) == b"abc"
    assert stream.read(10) == b""
    peer.close()
    select.select([stream._socket], [], [], WAIT_S)
    with pytest.raises(DeviceAbsent, match="closed"):
        stream.read(10)
    clock.now_s += 1
    assert stream.read(10) == b""
    stream.close()
    server.close()


def looked_up(stream: TcpStream, clock: HandClock) -> str:
    """What the stream says once the resolver has answered, "" when it is connected or connecting.

    It is asked again a second of its clock later, until it does not say that it is looking.
    """
    while True:
        clock.now_s += 1
        try:
            stream.read(1)
        except DeviceAbsent as error:
            if "looked up" not in str(error):
                return str(error)
        else:
            return ""


def test_a_resolver_that_hangs_does_not_delay_the_core() -> None:
    """Goal: a name is looked up beside it. Method: a resolver that waits until it is let go."""
    server, let_go, asked = listen(), Event(), []

    def resolve(host: str, port: int, **_: object) -> list[Any]:
        asked.append((host, port))
        let_go.wait(WAIT_S)
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", server.getsockname()[1]))]

    clock = HandClock()
    stream = TcpStream("modem.local", 8001, clock, lookup=NameLookup("modem.local", 8001, resolve))
    for _ in range(20):
        clock.now_s += 1
        with pytest.raises(DeviceAbsent, match=r"modem\.local:8001: the name is being looked up"):
            stream.read(1)
    let_go.set()
    assert looked_up(stream, clock) == ""
    server.accept()[0].close()
    assert asked == [("modem.local", 8001)], "one look-up at a time"
    stream.close()
    assert looked_up(stream, clock) == "" and len(asked) == 2, "for each connection"
    stream.close()
    server.close()


def test_a_name_that_nobody_knows_is_an_absent_modem() -> None:
    def resolve(host: str, port: int, **_: object) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    clock = HandClock()
    stream = TcpStream("nowhere", 1, clock, lookup=NameLookup("nowhere", 1, resolve))
    assert looked_up(stream, clock) == "nowhere:1: Name or service not known"


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_an_address_is_not_looked_up(host: str) -> None:
    def resolve(*_: object, **__: object) -> list[Any]:
        raise AssertionError("asked")

    assert NameLookup(host, 8001, resolve).poll() is not None


def test_a_modem_that_never_answers_is_gone_after_ten_seconds() -> None:
    """Goal: not after the two minutes of TCP. Method: a server whose queue is full."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            clock = HandClock()
            stream = TcpStream("127.0.0.1", port, clock)
            assert not stream.is_open()
            clock.now_s += CONNECT_S_MAX - 1
            assert not stream.is_open()
            clock.now_s += 1
            with pytest.raises(DeviceAbsent, match="does not answer"):
                stream.is_open()


def test_nothing_is_taken_before_the_connection_stands() -> None:
    """Goal: no record counts as on its way that never left. Method: as above, and a frame."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            stream = TcpStream("127.0.0.1", port, HandClock())
            radio = KissRadio(stream, 255, HdlcAirtime(100, 1200, 350, 0))
            for now_ms in range(0, 100_000, 1000):
                assert not radio.offer(b"frame", now_ms)
            stream.close()


def test_the_modem_is_told_its_head_and_tail_at_each_connection() -> None:
    server = listen()
    clock = HandClock()
    stream = TcpStream("127.0.0.1", server.getsockname()[1], clock)
    greeting = kiss.keying(300, 100)
    radio = KissRadio(stream, 255, HdlcAirtime(100, 1200, 400, 0), greeting=greeting)
    for now_ms in (0, 100_000):
        offer_when_open(radio, b"first", now_ms)
        offer_when_open(radio, b"second", now_ms + 50_000)
        peer, _ = server.accept()
        wanted = greeting + kiss.encode(b"first") + kiss.encode(b"second")
        got = b""
        while len(got) < len(wanted):
            got += peer.recv(1000)
        assert got == wanted
        peer.close()
        assert stream._socket is not None
        select.select([stream._socket], [], [], WAIT_S)
        with pytest.raises(DeviceAbsent):
            radio.poll(now_ms)
        clock.now_s += 1
    server.close()


def offer_when_open(radio: KissRadio, frame: bytes, now_ms: int) -> None:
    """The loop-back connects at the second look."""
    assert radio.offer(frame, now_ms) or radio.offer(frame, now_ms)


def test_kiss_radio_keeps_its_airtime() -> None:
    """Goal: a frame is offered only when the one before has left. Method: 1200 baud, 100 bytes."""
    server = listen()
    stream = TcpStream("127.0.0.1", server.getsockname()[1])
    airtime = HdlcAirtime(100, 1200, 350, 0)
    radio = KissRadio(stream, 255, airtime)
    assert radio.is_idle(0)
    offer_when_open(radio, b"\xc0" * 100, 0)
    airtime_ms = airtime.on_air_ms(100)
    assert 100 * 8 / 1.2 < airtime_ms < 2000
    assert not radio.offer(b"next", airtime_ms - 1)
    assert radio.offer(b"next", airtime_ms)
    peer, _ = server.accept()
    radio.poll(0)
    wanted = kiss.encode(b"\xc0" * 100) + kiss.encode(b"next")
    got = b""
    while len(got) < len(wanted):
        got += peer.recv(1000)
    assert got == wanted
    peer.sendall(kiss.encode(b"heard") + kiss.encode(b"not ours"))
    peer.close()
    server.close()
    radio._from_air = lambda frame: None if frame == b"not ours" else frame
    assert stream._socket is not None
    select.select([stream._socket], [], [], WAIT_S)
    assert [frame.data for frame in radio.poll(0)] == [b"heard"]
    with pytest.raises(DeviceAbsent):
        for _ in range(2):
            radio.poll(0)
    assert radio.is_idle(10_000)
    with pytest.raises(DeviceAbsent):
        radio.offer(b"lost", 10_000)
    assert radio.is_idle(10_000)  # what was never sent takes no airtime


def test_a_port_with_two_names_is_listed_once(tmp_path: Path) -> None:
    """On a Pi /dev/serial0 is a link to /dev/ttyAMA0 or ttyS0."""
    (tmp_path / "ttyAMA0").touch()
    (tmp_path / "serial0").symlink_to("ttyAMA0")
    (tmp_path / "ttyUSB1").touch()
    names = ("serial0", "ttyAMA0", "ttyACM*", "ttyUSB*")
    found = serial_ports(tuple(str(tmp_path / name) for name in names))
    assert found == [str(tmp_path / "serial0"), str(tmp_path / "ttyUSB1")]
