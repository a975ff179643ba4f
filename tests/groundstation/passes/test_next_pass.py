"""The pass that is told next: whose, until when, and what is said where there is none."""

from __future__ import annotations

import pytest

from groundstation.passes.next_pass import HOURS, NextPass
from groundstation.passes.upcoming import coming
from sim.orbit import behind
from tests.groundstation.far_end import SIGNED_MISSION
from tests.wire.orbits import HOUR_MS, ISS, iss
from wire.mission import Mission
from wire.mission_orbit import OrbitSection, OrbitStation

EPOCH_MS = iss().epoch_ms
MEADOW = OrbitStation(name="meadow", latitude_deg=48.0, longitude_deg=11.0)
AWAY = OrbitStation(name="away", latitude_deg=-30.0, longitude_deg=140.0)
POLE = OrbitStation(name="meadow", latitude_deg=89.0, longitude_deg=0.0)


def orbiting(*stations: OrbitStation, tle: tuple[str, str] | None = ISS) -> Mission:
    """The mission of the tests, whose station is called meadow, in orbit."""
    orbit = OrbitSection(tle=tle, stations=stations)
    return SIGNED_MISSION.model_copy(update={"orbit": orbit})


@pytest.mark.parametrize(("mission", "has_places"), [
    (SIGNED_MISSION, False), (orbiting(), False), (orbiting(AWAY), True),
    (orbiting(MEADOW, AWAY, tle=None), True),
])
def test_it_needs_a_place(mission: Mission, has_places: bool) -> None:
    assert NextPass(mission).has_places is has_places


def test_each_pass_is_told_until_it_sets_and_none_is_left_out() -> None:
    expected = coming(iss(), (MEADOW,), EPOCH_MS, 48)
    next_pass, told = NextPass(orbiting(AWAY, MEADOW)), []
    for utc_ms in range(EPOCH_MS, EPOCH_MS + 24 * HOUR_MS, 60_000):
        answer = next_pass.at(iss(), utc_ms)["next"]
        assert answer is not None and answer["station"] == "meadow", "this station's, not away's"
        assert utc_ms < answer["set_ms"]
        if not told or told[-1]["set_ms"] != answer["set_ms"]:
            told.append(answer)
    assert [one["top_ms"] for one in told] == pytest.approx(
        [each.over.top_ms for each in expected[:len(told)]], abs=2_000)
    assert len(told) > 5
    first, over = told[0], expected[0].over
    assert (first["rise_deg"], first["top_deg"], first["set_deg"]) == pytest.approx(
        (over.rise.azimuth_deg, over.top.azimuth_deg, over.set.azimuth_deg), abs=0.1)
    assert first["elevation_deg"] == pytest.approx(over.top.elevation_deg, abs=0.1)
    assert first["way"][0][0] == first["rise_ms"] and first["way"][-1][0] == first["set_ms"]


def test_without_a_place_of_its_name_it_is_whichever_comes_first() -> None:
    far = MEADOW.model_copy(update={"name": "far"})
    answer = NextPass(orbiting(far, AWAY)).at(iss(), EPOCH_MS)["next"]
    both = coming(iss(), (far, AWAY), EPOCH_MS, HOURS)
    assert answer is not None and answer["rise_ms"] == both[0].over.rise_ms


def test_a_clock_that_is_set_back_is_answered_anew() -> None:
    next_pass = NextPass(orbiting(MEADOW))
    first, later = next_pass.at(iss(), EPOCH_MS), next_pass.at(iss(), EPOCH_MS + 12 * HOUR_MS)
    assert first != later and next_pass.at(iss(), EPOCH_MS)["next"] == first["next"]


def test_by_other_elements_the_pass_is_another_at_once() -> None:
    next_pass, other = NextPass(orbiting(MEADOW)), behind(iss(), 2_790)
    first = next_pass.at(iss(), EPOCH_MS)["next"]
    assert next_pass.at(other, EPOCH_MS) == NextPass(orbiting(MEADOW)).at(other, EPOCH_MS)
    assert next_pass.at(other, EPOCH_MS)["next"] != first == next_pass.at(iss(), EPOCH_MS)["next"]


def test_where_none_comes_it_says_so_and_where_none_can_be_told_why() -> None:
    none = NextPass(orbiting(POLE)).at(iss(), EPOCH_MS)
    assert (none["next"], none["why"], none["hours"]) == (None, "", HOURS)
    decayed = NextPass(orbiting(MEADOW)).at(iss(), EPOCH_MS + 40 * 365 * 24 * HOUR_MS)
    assert decayed["next"] is None and decayed["is_old"]
    assert decayed["why"].endswith("newer elements are required.")


@pytest.mark.parametrize(("days", "is_old"), [(-8, True), (-6, False), (0, False), (7, False),
                                              (8, True)])
def test_old_elements_are_called_so(days: int, is_old: bool) -> None:
    answer = NextPass(orbiting(MEADOW)).at(iss(), EPOCH_MS + days * 24 * HOUR_MS)
    assert (answer["age_days"], answer["is_old"]) == (abs(days), is_old)
