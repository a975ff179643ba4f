"""The same over a real broker: two stations become one, and the broker may die as it likes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic

import pytest
from paho.mqtt import publish
from structlog.testing import capture_logs

from groundstation.errors import StationError
from groundstation.peers import broker as broker_module
from groundstation.peers import exchange
from groundstation.peers.broker import Broker
from groundstation.peers.exchange import PeerExchange
from tests.groundstation.far_end import Channel
from tests.groundstation.peers.mosquitto import Mosquitto
from tests.groundstation.peers.stations import ROOT, Clock, Station, flight, mission_of
from wire.mission_mqtt import MqttSection

PATIENCE_S = 60


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    server = Mosquitto(tmp_path, "allow_anonymous true", "max_queued_messages 0")
    yield server
    server.kill()


@pytest.fixture
def stop() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts follow each other at once."""
    monkeypatch.setattr(broker_module, "WAIT_S", 0.02)
    monkeypatch.setattr(broker_module, "_wait", lambda state: 0.02)


def station(folder: Path, name: str, clock: Clock, port: int, stop: threading.Event) -> Station:
    """One whose line is a thread of its own to the broker at this port."""
    topics = (f"{ROOT}/+/heard", f"{ROOT}/{name}/ask")
    line = Broker(MqttSection(host="127.0.0.1", port=port), None, topics)
    threading.Thread(target=line.run, args=(stop, stop.wait), daemon=True).start()
    return Station(folder, name, clock, line)


def until(is_done: Callable[[], bool], *stations: Station) -> None:
    """Poll until then; a second of the stations' clock for each round."""
    last_s = monotonic() + PATIENCE_S
    while not is_done():
        assert monotonic() < last_s, [s.receptions()[-3:] for s in stations]
        for each in stations:
            each.clock.utc_ms += 200
            each.poll()
        threading.Event().wait(0.005)


def test_two_stations_become_one_over_a_broker_that_is_killed_twice(
    tmp_path: Path, mosquitto: Mosquitto, stop: threading.Event
) -> None:
    clock = Clock()
    both = [station(tmp_path, name, clock, mosquitto.port, stop) for name in ("hill", "car")]
    union = Station(tmp_path, "all", clock, None)
    ears = [Channel(0.5, 31), Channel(0.5, 32)]
    until(lambda: all(each.line.connection for each in both), *both)
    with capture_logs() as logs:
        for number, (at_ms, frame) in enumerate(flight(300)):
            clock.utc_ms = max(clock.utc_ms, at_ms)
            hearers = [s for s, ear in zip(both, ears, strict=True) if ear.carries()]
            for each in (*hearers, union) if hearers else ():
                each.hear(frame)
            for each in both:
                each.poll()
            if number in (80, 200):
                mosquitto.kill()
            if number in (120, 201):
                mosquitto.start()
        until(lambda: both[0].receptions() == both[1].receptions(), *both)
    for name in ("records", "beacons"):
        assert [s.flight()[name] for s in both] == [union.flight()[name]] * 2, name
    kept = [row[2] for row in both[0].receptions()]
    assert set(kept) == {row[2] for row in union.receptions()}
    assert len(both[0].receptions()) == len(set(both[0].receptions())), "nothing doubled"
    events = [log["event"] for log in logs]
    assert 2 <= events.count("broker_unreachable") <= 4 and events.count("broker_returned") >= 2


def test_a_stranger_on_the_broker_adds_noise_and_no_more(
    tmp_path: Path, mosquitto: Mosquitto, stop: threading.Event
) -> None:
    clock = Clock()
    hill = station(tmp_path, "hill", clock, mosquitto.port, stop)
    until(lambda: hill.line.connection > 0, hill)
    publish.multiple([
        (f"{ROOT}/evil/heard", data, 1, True)
        for data in (b"", b"\xff" * 50, b"x" * 5_000, bytearray(1_000_000))
    ], hostname="127.0.0.1", port=mosquitto.port)
    publish.single(f"{ROOT}/hill/ask", b"\x92\x01", 1, hostname="127.0.0.1", port=mosquitto.port)
    notices = hill.exchange._incoming.notices
    until(lambda: notices.counts["unreadable"] >= 4, hill)
    assert notices.counts["unreadable"] == 4, "that of 1 MB was left with the broker"
    assert hill.receptions() == [] and hill.line.connection == 1


def test_a_broker_that_refuses_is_told_once(
    tmp_path: Path, stop: threading.Event
) -> None:
    server = Mosquitto(tmp_path, "allow_anonymous false")
    clock = Clock()
    with capture_logs() as logs:
        hill = station(tmp_path, "hill", clock, server.port, stop)
        until(lambda: "Not authorized" in hill.line.why, hill)
        until(lambda: hill.line._count == 0 and len(logs) > 0, hill)
    assert [log["event"] for log in logs if log["log_level"] == "warning"] == [
        "broker_unreachable"]
    server.kill()


def test_user_password_and_certificate(tmp_path: Path, stop: threading.Event) -> None:
    import subprocess

    certificate, key = self_signed(tmp_path)
    users = tmp_path / "users"
    users.touch(mode=0o600)
    subprocess.run(["mosquitto_passwd", "-b", users, "hill", "geheim"], check=True)
    server = Mosquitto(
        tmp_path, f"certfile {certificate}", f"keyfile {key}", f"password_file {users}",
        "allow_anonymous false", "user root")
    password = tmp_path / "password"
    password.write_text("geheim\n")
    mission = mission_of("hill", port=server.port, tls=True, ca_file=certificate.name, user="hill",
                         password_file="password")
    clock = Clock()
    hill = Station(tmp_path, "hill", clock, None)
    password.chmod(0o644)
    with pytest.raises(StationError, match="other users can read this password"):
        exchange.start(hill.ground, mission, tmp_path, clock.now, clock.uptime_ms, stop)
    password.chmod(0o600)
    hill.exchange = exchange.start(
        hill.ground, mission, tmp_path, clock.now, clock.uptime_ms, stop)
    assert isinstance(hill.exchange, PeerExchange)
    until(lambda: hill.exchange._line.connection > 0, hill)
    server.kill()


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate for this machine that has signed itself, and its key."""
    import ipaddress
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "broker")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name)
        .public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(
            [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256()))
    paths = folder / "broker.pem", folder / "broker.key"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption()))
    paths[1].chmod(0o600)
    return paths
