"""Verified and unverified are two ways: no unsigned sentence moves a verified position."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import pytest

from groundstation.archive.track import NEAR_MS, Point, parted
from tests.groundstation.far_end import (
    MISSION,
    SIGNED_MISSION,
    START_MS,
    state_at,
)
from tests.groundstation.lied_to import FLOWN, Station
from wire import horus
from wire.beacon import Phase
from wire.horus import Packet
from wire.records import Kind


def test_unsigned_sentences_move_nothing_that_is_verified(station):
    """Four of them moved the marker, the coordinates, the track and the phase."""
    before, way = station.reader.flight(), station.reader.tracks().verified
    assert len(way) == len(FLOWN) and station.reader.tracks().unverified == []
    station.lie()
    after, tracks = station.reader.flight(), station.reader.tracks()
    for name in ("beacon", "phases", "launch_ms", "is_verifying"):
        assert after[name] == before[name], name
    assert tracks.verified == way, "to the last point and no further"
    assert [point.alt_m for point in tracks.unverified] == [120] * 4
    claim = after["sighting"]
    assert (claim["via"], claim["authenticity"]) == ("ukhas", "unsigned")
    history = station.reader.history()
    assert history["verified"]["t"] == [point.utc_ms for point in way]
    assert history["unverified"]["alt"] == [120] * 4


def test_an_open_page_is_told_which_is_which(station):
    station.lie(1)
    update = station.update()
    assert update["verified"] == [] and [row[3] for row in update["unverified"]] == [120]
    station.far.push(Kind.TRACK, START_MS, {"lat": 521_000_000, "lon": 132_000_000, "alt": 9})
    station.hear(station.far.data(START_MS + 1_900_000), 1900)
    station.hear(station.far.beacon(state_at(1910)), 1910)
    update = station.update()
    assert [row[3] for row in update["verified"]] == [9, round(state_at(1910).altitude_m)]
    assert update["unverified"] == []


def test_an_export_never_mixes_them_in_one_line(station, tmp_path):
    """And a place is longitude, latitude, height, as RFC 7946 §3.1.1 says."""
    station.lie()
    verified, unverified = station.exported(tmp_path / "out")
    assert verified["properties"]["authenticity"] == "genuine"
    assert unverified["properties"]["authenticity"] == "unverified"
    assert {f["geometry"]["type"] for f in (verified, unverified)} == {"LineString"}
    places = [[p.lon_deg, p.lat_deg, p.alt_m] for p in station.reader.tracks().verified]
    assert verified["geometry"]["coordinates"] == places
    for (lon, lat, alt), at_s in zip(places, FLOWN, strict=True):
        state = state_at(at_s)
        assert lon == pytest.approx(state.longitude_deg, abs=1e-4)
        assert lat == pytest.approx(state.latitude_deg, abs=1e-4)
        assert alt == pytest.approx(state.altitude_m, abs=1)
    lies = unverified["geometry"]["coordinates"]
    assert len(lies) == len(unverified["properties"]["times"]) == 4
    assert all(lon < 13.22 and lat > 52.4 and alt == 120 for lon, lat, alt in lies)
    with (tmp_path / "out" / "telemetry.csv").open() as file:
        assert {row["authenticity"] for row in csv.DictReader(file)} == {"genuine"}


def test_a_single_place_is_exported_as_a_point(station, tmp_path):
    station.lie(1)
    _, unverified = station.exported(tmp_path / "out")
    assert unverified["geometry"]["type"] == "Point"
    assert unverified["geometry"]["coordinates"][2] == 120


def test_other_programs_are_told_under_another_name(station):
    """A chaser's map has one track for each callsign, and would draw one line through both."""
    station.summaries.take()
    station.hear(station.far.beacon(state_at(600)), 600)
    told = json.loads(station.summaries.take()[0])
    assert (told["callsign"], told["comment"]) == ("N0CALL", "spacepi meadow")
    station.lie(1)
    told = json.loads(station.summaries.take()[0])
    assert told["callsign"] == "N0CALL-unverified" and "(unverified)" in told["comment"]


def test_a_strangers_phase_ends_no_flight_and_begins_none(station):
    landed = replace(state_at(1800), phase=Phase.LANDED)
    station.hear(horus.encode(Packet("N0CALL", 1, landed, "", None, 1), 128), 1800)
    flight = station.reader.flight()
    assert flight["sighting"]["phase"] == "LANDED" and flight["beacon"]["phase"] == "ASCENT"
    assert [phase["phase"] for phase in flight["phases"]] == ["ASCENT"]


@pytest.mark.parametrize(("mission", "authenticity"), [
    (SIGNED_MISSION, "unverified"), (MISSION, "unsigned"),
], ids=["no key", "unsigned mission"])
def test_a_station_that_can_prove_nothing_has_one_way_and_says_so(
    tmp_path, mission, authenticity
):
    """Still useful: what others heard fills the gaps."""
    station = Station(tmp_path, None, mission)
    station.lie()
    flight, tracks = station.reader.flight(), station.reader.tracks()
    assert not flight["is_verifying"] and flight["beacon"]["authenticity"] == authenticity
    assert tracks.verified == [] and len(tracks.unverified) == len(FLOWN) + 4
    assert station.reader.history()["verified"]["t"] == []
    (line,) = station.exported(tmp_path / "out")
    assert line["properties"]["authenticity"] == "unverified"
    station.summaries.take()
    station.hear(station.far.beacon(state_at(2000)), 2000)
    (told,) = map(json.loads, station.summaries.take())
    assert (told["callsign"], told["comment"]) == ("N0CALL", "spacepi meadow (unverified)")
    station.close()


def test_a_claim_beside_a_verified_place_adds_nothing_and_one_in_a_gap_goes_when_it_is_filled():
    verified = [Point(at * 10_000, 52 + at / 1e4, 13, 100) for at in (*range(10), *range(60, 70))]
    claims = [Point(at * 10_000, 52 + at / 1e4, 13.001, 90) for at in range(70)]
    tracks = parted(verified, [], claims)
    assert tracks.verified == verified
    assert [claim.utc_ms for claim in tracks.unverified] == list(
        range(90_000 + NEAR_MS + 10_000, 600_000 - NEAR_MS, 10_000))
    late = [Point(at * 10_000, 52 + at / 1e4, 13, 100) for at in range(10, 60)]
    assert parted([*verified, *late], [], claims) == (sorted([*verified, *late]), [])
