"""The station as the modem, on loopback: nobody keeps out the modem, and nobody is waited for.

Every clock is the test's own; what is read was sent before it.
"""

from __future__ import annotations

import contextlib
import errno
import select
import socket

import pytest
from structlog.testing import capture_logs

from groundstation.archive.archive import Archive
from groundstation.ground import Ground
from groundstation.inputs import gateway, kiss_server, tcp
from groundstation.inputs.gateway import KissClient
from groundstation.inputs.kiss_server import (
    CLIENTS_MAX,
    PER_ADDRESS_MAX,
    UNSENT_BYTES_MAX,
    VERIFIED_MS,
    WRITE_MS,
    KissServer,
)
from groundstation.inputs.notices import LOG_EVERY_MS
from tests.groundstation.far_end import MASTER_KEY, SIGNED_MISSION, FarEnd, state_at
from wire.modems import kiss
from wire.modems.radio_dialog import RadioFrame

WAIT_S = 10  # a bound for a hung test, never the measure of a passing one
MODEM = "127.0.0.1"
FRAMES = 20_000  # more than any buffer takes


class Bench:
    """A server with a clock that the test moves; ``ours`` are the frames that our payload signed.
    """

    def __init__(self) -> None:
        self.now_ms = 0
        self.ours: set[bytes] = set()
        self.server = KissServer(
            "0.0.0.0", 0, lambda: self.now_ms, lambda frame: frame in self.ours)
        self.peers: list[socket.socket] = []

    def join(self, source: str = MODEM) -> socket.socket:
        """A new client, let in or turned away."""
        self.now_ms += 1
        before = self.server.notices.counts
        seen = before["joined"] + before["turned_away"]
        peer = socket.create_connection(
            ("127.0.0.1", self.server.port), timeout=WAIT_S, source_address=(source, 0))
        self.peers.append(peer)
        while before["joined"] + before["turned_away"] == seen:
            self.server.read(WAIT_S)
        return peer

    def say(self, peer: socket.socket, frame: bytes) -> list[bytes]:
        """What the server heard, once it has heard ``frame``."""
        peer.sendall(kiss.encode(frame))
        heard: list[bytes] = []
        while frame not in heard:
            heard += [one.data for one in self.server.read(WAIT_S)]
        return heard

    def is_in(self, peer: socket.socket) -> bool:
        """False once the server has hung up on it."""
        ready, _, _ = select.select([peer], [], [], 0)
        if not ready:
            return True
        with contextlib.suppress(ConnectionResetError):
            return peer.recv(1, socket.MSG_PEEK) != b""
        return False

    def close(self) -> None:
        for peer in self.peers:
            peer.close()
        self.server.close()


@pytest.fixture
def bench():
    opened = Bench()
    yield opened
    opened.close()


@pytest.mark.parametrize("sources", [
    [MODEM] * 100, [f"127.0.0.{n}" for n in range(2, 102)],
], ids=["one address", "a hundred addresses"])
def test_idle_clients_give_way_to_the_modem(bench, sources):
    """Eight that never said a word kept everybody else out for as long as they stayed."""
    idle = [bench.join(source) for source in sources]
    modem = bench.join()
    assert b"beacon" in bench.say(modem, b"beacon")
    assert bench.is_in(modem) and not bench.is_in(idle[0])
    assert len(bench.server._clients) <= CLIENTS_MAX
    assert bench.server.notices.counts["replaced"] == 101 - len(bench.server._clients)


def test_one_address_takes_half_of_the_places_at_most(bench):
    others = [bench.join(f"127.0.0.{n}") for n in (2, 3, 4)]
    for _ in range(20):
        bench.join("127.0.0.9")
    assert all(map(bench.is_in, others))
    assert len(bench.server._clients) == 3 + PER_ADDRESS_MAX


def test_who_speaks_stays_and_who_is_verified_is_never_replaced(bench):
    bench.ours = {b"signed"}
    modem, feeder = bench.join(), bench.join("127.0.0.2")
    bench.say(modem, b"signed")
    bench.say(feeder, b"a frame of somebody")
    for turn in range(60):
        bench.now_ms += 1000
        newcomer = bench.join(f"127.0.0.{turn % 9 + 3}")
        if turn >= 30:
            bench.say(newcomer, b"noise %d" % turn)
        if turn == 29:
            assert bench.is_in(feeder), "silent newcomers push out silent ones"
    assert bench.is_in(modem) and not bench.is_in(feeder)


def test_where_all_are_verified_a_newcomer_waits_until_one_falls_silent(bench):
    bench.ours = {b"signed"}
    verified = [bench.join(f"127.0.0.{n}") for n in range(2, 2 + CLIENTS_MAX)]
    for peer in verified:
        bench.say(peer, b"signed")
    assert not bench.is_in(bench.join("127.0.0.99"))
    bench.now_ms += VERIFIED_MS
    assert bench.is_in(bench.join("127.0.0.99")) and not bench.is_in(verified[0])
    assert bench.server.notices.counts["turned_away"] == 1


def test_the_modem_is_heard_before_a_flood_and_in_the_same_turn(bench):
    bench.ours = {b"signed"}
    flooders = [bench.join(f"127.0.0.{n}") for n in (2, 3)]
    modem = bench.join()
    flooders += [bench.join(f"127.0.0.{n}") for n in (4, 5)]
    bench.say(modem, b"signed")
    for flooder in flooders:
        flooder.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                flooder.send(kiss.encode(b"x") * 1000)
    bench.server.read(WAIT_S)  # from here on they stand before the modem in the kernel's list
    modem.sendall(kiss.encode(b"beacon"))
    heard = [one.data for one in bench.server.read(WAIT_S)]
    assert heard[0] == b"beacon" and len(heard) <= 4 * 1_100, "a little of each in one turn"


def test_a_client_that_takes_nothing_is_waited_for_by_nobody_and_hung_up_on(bench):
    """A write had two seconds for each client; thirty vanished ones were a minute for a frame."""
    stuck, modem = bench.join("127.0.0.2"), bench.join()
    stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    for _ in range(FRAMES):
        bench.server.write(bytes(220))
        assert modem.recv(4096)
        if bench.server.notices.counts["frames_unsent"] == 3:
            break
    assert bench.server.notices.counts["frames_unsent"] == 3
    assert len(bench.server._clients[0].unsent) <= UNSENT_BYTES_MAX
    bench.now_ms += WRITE_MS
    bench.server.read(0)
    assert bench.server.notices.counts["too_slow"] == 1 and bench.is_in(modem)
    assert [client.origin for client in bench.server._clients] == [MODEM]


def test_a_slow_client_gets_whole_frames_and_stays(bench):
    slow = bench.join()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    number, decoder, got = 0, kiss.Decoder(), []
    while number < FRAMES and bench.server.notices.counts["frames_unsent"] < 5:
        bench.server.write(number.to_bytes(4, "big") * 50)
        number += 1
    for _ in range(10_000):
        bench.now_ms += 100
        bench.server.read(0)
        if not bench.server._clients[0].unsent:
            break
        got += decoder.feed(slow.recv(2048))
    slow.settimeout(WAIT_S)
    bench.server.write(b"last")
    while b"last" not in got:
        got += decoder.feed(slow.recv(65_536))
    sent = [n.to_bytes(4, "big") * 50 for n in range(number)]
    assert got[:-1] == [frame for frame in sent if frame in set(got)], "in order and whole"
    assert len(got) - 1 == number - bench.server.notices.counts["frames_unsent"]
    assert decoder.bad_frames == 0 and bench.is_in(slow)


def test_comings_and_goings_are_said_once_a_minute(bench):
    with capture_logs() as logs:
        for _ in range(50):
            bench.join().close()
            bench.server.read(WAIT_S)
        assert [entry["joined"] for entry in logs] == [1]
        bench.now_ms += LOG_EVERY_MS
        bench.server.read(0)
    assert len(logs) == 2 and logs[1]["joined"] == 49
    assert logs[0]["event"] == logs[1]["event"] == "radio_clients"


def test_descriptors_beyond_1024_are_like_any_other(bench):
    """select() takes none of them, and ended the station."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2048:
        pytest.skip("this process may not have 2048 descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2048), hard))
    holders = [socket.socket() for _ in range(1100)]
    try:
        peer = bench.join()
        assert bench.server._clients[0].sock.fileno() > 1024
        assert bench.say(peer, b"beacon") == [b"beacon"]
        client = KissClient("127.0.0.1", bench.server.port)
        bench.server.read(WAIT_S)
        bench.server.write(b"hello")
        assert client.read(WAIT_S) == [RadioFrame(b"hello")]
        client.close()
    finally:
        for holder in holders:
            holder.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_peer_that_vanished_is_noticed_in_seconds(bench):
    """TCP alone would try for a quarter of an hour."""
    bench.join()
    sock = bench.server._clients[0].sock
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        timeout_ms = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
        assert timeout_ms == 1000 * tcp.VANISHED_S <= 30_000
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


@pytest.mark.parametrize(("host", "whose"), [
    ("192.168.7.2", "192.168.7.2"), ("::ffff:192.168.7.2", "192.168.7.2"),
    ("2001:db8:1:2::5", "2001:db8:1:2::/64"), ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
    ("fe80::1%eth0", "fe80::/64"), ("::1", "::/64"), ("testclient", "testclient"), ("", ""),
])
def test_whose_a_connection_is(host, whose):
    assert tcp.origin(host) == whose


def test_a_modem_that_takes_nothing_is_lost_and_tried_again(monkeypatch):
    monkeypatch.setattr(gateway, "WRITE_S", 0.01)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        road = KissClient("127.0.0.1", listener.getsockname()[1])
        modem, _ = listener.accept()
        with pytest.raises(OSError) as found:
            while True:
                road.write(bytes(65_536))
        assert isinstance(found.value, TimeoutError) or found.value.errno == errno.EPIPE
        road.close()
        modem.close()


def test_the_station_tells_its_payloads_frames(tmp_path):
    archive = Archive(tmp_path / "flight.sqlite", is_durable=False)
    key = SIGNED_MISSION.downlink_key(MASTER_KEY)
    station = Ground(SIGNED_MISSION, archive, None, key)
    far = FarEnd(None, SIGNED_MISSION)
    signed = far.beacon(state_at(0))
    assert station.is_verified(signed) and not station.is_verified(signed[:-1] + b"\0")
    assert not Ground(SIGNED_MISSION, archive, None).is_verified(signed)
    far.downlink_key = None
    assert not station.is_verified(far.beacon(state_at(1)))
    assert archive.last_reception_id() == 0
    archive.close()


def test_bounds_agree():
    assert PER_ADDRESS_MAX < CLIENTS_MAX and kiss_server.PROVE_EVERY_MS < VERIFIED_MS
    assert 2 * kiss.FRAME_BYTES_MAX < UNSENT_BYTES_MAX
