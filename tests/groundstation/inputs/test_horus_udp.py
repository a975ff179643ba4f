"""Payload summaries by UDP, both ways, and space packets going out; all of it on 127.0.0.1."""

from __future__ import annotations

import json
import socket
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from groundstation.archive.archive import Archive
from groundstation.decode import payload_summaries
from groundstation.errors import StationError
from groundstation.export import ccsds
from groundstation.export.feeds import PacketFeed, SummaryFeed
from groundstation.ground import Ground
from groundstation.inputs import gateway
from groundstation.inputs.udp import UdpListener, UdpSender, UdpService
from groundstation.reading.reader import FlightReader
from tests.groundstation.far_end import MISSION, START_MS, FarEnd, state_at
from wire import horus
from wire.beacon import Beacon, Phase, PowerMode
from wire.envelope import Envelope
from wire.horus import Packet
from wire.records import Kind

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # asn1tools' own
FULL = Beacon(
    time_of_day_s=45_000, latitude_deg=52.12345, longitude_deg=-3.23456, altitude_m=18_240,
    climb_mps=5.02, speed_mps=12.5, satellites=11, fix_age_s=1, phase=Phase.ASCENT,
    power_mode=PowerMode.ECO, battery_mv=3920, outside_c=-41.5, inside_c=3.0, pressure_hpa=72.3,
    queue_records=57, faults=5, command_counter=0xBEEF,
)
LEAST = {"type": "PAYLOAD_SUMMARY", "callsign": "N0CALL", "latitude": 52.1, "longitude": -3.2}


def summary(**changes: object) -> bytes:
    return json.dumps({**LEAST, "altitude": 900, "time": "12:30:00", **changes}).encode()


# -- the core -------------------------------------------------------------------------------


def theirs(monkeypatch, packet: Packet) -> bytes:
    """What horusdemodlib broadcasts once it has decoded ``packet``; nothing leaves this machine."""
    pytest.importorskip("horusdemodlib.decoder", reason="horusdemodlib")
    from horusdemodlib import decoder, horusudp

    sent: list[bytes] = []

    class Wire:
        def __init__(self, *_: object) -> None: ...
        def settimeout(self, _: object) -> None: ...
        def setsockopt(self, *_: object) -> None: ...
        def close(self) -> None: ...
        def sendto(self, data: bytes, address: object) -> None:
            sent.append(data)

    heard = decoder.decode_packet(horus.encode(packet, 128))
    monkeypatch.setattr(horusudp.socket, "socket", Wire)
    horusudp.send_payload_summary({**heard, "snr": 9.5, "f_centre": 434_200_000})
    monkeypatch.undo()
    (data,) = sent
    return data


def test_what_horusdemodlib_tells_of_our_state_is_read_back_whole(monkeypatch) -> None:
    packet = payload_summaries.parse(theirs(monkeypatch, Packet("N0CALL", 9, FULL, "", 40, 3)))
    assert packet is not None and packet.callsign == "N0CALL" and packet.boot == 3
    assert packet.humidity_percent == 40
    heard = packet.beacon
    for name in ("time_of_day_s", "latitude_deg", "longitude_deg", "altitude_m", "climb_mps",
                 "speed_mps", "satellites", "fix_age_s", "phase", "power_mode", "battery_mv",
                 "outside_c", "pressure_hpa", "queue_records", "faults", "command_counter"):
        assert getattr(heard, name) == pytest.approx(getattr(FULL, name), abs=1e-4), name
    assert heard.heading_deg is None, "their -1 is unknown"


def test_what_horusdemodlib_tells_of_our_musing_is_read_back(monkeypatch) -> None:
    data = theirs(monkeypatch, Packet("N0CALL", 9, FULL, "The tape creaks; I listen.", 40, 3))
    packet = payload_summaries.parse(data)
    assert packet is not None and packet.musing == "The tape creaks - I listen."


def test_the_least_that_is_a_summary() -> None:
    packet = payload_summaries.parse(json.dumps(LEAST).encode())
    assert packet == Packet("N0CALL", 0, Beacon(latitude_deg=52.1, longitude_deg=-3.2))


@pytest.mark.parametrize(("key", "value"), [
    ("speed", -1), ("heading", -1), ("sats", -1), ("batt_voltage", -1), ("altitude", -1000),
    ("altitude", None), ("altitude", True), ("altitude", "900"), ("altitude", 1e308),
    ("time", "25:00:00"), ("time", "12:60:00"), ("time", 12), ("time", "now"),
    ("time", "１２:30:00"), ("time", "12:30"),
    ("custom_data", "zz"), ("custom_data", "01"), ("custom_data", 7), ("musing_0", 7),
    ("ext_humidity", 101), ("ext_pressure", -3), ("ascent_rate", 1e9), ("speed", [1]),
])
def test_a_field_that_is_wrong_is_unknown_and_the_rest_is_kept(key: str, value: object) -> None:
    packet = payload_summaries.parse(json.dumps({**LEAST, key: value}).encode())
    assert packet == Packet("N0CALL", 0, Beacon(latitude_deg=52.1, longitude_deg=-3.2))


def test_null_island_is_no_place() -> None:
    packet = payload_summaries.parse(summary(latitude=0, longitude=0.0))
    assert packet is not None and packet.beacon.latitude_deg is packet.beacon.longitude_deg is None
    assert packet.beacon.altitude_m == 900


BAD = [
    b"", b"{", b"{}", b"[]", b"null", b'"x"', b"{" * 5000, b'{"a":' * 5000, b"\xff\xfe{}",
    b"$$A,1*0000", summary(type="payload_summary"), summary(type=None), summary(callsign=None),
    summary(callsign=7), summary(latitude=None), summary(latitude=91), summary(longitude=-180.1),
    summary(latitude="52"), summary(latitude=True), summary().replace(b"52.1", b"NaN"),
    summary().replace(b"52.1", b"Infinity"), summary().replace(b"52.1", b"1" * 5000),
    summary(comment="x" * payload_summaries.DATAGRAM_BYTES_MAX),
]


@pytest.mark.parametrize("data", BAD, ids=range(len(BAD)))
def test_what_is_no_summary(data: bytes) -> None:
    assert payload_summaries.parse(data) is None
    assert payload_summaries.is_chatter(data) == (b"payload_summary" in data)


@given(st.binary(max_size=200) | st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(
        st.sampled_from([*LEAST, "altitude", "time", "speed", "custom_data", "musing_0"]), inner),
).map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_a_summary_or_nothing(data: bytes) -> None:
    payload_summaries.parse(data)
    payload_summaries.is_chatter(data)


def test_what_we_tell_has_what_chasemapper_takes(tmp_path) -> None:
    """It reads type, callsign, time and the three numbers through float(); -1 is unknown."""
    archive = Archive(tmp_path / "a.sqlite", is_durable=False)
    Ground(MISSION, archive, None).receive(FarEnd().beacon(state_at(600)), START_MS + 600_000)
    seen = FlightReader(archive.path, MISSION).latest_beacon()
    assert seen is not None
    told = json.loads(payload_summaries.build("N0CALL", seen, "spacepi meadow") or b"")
    assert told["type"] == "PAYLOAD_SUMMARY" and told["callsign"] == "N0CALL"
    assert told["time"] == "14:23:20" and told["comment"] == "spacepi meadow"
    state = state_at(600)
    assert float(told["latitude"]) == pytest.approx(state.latitude_deg, abs=1e-4)
    assert float(told["longitude"]) == pytest.approx(state.longitude_deg, abs=1e-4)
    assert float(told["altitude"]) == pytest.approx(state.altitude_m, abs=1)
    assert told["speed"] == pytest.approx(14 * 3.6) and told["sats"] == 11
    nothing = dict.fromkeys(seen) | {
        "latitude_deg": 1.0, "longitude_deg": 2.0, "altitude_m": 3.0, "utc_ms": START_MS}
    told = json.loads(payload_summaries.build("N0CALL", nothing, "x") or b"")
    assert [told[k] for k in ("speed", "heading", "temp", "sats", "batt_voltage")] == [-1] * 5
    assert told["time"] == "14:13:20", "the time at which it was heard"
    assert payload_summaries.build("N0CALL", {**nothing, "altitude_m": None}, "x") is None
    again = payload_summaries.parse(json.dumps(told).encode())
    assert again is not None and again.beacon.satellites is None
    archive.close()


# -- over UDP -------------------------------------------------------------------------------


class Udp:
    """A station with its UDP inputs and outputs, and the programs at the other ends."""

    def __init__(self, path, *, is_echo: bool = False, key: bytes | None = None) -> None:
        self.archive = Archive(path / "flight.sqlite", is_durable=False)
        self.ground = Ground(MISSION, self.archive, key)
        self.reader = FlightReader(self.archive.path, MISSION)
        self.listener = UdpListener("127.0.0.1", 0)
        self.chaser, self.yamcs = _socket(), _socket()
        to = self.listener.port if is_echo else self.chaser.getsockname()[1]
        self.senders = [
            UdpSender(SummaryFeed(self.reader, MISSION), "127.0.0.1", to),
            UdpSender(PacketFeed(self.archive.db, 7), "127.0.0.1", self.yamcs.getsockname()[1]),
        ]
        self.now_ms = START_MS
        self.service = UdpService(self.ground, lambda: self.now_ms, self.listener, self.senders)

    def tell(self, *datagrams: bytes) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for data in datagrams:
                sender.sendto(data, ("127.0.0.1", self.listener.port))
        self.service.poll()

    @property
    def tally(self) -> dict[str, int]:
        return {row[0]: row[1] for row in self.archive.db.execute("SELECT * FROM tally")}

    def close(self) -> None:
        self.service.close()
        for sock in (self.chaser, self.yamcs):
            sock.close()
        self.reader.close()
        self.archive.close()


def _socket() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.settimeout(5)
    return sock


def _is_quiet(sock: socket.socket) -> bool:
    sock.setblocking(False)
    try:
        sock.recv(10)
    except BlockingIOError:
        return True
    finally:
        sock.settimeout(5)
    return False


@pytest.fixture
def udp(tmp_path):
    station = Udp(tmp_path)
    yield station
    station.close()


def test_a_summary_is_kept_raw_first_and_becomes_a_position(udp) -> None:
    data = summary(time="14:13:20")
    udp.tell(data)
    (reception,) = udp.archive.receptions()
    assert (reception.raw, reception.source, reception.utc_ms) == (data, "horus-udp", START_MS)
    seen = udp.reader.sighting()
    assert seen["via"] == "summary" and seen["altitude_m"] == 900 and seen["fix_age_s"] == 0
    assert _is_quiet(udp.chaser), "what came as a summary is not told again"


def test_bad_datagrams_are_counted_and_chatter_is_passed_over(udp) -> None:
    stats = json.dumps({"type": "MODEM_STATS", "snr": 9.0, "fft": [0.1] * 2000}).encode()
    udp.tell(*BAD[:6], b"\0" * 60_000, stats, summary(), summary(callsign="M0NTY"))
    # An empty datagram and seven of noise; the head of the long one is kept.
    assert udp.tally == {"bad_summaries": 7, "sightings_summary": 1, "neighbour_frames": 1}
    assert udp.service.chatter == 1
    longest = max(len(r.raw) for r in udp.archive.receptions())
    assert longest <= payload_summaries.DATAGRAM_BYTES_MAX + 1


def test_a_frame_of_ours_by_udp_is_not_believed_and_makes_nobody_transmit(tmp_path) -> None:
    udp = Udp(tmp_path, key=bytes(32))
    udp.ground.ask("Hello?", START_MS)
    udp.tell(FarEnd().beacon(state_at(0), is_listening=True))
    assert udp.ground.next_uplink(START_MS + 100) is None
    assert udp.tally == {"bad_summaries": 1} and udp.reader.latest_beacon() is None
    udp.ground.receive(FarEnd().beacon(state_at(0), is_listening=True), START_MS)
    assert udp.ground.next_uplink(START_MS + 100) is not None, "the radio may"
    udp.close()


def test_new_positions_are_told_and_old_ones_are_not(tmp_path) -> None:
    far = FarEnd()
    before = Archive(tmp_path / "flight.sqlite", is_durable=False)
    Ground(MISSION, before, None).receive(far.beacon(state_at(0)), START_MS)
    before.close()
    udp = Udp(tmp_path)
    udp.service.poll()
    assert _is_quiet(udp.chaser)
    udp.ground.receive(far.beacon(state_at(10)), START_MS + 10_000)
    stale = Beacon(latitude_deg=1.0, longitude_deg=1.0, altitude_m=5, fix_age_s=21)
    udp.ground.receive(far.beacon(stale), START_MS + 11_000)
    udp.ground.receive(far.beacon(Beacon()), START_MS + 12_000)
    udp.ground.receive(horus.encode(Packet("N0CALL", 1, FULL)), START_MS + 13_000)
    udp.service.poll()
    told = json.loads(udp.chaser.recv(4096))
    assert told["time"] == "14:13:30" and told["comment"] == "spacepi meadow (unverified)"
    assert _is_quiet(udp.chaser), "nothing stale, unknown, or beside a beacon of our own"
    at_ms = START_MS + 60_000
    state = Beacon(time_of_day_s=at_ms // 1000 % 86_400, latitude_deg=52.5, longitude_deg=13.5,
                   altitude_m=800)
    udp.ground.receive(horus.encode(Packet("N0CALL", 2, state)), at_ms)
    udp.service.poll()
    told = json.loads(udp.chaser.recv(4096))
    assert told["altitude"] == 800 and told["comment"] == "spacepi meadow (unverified)"
    udp.close()


def test_our_own_summary_that_comes_back_is_passed_over(tmp_path) -> None:
    udp = Udp(tmp_path, is_echo=True)
    udp.ground.receive(FarEnd().beacon(state_at(10)), START_MS + 10_000)
    udp.service.poll()
    udp.service.poll()
    assert udp.archive.last_reception_id() == 1
    udp.close()


def test_new_records_are_sent_as_the_packets_that_an_export_writes(tmp_path) -> None:
    """One datagram a packet; counts go on after a restart, as the file has them."""
    far, packets = FarEnd(), []
    for turn in range(2):
        udp = Udp(tmp_path)
        for i in range(20):
            now = START_MS + turn * 600_000 + i * 5000
            far.push(Kind.MUSING if i % 3 else Kind.EVENT, now, {"text": f"{turn} {i}"})
            data = far.data(now)
            if data:
                udp.ground.receive(data, now)
        count = udp.archive.db.execute("SELECT COUNT(*) FROM record").fetchone()[0]
        udp.service.poll()
        packets += [udp.yamcs.recv(65_535) for _ in range(count - len(packets))]
        assert _is_quiet(udp.yamcs)
        udp.close()
    archive = Archive(tmp_path / "flight.sqlite", is_durable=False)
    found = [record for _, record in ccsds.of_archive(archive.db, 7)]
    assert ccsds.export(found, tmp_path / "f.ccsds") == len(packets) >= 20
    assert (tmp_path / "f.ccsds").read_bytes() == b"".join(packets)
    assert ccsds.unpack(b"".join(packets)) == found
    assert len({packet[:4] for packet in packets}) == len(packets), "Yamcs tells them apart by it"
    assert [record for _, record in ccsds.of_archive(archive.db, 8)] == []
    archive.close()


class Given:
    def __init__(self, *datagrams: bytes) -> None:
        self.datagrams = list(datagrams)

    def take(self) -> list[bytes]:
        taken, self.datagrams = self.datagrams, []
        return taken


def test_a_refusal_is_said_once_and_so_is_the_return() -> None:
    feed = Given(b"x" * 70_000, b"y" * 70_000, b"short", b"z" * 70_000)
    with _socket() as sock:
        sender = UdpSender(feed, "127.0.0.1", sock.getsockname()[1])
        with capture_logs() as logs:
            sender.send_new()
        assert sock.recv(100) == b"short"
    assert [entry["event"] for entry in logs] == ["udp_refused", "udp_returned", "udp_refused"]
    assert sender.refused == 3
    sender.close()


def test_a_port_that_is_taken_and_a_host_that_is_none() -> None:
    with _socket() as sock:
        port = sock.getsockname()[1]
        with pytest.raises(StationError, match=f"cannot listen on UDP 127.0.0.1:{port}"):
            UdpListener("127.0.0.1", port)
    with pytest.raises(StationError, match="not an address to send to"):
        UdpSender(Given(), "no such host", 5)


def test_without_its_radio_a_station_still_hears_by_udp(monkeypatch, udp) -> None:
    """The radio is retried again and again; UDP is served meanwhile."""
    monkeypatch.setattr(gateway, "RETRY_S", 0.1)
    monkeypatch.setattr(gateway, "WAIT_S", 0.01)
    stop, tries = threading.Event(), []

    def no_radio():
        tries.append(1)
        if len(tries) == 3:
            stop.set()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(summary(), ("127.0.0.1", udp.listener.port))
        raise ConnectionRefusedError

    gateway.run(
        udp.ground, no_radio, Envelope(MISSION), lambda: START_MS, stop, udp.service.poll)
    assert udp.tally == {"sightings_summary": 2}
