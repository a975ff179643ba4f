"""The real daemon process over TCP: killed with -9 in mid-flight, it loses no committed record.

The test plays the modem: it accepts the daemon's KISS connection and decodes what is "on the air".
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from sim.fakes.card_disk import DeskStore
from wire import ax25, frames, horus, key_file, mission
from wire.auth import Authenticity
from wire.frames import (
    BeaconFrame,
    DataFrame,
    ImpostorFrame,
    IncarnationFrame,
    UnplacedFrame,
)
from wire.incoming import Receiver
from wire.modems import kiss
from wire.records import TIME_UNIT_MS, Priority, Record
from wire.session import Session

ROOT = Path(__file__).resolve().parents[2]
WAIT_S = 60  # a bound for a hung test, never the measure of a passing one


class Desk:
    """A folder with a mission, and a TCP port where the modem would be."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.server = socket.create_server(("127.0.0.1", 0))
        self.server.settimeout(WAIT_S)
        text = (ROOT / "mission.toml").read_text()
        port = self.server.getsockname()[1]
        text = text.replace("port = 8001", f"port = {port}")
        text = text.replace("rate_bps = 2400", "rate_bps = 200000")
        text = text.replace("housekeeping_s = 60", "housekeeping_s = 5")
        text = text.replace("beacon_ground_s = 30", "beacon_ground_s = 5")
        text = text.replace("i2c_bus = 1", "i2c_bus = 20")  # none there: everything is absent
        (path / "mission.toml").write_text(text)
        self.mtu_bytes = mission.load(path / "mission.toml").symbol_mtu_bytes
        self.receivers: dict[Session, Receiver] = {}  # the session told last is the last one
        self.heard: dict[int, Record] = {}
        self.authenticities: set[Authenticity] = set()
        self.keys: dict[int, bytes] = {}
        self.beacons = 0

    def start(self) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.Popen(
            [sys.executable, "-m", "payload", "run"], cwd=self.path, env=environment,
            stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )

    def hear(self, new_records: int, new_beacons: int) -> None:
        """Listen on a fresh connection until so many records and beacons came."""
        records, beacons = len(self.heard) + new_records, self.beacons + new_beacons
        connection, _ = self.server.accept()
        with connection:
            connection.settimeout(WAIT_S)
            decoder = kiss.Decoder()
            while len(self.heard) < records or self.beacons < beacons:
                data = connection.recv(4096)
                assert data, "the daemon hung up"
                for raw in decoder.feed(data):
                    self._take(raw)

    def _take(self, raw: bytes) -> None:
        packet = ax25.decode(raw)
        assert packet is not None and packet.source.callsign == "N0CALL"
        sessions = list(self.receivers)
        frame = frames.decode_downlink(packet.information, self.keys, lambda *_: sessions)
        if frame is None:
            assert horus.is_frame(packet.information)
            return
        assert not isinstance(frame, ImpostorFrame | UnplacedFrame), frame
        self.authenticities.add(frame.authenticity)
        if isinstance(frame, BeaconFrame):
            self.beacons += 1
        elif isinstance(frame, IncarnationFrame):
            self.receivers.setdefault(frame.session, Receiver(self.mtu_bytes))
        elif isinstance(frame, DataFrame):
            assert frame.session in (None, sessions[-1])
            for record in self.receivers[sessions[-1]].on_data(frame):
                self.heard[record.record_id] = record


@pytest.fixture
def desk(tmp_path: Path):
    desk = Desk(tmp_path)
    yield desk
    desk.server.close()


def test_kill_nine_in_mid_flight_loses_no_record(desk: Desk) -> None:
    for _ in range(3):
        process = desk.start()
        try:
            desk.hear(new_records=2, new_beacons=1)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait(WAIT_S)
    store = DeskStore(desk.path / "data" / "payload.sqlite")
    assert store.boot == 4
    assert list(desk.receivers) == [Session(store.incarnation, boot) for boot in (1, 2, 3)]
    aboard = {r.record_id: r for p in Priority for r in store.queued(p, 10_000)}
    assert desk.heard
    for number, record in desk.heard.items():
        stored = aboard[number]
        assert (record.kind, record.body) == (stored.kind, stored.body)
        assert 0 <= stored.time_ms - record.time_ms < TIME_UNIT_MS  # what the air rounds off
    for boot in range(1, 4):
        numbers = sorted(r.record_id for r in aboard.values() if r.boot == boot)
        assert numbers == list(range(numbers[0], numbers[-1] + 1)), "a number is missing"
    store.close()


def test_with_a_key_file_it_signs_what_it_sends(desk: Desk) -> None:
    master = bytes(range(32))
    key_file.create(desk.path / "mission.key", master)
    key = mission.load(desk.path / "mission.toml").downlink_key(master)
    assert key is not None
    desk.keys = {7: key}
    process = desk.start()
    try:
        desk.hear(new_records=1, new_beacons=1)
    finally:
        process.kill()
        process.wait(WAIT_S)
    assert desk.authenticities == {Authenticity.GENUINE}


def test_no_beacon_waits_for_the_text_codec(desk: Desk) -> None:
    """Method: it is never unpacked to the end."""
    process = subprocess.Popen(
        [sys.executable, "-c", "import time; from payload import __main__, onboard_files;"
         "onboard_files.codec = lambda persona: time.sleep(3600); __main__.main()", "run"],
        cwd=desk.path, env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        desk.hear(new_records=2, new_beacons=2)
    finally:
        process.kill()
        process.wait(WAIT_S)


def test_a_daemon_whose_store_vanished_is_another_incarnation(desk: Desk) -> None:
    """Drawn by the machine it runs on, and told behind the first beacon."""
    for _ in range(2):
        process = desk.start()
        try:
            desk.hear(new_records=1, new_beacons=1)
        finally:
            process.kill()
            process.wait(WAIT_S)
        shutil.rmtree(desk.path / "data")
    first, second = desk.receivers
    assert first.boot == second.boot == 1 and first.incarnation != second.incarnation
    assert len(desk.heard) >= 2


def test_sigterm_ends_it_cleanly(desk: Desk) -> None:
    process = desk.start()
    desk.hear(new_records=1, new_beacons=1)
    process.send_signal(signal.SIGTERM)
    assert process.wait(WAIT_S) == 0


def test_a_second_daemon_on_the_same_store_is_refused(desk: Desk) -> None:
    process = desk.start()
    try:
        desk.hear(new_records=0, new_beacons=1)
        second = subprocess.run(
            [sys.executable, "-m", "payload", "run"], cwd=desk.path, capture_output=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True, timeout=WAIT_S, check=False,
        )
        assert second.returncode == 2 and "another payload" in second.stderr
    finally:
        process.kill()
        process.wait(WAIT_S)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(None, "pass yours with --mission"), ("", "is empty"), ("[payload]\n", "is missing")],
)
def test_a_bad_mission_file_is_one_sentence(tmp_path: Path, content, sentence) -> None:
    if content is not None:
        (tmp_path / "mission.toml").write_text(content)
    result = subprocess.run(
        [sys.executable, "-m", "payload", "run"], cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=WAIT_S, check=False,
    )
    assert result.returncode == 2 and sentence in result.stderr
    assert "Traceback" not in result.stderr and len(result.stderr.strip().splitlines()) == 1
