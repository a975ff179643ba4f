"""The real daemon on a disk that does not answer: no sync ends until the test says so.

The library that is compiled here and preloaded holds up fsync, as a card does that tidies up.
Nothing is timed: what must go on is heard while the sync still has not ended.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from payload.__main__ import DISK_STALLED
from tests.payload.drivers.test_systemd_units import need
from tests.payload.test_daemon import ROOT, WAIT_S, Desk
from wire import ax25, beacon, frames
from wire.beacon import FaultBits
from wire.frames import BeaconFrame, DataFrame
from wire.modems import kiss

BEACONS = 3
SOURCE = Path(__file__).with_name("stalled_sync.c")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is preloaded; needs a C compiler."""
    built = tmp_path_factory.mktemp("library") / "stalled_sync.so"
    subprocess.run([need("cc"), "-shared", "-fPIC", "-o", built, SOURCE, "-ldl"], check=True)
    return built


class Radio:
    """The modem of the daemon: what is on the air, one frame after the other."""

    def __init__(self, server: socket.socket) -> None:
        self._connection, _ = server.accept()
        self._connection.settimeout(WAIT_S)
        self._decoder = kiss.Decoder()
        self._frames: list[object] = []
        self.faults = FaultBits(0)  # of the latest beacon
        self.data_frames = 0

    def beacon(self) -> None:
        """Wait for the next."""
        while True:
            while self._frames:
                frame = self._frames.pop(0)
                self.data_frames += isinstance(frame, DataFrame)
                if isinstance(frame, BeaconFrame):
                    self.faults = FaultBits(beacon.decode(frame.state).faults)
                    return
            data = self._connection.recv(4096)
            assert data, "the daemon hung up"
            for raw in self._decoder.feed(data):
                packet = ax25.decode(raw)
                assert packet is not None
                self._frames.append(frames.decode_downlink(packet.information))

    def until(self, is_true: Callable[[], bool]) -> int:
        """Listen until it is; how many beacons that took."""
        beacons = 0
        while not is_true():
            self.beacon()
            beacons += 1
        return beacons


class StalledDesk(Desk):
    """A daemon whose syncs end only while ``stall`` is not there."""

    def __init__(self, path: Path, library: Path) -> None:
        super().__init__(path)
        self.stall, self.met = path / "stall", path / "stall.met"
        self._environment = {**os.environ, "PYTHONPATH": str(ROOT), "LD_PRELOAD": str(library),
                             "SPACEPI_STALL": str(self.stall)}

    @contextlib.contextmanager
    def flying(self) -> Iterator[tuple[subprocess.Popen[bytes], Radio]]:
        process = subprocess.Popen(
            [sys.executable, "-m", "payload", "run"], cwd=self.path, env=self._environment,
            stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield process, Radio(self.server)
        finally:
            process.kill()
            process.wait(WAIT_S)


@pytest.fixture
def desk(tmp_path: Path, library: Path) -> Iterator[StalledDesk]:
    desk = StalledDesk(tmp_path, library)
    yield desk
    desk.server.close()


def test_a_sync_that_does_not_end_stops_no_beacon_and_the_disk_returns(desk: StalledDesk) -> None:
    with desk.flying() as (_, radio):
        radio.until(lambda: radio.data_frames > 0)
        assert FaultBits.STORE not in radio.faults
        desk.stall.touch()
        radio.until(desk.met.exists)
        radio.until(lambda: FaultBits.STORE in radio.faults)
        for _ in range(BEACONS):
            radio.beacon()
        assert desk.stall.exists(), "it still has not ended"
        desk.stall.unlink()
        radio.until(lambda: FaultBits.STORE not in radio.faults)


@pytest.mark.thorough
def test_a_disk_that_does_not_answer_at_the_start_is_flown_without_and_joins(
    desk: StalledDesk,
) -> None:
    desk.stall.touch()
    with desk.flying() as (_, radio):
        for _ in range(BEACONS):
            radio.beacon()
        assert desk.met.exists() and FaultBits.STORE in radio.faults
        radio.until(lambda: radio.data_frames > 0)
        desk.stall.unlink()
        radio.until(lambda: FaultBits.STORE not in radio.faults)


def test_the_daemon_ends_though_its_disk_does_not_answer(desk: StalledDesk) -> None:
    with desk.flying() as (process, radio):
        radio.beacon()
        desk.stall.touch()
        radio.until(desk.met.exists)
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_S) == DISK_STALLED
