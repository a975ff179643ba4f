"""A machine without llama.cpp, or with a damaged one: the core flies, and a sentence says why."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from wire import ax25, beacon, frames
from wire.beacon import FaultBits
from wire.frames import BeaconFrame
from wire.modems import kiss

ROOT = Path(__file__).resolve().parents[2]
WAIT_S = 60
ABSENT = "llama-cpp-python is not installed; systemd/install.sh installs it"
DAMAGED = "Failed to load shared library 'libllama.so': file too short"


def without(folder: Path) -> dict[str, str]:
    """An environment in which Python finds no llama_cpp."""
    (folder / "sitecustomize.py").write_text('import sys\nsys.modules["llama_cpp"] = None\n')
    return {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}


def damaged(folder: Path) -> dict[str, str]:
    """One whose llama_cpp fails as llama-cpp-python does where its library does not load."""
    (folder / "llama_cpp").mkdir()
    (folder / "llama_cpp/__init__.py").write_text(
        f'try:\n    raise OSError("dlopen")\nexcept OSError as e:\n'
        f'    raise RuntimeError({DAMAGED!r}) from e\n')
    return {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}


def ended(
    environment: dict[str, str], folder: Path, *words: str
) -> tuple[int, list[str]]:
    """Status and standard error of ``python -m words``."""
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=folder, env=environment, capture_output=True,
        text=True, timeout=WAIT_S, check=False)
    return done.returncode, done.stderr.splitlines()


WORKER = ("payload.mind_worker", "--bundle", "b", "--socket", "s")
ASSEMBLER = ("payload.assembly_worker", "--bundle", "b")
START = ("payload.mind_start", "--mission", str(ROOT / "mission.toml"), "--socket", "s",
         "--cache", "c")
ASSEMBLE = ("payload", "assemble", "--mission", str(ROOT / "mission.toml"))


@pytest.mark.parametrize(("words", "status", "says"), [
    (WORKER, 1, f"llama.cpp cannot be loaded: {ABSENT}"),
    (ASSEMBLER, 1, f"llama.cpp cannot be loaded: {ABSENT}"),
    (START, 3, f"There is no mind: {ABSENT}."), (ASSEMBLE, 2, f"No model can be made: {ABSENT}."),
])
def test_its_absence_is_one_sentence(
    tmp_path: Path, words: tuple[str, ...], status: int, says: str
) -> None:
    assert ended(without(tmp_path), tmp_path, *words) == (status, [says])


@pytest.mark.parametrize("words", [WORKER, ASSEMBLER])
def test_a_damaged_library_is_one_sentence_and_no_traceback(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    """Goal: the unit is started again every five seconds, and the journal is on a card."""
    assert ended(damaged(tmp_path), tmp_path, *words) == (
        1, [f"llama.cpp cannot be loaded: {DAMAGED}"])


@pytest.fixture
def modem(tmp_path: Path) -> Iterator[socket.socket]:
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(WAIT_S)
    text = (ROOT / "mission.toml").read_text()
    text = text.replace("port = 8001", f"port = {server.getsockname()[1]}")
    text = text.replace("i2c_bus = 1", "i2c_bus = 20")  # none there
    text = text.replace('"host_training/', f'"{ROOT}/host_training/')
    (tmp_path / "mission.toml").write_text(text)
    yield server
    server.close()


def test_the_core_flies_without_it_and_says_so(tmp_path: Path, modem: socket.socket) -> None:
    """Goal: absent from the first step, and not lost after two minutes. Method: the real daemon,
    told to start the worker too."""
    with (tmp_path / "log").open("wb") as log:
        daemon = subprocess.Popen(
            [sys.executable, "-m", "payload", "run", "--start-mind"], cwd=tmp_path,
            env=without(tmp_path), stdin=subprocess.DEVNULL, stderr=log)
    try:
        heard = _first_beacon(modem)
    finally:
        daemon.terminate()
        daemon.wait(WAIT_S)
    assert heard.faults & FaultBits.MIND
    said = (tmp_path / "log").read_text()
    assert ABSENT in said and "mind_absent" in said
    assert "mind_lost" not in said and "Traceback" not in said


def _first_beacon(modem: socket.socket) -> beacon.Beacon:
    connection, _ = modem.accept()
    decoder = kiss.Decoder()
    with connection:
        connection.settimeout(WAIT_S)
        while data := connection.recv(4096):
            for raw in decoder.feed(data):
                packet = ax25.decode(raw)
                frame = None if packet is None else frames.decode_downlink(packet.information)
                if isinstance(frame, BeaconFrame):
                    return beacon.decode(frame.state)
    raise AssertionError("the daemon hung up")


def test_preflight_calls_it_absent_and_not_failed(tmp_path: Path, modem: socket.socket) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "payload", "preflight", "--seconds", "1"], cwd=tmp_path, text=True,
        env=without(tmp_path), capture_output=True, check=False, timeout=WAIT_S)
    assert f"judge    mind       absent: {ABSENT}" in done.stdout, done.stdout + done.stderr
    assert "no-go    persona" not in done.stdout, "nobody could assemble its model"
