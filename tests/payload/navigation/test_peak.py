"""The peak of a flight: in gaps, across a reboot, and where the receiver is wrong for a while."""

from __future__ import annotations

import pytest

from tests.payload.flights import GROUND, Balloon, Trip, ramp
from wire.beacon import Phase


def test_a_burst_that_nobody_saw() -> None:
    """Goal: lock lost for twenty minutes across the burst (fault 14), told with its gap."""
    trip = Trip().fly(GROUND).fly(ramp(100, 5, 2000)).fly([None] * 1200).fly(ramp(6000, -9, 60))
    assert trip.machine.phase is Phase.DESCENT
    burst = next(e for e in trip.events if e["event"] == "burst")["fields"]
    assert burst["gap_s"] == 1201
    assert burst["peak_m"] == 10_095.0


def test_a_peak_inside_a_gap_is_a_lower_bound_from_either_side() -> None:
    """Goal: the fix after the gap may be the highest. Method: silence for five minutes.

    The balloon goes on to 7 km and is back at 6 km, above the last fix before the gap.
    """
    trip = Trip().fly(GROUND).fly(ramp(100, 5, 1000)).fly([None] * 300).fly(ramp(6000, -9, 200))
    burst = next(e for e in trip.events if e["event"] == "burst")["fields"]
    assert (burst["peak_m"], burst["gap_s"], burst["is_lower_bound"]) == (6000.0, 301, True)
    seen = Trip().fly(GROUND).fly(ramp(100, 5, 1000)).fly([None] * 300).fly(
        ramp(6600, 5, 60)).fly(ramp(6900, -9, 200))
    burst = next(e for e in seen.events if e["event"] == "burst")["fields"]
    assert burst["gap_s"] == 1 and "is_lower_bound" not in burst


@pytest.mark.parametrize("wrong_m", [26_000.0, 1_000.0])
def test_a_receiver_that_is_wrong_for_minutes_and_right_again(wrong_m: float) -> None:
    """Goal: a jump there and back leaves no peak, no burst and no phase behind.

    Method: five minutes at one height in the middle of an ascent, as a receiver with a stuck
    altitude says; the launch site is at 100 m, so the lower one is no landing either.
    """
    trip = Trip().fly(GROUND).fly(ramp(100, 5, 2400)).fly([wrong_m] * 300)
    trip.fly(ramp(13_600, 5, 60))
    assert trip.machine.phase is Phase.ASCENT
    assert trip.machine.peak_altitude_m == 13_895.0
    assert trip.machine.burst_utc_ms is None
    trip.fly(ramp(13_900, -20, 100))
    assert [e["fields"]["peak_m"] for e in trip.events if e["event"] == "burst"] == [13_900.0]


def test_a_height_that_stays_changed_is_believed() -> None:
    """Goal: a second jump an hour later is no way back. Method: up, fly an hour, up again."""
    trip = Trip().fly(GROUND).fly(ramp(100, 5, 1000)).fly(ramp(9_000, 2, 3600))
    trip.fly(ramp(25_000, 2, 60))
    assert trip.machine.phase is Phase.ASCENT
    assert trip.machine.peak_altitude_m == pytest.approx(25_118.0)


def test_single_glitches_do_not_make_a_peak_or_a_burst() -> None:
    """Goal: without Navigation's gate too. Method: +20 km and -5 km for one fix each minute."""
    altitudes = GROUND + ramp(100, 5, 2000)
    for index in range(90, len(altitudes), 60):
        altitudes[index] += 20_000 if index % 120 else -5_000
    trip = Trip().fly(altitudes)
    assert trip.path == ["ground", "ascent"]
    assert trip.machine.peak_altitude_m == 10_095.0


def test_a_cut_across_the_burst_tells_the_last_peak_it_knew() -> None:
    """Goal: burst while off. Method: cut 30 s before the peak, back 60 s after it."""
    altitudes = Balloon(top_m=6_000).altitudes()
    peak_s = altitudes.index(6_000.0)
    second = Trip().fly(altitudes[:peak_s - 30]).reboot(90).fly(altitudes[peak_s + 60:])
    assert second.path == ["inflight_unknown", "descent", "landed"]
    burst = next(e for e in second.events if e["event"] == "burst")["fields"]
    assert burst["peak_m"] == pytest.approx(5_850, abs=10)
    assert burst["is_lower_bound"] and 90 <= burst["gap_s"] <= 180
