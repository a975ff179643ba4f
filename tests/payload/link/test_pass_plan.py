"""The pass plan: it is silent where nobody hears, and only where that is certain."""

from __future__ import annotations

import pytest
from sgp4.io import compute_checksum

import sim.orbit
from payload.link import pass_plan
from payload.link.pass_plan import AGE_DAYS_MAX, HEARD_S, MARGIN_MS, PassPlan, Reach
from sim.orbit import renewed
from tests.wire.orbits import GEOSTATIONARY as HIGH
from tests.wire.orbits import HOUR_MS, ISS, iss
from wire.mission_orbit import OrbitSection, OrbitStation
from wire.orbit import Elements, OrbitError, geodetic
from wire.passes import passes
from wire.records import TimeQuality

STATIONS = (
    OrbitStation(name="home", latitude_deg=48.0, longitude_deg=11.0),
    OrbitStation(name="away", latitude_deg=-30.0, longitude_deg=140.0, elevation_min_deg=10.0),
)
SECTION = OrbitSection(tle=ISS, stations=STATIONS)
EPOCH_MS = iss().epoch_ms
GPS = TimeQuality.GPS
STEP_MS = 5_000
MARGIN_OF_A_DAY_MS = MARGIN_MS + pass_plan.MARGIN_MS_PER_DAY


def test_it_is_away_except_around_the_passes_of_every_station() -> None:
    plan, begin_ms, end_ms = PassPlan(SECTION), EPOCH_MS, EPOCH_MS + 20 * HOUR_MS
    spans = [(each.rise_ms, each.set_ms) for station in STATIONS for each in passes(
        iss(), station.vantage, station.elevation_min_deg, begin_ms, end_ms + HOUR_MS)]
    assert len(spans) >= 8
    for utc_ms in range(begin_ms, end_ms, STEP_MS):
        is_away = plan.is_away(utc_ms, GPS, None)
        if any(rise_ms <= utc_ms <= set_ms for rise_ms, set_ms in spans):
            assert not is_away
        if all(not rise_ms - MARGIN_OF_A_DAY_MS <= utc_ms <= set_ms + MARGIN_OF_A_DAY_MS
               for rise_ms, set_ms in spans):
            assert is_away


def away_ms() -> int:
    """An instant at which the plan says that nobody hears."""
    plan = PassPlan(SECTION)
    return next(utc_ms for utc_ms in range(EPOCH_MS, EPOCH_MS + HOUR_MS, STEP_MS)
                if plan.is_away(utc_ms, GPS, None))


@pytest.mark.parametrize("section", [
    None, OrbitSection(), OrbitSection(tle=ISS),
])
def test_without_elements_and_stations_it_is_never_away(section: OrbitSection | None) -> None:
    assert not PassPlan(section).is_away(away_ms(), GPS, None)


def test_elements_that_have_decayed_leave_nobody_certain() -> None:
    """A bug: the search that failed counted as one that had found no pass.

    The drag of the first elements after a launch is often far too high.
    """
    first = f"{ISS[0][:53]} 15000-0{ISS[0][61:68]}"
    elements = Elements(f"{first}{compute_checksum(first + '0')}", ISS[1])
    decay_ms = next(utc_ms for utc_ms in range(EPOCH_MS, EPOCH_MS + 240 * HOUR_MS, 60_000)
                    if not is_followed(elements, utc_ms))
    plan = PassPlan(OrbitSection(tle=elements.lines, stations=STATIONS))
    assert any(plan.is_away(utc_ms, GPS, None) for utc_ms in range(
        EPOCH_MS, EPOCH_MS + HOUR_MS, STEP_MS)), "as long as they can be followed"
    for utc_ms in range(decay_ms - HOUR_MS, decay_ms + 24 * HOUR_MS, 600_000):
        assert plan.reach(utc_ms, GPS, None) is Reach.STATION


def is_followed(elements: Elements, utc_ms: int) -> bool:
    try:
        elements.at(utc_ms)
    except OrbitError:
        return False
    return True


@pytest.mark.parametrize(("quality", "is_away"), [
    (TimeQuality.GPS, True), (TimeQuality.COMMAND, True),
    (TimeQuality.RESTORED, False), (TimeQuality.NONE, False),
])
def test_a_clock_that_nobody_set_tells_nothing(quality: TimeQuality, is_away: bool) -> None:
    assert PassPlan(SECTION).is_away(away_ms(), quality, None) is is_away


def test_who_was_just_heard_is_there() -> None:
    plan = PassPlan(SECTION)
    assert not plan.is_away(away_ms(), GPS, HEARD_S - 0.001)
    assert plan.is_away(away_ms(), GPS, HEARD_S)


def test_old_elements_tell_nothing() -> None:
    day_ms = 24 * HOUR_MS
    plan = PassPlan(SECTION)
    old_ms = EPOCH_MS + round((AGE_DAYS_MAX + 1) * day_ms)
    assert not any(plan.is_away(utc_ms, GPS, None)
                   for utc_ms in range(old_ms, old_ms + 3 * HOUR_MS, 60_000))
    young_ms = EPOCH_MS + round((AGE_DAYS_MAX - 1) * day_ms)
    assert any(plan.is_away(utc_ms, GPS, None)
               for utc_ms in range(young_ms, young_ms + 3 * HOUR_MS, 60_000))


def test_a_clock_that_is_set_forth_and_back_finds_the_same() -> None:
    plan, there_ms = PassPlan(SECTION), away_ms()
    for jump_ms in (0, 30 * HOUR_MS, 0, -10 * HOUR_MS, 0):
        expected = PassPlan(SECTION).is_away(there_ms + jump_ms, GPS, None)
        assert plan.is_away(there_ms + jump_ms, GPS, None) is expected


def test_a_clock_that_is_set_back_by_hours_misses_no_pass() -> None:
    """A receiver was wrong for long enough to be believed, while passes were forgotten."""
    begin_ms, end_ms = EPOCH_MS, EPOCH_MS + 12 * HOUR_MS
    plan = PassPlan(SECTION)
    for utc_ms in range(begin_ms, end_ms, 60_000):
        plan.is_away(utc_ms, GPS, None)
    for utc_ms in range(begin_ms + 3 * HOUR_MS, begin_ms + 6 * HOUR_MS, 60_000):
        expected = PassPlan(SECTION).is_away(utc_ms, GPS, None)
        assert plan.is_away(utc_ms, GPS, None) is expected


def test_a_step_searches_one_slice_a_station(monkeypatch: pytest.MonkeyPatch) -> None:
    slices: list[int] = []

    def counted(elements, vantage, least_deg, from_ms, to_ms):  # type: ignore[no-untyped-def]
        slices.append(to_ms - from_ms)
        return passes(elements, vantage, least_deg, from_ms, to_ms)

    monkeypatch.setattr(pass_plan, "passes", counted)
    plan = PassPlan(SECTION)
    for step in range(12 * 720):
        before = len(slices)
        plan.is_away(EPOCH_MS + step * STEP_MS, GPS, None)
        assert len(slices) - before <= len(STATIONS)
    assert len(slices) <= 4 * len(STATIONS) and set(slices) == {pass_plan.SEARCH_MS}


MONTHS_LATER_MS = EPOCH_MS + 90 * 24 * HOUR_MS


def months_later() -> tuple[Elements, int]:
    """Elements of that day, and an instant at which a plan by them says that nobody hears."""
    elements = renewed(iss(), MONTHS_LATER_MS)
    plan = PassPlan(OrbitSection(tle=elements.lines, stations=STATIONS))
    away = (utc_ms for utc_ms in range(MONTHS_LATER_MS, MONTHS_LATER_MS + HOUR_MS, STEP_MS)
            if plan.is_away(utc_ms, GPS, None))
    return elements, next(away)


def test_newer_elements_are_believed_at_once_and_in_the_next_life() -> None:
    elements, away_ms = months_later()
    plan = PassPlan(SECTION)
    assert not plan.is_away(away_ms, GPS, None)
    assert plan.take(elements.text, away_ms, GPS) is None
    assert plan.is_away(away_ms, GPS, None)
    assert PassPlan(SECTION, elements.text).is_away(away_ms, GPS, None)


def test_elements_that_no_mission_file_knew_before_the_launch_are_kept() -> None:
    """A bug: after a reboot the payload had none again, and transmitted all the time."""
    section = OrbitSection(stations=STATIONS)
    plan = PassPlan(section)
    assert plan.take(iss().text, away_ms(), GPS) is None
    assert plan.is_away(away_ms(), GPS, None)
    assert PassPlan(section, iss().text).is_away(away_ms(), GPS, None)


def test_a_mission_file_that_is_newer_than_the_last_command_counts() -> None:
    elements, away_ms = months_later()
    newer = OrbitSection(tle=elements.lines, stations=STATIONS)
    assert PassPlan(newer, iss().text).is_away(away_ms, GPS, None)


def test_elements_of_before_those_of_the_file_are_kept_until_the_file_changes() -> None:
    """A bug: a file with the elements of a planned launch won again at each reboot, since their
    epoch is later."""
    planned = renewed(iss(), EPOCH_MS + 3 * 24 * HOUR_MS)
    section = OrbitSection(tle=planned.lines, stations=STATIONS)
    plan = PassPlan(section)
    assert plan.take(iss().text, EPOCH_MS, GPS) is None
    again = PassPlan(section, plan.saved())
    assert again.elements is not None and again.elements.lines == ISS
    edited = renewed(iss(), EPOCH_MS + 2 * 24 * HOUR_MS)
    third = PassPlan(OrbitSection(tle=edited.lines, stations=STATIONS), again.saved())
    assert third.elements is not None and third.elements.lines == edited.lines


def test_a_clock_that_may_have_run_away_widens_the_margins() -> None:
    """A bug: renewed elements narrowed them to half a minute, months after GNSS had died."""
    plan = PassPlan(SECTION)
    rise_ms = min(each.rise_ms for station in STATIONS for each in passes(
        iss(), station.vantage, station.elevation_min_deg, EPOCH_MS + HOUR_MS,
        EPOCH_MS + 20 * HOUR_MS))
    before_ms = rise_ms - MARGIN_OF_A_DAY_MS - 60_000
    assert plan.reach(before_ms, GPS, None) is Reach.NOBODY
    assert PassPlan(SECTION).reach(before_ms, GPS, None, drift_ms=120_000) is Reach.PERHAPS


@pytest.mark.parametrize("longitude_deg", [0.0, 20.0, -40.0])
def test_what_never_sets_is_never_said_to_be_away(longitude_deg: float) -> None:
    """A bug: an orbit that stays up has no peak, and the search for passes found none."""
    elements = Elements(*HIGH)
    below = geodetic(elements.at(elements.epoch_ms))
    station = OrbitStation(
        name="below", latitude_deg=0.0,
        longitude_deg=(below.longitude_deg + longitude_deg + 180) % 360 - 180)
    plan = PassPlan(OrbitSection(tle=elements.lines, stations=(station,)))
    for utc_ms in range(elements.epoch_ms, elements.epoch_ms + 24 * HOUR_MS, 600_000):
        assert plan.reach(utc_ms, GPS, None) is Reach.STATION


@pytest.mark.parametrize("saved", ["", "no elements", iss().text[:-1] + "0"])
def test_what_was_kept_and_is_no_tle_is_as_if_there_were_none(saved: str) -> None:
    assert PassPlan(SECTION, saved).is_away(away_ms(), GPS, None)


def test_passes_by_the_elements_before_are_forgotten() -> None:
    """Of one that follows half a revolution behind."""
    behind = sim.orbit.behind(iss(), 2_790)
    plan, other = PassPlan(SECTION), PassPlan(OrbitSection(tle=behind.lines, stations=STATIONS))
    instants = range(EPOCH_MS, EPOCH_MS + 5 * HOUR_MS, 60_000)
    before = [plan.reach(utc_ms, GPS, None) for utc_ms in instants]
    expected = [other.reach(utc_ms, GPS, None) for utc_ms in instants]
    assert before != expected and plan.take(behind.text, EPOCH_MS, GPS) is None
    assert [plan.reach(utc_ms, GPS, None) for utc_ms in instants] == expected


@pytest.mark.parametrize(("section", "text", "age_days", "why"), [
    (SECTION, iss().text, AGE_DAYS_MAX, None), (SECTION, iss().text, -AGE_DAYS_MAX, None),
    (SECTION, iss().text, AGE_DAYS_MAX + 0.01, "the epoch is more than 60 days away"),
    (SECTION, iss().text, -AGE_DAYS_MAX - 0.01, "the epoch is more than 60 days away"),
    (SECTION, iss().text[:-1] + "3", 0, "not a TLE that can be followed"),
    (SECTION, "Rain.", 0, "not a TLE that can be followed"),
    (None, iss().text, 0, "its mission has no stations whose passes to predict"),
    (OrbitSection(tle=ISS), iss().text, 0, "its mission has no stations whose passes to predict"),
])
def test_elements_that_tell_nothing_are_refused(
    section: OrbitSection | None, text: str, age_days: float, why: str | None
) -> None:
    now_ms = EPOCH_MS + round(age_days * 24 * HOUR_MS)
    assert PassPlan(section).take(text, now_ms, GPS) == why


@pytest.mark.parametrize("quality", [TimeQuality.NONE, TimeQuality.RESTORED])
def test_a_clock_that_is_not_believed_refuses_no_elements(quality: TimeQuality) -> None:
    """One that was restored lags by the time without power, which may have been months."""
    assert PassPlan(SECTION).take(iss().text, EPOCH_MS - 90 * 24 * HOUR_MS, quality) is None
