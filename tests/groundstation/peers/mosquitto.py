"""A real Mosquitto on a free port of this machine, which can be killed and started again."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path
from threading import Event
from time import monotonic

import pytest

READY_S = 10


def find_mosquitto() -> str:
    """The path of Mosquitto; skips the test by name where it is absent."""
    found = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if found:
        return found
    if os.environ.get("SPACEPI_REQUIRE_ALL") == "1":
        pytest.fail("Mosquitto is not installed and SPACEPI_REQUIRE_ALL is set")
    pytest.skip("Mosquitto is not installed")


class Mosquitto:
    """It keeps nothing on the disk: what it knew is gone when it is killed."""

    def __init__(self, folder: Path, *lines: str) -> None:
        self._program = find_mosquitto()
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        self._config = folder / "mosquitto.conf"
        self._config.write_text("\n".join((
            f"listener {self.port} 127.0.0.1", "persistence false", *lines)) + "\n")
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(
            [self._program, "-c", str(self._config)], stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        until_s = monotonic() + READY_S
        while monotonic() < until_s:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                Event().wait(0.02)
            else:
                return
        raise AssertionError("Mosquitto does not listen")

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()
