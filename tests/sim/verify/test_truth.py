"""What is told and shown is true; and where a bug makes it a lie, the simulator finds it.

The bugs are planted in the hop of seed 5, which has no fault but the forgeries of every flight.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import pytest

from groundstation.archive.rows import track_point
from groundstation.archive.track import Point
from groundstation.reading import reader
from payload.flight import Flight
from payload.navigation.clock import MissionClock
from payload.navigation.gnss import Navigation
from payload.situation import Situation
from sim.fault_schedule import Scheduled
from sim.scenario import FORGED_PER_HOUR, PRESETS, draw
from sim.trials import soak
from sim.trials.trial import TrialOutcome
from sim.verify import shown, truth
from tests.sim.faults.short_hops import fly, hop_in_peace
from tests.sim.flights import ROOT, mission
from tests.thorough import sampled
from wire import auth
from wire.beacon import Beacon
from wire.winds import WindLayers

MISSION = ROOT / "mission.toml"
FORECAST_SEED = 0


@pytest.fixture(scope="module")
def peace() -> TrialOutcome:
    outcome, _ = fly(hop_in_peace())
    return outcome


def test_a_flight_in_peace_tells_the_truth(peace: TrialOutcome) -> None:
    """And is looked at: every check of it has something to hold against the world."""
    assert peace.violations == ()
    assert peace.counts["reported"] > 1_000
    assert peace.counts["shown"] > 100


def test_every_drawn_flight_carries_forged_frames_both_ways(peace: TrialOutcome) -> None:
    for seed in range(40):
        for preset in PRESETS:
            drawn = draw(seed, mission(), preset)
            assert drawn.conditions.forged_per_hour == FORGED_PER_HOUR > 0
    assert peace.counts["forged_up"] > 3 and peace.counts["forged_down"] > 3


# -- what the payload tells --------------------------------------------------------------------


def _stuck() -> Callable[[Beacon], Beacon]:
    told: list[float] = []

    def stuck(beacon: Beacon) -> Beacon:
        if beacon.altitude_m is not None:
            told.append(beacon.altitude_m)
        return replace(beacon, altitude_m=told[0]) if told else beacon

    return stuck


def _times(name: str, factor: float, plus: float = 0.0) -> Callable[[Beacon], Beacon]:
    def scaled(beacon: Beacon) -> Beacon:
        value = getattr(beacon, name)
        return beacon if value is None else replace(beacon, **{name: value * factor + plus})

    return scaled


@pytest.mark.parametrize(("bug", "check"), sampled([
    pytest.param(_times("altitude_m", 3.28), truth.HEIGHT, id="altitude in feet"),
    pytest.param(_times("climb_mps", -1), truth.MOTION, id="climb upside down"),
    pytest.param(_times("pressure_hpa", 0.98), truth.AIR, id="pressure two percent low"),
    pytest.param(lambda b: replace(b, is_cutdown_armed=True), truth.STATE, id="armed"),
    pytest.param(_stuck(), truth.HEIGHT, id="altitude stuck"),
    pytest.param(_times("altitude_m", 1, 500.0), truth.HEIGHT, id="altitude 500 m off"),
    pytest.param(_times("speed_mps", 3.6), truth.MOTION, id="speed in km/h"),
    pytest.param(lambda b: replace(b, latitude_deg=b.longitude_deg, longitude_deg=b.latitude_deg),
                 truth.PLACE, id="latitude and longitude swapped"),
    pytest.param(lambda b: replace(b, fix_age_s=b.fix_age_s and 60.0), truth.HEIGHT,
                 id="a fix older than it is"),
    pytest.param(lambda b: replace(b, outside_c=b.inside_c, inside_c=b.outside_c), truth.INSIDE,
                 id="inside and outside swapped"),
    pytest.param(_times("battery_mv", 1, 40.0), truth.BATTERY, id="battery 40 mV high"),
    pytest.param(_times("time_of_day_s", 1, 18), truth.TIME, id="GPS time for UTC"),
]))
def test_a_beacon_that_lies_is_found(
    bug: Callable[[Beacon], Beacon], check: str, monkeypatch: pytest.MonkeyPatch,
) -> None:
    build = Flight._beacon
    monkeypatch.setattr(
        Flight, "_beacon", lambda self, situation: bug(build(self, situation)))
    outcome, _ = fly(hop_in_peace())
    assert check in outcome.broken


@pytest.mark.thorough
def test_an_old_fix_that_is_told_as_new_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fix is kept while the receiver is silent, and nobody counts its age."""
    monkeypatch.setattr(Navigation, "fix_age_ms", lambda self, now_ms: self.fix and 0)
    outcome, _ = fly(replace(hop_in_peace(), faults=(Scheduled(300.0, "gnss.lock_lost", 90.0),)))
    assert truth.PLACE in outcome.broken


@pytest.mark.thorough
def test_a_reading_of_a_dead_sensor_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last pressure is told again and again once the chip is gone."""
    situation = Flight.situation
    last: list[float] = []

    def remembering(self: Flight, now_ms: int) -> Situation:
        found = situation(self, now_ms)
        if found.pressure_hpa is not None:
            last[:] = [found.pressure_hpa]
        return replace(found, pressure_hpa=last[0]) if last else found

    monkeypatch.setattr(Flight, "situation", remembering)
    outcome, _ = fly(replace(hop_in_peace(), faults=(Scheduled(150.0, "i2c.replugged", 60.0),)))
    assert truth.AIR in outcome.broken


@pytest.mark.thorough
def test_a_forecast_upwind_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The winds are learnt and carry it the other way; a flight that goes high enough shows it."""
    at = WindLayers.at

    def against(self: WindLayers, altitude_m: float) -> tuple[float, float] | None:
        wind = at(self, altitude_m)
        return None if wind is None else (-wind[0], -wind[1])

    monkeypatch.setattr(WindLayers, "at", against)
    result = soak.fly(FORECAST_SEED, MISSION)
    assert truth.LANDING in {violation.check for violation in result.violations}


# -- what the station shows --------------------------------------------------------------------


def test_a_station_that_ignores_the_mac_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is signed with any key is verified: the payload is in the sea."""
    monkeypatch.setattr(auth, "is_genuine_downlink", lambda key, message, tag: True)
    outcome, _ = fly(hop_in_peace())
    assert "archive_true" in outcome.broken


@pytest.mark.thorough
def test_a_payload_that_takes_any_mac_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "is_genuine", lambda key, message, tag: True)
    outcome, _ = fly(hop_in_peace())
    assert "only_authentic" in outcome.broken


@pytest.mark.thorough
def test_a_track_with_its_axes_swapped_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def swapped(row: object) -> Point | None:
        point = track_point(row)  # type: ignore[arg-type]
        return point and Point(point.utc_ms, point.lon_deg, point.lat_deg, point.alt_m)

    monkeypatch.setattr(reader, "track_point", swapped)
    outcome, _ = fly(hop_in_peace())
    assert shown.TRACK in outcome.broken


@pytest.mark.thorough
def test_a_page_that_shows_another_beacon_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    newest = reader.FlightReader.latest_beacon

    def higher(self: reader.FlightReader) -> dict | None:
        beacon = newest(self)
        return beacon and beacon | {"altitude_m": (beacon["altitude_m"] or 0) + 500}

    monkeypatch.setattr(reader.FlightReader, "latest_beacon", higher)
    outcome, _ = fly(hop_in_peace())
    assert shown.PAGE in outcome.broken


@pytest.mark.parametrize(("off_s", "is_found"), [
    (0, False), (3_600, False), (43_000, False), (-60, True), (-3_600, True),
    (83_710, False),  # a day less 2690 s, as an empty cell in orbit kept it
    (400_000, False),
])
def test_a_restored_clock_may_lag_by_days_and_be_ahead_by_nothing(
    off_s: int, is_found: bool
) -> None:
    """Without a receiver's time, after so long without power."""
    now_ms, since_boot_ms = 1_790_000_000_000, 60_000
    clock = MissionClock(now_ms - since_boot_ms - 1000 * off_s)
    world = SimpleNamespace(
        flight=SimpleNamespace(clock=clock), daemon=SimpleNamespace(now_ms=since_boot_ms),
        clock=SimpleNamespace(utc_ms=now_ms))
    found: list[str] = []
    checks = SimpleNamespace(violate=lambda check, words: found.append(check))
    watched = object.__new__(truth.Truth)
    watched._world, watched._checks = world, checks  # type: ignore[assignment]
    watched._look_at_time((now_ms // 1000 - off_s) % truth.DAY_S)
    assert found == ([truth.TIME] if is_found else [])
