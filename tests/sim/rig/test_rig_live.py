"""What of the bench rig is live, against the drivers that fly: the modem of the payload, its HTTP
client, its serial port; and real children, whose log and disk are taken from them.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from payload.drivers.http import HttpClient
from payload.drivers.serial_port import SerialStream, TcpStream
from payload.ports import ApiFailed, ApiReply, ApiRequest, DeviceAbsent
from sim.fakes.services import SimHttp
from sim.radio.channel import Channel, GilbertElliott
from sim.radio.impairments import FrameDamage
from sim.radio.line_of_sight import OpenAir
from sim.rig import processes
from sim.rig.air import Modem, modems
from sim.rig.disk import BenchDisk
from sim.rig.internet import Internet
from sim.rig.live import Loop, NotifySocket, SerialLine
from sim.rig.processes import Process
from tests.sim.flights import mission
from wire.airtime import HdlcAirtime
from wire.envelope import Envelope
from wire.modems import kiss

WAIT_MS = 60_000  # a bound for a hung test, never the measure of a passing one


@pytest.fixture
def loop() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.close()


def wait(loop: Loop, is_over: Callable[[], bool]) -> None:
    end_ms = loop.clock.now_ms + WAIT_MS
    loop.run_until(lambda: is_over() or loop.clock.now_ms > end_ms)
    assert is_over()


# -- air, internet, receiver: the real drivers at the other end -------------------------------


class Air:
    """Two modems; the payload's with our own driver at it, the station's with a plain socket."""

    def __init__(self, loop: Loop, loss: float) -> None:
        rng = random.Random(1)
        self.channel = Channel(
            loop.clock, HdlcAirtime(100, 1_000_000, 0, 16), rng, OpenAir(lambda: 1_000.0),
            (GilbertElliott(rng, loss, 1.0), GilbertElliott(rng, loss, 1.0)),
            (FrameDamage(rng), FrameDamage(rng)))
        self.envelope = Envelope(mission())
        self.payload, self.station = modems(loop, self.channel, self.envelope)
        self.handed: list[bytes] = []
        self.payload.on_frame = self.handed.append
        self._loop = loop
        self.stream = TcpStream("127.0.0.1", self.payload.port.number, reopen_s=0.0)
        self.peer = socket.create_connection(("127.0.0.1", self.station.port.number))
        self.peer.setblocking(False)
        self.stream.read(1)
        self._decoder = kiss.Decoder()
        wait(loop, lambda: self.payload.is_used and self.station.is_used)

    def down(self, frame: bytes) -> None:
        self.stream.write(kiss.encode(self.envelope.wrap(frame)))

    def heard(self) -> list[bytes]:
        try:
            data = self.peer.recv(65_536)
        except BlockingIOError:
            return []
        return [self.envelope.unwrap(packet) or b"" for packet in self._decoder.feed(data)]


def test_frames_take_their_turns_through_the_air(loop: Loop) -> None:
    air = Air(loop, 0.0)
    sent = [bytes((0x40, 7, number)) * 20 for number in range(5)]
    for frame in sent:
        air.down(frame)
    heard: list[bytes] = []

    def all_heard() -> bool:
        heard.extend(air.heard())
        return len(heard) == 5

    wait(loop, all_heard)
    assert heard == sent == air.handed
    up = b"\x50\x07" + bytes(20)
    air.peer.send(kiss.encode(air.envelope.wrap(up)))
    read = bytearray()

    def is_read() -> bool:
        read.extend(air.stream.read(4096))
        return len(read) > 30

    wait(loop, is_read)
    assert air.envelope.unwrap(kiss.Decoder().feed(bytes(read))[0]) == up
    air.peer.close()


def test_a_modem_that_hung_up_refuses_until_it_is_back(loop: Loop) -> None:
    air = Air(loop, 0.0)
    air.payload.hang_up()
    refused = 0

    def is_refused() -> bool:
        nonlocal refused
        try:
            air.stream.read(1)
        except DeviceAbsent:
            refused += 1
        return refused >= 3

    wait(loop, is_refused)
    assert not air.payload.is_used
    number = air.payload.port.number
    air.payload.come_back()
    assert air.payload.port.number == number

    def is_back() -> bool:
        with suppress(DeviceAbsent):
            air.stream.read(1)
        return air.payload.is_used

    wait(loop, is_back)
    air.peer.close()


def test_a_modem_without_room_loses_what_comes(loop: Loop) -> None:
    """Method: the first frame is on the air for ever, and the queue behind it fills."""
    for_ever = 10**12
    modem = Modem(loop, Envelope(mission()), lambda frame: for_ever, lambda *_: None)
    for number in range(70):
        modem._take(kiss.encode(Envelope(mission()).wrap(bytes((0x40, number)))))
    assert modem.overrun_frames == 70 - 1 - 64
    modem.port.close()


def test_the_internet_answers_and_fails_as_it_was_drawn(loop: Loop) -> None:
    """Goal: each outcome of the simulated internet is seen by the driver that flies."""
    http = SimHttp(loop.clock, random.Random(4), lambda: 0.0)
    drawn: list[ApiReply | ApiFailed] = []

    def start(request: ApiRequest, now_ms: int) -> bool:
        http._due = (now_ms, outcomes[len(drawn)](request.request_id))
        drawn.append(http._due[1])
        return True

    http.start = start  # type: ignore[method-assign]
    outcomes = [
        lambda number: ApiReply(number, 200, b"Light cloud.", 5),
        lambda number: ApiReply(number, 404, b"no", 5),
        lambda number: ApiFailed(number, "unreachable"),
    ]
    internet, client = Internet(loop, http), HttpClient(timeout_s=WAIT_MS / 1000)
    got: list[ApiReply | ApiFailed] = []
    for number in range(3):
        url = f"http://127.0.0.1:{internet.port.number}/weather"
        assert client.start(ApiRequest(number, "weather", url), 0)

        def is_answered(count: int = number + 1) -> bool:
            answer = client.poll(0)
            got.extend([answer] if answer is not None else [])
            return len(got) == count

        wait(loop, is_answered)
    assert [getattr(answer, "status", None) for answer in got] == [200, 404, None]
    assert isinstance(got[0], ApiReply) and got[0].body == b"Light cloud."
    internet.port.close()


def test_a_receiver_that_vanishes_comes_back_under_its_name(loop: Loop, tmp_path: Path) -> None:
    line = SerialLine(loop, tmp_path / "gnss")
    taken = bytearray()
    line.on_data = taken.extend
    stream = SerialStream(str(tmp_path / "gnss"), 9600, reopen_s=0.0)
    for word in (b"$GNGGA,first", b"$GNGGA,second"):
        stream.read(1)
        line.write(word)
        read = bytearray()

        def is_read(read: bytearray = read, word: bytes = word) -> bool:
            read.extend(stream.read(100))
            return bytes(read) == word

        wait(loop, is_read)
        stream.write(b"poll")
        wait(loop, lambda: bytes(taken) == b"poll")
        taken.clear()
        line.unplug()
        with pytest.raises(DeviceAbsent):
            stream.read(100)
        assert not (tmp_path / "gnss").is_symlink()
        with pytest.raises(DeviceAbsent):
            stream.read(100)
        line.plug_in()
    line.unplug()


def test_notifications_come_through(loop: Loop) -> None:
    heard: list[str] = []
    ear = NotifySocket(loop, f"spacepi-test-{os.getpid()}", heard.append)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"READY=1", "\0" + ear.address[1:])
    wait(loop, lambda: heard == ["READY=1"])
    ear.close()


# -- processes and the disk -------------------------------------------------------------------


def run(loop: Loop, code: str, lines: list[str], statuses: list[int], **more: bool) -> Process:
    return Process(
        loop, [sys.executable, "-c", code], Path("/"), processes.environment(), lines.append,
        statuses.append, **more)


def test_a_process_is_heard_to_its_last_word(loop: Loop) -> None:
    lines: list[str] = []
    statuses: list[int] = []
    run(loop, "import sys; print('one'); sys.stderr.write('two\\n'); sys.exit(3)", lines, statuses)
    wait(loop, lambda: bool(statuses))
    assert (lines, statuses) == (["one", "two"], [3])


def test_a_muted_process_has_no_room_for_a_byte(loop: Loop) -> None:
    """Method: it asks, as the daemon's log does, whether it may write, and ends when it may not."""
    code = (
        "import select, sys\n"
        "poll = select.poll(); poll.register(2, select.POLLOUT)\n"
        "print('ready')\n"
        "while poll.poll(0): pass\n"
        "sys.exit(7)\n"
    )
    lines: list[str] = []
    statuses: list[int] = []
    process = run(loop, code, lines, statuses)
    wait(loop, lambda: lines == ["ready"])
    process.mute()
    wait(loop, lambda: bool(statuses))
    assert (lines, statuses) == (["ready"], [7])


def test_a_process_that_is_read_again_is_heard_again(loop: Loop) -> None:
    """Method: it writes without asking, which waits for the reader."""
    code = "print('ready')\nwhile True: print('word')\n"
    lines: list[str] = []
    statuses: list[int] = []
    process = run(loop, code, lines, statuses)
    wait(loop, lambda: len(lines) > 10)
    process.mute()
    process.unmute()
    count = len(lines)
    wait(loop, lambda: len(lines) > count + 1_000)
    process.signal(signal.SIGKILL)
    wait(loop, lambda: bool(statuses))
    assert set(lines[1:]) == {"word"}, "what filled the pipe is not shown"


@pytest.mark.parametrize("user", [0, 1000])
def test_a_full_disk_takes_nothing_until_there_is_room(
    loop: Loop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: int
) -> None:
    """Method: a child that writes a byte more, says how that went, and asks again when told to."""
    code = (
        "import os, signal\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])\n"
        f"handle = os.open({str(tmp_path / 'data' / 'file')!r}, os.O_WRONLY | os.O_CREAT)\n"
        "print('open')\n"
        "while True:\n"
        "    signal.sigwait([signal.SIGUSR1])\n"
        "    try: print(os.write(handle, bytes(8192)))\n"
        "    except OSError as error: print(error.strerror)\n"
    )
    monkeypatch.setattr(os, "geteuid", lambda: user)
    disk = BenchDisk(tmp_path / "data")
    lines: list[str] = []
    statuses: list[int] = []
    process = run(loop, code, lines, statuses)
    try:
        wait(loop, lambda: lines == ["open"])
        for act, words in (
            (lambda: None, ["8192"]), (lambda: disk.fill(process), ["No space left on device",
            "File too large"]), (lambda: disk.free(process), ["8192"]),
        ):
            act()
            lines.clear()
            process.signal(signal.SIGUSR1)
            wait(loop, lambda: bool(lines))
            assert lines[0] in words, disk.how
    finally:
        process.signal(signal.SIGKILL)
        wait(loop, lambda: bool(statuses))
        disk.close()
    assert (tmp_path / "data" / "file").stat().st_size == 2 * 8192, "kept when the disk is let go"
    assert not (tmp_path / "data" / "ballast").exists()

