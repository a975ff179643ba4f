"""The phase machine: real flights and made ones, a fix a second, with cuts, gaps and glitches."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payload.navigation.gnss import Navigation
from payload.navigation.phase import (
    BOOT_MS_MAX,
    FLIGHT_PHASES,
    SAVED_MS_MAX,
    SILENT_DESCENT_MS,
    PhaseMachine,
)
from payload.navigation.phase_transitions import TRANSITIONS
from tests import recordings
from tests.payload.flights import (
    FLIGHT,
    GROUND,
    UTC_MS,
    Balloon,
    FakeGnss,
    Trip,
    fix_at,
    ramp,
    recorded,
)
from wire import earth
from wire.beacon import Phase


@pytest.mark.parametrize("path", recordings.ALL, ids=recordings.name)
def test_a_recorded_flight(path: Path) -> None:
    """Goal: burst within 30 s and at the peak, landed where it lies, no detours.

    Method: replay a real flight through Navigation, gaps, drift on the ground and all.
    """
    gnss = FakeGnss()
    navigation = Navigation(gnss)
    machine = PhaseMachine(None, 0)
    told, burst_told_ms, landed = [], None, None
    peak = last = None
    for row in recorded(path):
        if row.fix is not None:
            gnss.queue.append(row.fix)
            last = row.fix
            if peak is None or row.fix.altitude_m > peak.altitude_m:
                peak = row.fix
        navigation.poll(row.now_ms)
        for note in machine.update(navigation.fix, row.pressure_hpa, row.now_ms):
            if note.body["event"] == "burst":
                burst_told_ms = row.now_ms
            elif note.body["event"] == "phase":
                told.append(note.body["fields"]["to"])
        if machine.phase is Phase.LANDED and landed is None:
            landed = navigation.fix
    assert told == FLIGHT
    assert machine.burst_utc_ms == peak.utc_ms
    assert machine.peak_altitude_m == peak.altitude_m
    assert 0 < burst_told_ms - peak.taken_ms <= 30_000
    distance_m = earth.distance_m(
        (landed.latitude_deg, landed.longitude_deg), (last.latitude_deg, last.longitude_deg))
    assert distance_m < 20
    assert navigation.rejects.total() == 0


def test_the_marks_of_a_flight() -> None:
    """Goal: every note carries its numbers. Method: one small made flight."""
    trip = Trip().fly(Balloon().altitudes())
    assert trip.path == FLIGHT
    assert trip.machine.ground_altitude_m == 100.0
    assert trip.machine.peak_altitude_m == 3000.0
    burst = next(e for e in trip.events if e["event"] == "burst")["fields"]
    assert burst == {"peak_m": 3000.0, "utc_ms": trip.machine.burst_utc_ms, "gap_s": 1}
    assert trip.machine.burst_utc_ms == UTC_MS + (60 + 580 - 1) * 1000
    descent = next(e for e in trip.events if e["fields"].get("to") == "descent")["fields"]
    assert descent["climb_mps"] == -20.0
    ascent = next(e for e in trip.events if e["fields"].get("to") == "ascent")["fields"]
    assert ascent == {"from": "ground", "to": "ascent", "reason": "climbing", "altitude_m": 350.0,
                      "climb_mps": 5.0, "ground_m": 100.0}


@pytest.mark.parametrize(
    ("climb_mps", "seconds", "is_launch"),
    [(0.9, 600, False), (1.1, 600, True), (5.0, 30, False), (5.0, 60, True)])
def test_launch_needs_height_climb_and_time(
    climb_mps: float, seconds: int, is_launch: bool
) -> None:
    """Goal: just not and just enough. Method: slow and short climbs from the ground."""
    trip = Trip().fly(GROUND).fly(ramp(100.0, climb_mps, seconds))
    assert (trip.machine.phase is Phase.ASCENT) is is_launch


def test_the_barometer_votes_only_low_down() -> None:
    """Goal: a receiver that wanders indoors launches nothing, a stuck barometer stops nothing.

    Method: climb by the receiver alone to 400 m, then to 700 m above the ground.
    """
    trip = Trip()
    for altitude_m in GROUND + ramp(100.0, 3.0, 130):
        trip.give(fix_at(trip.now_ms, altitude_m), 1001.0)
    assert trip.machine.phase is Phase.GROUND
    for altitude_m in ramp(490.0, 3.0, 80):
        trip.give(fix_at(trip.now_ms, altitude_m), 1001.0)
    assert trip.machine.phase is Phase.ASCENT
    broken = Trip()
    for altitude_m in GROUND + ramp(100.0, 3.0, 100):
        broken.give(fix_at(broken.now_ms, altitude_m), 0.0)  # as recorded in eoss-322-22
    assert broken.machine.phase is Phase.ASCENT


def test_float_and_out_of_it() -> None:
    """Goal: level for three minutes above 5 km, with waves; then up, level again, and down."""
    waves = [12_000 + 30 * math.sin(second / 40) for second in range(400)]
    trip = Trip().fly(GROUND).fly(ramp(100.0, 7.0, 1700)).fly(waves)
    assert trip.path == ["ground", "ascent", "float"]
    trip.fly(ramp(12_000, 2.0, 300)).fly([12_600.0] * 300).fly(ramp(12_600, -20.0, 60))
    assert trip.path == ["ground", "ascent", "float", "ascent", "float", "descent"]
    low = Trip().fly(GROUND).fly(ramp(100.0, 7.0, 600)).fly([4_293.0] * 250)
    assert low.machine.phase is Phase.ASCENT


def test_no_fix_for_half_an_hour_in_descent_is_a_landing_nobody_saw() -> None:
    """Goal: only there, only then. Method: silence in every phase."""
    down = Trip().fly(GROUND).fly(ramp(100, 5, 600)).fly(ramp(3100, -20, 60))
    assert down.machine.phase is Phase.DESCENT
    down.fly([None] * (SILENT_DESCENT_MS // 1000 - 1))
    assert down.machine.phase is Phase.DESCENT
    down.fly([None] * 2)
    assert down.machine.phase is Phase.LANDED
    assert down.machine.is_landing_assumed
    assert down.events[-1]["fields"]["reason"] == "silence"
    assert "climb_mps" not in down.events[-1]["fields"]
    down.fly(ramp(1500, -6, 60))
    assert down.machine.phase is Phase.DESCENT
    up = Trip().fly(GROUND).fly(ramp(100, 5, 600)).fly([None] * 7200)
    assert up.machine.phase is Phase.ASCENT


@pytest.mark.parametrize("every_s", [3, 7, 10, 30])
def test_a_slow_receiver_flies_too(every_s: int) -> None:
    """Goal: low rate data. Method: one fix in ``every_s`` seconds of a whole flight."""
    altitudes = Balloon(top_m=9_000, rest_s=900, wait_s=300).altitudes()
    trip = Trip().fly([a if i % every_s == 0 else None for i, a in enumerate(altitudes)])
    assert trip.path == FLIGHT


@pytest.mark.parametrize("gap_s", [3, 28, 600])
def test_after_a_gap_the_climb_is_that_of_now(gap_s: int) -> None:
    """Goal: a median of one fix is as old as that fix, and what was before a long gap is over.
    Method: a fall that slows down, with a gap in it."""
    trip = Trip().fly(GROUND).fly(ramp(100, 20, 600)).fly(ramp(12_100, -9, 60))
    fall_mps = -9.0 if gap_s < 60 else -6.0
    lowest_m = 12_100 - 9 * 60 - 9 * gap_s
    trip.fly([None] * gap_s)
    climbs = []
    for altitude_m in ramp(lowest_m, fall_mps, 60):
        trip.fly([altitude_m])
        climbs.append(trip.machine.climb_mps)
    told = [climb for climb in climbs if climb is not None]
    assert told == pytest.approx([fall_mps] * len(told))
    assert len(told) >= 48


def test_poor_and_old_fixes_move_nothing() -> None:
    """Goal: 3D, five satellites, three seconds. Method: fly a flight of fixes each just short."""
    for changes in ({"fix_type": 2}, {"satellites": 4}):
        trip = Trip().fly(Balloon().altitudes(), **changes)
        assert trip.path == ["ground"]
    trip = Trip()
    for altitude_m in Balloon().altitudes():
        trip.give(fix_at(trip.now_ms - 3001, altitude_m))
    assert trip.path == ["ground"]


def test_boot_ends_with_a_fix_or_after_a_minute() -> None:
    """Goal: both ways out of BOOT. Method: none, one, and one far above any ground."""
    trip = Trip().fly([None] * (BOOT_MS_MAX // 1000))
    assert trip.machine.phase is Phase.BOOT
    trip.fly([None])
    assert trip.path == ["ground"]
    assert Trip().fly([100.0]).path == ["ground"]
    assert Trip().fly([5_400.0]).path == ["ground"]
    assert Trip().fly([5_600.0]).path == ["inflight_unknown"]


def test_a_first_fix_that_comes_late_and_high() -> None:
    """Goal: no fix until 9 km up. Method: GROUND by the minute, then a climb."""
    trip = Trip().fly([None] * 90).fly(ramp(9_000, 5, 120))
    assert trip.path == ["ground", "inflight_unknown", "ascent"]
    assert trip.machine.ground_altitude_m is None


def test_who_wakes_in_the_air_without_a_memory_does_not_know_the_ground() -> None:
    """5.4 km up it took its first fix for the ground, and told a landing there, until the end."""
    trip = Trip().fly(ramp(5_400, 5, 120))
    assert trip.path == ["ground", "ascent"]
    assert trip.machine.ground_altitude_m is None
    calm = Trip().fly([1_590.0] * 30).fly(ramp(1_590, 5, 120))
    assert calm.path == ["ground", "ascent"]
    assert calm.machine.ground_altitude_m == pytest.approx(1_590, abs=5)


@pytest.mark.parametrize("cut_s", range(5, 1180, 94))
def test_a_cut_at_any_instant_still_ends_landed(cut_s: int) -> None:
    """Goal: faults 31 and 32. Method: cut a flight at ``cut_s``, off for 20 s, fly the rest."""
    altitudes = Balloon(top_m=4_000).altitudes()
    first = Trip().fly(altitudes[:cut_s])
    second = first.reboot().fly(altitudes[cut_s + 20:] + [100.0] * 400)
    assert second.machine.phase in (Phase.LANDED, Phase.GROUND)
    was_flying = first.machine.phase in FLIGHT_PHASES
    assert ("ground" in second.path) is (first.machine.phase in (Phase.BOOT, Phase.GROUND))
    if was_flying:
        assert second.path[0] == "inflight_unknown"
        assert second.machine.phase is Phase.LANDED
        assert second.machine.peak_altitude_m >= first.machine.peak_altitude_m


def test_a_cut_in_ascent_keeps_the_marks_and_finds_the_burst() -> None:
    """Goal: the reboot knows its flight. Method: cut at 2 km, go on to 4 km and down."""
    altitudes = Balloon(top_m=4_000).altitudes()
    second = Trip().fly(altitudes[:440]).reboot().fly(altitudes[460:])
    assert second.path == ["inflight_unknown", "ascent", "descent", "landed"]
    assert second.machine.ground_altitude_m == 100.0
    assert second.machine.launch_utc_ms is not None
    assert second.machine.peak_altitude_m == 4_000.0
    burst = next(e for e in second.events if e["event"] == "burst")["fields"]
    assert burst["utc_ms"] == UTC_MS + altitudes.index(4_000.0) * 1000


def test_a_cut_in_ascent_that_ends_on_the_ground_is_a_landing_in_a_minute() -> None:
    """Off from the climb until it lay there, it went on as ASCENT for five minutes (soak seed
    636). Method: cut 500 m up, start again 160 m above the launch, lying still."""
    first = Trip().fly(GROUND + ramp(100, 5, 100))
    assert first.machine.phase is Phase.ASCENT
    assert first.reboot(3600).fly([260.0] * 60).path == ["inflight_unknown", "landed"]


def test_ten_cuts_in_a_minute() -> None:
    """Goal: fault 31. Method: reboot every six seconds in the climb."""
    trip = Trip().fly(GROUND + ramp(100, 5, 100))
    height = 600.0
    for _ in range(10):
        trip = trip.reboot(1).fly(ramp(height, 5, 5))
        height += 30
    trip = trip.reboot(1).fly(ramp(height, 5, 60))
    assert trip.path == ["inflight_unknown", "ascent"]
    assert trip.machine.ground_altitude_m == 100.0


def test_an_old_saved_flight_is_forgotten_on_the_ground_only() -> None:
    """Goal: six hours, a new place, and never in the air. Method: reboot after a long time."""
    flying = Trip().fly(GROUND + ramp(100, 5, 900))
    landed = Trip().fly(Balloon().altitudes())
    hours = SAVED_MS_MAX // 1000 + 60
    there = [110.0] * 30
    assert flying.reboot(hours).fly(there).path == ["inflight_unknown", "ground"]
    assert flying.reboot(3600).fly(there).path == ["inflight_unknown"]
    assert flying.reboot(3600).fly([110.0] * 150).path == [
        "inflight_unknown", "descent", "landed"]
    assert flying.reboot(hours).fly([9_000.0] * 200).path == ["inflight_unknown", "float"]
    assert landed.reboot(hours).fly(there).path == ["landed"]  # it still lies there
    assert landed.reboot(hours).fly(there, latitude_deg=53.2).path == ["landed", "ground"]
    assert landed.reboot(3600).fly(there, latitude_deg=53.2).path == ["landed"]
    fresh = landed.reboot(hours).fly(there, latitude_deg=53.2).machine
    assert (fresh.peak_altitude_m, fresh.burst_utc_ms) == (None, None)


def test_what_landed_can_fly_again() -> None:
    """Goal: a false landing is no end. Method: land, be carried about, then climb for real."""
    trip = Trip().fly(Balloon().altitudes()).fly(ramp(100, 1.5, 400)).fly([700.0] * 100)
    assert trip.path == FLIGHT
    trip.fly(ramp(700, 5, 200)).fly(ramp(1700, -10, 80))
    assert trip.path == [*FLIGHT, "ascent", "descent"]
    assert trip.machine.ground_altitude_m == 100.0
    assert [e["event"] for e in trip.events].count("burst") == 2


@pytest.mark.parametrize(
    "change",
    [{"version": 2}, {"phase": 99}, {"phase": "up"}, {"peak_m": "high"}, {"peak_m": math.nan},
     {"place": [91.0, 0.0]}, {"place": [1.0]}, {"utc_ms": 1.5}, {"is_assumed": 1},
     {"ground_m": True}])
def test_a_damaged_state_is_as_good_as_none(change: dict[str, Any]) -> None:
    """Goal: fault 38. Method: one wrong value at a time, and each key missing."""
    good = Trip().fly(Balloon().altitudes()[:300]).machine.saved()
    trip = Trip({**good, **change}).fly([100.0])
    assert trip.events[0]["event"] == "phase_state_invalid"
    assert trip.path == ["ground"]
    for key in good:
        part = {k: v for k, v in good.items() if k != key}
        assert Trip(part).fly([100.0]).events[0]["event"] == "phase_state_invalid"


def test_saved_state_of_every_phase_comes_back() -> None:
    """Goal: no phase is lost in a reboot. Method: save in each and look at the next boot."""
    expected = {"boot": Phase.BOOT, "ground": Phase.BOOT, "ascent": Phase.INFLIGHT_UNKNOWN,
                "float": Phase.INFLIGHT_UNKNOWN, "descent": Phase.INFLIGHT_UNKNOWN,
                "landed": Phase.LANDED, "inflight_unknown": Phase.INFLIGHT_UNKNOWN}
    for name, phase in expected.items():
        saved = {**PhaseMachine(None, 0).saved(), "phase": int(Phase[name.upper()])}
        assert PhaseMachine(saved, 0).phase is phase


def test_no_row_leads_from_flight_to_ground() -> None:
    """Goal: the table itself keeps the promise. Method: look at every row."""
    for phase, rows in TRANSITIONS.items():
        assert all(row.origin is phase for row in rows)
        if phase is not Phase.BOOT:
            assert Phase.GROUND not in {row.target for row in rows}
        assert Phase.BOOT not in {row.target for row in rows}
    assert {row.target for rows in TRANSITIONS.values() for row in rows} == (
        set(Phase) - {Phase.BOOT, Phase.GROUND})


_LEG = st.tuples(st.sampled_from([-60.0, -8.0, -2.0, -0.4, 0.0, 0.4, 2.0, 6.0, 40.0]),
                 st.integers(1, 200), st.sampled_from(["fix", "none", "poor", "glitch"]))


@settings(max_examples=25, deadline=None)
@given(st.lists(_LEG, min_size=1, max_size=12), st.floats(-100, 30_000))
def test_flight_never_becomes_ground(legs: list[tuple], start_m: float) -> None:
    """Goal: whatever is flown, no way back to GROUND, and the peak never sinks in one flight.

    Method: legs of any climb with fixes, without, with too few satellites, with glitches.
    """
    trip = Trip()
    altitude_m = start_m
    for rate_mps, seconds, kind in legs:
        path: list[float | None] = []
        for second in range(seconds):
            altitude_m = min(40_000.0, max(-100.0, altitude_m + rate_mps))
            off_m = 9_000.0 if kind == "glitch" and second % 9 == 0 else 0.0
            path.append(None if kind == "none" else altitude_m + off_m)
        trip.fly(path, satellites=4 if kind == "poor" else 9)
    assert "ground" not in trip.path[1:]
    allowed = {(row.origin, row.target) for rows in TRANSITIONS.values() for row in rows}
    allowed |= {(Phase.BOOT, Phase.GROUND), (Phase.BOOT, Phase.INFLIGHT_UNKNOWN),
                (Phase.DESCENT, Phase.LANDED)}
    allowed |= {(phase, Phase.INFLIGHT_UNKNOWN) for phase in FLIGHT_PHASES}  # by a jump
    phases = [Phase.BOOT, *(Phase[name.upper()] for name in trip.path)]
    assert set(itertools.pairwise(phases)) <= allowed
