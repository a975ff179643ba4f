"""The real station under a flood from this very machine: it hears, answers, and says little.

Nothing here waits for a time: the test goes on when the station has said what it waits for.
"""

from __future__ import annotations

import json
import re
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from groundstation import process_limits
from groundstation.web import server
from tests.groundstation.far_end import FarEnd, state_at
from tests.groundstation.test_ground_command import ENV, free_port
from wire.modems import kiss

WAIT_S = 60  # a bound for a hung test, never the measure of a passing one
FLOOD = 1_100  # more than select() takes
LINES_MAX = 20
UNFINISHED = b"POST /api/ask HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\nhalf"


class Station:
    """``serve``, the modem for whoever connects."""

    def __init__(self, mission: Path, log: Path) -> None:
        self.web_port = int(re.search(r"web_port = (\d+)", mission.read_text())[1])
        self.radio_port = free_port()
        self.log = log
        with log.open("wb") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "groundstation", "serve", "-m", str(mission),
                 "--listen", f"127.0.0.1:{self.radio_port}"],
                env=ENV, stdout=subprocess.PIPE, stderr=stderr)
        assert self.process.stdout
        assert b"The page is at" in self.process.stdout.readline(), log.read_text()

    def connect(self, port: int, sent: bytes = b"") -> socket.socket:
        peer = socket.create_connection(("127.0.0.1", port), timeout=WAIT_S)
        peer.sendall(sent)
        return peer

    def get(self, path: str) -> bytes:
        """The body of the page's answer."""
        request = f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n".encode()
        with self.connect(self.web_port, request) as peer:
            head, _, body = _read_all(peer).partition(b"\r\n\r\n")
        assert b" 200 " in head.splitlines()[0], head
        return body

    def follow(self) -> Iterator[dict]:
        """Every update of the live stream."""
        request = b"GET /api/events?after=0 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        with self.connect(self.web_port, request) as peer:
            lines = peer.makefile("rb")
            assert b" 200 " in lines.readline()
            for line in lines:
                if line.startswith(b'data: {"now_ms"') and b'"flight"' in line:
                    yield json.loads(line[6:])

    def descriptors(self) -> int:
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def end(self) -> list[str]:
        """What it wrote into its log."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(WAIT_S) == 0, self.log.read_text()[-2000:]
        return self.log.read_text().splitlines()


def _read_all(peer: socket.socket) -> bytes:
    data = b""
    while piece := peer.recv(65_536):
        data += piece
    return data


@pytest.fixture
def station(mission, tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2 * FLOOD:
        pytest.skip(f"this process may not have {2 * FLOOD} descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2 * FLOOD), hard))
    running = Station(mission, tmp_path / "station.log")
    yield running
    running.process.kill()
    running.process.wait()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def heard(updates: Iterator[dict], count: int) -> None:
    """Return when the station has so many receptions."""
    assert any(update["flight"]["link"]["receptions"] >= count for update in updates)


def test_a_flood_of_unfinished_requests_ends_nothing(station):
    """1,100 of them ended the station, or filled its log with 71,000 tracebacks in 20 s."""
    far = FarEnd()
    radio = station.connect(station.radio_port, kiss.encode(far.beacon(state_at(0))))
    updates = station.follow()
    heard(updates, 1)
    flood = [station.connect(station.web_port, UNFINISHED) for _ in range(FLOOD)]
    assert json.loads(station.get("/api/flight"))["beacon"]["altitude_m"] == 40
    for at in range(1, 11):
        radio.sendall(kiss.encode(far.beacon(state_at(at))))
    heard(updates, 11)
    assert station.descriptors() < server.CONNECTIONS_MAX + 64
    another = station.connect(station.radio_port, kiss.encode(far.beacon(state_at(11))))
    heard(updates, 12)
    assert b"AI persona" in station.get("/api/flight") and station.get("/static/page.js")
    for peer in (*flood, radio, another):
        peer.close()
    updates.close()
    lines = station.end()
    assert len(lines) <= LINES_MAX and not any("Traceback" in line for line in lines), lines
    assert any("page_clients" in line for line in lines), "it is counted, and said"


@pytest.mark.thorough
def test_idle_radio_clients_and_noise_do_not_keep_the_payload_out(station):
    far = FarEnd()
    idle = [station.connect(station.radio_port) for _ in range(100)]
    noise = station.connect(station.radio_port, b"\xc0\x00A" * 50_000)
    updates = station.follow()
    radio = station.connect(station.radio_port, kiss.encode(far.beacon(state_at(0))))
    assert any(update["flight"]["beacon"] for update in updates)
    radio.sendall(kiss.encode(far.beacon(state_at(1))))
    assert any(update["flight"]["beacon"]["altitude_m"] == 45 for update in updates)
    for peer in (*idle, noise, radio):
        peer.close()
    updates.close()
    assert len(station.end()) <= LINES_MAX


@pytest.mark.thorough
def test_a_station_has_no_descriptor_that_select_does_not_take(station):
    told = Path(f"/proc/{station.process.pid}/limits").read_text()
    soft = re.search(r"Max open files +(\d+)", told)
    assert soft is not None and int(soft[1]) <= process_limits.DESCRIPTORS_MAX
    station.end()
