"""Strangers' formats: a position of ours where nothing better is known, neighbours, or noise."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from groundstation.archive import schema
from groundstation.archive.archive import Archive
from groundstation.archive.track import NEAR_MS
from groundstation.decode import foreign
from groundstation.ground import Ground, HeardBytes
from groundstation.reading.reader import QUIET_FACTOR, FlightReader
from groundstation.web.stream import PageFeed
from tests.groundstation.far_end import MISSION, START_MS, FarEnd, state_at
from wire import frames, horus, ukhas
from wire.beacon import Beacon, Phase
from wire.horus import Packet
from wire.records import Kind
from wire.ukhas import Sentence

START_S = START_MS // 1000 % 86_400
OURS = MISSION.payload.callsign


class Station:
    """A station, what it archived, and what the page would show."""

    def __init__(self, path) -> None:
        self.archive = Archive(path / "flight.sqlite", is_durable=False)
        self.ground = Ground(MISSION, self.archive, None)
        self.reader = FlightReader(self.archive.path, MISSION)

    def hear(self, data: bytes, at_s: float = 0, **how) -> None:
        self.ground.receive(data, START_MS + round(at_s * 1000), **how)

    @property
    def tally(self) -> dict[str, int]:
        return {row[0]: row[1] for row in self.archive.db.execute("SELECT * FROM tally")}

    @property
    def sightings(self) -> list[dict]:
        return [dict(row) for row in self.archive.db.execute("SELECT * FROM sighting ORDER BY id")]

    def close(self) -> None:
        self.reader.close()
        self.archive.close()


@pytest.fixture
def station(tmp_path):
    station = Station(tmp_path)
    yield station
    station.close()


def packet_at(at_s: float, callsign: str = OURS, musing: str = "", **changes) -> bytes:
    beacon = replace(state_at(at_s), time_of_day_s=int(START_S + at_s) % 86_400, **changes)
    return horus.encode(Packet(callsign, int(at_s) & 0xFFFF, beacon, musing, 40, 3), 128)


def sentence_at(at_s: float, callsign: str = OURS, age_s: float = 0) -> bytes:
    state = state_at(at_s - age_s)
    return ukhas.encode(Sentence(
        callsign, int(at_s), int(START_S + at_s - age_s) % 86_400, state.latitude_deg,
        state.longitude_deg, state.altitude_m,
    ))


# -- our payload in other words -------------------------------------------------------------


def test_a_horus_packet_of_ours_is_kept_as_what_it_is(station):
    station.hear(packet_at(600, musing="Cold, and wide."), 601)
    (row,) = station.sightings
    assert (row["via"], row["callsign"], row["boot"], row["phase"]) == ("horus", OURS, 3, 2)
    assert row["humidity_percent"] == 40 and row["musing"] == "Cold - and wide."
    assert row["altitude_m"] == pytest.approx(state_at(600).altitude_m, abs=1)
    assert row["fix_age_s"] == 2, "a second on the way, and the fix was a second old"
    assert station.archive.db.execute("SELECT COUNT(*) FROM beacon").fetchone()[0] == 0
    assert station.tally == {"sightings_horus": 1}
    seen = station.reader.flight()["sighting"]
    assert seen["via"] == "horus" and seen["phase"] == "ASCENT"
    assert seen["expected_every_s"] == 20


def test_a_sentence_of_ours_is_a_position_with_the_age_it_tells(station):
    station.hear(sentence_at(900, age_s=300), 900)
    seen = station.reader.sighting()
    assert seen["via"] == "ukhas" and seen["fix_age_s"] == 300 and seen["phase"] is None
    assert seen["altitude_m"] == pytest.approx(state_at(600).altitude_m, abs=1)
    assert station.reader.tracks().unverified == [], "too old to be a point of the way"


@pytest.mark.parametrize(("said_s", "heard_s", "age_s"), [
    (0, 0, 0), (86_399, 5, 6), (5, 86_399, 0), (100, 100 + 43_200, 43_200),
    (100, 100 + 43_201, 0), (1000, 990, 0),
])
def test_the_age_of_a_time_of_day(said_s, heard_s, age_s):
    """Over midnight, a clock that is ahead, and a time that cannot be told from tomorrow's."""
    beacon = Beacon(time_of_day_s=said_s)
    assert foreign._age_s((20_000 * 86_400 + heard_s) * 1000, beacon) == age_s


def test_unknown_stays_unknown(station):
    station.hear(horus.encode(Packet(OURS, 1, Beacon())))
    station.hear(ukhas.encode(Sentence(OURS, 1)), 1)
    for row in station.sightings:
        known = {name for name in schema.BEACON_COLUMNS if row[name] is not None}
        assert known == {"faults", "command_counter"}
    assert station.reader.sighting()["latitude_deg"] is None
    assert station.reader.tracks().unverified == []


def test_our_own_beacon_is_never_overridden(station):
    """Shown only after three of ours are missing, and gone with the next of ours."""
    far = FarEnd()
    station.hear(far.beacon(state_at(600)), 600)
    quiet_s = QUIET_FACTOR * MISSION.cadence.beacon_flight_s
    own = station.reader.latest_beacon()
    for at_s in (601, 600 + quiet_s):
        station.hear(packet_at(at_s, latitude_deg=10.0), at_s)
        flight = station.reader.flight()
        assert flight["sighting"] is None and flight["beacon"] == own
    station.hear(packet_at(601 + quiet_s), 601 + quiet_s)
    flight = station.reader.flight()
    assert flight["sighting"]["utc_ms"] == START_MS + 1000 * (601 + quiet_s)
    assert flight["beacon"] == own
    station.hear(far.beacon(state_at(640)), 640)
    assert station.reader.flight()["sighting"] is None


def test_it_fills_gaps_of_the_way_and_adds_nothing_beside_our_own_points(station):
    far = FarEnd()
    for at_s in (*range(0, 100, 10), *range(400, 500, 10)):
        station.hear(far.beacon(state_at(at_s)), at_s)
    own = station.reader.tracks().unverified
    for at_s in range(5, 500, 20):
        station.hear(packet_at(at_s, latitude_deg=state_at(at_s).latitude_deg + 1e-3), at_s)
    points = station.reader.tracks().unverified
    added = [point for point in points if point not in own]
    assert set(own) <= set(points) and len(added) >= 10
    assert all(90_000 + NEAR_MS < p.utc_ms - START_MS < 400_000 - NEAR_MS + 1 for p in added)


def test_the_stream_tells_it_only_while_it_stands_in(station):
    feed = PageFeed(station.reader, lambda: START_MS)
    after, _ = feed.step(None)
    station.hear(packet_at(600), 600)
    after, message = feed.step(after)
    assert '"via":"horus"' in message and f'"unverified":[[{START_MS + 600_000},' in message
    station.hear(packet_at(602), 602)
    station.hear(packet_at(604), 604)
    after, message = feed.step(after)
    assert message.count(f"[{START_MS + 604_000},") == 1, "each place once"
    station.hear(FarEnd().beacon(state_at(610)), 610)
    after, _ = feed.step(after)
    station.hear(packet_at(620), 620)
    _, message = feed.step(after)
    assert '"sighting":null' in message and '"unverified":[]' in message


def test_a_packet_that_looks_like_an_uplink_is_still_read(station):
    """One packet in 32 begins with a CRC that could be the head of a command or report."""
    alike = [data for at_s in range(300) if frames.is_uplink(data := packet_at(at_s))]
    assert alike
    for data in alike:
        station.hear(data)
    assert station.tally == {"sightings_horus": len(alike)}


def test_the_case_of_the_callsign_does_not_matter(station):
    station.hear(sentence_at(5, OURS.lower()))
    assert station.tally == {"sightings_ukhas": 1}


def test_a_rebuild_makes_the_same_sightings_and_neighbours(station):
    for at_s in range(0, 200, 10):
        station.hear(packet_at(at_s), at_s)
        station.hear(packet_at(at_s, f"M0NTY-{at_s % 7}"), at_s)
        station.hear(b"{}", at_s, source="horus-udp")

    def dump():
        return [
            [tuple(row) for row in station.archive.db.execute(f"SELECT * FROM {table}")]
            for table in ("sighting", "neighbour", "tally")
        ]

    before = dump()
    assert all(before)
    station.archive.rebuild()
    assert dump() == [[], [], []]
    Ground(MISSION, station.archive, None)
    assert dump() == before


# -- others ---------------------------------------------------------------------------------


def test_neighbours_are_counted_and_kept(station):
    station.hear(packet_at(0, "M0NTY"), 0)
    station.hear(packet_at(20, "M0NTY"), 20)
    station.hear(sentence_at(30, "HORUS"), 30)
    first, second = station.reader.flight()["neighbours"]
    assert (first["callsign"], first["via"], first["frames"]) == ("HORUS", "ukhas", 1)
    assert (second["callsign"], second["frames"]) == ("M0NTY", 2)
    assert second["last_ms"] == START_MS + 20_000
    assert station.sightings == [] and station.reader.sighting() is None
    assert station.tally == {"neighbour_frames": 3}


def test_a_flood_of_neighbours_is_bounded_and_the_oldest_are_forgotten(station):
    flood = 500
    station.ground.receive_many(
        HeardBytes(packet_at(i, f"FL-{i}"), START_MS + i * 1000) for i in range(flood)
    )
    kept = [other["callsign"] for other in station.reader.flight()["neighbours"]]
    assert kept == [f"FL-{i}" for i in range(flood - 1, flood - 1 - foreign.NEIGHBOURS_MAX, -1)]
    assert station.tally == {
        "neighbour_frames": flood, "neighbours_forgotten": flood - foreign.NEIGHBOURS_MAX,
    }


def test_a_flood_within_one_millisecond_is_bounded_too(station):
    station.ground.receive_many(HeardBytes(packet_at(1, f"FL-{i}"), START_MS) for i in range(100))
    kept = {other["callsign"] for other in station.reader.flight()["neighbours"]}
    assert len(kept) == foreign.NEIGHBOURS_MAX and "FL-99" in kept


@pytest.mark.parametrize("callsign", ["<b>x</b>", "\x1b[2J", "  ", "\u202eEVIL", "A" * 400])
def test_a_hostile_callsign_is_made_fit_to_show(station, callsign):
    body = f"{callsign},1,,,,".encode("utf-8", "replace")
    station.hear(b"$$" + body + b"*" + ukhas.crc(body))
    for other in station.reader.flight()["neighbours"]:
        assert len(other["callsign"]) <= foreign.CALLSIGN_CHARACTERS_MAX
        assert other["callsign"].isprintable() and other["callsign"].strip()


# -- anything -------------------------------------------------------------------------------

GOOD = [packet_at(600), packet_at(600, "M0NTY", "Hello."), sentence_at(600),
        sentence_at(1, "HORUS"),
        b'{"type": "PAYLOAD_SUMMARY", "callsign": "A", "latitude": 1, "longitude": 2}']


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(
    st.binary(max_size=130)
    | st.tuples(st.sampled_from(GOOD), st.integers(0, 127), st.integers(0, 255)).map(
        lambda t: t[0][: t[1]] + bytes([t[2]]) + t[0][t[1] + 1 :])
    | st.tuples(st.sampled_from(GOOD), st.integers(0, 130)).map(lambda t: t[0][: t[1]]),
    max_size=8,
), st.sampled_from(["radio", "horus-udp"]), st.integers(0, 4_000_000_000_000))
def test_any_bytes_are_counted_and_nothing_is_raised(station, found, source, utc_ms):
    before = sum(station.tally.values()) - station.tally.get("neighbours_forgotten", 0)
    station.ground.receive_many(HeardBytes(data, utc_ms, source=source) for data in found)
    after = sum(station.tally.values()) - station.tally.get("neighbours_forgotten", 0)
    assert after - before == len(found)
    station.reader.flight()


def test_every_flipped_bit_of_a_packet_and_a_sentence_is_noise(station):
    for whole in (packet_at(600), sentence_at(600)[:-1]):
        for bit in range(8 * len(whole)):
            damaged = bytearray(whole)
            damaged[bit // 8] ^= 1 << bit % 8
            if ukhas.parse(bytes(damaged)) is None:  # the case of its CRC does not matter
                station.hear(bytes(damaged))
    assert station.sightings == [] and set(station.tally) <= {"noise", "uplink_overheard"}


def test_our_own_records_go_on_beside_it(station):
    far = FarEnd()
    far.push(Kind.MUSING, START_MS, {"text": "Still here."})
    station.hear(packet_at(1), 1)
    station.hear(far.data(START_MS + 5000), 5)
    assert station.reader.entries(None, 5)[0]["text"] == "Still here."


def test_a_phase_of_a_stranger_is_no_phase_of_the_flight(station):
    station.hear(FarEnd().beacon(state_at(600)), 600)
    station.hear(packet_at(700, phase=Phase.LANDED), 700)
    assert [phase["phase"] for phase in station.reader.flight()["phases"]] == ["ASCENT"]
