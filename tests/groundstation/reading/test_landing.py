"""Where it will land: told by the payload, reckoned by the station, and who cannot move either."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from starlette.testclient import TestClient

from groundstation.archive.track import Point
from groundstation.reading.landing import station_forecast
from groundstation.web.routes import create_app
from tests.groundstation.far_end import SIGNED_MISSION, START_MS, state_at
from tests.groundstation.lied_to import Station
from wire.beacon import Phase
from wire.earth import METRES_PER_DEGREE
from wire.mission import FlightSection
from wire.records import Kind

PLAN = FlightSection(landing_mps=5.0, burst_altitude_m=12_000.0)
FORECAST = {"phase": 2, "land_lat": 521_500_000, "land_lon": 134_000_000, "land_s": 1800,
            "land_along": 5200, "land_across": 3100, "land_dir": 71}
WIND_MPS = 10.0
BLOCK_S = 60  # a block waits for more records


def told(station: Station, at_s: int, **changes: Any) -> dict[str, Any] | None:
    """What the station shows of the payload's own forecast once it sent this one."""
    station.far.push(Kind.HOUSEKEEPING, START_MS + at_s * 1000, {**FORECAST, **changes})
    sent_s = at_s + BLOCK_S
    station.hear(station.far.data(START_MS + sent_s * 1000), sent_s)
    return station.reader.landing()["payload"]


def test_the_forecast_that_the_payload_sends_is_shown(station):
    assert station.reader.landing()["payload"] is None
    shown = told(station, 600)
    assert shown == {
        "at_ms": START_MS + 600_000, "land_ms": START_MS + 2_400_000, "is_verified": True,
        "lat": 52.15, "lon": 13.4, "along_m": 5200, "across_m": 3100, "bearing_deg": 71}
    assert told(station, 900, land_s=1500)["at_ms"] == START_MS + 900_000
    station.far.push(Kind.HOUSEKEEPING, START_MS + 960_000, {"mv": 3900})
    station.hear(station.far.data(START_MS + 1_020_000), 1020)
    assert station.reader.history()["state"]["mv"][-1] == 3900
    assert station.reader.landing()["payload"]["at_ms"] == START_MS + 900_000, "the newest of them"


@pytest.mark.parametrize(("key", "value"), [
    ("land_lat", 9.1e8), ("land_lon", "x"), ("land_s", -1), ("land_s", 86_401), ("land_along", 0),
    ("land_across", float("nan")), ("land_dir", 361), ("land_lat", None),
])
def test_a_forecast_that_cannot_be_is_none(station, key, value):
    assert told(station, 600, **{key: value}) is None
    json.dumps(station.reader.landing(), allow_nan=False)


def test_the_station_reckons_from_what_it_heard_and_no_lie_moves_it(station):
    before = station.reader.landing()["station"]
    assert before["at_ms"] == START_MS + 590_000 and before["is_verified"] is True
    assert [landing["name"] for landing in before["landings"]] == ["here"]
    assert not before["is_falling"] and not before["is_fall_measured"]
    assert before["fall_mps"] == before["expected_mps"] == 5.0
    station.lie()
    assert station.reader.landing()["station"] == before


def test_what_has_landed_is_no_forecast(station):
    station.hear(station.far.beacon(replace(state_at(610), phase=Phase.LANDED)), 610)
    assert station.reader.landing()["station"] is None


def test_the_page_asks_for_it(station):
    told(station, 600)
    with TestClient(create_app(station.archive.path, SIGNED_MISSION, now=lambda: START_MS),
                    base_url="http://localhost", client=("127.0.0.1", 5000)) as client:
        landing = client.get("/api/landing").json()
    assert landing["payload"]["along_m"] == 5200 and landing["station"]["landings"]


def flight(top_m: float, down_to_m: float | None = None, fall_mps: float = 20.0) -> list[Point]:
    """A position every 20 s: up at 5 m/s and down, in the same wind from the west, on the equator.
    """
    altitudes = [100.0 * step for step in range(int(top_m / 100) + 1)]
    while down_to_m is not None and altitudes[-1] > down_to_m:
        altitudes.append(altitudes[-1] - 20 * fall_mps)
    return [Point(step * 20_000, 0.0, WIND_MPS * 20 * step / METRES_PER_DEGREE, altitude_m)
            for step, altitude_m in enumerate(altitudes)]


def test_on_the_way_up_there_are_three_bursts_and_one_here_and_now():
    forecast = station_forecast(flight(6_000), PLAN, 0.0)
    assert forecast is not None and not forecast.is_falling
    landings = dict(forecast.landings)
    assert list(landings) == ["planned", "low", "high", "here"]
    assert [round(max(place[2] for place in landing.way)) for landing in landings.values()] == [
        12_000, 10_000, 14_000, 6_000]
    east = [landings[name].longitude_deg for name in ("here", "low", "planned", "high")]
    assert east == sorted(east), "the higher it bursts the farther it drifts"
    drifted_s = landings["planned"].seconds
    assert east[2] * METRES_PER_DEGREE == pytest.approx(
        WIND_MPS * (1200 + drifted_s), rel=0.01), "the same wind all the way"
    passed = station_forecast(flight(12_500), PLAN, 0.0)
    assert passed is not None
    assert [name for name, _ in passed.landings] == ["high", "here"], "what it has passed is gone"


def test_on_the_way_down_the_fall_is_measured_anew():
    forecast = station_forecast(flight(8_000, 3_000, fall_mps=10.0), PLAN, 0.0)
    assert forecast is not None and forecast.is_falling and forecast.is_fall_measured
    assert [name for name, _ in forecast.landings] == ["here"]
    assert 7.0 < forecast.fall_mps < 9.0, "less at the sea; not the mission's 5"
    landing = forecast.landings[0][1]
    assert landing.longitude_deg * METRES_PER_DEGREE == pytest.approx(
        WIND_MPS * (forecast.at_ms / 1000 + landing.seconds), rel=0.01)


@pytest.mark.parametrize("track", [
    [], [Point(0, 52.0, 13.0, None)], [Point(0, 52.0, 13.0, 9_000.0)], flight(40),
    [Point(step * 3_600_000, 52.0, 13.0, 900.0 * step) for step in range(9)],
])
def test_a_track_that_says_nothing_of_the_winds_gives_no_forecast(track):
    assert station_forecast(track, PLAN, 0.0) is None
