"""Forecast and truth: which moments are scored, what each forecast knew then, and where it landed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from groundstation.archive.tawhiri_state import TawhiriForecast, TawhiriState, remember
from groundstation.archive.track import Point
from groundstation.reading.landing_outcome import outcome
from tests.groundstation.far_end import START_MS, state_at
from tests.groundstation.lied_to import FLOWN
from tests.groundstation.reading.test_landing import PLAN, flight, told
from wire.beacon import Phase
from wire.earth import METRES_PER_DEGREE

KM_EAST = 1000 / METRES_PER_DEGREE  # on the equator, degrees


def scored(track: list[Point], truth: Point, **changes: Any) -> dict[str, Any]:
    given: dict[str, Any] = {"told": lambda at_ms: None, "tawhiri": None} | changes
    return outcome(truth, True, track, PLAN, 0.0, given["told"], given["tawhiri"])


def test_the_burst_ten_and_five_kilometres_are_scored_with_what_was_known_then():
    track = flight(12_000, 300, fall_mps=12.0)
    truth = track[-1]
    found = scored(track, truth)
    heights = [moment["alt_m"] for moment in found["moments"]]
    assert len(heights) == 3 and 11_500 < heights[0] < 11_800
    assert 9_700 < heights[1] < 10_000 and 4_700 < heights[2] < 5_000
    burst = found["moments"][0]
    elsewhere = [p if p.utc_ms <= burst["at_ms"] else p._replace(lat_deg=1.0) for p in track]
    assert scored(elsewhere, truth)["moments"][0] == burst, "it knew nothing of what came later"
    first, last = found["moments"][0]["station"], found["moments"][2]["station"]
    assert last["error_m"] < first["error_m"], "the fall is measured by then"
    assert found["tawhiri"] is None
    assert [moment["payload"] for moment in found["moments"]] == [None] * 3


@pytest.mark.parametrize(("track", "count"), [
    ([], 0), (flight(12_000), 0), (flight(400, 0), 0), (flight(7_000, 300), 2),
    (flight(4_000, 300), 1), ([Point(0, 1.0, 1.0, None)], 0),
])
def test_only_moments_that_were_are_scored(track, count):
    assert len(scored(track, Point(9_000_000, 0.0, 0.1, 0.0))["moments"]) == count


def test_the_payloads_forecast_of_then_and_the_servers_have_their_error():
    track = flight(12_000, 300, fall_mps=12.0)
    truth = track[-1]

    def said(at_ms: int) -> dict[str, Any]:
        return {"at_ms": at_ms, "lat": 0.0, "lon": truth.lon_deg + 2 * KM_EAST, "along_m": 1000,
                "across_m": 500, "bearing_deg": 90}

    asked = TawhiriForecast(track[40].utc_ms, 0, True, "here", "", 0.0, truth.lon_deg + KM_EAST,
                            truth.utc_ms, [])
    found = scored(track, truth, told=said, tawhiri=asked)
    payload = found["moments"][1]["payload"]
    assert payload["at_ms"] == found["moments"][1]["at_ms"]
    assert payload["error_m"] == pytest.approx(2000, abs=10) and payload["sigmas"] == 2.0
    assert found["tawhiri"]["error_m"] == pytest.approx(1000, abs=5)
    before = replace(asked, at_ms=track[0].utc_ms - 1)
    assert scored(track, truth, tawhiri=before)["tawhiri"] is None, "of another flight"


def test_the_landing_is_the_first_place_that_a_signed_beacon_says(station):
    told(station, 300)
    assert station.reader.landing()["outcome"] is None
    at_s = FLOWN[-1] + 60
    down = replace(state_at(at_s), phase=Phase.LANDED)
    station.hear(station.far.beacon(replace(down, latitude_deg=None)), at_s)
    assert station.reader.landing()["outcome"]["lat"] == pytest.approx(
        station.reader.tracks().verified[-1].lat_deg), "a place is not in it yet"
    station.hear(station.far.beacon(down), at_s + 10)
    found = station.reader.landing()["outcome"]
    assert (found["at_ms"], found["is_verified"]) == (START_MS + (at_s + 10) * 1000, True)
    carried = replace(down, latitude_deg=down.latitude_deg + 0.2)
    station.hear(station.far.beacon(carried), at_s + 600)
    assert station.reader.landing()["outcome"]["lat"] == found["lat"], "a finder drives home"
    station.lie(at_s=at_s + 700)
    assert station.reader.landing()["outcome"] == found
    assert station.reader.landing()["station"] is None


def test_an_answer_of_a_server_is_scored_too(station):
    track = station.reader.tracks().verified
    remember(station.archive.path, TawhiriState(0, "", TawhiriForecast(
        track[5].utc_ms, 0, True, "here", "", 52.0, 13.0, track[-1].utc_ms, [])))
    at_s = FLOWN[-1] + 60
    station.hear(station.far.beacon(replace(state_at(at_s), phase=Phase.LANDED)), at_s)
    assert station.reader.landing()["outcome"]["tawhiri"]["error_m"] > 1000
