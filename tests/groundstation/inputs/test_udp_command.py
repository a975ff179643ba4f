"""The real command with all its UDP options, and every wrong way to ask for it."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from groundstation.archive.archive import Archive
from groundstation.export import ccsds
from groundstation.ground import Ground
from tests.groundstation.far_end import START_MS, FarEnd, state_at
from tests.groundstation.test_ground_command import ENV, free_port
from wire import horus
from wire.horus import Packet
from wire.mission import load
from wire.modems import kiss
from wire.records import Kind

SUMMARY = {"type": "PAYLOAD_SUMMARY", "callsign": "N0CALL", "latitude": 52.1, "longitude": -3.2,
           "altitude": 900, "time": "12:30:00"}


def udp_port() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.settimeout(15)
    return sock


def start(mission: Path, *options: str) -> subprocess.Popen:
    process = subprocess.Popen(
        [sys.executable, "-m", "groundstation", "receive", "-m", str(mission), *options],
        env=ENV, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert "Receiving into" in line, (line, process.communicate()[1])
    return process


def end(process: subprocess.Popen) -> None:
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=15)
    assert process.returncode == 0 and "Traceback" not in err, err


def test_radio_in_positions_and_packets_out(mission) -> None:
    chaser, yamcs, port = udp_port(), udp_port(), free_port()
    process = start(
        mission, "--listen", f"127.0.0.1:{port}",
        "--summary-udp", f"127.0.0.1:{chaser.getsockname()[1]}",
        "--ccsds-udp", f"127.0.0.1:{yamcs.getsockname()[1]}",
    )
    far = FarEnd()
    record = far.push(Kind.MUSING, START_MS, {"text": "Cold, and wide."})
    with socket.create_connection(("127.0.0.1", port), timeout=10) as radio:
        radio.sendall(kiss.encode(far.beacon(state_at(600))))
        told = json.loads(chaser.recv(4096))
        radio.sendall(kiss.encode(far.data(START_MS + 5000)))
        packet = yamcs.recv(65_535)
        end(process)
    assert told["callsign"] == "N0CALL" and told["comment"] == "spacepi bench (unverified)"
    assert told["altitude"] == pytest.approx(state_at(600).altitude_m, abs=1)
    assert ccsds.unpack(packet) == [record]
    chaser.close()
    yamcs.close()


def test_a_station_without_a_radio_hears_by_udp_and_tells_nothing_back(mission) -> None:
    with udp_port() as free:
        port = free.getsockname()[1]
    process = start(mission, "--horus-udp", str(port), "--summary-udp", f"127.0.0.1:{port}")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for data in (b"noise", json.dumps(SUMMARY).encode()):
            sender.sendto(data, ("127.0.0.1", port))
    path = mission.parent / "archive" / "archive.raw"
    while not path.exists() or b"PAYLOAD_SUMMARY" not in path.read_bytes():
        assert process.poll() is None
    end(process)
    archive = Archive(path.with_suffix(".sqlite"))
    tally = {row[0]: row[1] for row in archive.db.execute("SELECT * FROM tally")}
    assert tally == {"bad_summaries": 1, "sightings_summary": 1}
    archive.close()


@pytest.mark.parametrize(("arguments", "words"), [
    (("receive", "--horus-udp", "port"), "--horus-udp 127.0.0.1:port: write it as HOST:PORT"),
    (("receive", "--horus-udp", "70000"), "HOST:PORT"),
    (("receive", "--horus-udp", "203.0.113.1:5"), "cannot listen on UDP 203.0.113.1:5"),
    (("receive", "--horus-udp", "0", "--summary-udp", "55672"), "--summary-udp 55672: write it"),
    (("receive", "--horus-udp", "0", "--ccsds-udp", "x:y"), "--ccsds-udp x:y: write it"),
    (("receive", "--horus-udp", "0", "--ccsds-udp", "a b:5"), "not an address to send to"),
    (("receive", "--summary-udp", "127.0.0.1:5"), "radio.kind is none"),
    (("export",), "requires an output folder, --ccsds FILE"),
    (("export", "--ccsds", "f"), "no archive"),
])
def test_bad_input_is_one_sentence(mission, ground, monkeypatch, arguments, words):
    monkeypatch.chdir(mission.parent)
    status, _, err = ground(*arguments)
    last = err.strip().splitlines()[-1]
    assert status == 1 and last.startswith("spacepi-ground: ") and words in last, err


def test_an_export_as_space_packets(mission, ground, tmp_path) -> None:
    plan, far = load(mission), FarEnd()
    archive = Archive(tmp_path / "archive" / "archive.sqlite", is_durable=False)
    station = Ground(plan, archive, None)
    pushed = [far.push(Kind.MUSING, START_MS, {"text": f"thought {i}"}) for i in range(5)]
    for i in range(10):
        data = far.data(START_MS + i * 5000)
        if data:
            station.receive(data, START_MS + i * 5000)
    station.receive(horus.encode(Packet("N0CALL", 1, state_at(5))), START_MS)
    archive.close()
    out = tmp_path / "flight.ccsds"
    status, said, _ = ground("export", "--ccsds", out, "-m", mission)
    assert status == 0 and said.endswith(f"{out}: 5 packets\n")
    assert ccsds.unpack(out.read_bytes()) == pushed
    status, said, _ = ground("export", tmp_path / "both", "--ccsds", out, "-m", mission)
    assert status == 0 and (tmp_path / "both" / "musings.txt").exists() and "5 packets" in said


def test_every_option_is_explained(ground) -> None:
    for command in ("serve", "receive"):
        words = ground(command, "--help")[1]
        assert all(option in words for option in ("--horus-udp", "--summary-udp", "--ccsds-udp"))
    assert "--ccsds" in ground("export", "--help")[1]
