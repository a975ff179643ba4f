"""The real command: killed at any moment, fed over TCP, given every kind of bad input."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from functools import partial
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from groundstation import vendor
from groundstation.archive import connections, rawlog
from groundstation.archive.archive import Archive
from groundstation.ground import Ground
from groundstation.inputs import gateway
from groundstation.inputs.gateway import KissClient
from groundstation.inputs.kiss_server import KissServer
from groundstation.vendor import VendorError
from tests.groundstation.far_end import MISSION, START_MS, FarEnd, state_at
from wire.envelope import Envelope
from wire.mission import load as load_mission
from wire.modems import kiss
from wire.records import Kind

ENV = {**os.environ, "PYTHONUNBUFFERED": "1", "COLUMNS": "100", "NO_COLOR": "1"}


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Station:
    """A running ``serve``, fed by the test over KISS."""

    def __init__(self, mission: Path, *options: str) -> None:
        self.web_port = int(re.search(r"web_port = (\d+)", mission.read_text())[1])
        self.radio_port = free_port()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "groundstation", "serve", "-m", str(mission),
             "--listen", f"127.0.0.1:{self.radio_port}", *options],
            env=ENV, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert "http://127.0.0.1" in line, (line, self.process.communicate()[1])
        self.radio = self._connect()

    def _connect(self) -> socket.socket:
        deadline = time.monotonic() + 10
        while True:
            try:
                return socket.create_connection(("127.0.0.1", self.radio_port), timeout=5)
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.05)

    def acknowledged(self) -> int:
        url = f"http://127.0.0.1:{self.web_port}/api/flight"
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return json.load(answer)["link"]["receptions"]
        except OSError:
            return 0

    def wait_for(self, count: int) -> None:
        deadline = time.monotonic() + 15
        while self.acknowledged() < count:
            assert time.monotonic() < deadline, self.acknowledged()
            time.sleep(0.05)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.radio.close()


def test_kill_9_at_any_moment_loses_no_acknowledged_frame(mission, ground):
    far, sent = FarEnd(), []
    path = mission.parent / "archive" / "archive.sqlite"
    acknowledged = 0
    for turn in range(3):
        station = Station(mission)
        for i in range(120):
            frame = far.beacon(state_at(i + turn * 200))
            sent.append(frame)
            station.radio.sendall(kiss.encode(frame))
            if i == 60:
                station.wait_for(acknowledged + 20)
        acknowledged = station.acknowledged()
        os.kill(station.process.pid, signal.SIGKILL)
        station.process.wait()
        station.radio.close()
    archive = Archive(path)
    kept = [r.raw for r in archive.receptions()]
    assert len(kept) >= acknowledged >= 20
    remaining = iter(sent)
    assert all(raw in remaining for raw in kept), "in order, and nothing invented"
    assert [r.raw for r, _ in rawlog.read(archive.raw_path)] == kept
    archive.close()
    status, out, _ = ground("rebuild", "-m", mission)
    assert status == 0 and f"{len(kept)} receptions" in out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_systemd_end_it_well_even_with_a_page_open(mission, number):
    station = Station(mission)
    events = socket.create_connection(("127.0.0.1", station.web_port))
    events.sendall(b"GET /api/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    assert b"text/event-stream" in events.recv(4096)
    station.process.send_signal(number)
    out, err = station.process.communicate(timeout=10)
    assert station.process.returncode == 0 and "Traceback" not in err, (out, err)
    events.close()
    station.radio.close()


def test_a_log_of_the_served_network_has_no_token(mission):
    """Under systemd the output is the journal."""
    station = Station(mission, "--lan")
    path = mission.parent / "archive" / "access-tokens.json"
    assert path.stat().st_mode & 0o777 == 0o600
    told = station.process.stdout.readline()
    assert told == "Other devices need a link: `spacepi-ground links` prints them\n"
    station.process.send_signal(signal.SIGTERM)
    out, err = station.process.communicate(timeout=10)
    station.radio.close()
    tokens = json.loads(path.read_text())
    assert not any(token in out + err for token in tokens.values())


def test_a_payload_that_signs_nothing_has_no_key_to_give_away(mission, ground):
    """It was written, and whoever used it verified nothing."""
    from wire.auth import Direction, derive_key

    ground("keygen", "-m", mission)
    out = mission.parent / "fenn.key"
    status, _, err = ground("neighbour-key", out, "-m", mission)
    assert status == 1 and "signs nothing to verify" in err and not out.exists()
    mission.write_text(mission.read_text().replace("downlink_mac = false", "downlink_mac = true"))
    status, said, _ = ground("neighbour-key", out, "-m", mission)
    master = bytes.fromhex((mission.parent / "mission.key").read_text())
    assert status == 0 and "pretend" in said
    assert bytes.fromhex(out.read_text()) == derive_key(master, 7, Direction.DOWNLINK)


def test_a_key_makes_it_transmit_and_the_payload_hears_it(mission, ground):
    key_file = mission.parent / "mission.key"
    status, out, _ = ground("keygen", "-m", mission)
    assert status == 0 and key_file.stat().st_mode & 0o777 == 0o600
    assert "64 hex digits" in out and len(key_file.read_text().strip()) == 64
    status, _, err = ground("keygen", "-m", mission)
    assert status == 1 and "overwritten" in err
    from wire.auth import Direction, derive_key

    key = derive_key(bytes.fromhex(key_file.read_text()), 7, Direction.UPLINK)
    station, far, decoder = Station(mission), FarEnd(key), kiss.Decoder()
    station.radio.sendall(kiss.encode(far.beacon(state_at(0))))
    station.wait_for(1)
    assert ground("ask", "Is it cold?", "-m", mission)[0] == 0
    status, _, err = ground("ask", "x" * 161, "-m", mission)
    assert status == 1 and "160" in err
    status, _, err = ground("receive", "-m", mission)
    assert status == 1 and "another station" in err, "the archive has one owner"
    station.radio.sendall(kiss.encode(far.beacon(state_at(0), is_listening=True)))
    frames = []
    while not frames:
        frames = decoder.feed(station.radio.recv(4096))
    far.hear(frames[0], START_MS)
    assert list(far.questions.values()) == ["Is it cold?"]
    station.kill()


@pytest.mark.parametrize(("arguments", "words"), [
    (("serve", "-m", "absent.toml"), "absent.toml: no such mission file"),
    (("export", "out"), "no archive"),
    (("rebuild",), "no archive"),
    (("ask", "hi"), "no such key file"),
    (("receive",), "radio.kind is none"),
    (("receive", "--listen", "nowhere"), "HOST:PORT"),
    (("receive", "--listen", "127.0.0.1:99999"), "HOST:PORT"),
    (("receive", "--replay", "absent.raw"), "no such raw log"),
    (("receive", "--replay", "mission.toml"), "contains no reception"),
])
def test_bad_input_is_one_sentence_and_a_failure(mission, ground, monkeypatch, arguments, words):
    monkeypatch.chdir(mission.parent)
    status, _, err = ground(*arguments)
    last = err.strip().splitlines()[-1]
    assert status == 1 and last.startswith("spacepi-ground: ") and words in last, err


def test_a_port_in_use_is_said_plainly(mission, ground):
    port = int(re.search(r"web_port = (\d+)", mission.read_text())[1])
    with socket.create_server(("127.0.0.1", port)):
        status, _, err = ground("serve", "-m", mission)
        assert status == 1 and "Address already in use; is another station running?" in err
        assert "change ground.web_port" in err
        status, _, err = ground("receive", "-m", mission, "--listen", f"127.0.0.1:{port}")
        sentence = f"cannot listen on 127.0.0.1:{port}: Address already in use\n"
        assert status == 1 and err.endswith(sentence), err


def test_a_replayed_raw_log_gives_the_same_export(mission, ground, tmp_path):
    other = Archive(tmp_path / "other" / "a.sqlite")
    station, far = Ground(MISSION, other, None), FarEnd()
    far.push(Kind.MUSING, START_MS, {"text": "Hello from before."})
    station.receive(far.beacon(state_at(0)), START_MS)
    station.receive(far.data(START_MS + 5000), START_MS + 5000)
    other.close()
    assert ground("receive", "-m", mission, "--replay", other.raw_path)[0] == 0
    assert ground("export", tmp_path / "out", "-m", mission)[0] == 0
    assert (tmp_path / "out" / "musings.txt").read_text() == "Hello from before.\n"


def test_an_export_of_nothing_says_so(mission, ground, tmp_path):
    """It listed eight empty files and left whoever had forgotten to receive to find out."""
    Archive(tmp_path / "archive" / "archive.sqlite").close()
    status, out, _ = ground("export", tmp_path / "out", "-m", mission)
    assert status == 0 and "Nothing has been received from EDDA, so the files have no line" in out


def test_help_explains_every_command(ground):
    words = ground("--help")[1]
    for command in ("serve", "receive", "keygen", "ask", "rebuild", "export"):
        assert command in words
        assert "--mission" in ground(command, "--help")[1]


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620])
def test_a_key_that_others_may_use_is_refused(mission, ground, mode):
    path = mission.parent / "mission.key"
    assert ground("keygen", "-m", mission)[0] == 0
    path.chmod(mode)
    status, _, err = ground("serve", "-m", mission)
    assert status == 1 and "chmod 600" in err


def test_the_radio_is_lost_once_and_returns_once(monkeypatch, mission):
    monkeypatch.setattr(gateway, "RETRY_S", 0.05)
    heard, stop = [], threading.Event()

    class Listener:
        def receive_many(self, found):
            heard.extend(h.data for h in found)
            return True

        def tend(self, utc_ms):
            pass

        def next_uplink(self, utc_ms):
            return None

    port = free_port()
    envelope = Envelope(load_mission(mission))
    archive = Archive(mission.parent / "a.sqlite", is_durable=False)
    with capture_logs() as logs:
        thread = threading.Thread(target=gateway.run, args=(
            Listener(), lambda: KissClient("127.0.0.1", port), envelope, lambda: START_MS, stop,
            gateway.nothing, partial(connections.note, archive, connections.RADIO)))
        thread.start()
        time.sleep(0.3)
        for word in (b"one", b"two"):
            tnc = KissServer("127.0.0.1", port, lambda: 0)
            deadline = time.monotonic() + 5
            while word not in heard and time.monotonic() < deadline:
                tnc.read(0.05)
                tnc.write(word)
            tnc.close()
        stop.set()
        thread.join(5)
    assert b"one" in heard and b"two" in heard
    events = [entry["event"] for entry in logs if entry["event"].startswith("radio_re")]
    assert events == ["radio_returned", "radio_returned"]
    assert 2 <= sum(entry["event"] == "radio_lost" for entry in logs) <= 3
    state = connections.read(archive.db, connections.RADIO)
    assert state is not None and state["name"] == f"127.0.0.1:{port}"
    assert state["is_connected"] or state["why"], "the page shows which"
    archive.close()


def test_without_npm_vendor_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setattr(vendor.shutil, "which", lambda name: None)
    monkeypatch.setattr(vendor.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(VendorError, match="npm not found"):
        vendor.install(tmp_path, tmp_path / "vendor")


@pytest.mark.parametrize(("has_files", "has_axe"), [(True, True), (True, False), (False, True)])
def test_vendor_installs_unless_all_of_it_is_there(monkeypatch, has_files, has_axe):
    """What only the tests need too: without it those who look for barriers would be skipped."""
    installed = []
    monkeypatch.setattr(vendor, "is_complete", lambda target: has_files)
    monkeypatch.setattr(vendor, "has_axe", lambda: has_axe)
    monkeypatch.setattr(vendor, "install", lambda room, target: installed.append(target))
    vendor.main()
    assert bool(installed) is not (has_files and has_axe)
    assert not any("axe" in name for name in vendor.FILES), "the page ships none of it"
