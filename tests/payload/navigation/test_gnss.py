"""Navigation: made fixes go in, one by one wrong; only the good ones may become the position."""

from __future__ import annotations

import math

import pytest

from payload.navigation.fix_age import LOST_MS
from payload.navigation.gnss import (
    FIRST_FIX_MS_MAX,
    Navigation,
    flaw,
)
from tests.payload.flights import UTC_MS, FakeGnss, fix_at


def names(notes: list) -> list[str]:
    return [note.body["event"] for note in notes]


def feed(navigation: Navigation, gnss: FakeGnss, *fixes: object) -> list[str]:
    """Events of polling once for each fix at the time it was taken."""
    told = []
    for fix in fixes:
        gnss.queue.append(fix)
        told += names(navigation.poll(fix.taken_ms))
    return told


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({}, None),
     ({"fix_type": 0}, "no_fix"), ({"fix_type": 2}, "not_3d"), ({"fix_type": 4}, "not_3d"),
     ({"satellites": 3}, "satellites"), ({"satellites": 4}, None),
     ({"latitude_deg": None}, "no_position"), ({"altitude_m": None}, "no_position"),
     ({"longitude_deg": math.nan}, "no_position"), ({"altitude_m": math.inf}, "no_position"),
     ({"latitude_deg": 90.0}, None), ({"latitude_deg": 90.0001}, "range"),
     ({"longitude_deg": -180.0}, None), ({"longitude_deg": 180.1}, "range"),
     ({"latitude_deg": 0.0, "longitude_deg": 0.0}, "null_island"),
     ({"latitude_deg": 0.0}, None),
     ({"altitude_m": -500.0}, "altitude"), ({"altitude_m": -499.9}, None),
     ({"altitude_m": 60_000.0}, "altitude"), ({"altitude_m": 59_999.0}, None)])
def test_every_flaw_and_its_neighbour(changes: dict, reason: str | None) -> None:
    """Goal: the invalid and the just valid (faults 6 and 7). Method: one field at a time."""
    assert flaw(fix_at(0, **{"altitude_m": 120.0, **changes})) == reason


def test_one_and_five_wrong_altitudes_do_not_move_it() -> None:
    """Goal: fault 8. Method: +20 km for one fix, then for five; then the truth again."""
    gnss = FakeGnss()
    navigation = Navigation(gnss)
    feed(navigation, gnss, *(fix_at(s * 1000, 1000 + 5 * s) for s in range(10)))
    feed(navigation, gnss, fix_at(10_000, 21_050.0))
    assert navigation.fix == fix_at(9000, 1045.0)
    feed(navigation, gnss, fix_at(11_000, 1055.0))
    told = feed(navigation, gnss, *(fix_at(s * 1000, 21_060.0) for s in range(12, 17)))
    assert navigation.fix == fix_at(11_000, 1055.0)
    assert navigation.rejects["jump"] == 6
    assert told == []
    feed(navigation, gnss, fix_at(17_000, 1080.0))
    assert navigation.fix == fix_at(17_000, 1080.0)


def test_a_receiver_that_insists_is_believed_in_the_end() -> None:
    """Goal: the first fix may have been the wrong one. Method: insist for over ten seconds."""
    gnss = FakeGnss()
    navigation = Navigation(gnss)
    feed(navigation, gnss, fix_at(0, 9000.0))
    told = feed(navigation, gnss, *(fix_at(s * 1000, 100.0 + s) for s in range(1, 13)))
    assert navigation.fix == fix_at(12_000, 112.0)
    assert told == ["gnss_lost", "gnss_returned"]


def test_a_true_burst_and_a_long_gap_are_no_jumps() -> None:
    """Goal: a fall of 100 m/s and twenty lost minutes are flown (fault 14)."""
    gnss = FakeGnss()
    navigation = Navigation(gnss)
    feed(navigation, gnss, *(fix_at(s * 1000, 30_000 - 100.0 * s) for s in range(20)))
    assert navigation.rejects.total() == 0
    told = feed(navigation, gnss, fix_at(19_000 + 1_200_000, 9_000.0))
    assert navigation.fix.altitude_m == 9_000.0
    assert told == []  # nobody polled in between


def test_a_frozen_receiver_is_lost_although_it_keeps_talking() -> None:
    """Goal: faults 9 and 10. Method: the same epoch again and again, taken at new times."""
    gnss = FakeGnss()
    navigation = Navigation(gnss)
    feed(navigation, gnss, fix_at(0, 500.0))
    told = feed(navigation, gnss,
                *(fix_at(s * 1000, 500.0, utc_ms=UTC_MS) for s in range(1, 30)))
    assert told == ["gnss_lost"]
    assert navigation.fix_age_ms(29_000) == 29_000
    assert navigation.rejects["frozen"] == 29
    assert feed(navigation, gnss, fix_at(30_000, 650.0)) == ["gnss_returned"]


def test_a_place_that_never_changes_while_it_claims_to_climb_is_frozen() -> None:
    """Goal: a position frozen under a running clock. Method: 5 m/s and the same altitude."""
    gnss = FakeGnss()
    navigation = Navigation(gnss)
    told = feed(navigation, gnss, *(fix_at(s * 1000, 500.0, climb_mps=5.0) for s in range(40)))
    assert told == ["gnss_first_fix", "gnss_lost"]
    resting = Navigation(gnss)
    told = feed(resting, gnss, *(fix_at(s * 1000, 500.0, climb_mps=0.1) for s in range(40)))
    assert told == ["gnss_first_fix"]


def test_lost_after_ten_seconds_exactly_and_back_once() -> None:
    """Goal: one event each way. Method: a receiver that vanishes and returns as another tty."""
    gnss = FakeGnss()
    navigation = Navigation(gnss)
    assert feed(navigation, gnss, fix_at(0)) == ["gnss_first_fix"]
    gnss.is_absent = True
    assert navigation.poll(LOST_MS - 1) == []
    (lost,) = navigation.poll(LOST_MS)
    assert lost.body["fields"] == {"reason": "DeviceAbsent", "age_s": 10}
    assert [navigation.poll(now) for now in range(11_000, 90_000, 1000)] == [[]] * 79
    assert navigation.fix == fix_at(0)
    gnss.is_absent = False
    assert feed(navigation, gnss, fix_at(90_000)) == ["gnss_returned"]
    assert not navigation.is_lost


def test_a_cold_start_gets_two_minutes() -> None:
    """Goal: acquiring is not losing. Method: no fix at all from a present receiver."""
    gnss = FakeGnss()
    navigation = Navigation(gnss)
    told = [n for now in range(0, FIRST_FIX_MS_MAX, 1000) for n in names(navigation.poll(now))]
    assert told == []
    assert names(navigation.poll(FIRST_FIX_MS_MAX)) == ["gnss_lost"]
    assert feed(navigation, gnss, fix_at(130_000)) == ["gnss_returned"]


def test_no_receiver_is_quiet_and_unknown() -> None:
    """Goal: absence from the start. Method: poll without one."""
    navigation = Navigation(None)
    assert navigation.poll(100_000) == []
    assert navigation.fix is None
    assert navigation.fix_age_ms(100_000) is None
    assert navigation.dynamic_model_ok is None


@pytest.mark.parametrize(("model", "is_ok"), [(None, None), (0, False), (6, True), (8, True)])
def test_dynamic_model(model: int | None, is_ok: bool | None) -> None:
    """Goal: portable works only below 12 km, and unknown is neither."""
    gnss = FakeGnss()
    gnss.dynamic_model = model
    assert Navigation(gnss).dynamic_model_ok is is_ok


def test_a_height_that_the_air_contradicts_is_refused_however_it_insists() -> None:
    """Goal: fault 8. Method: 26 km for five minutes beside 800 hPa; a stuck barometer; no gap."""
    gnss = FakeGnss()
    navigation = Navigation(gnss)

    def poll(altitude_m: float, second: int, pressure_hpa: float | None) -> None:
        gnss.queue = [fix_at(second * 1000, altitude_m)]
        navigation.poll(second * 1000, pressure_hpa)

    for second in range(10):
        poll(1_950.0, second, 800.0)
    for second in range(10, 310):
        poll(26_000.0, second, 800.0)
    assert navigation.fix == fix_at(9_000, 1_950.0)
    assert navigation.rejects["air"] == 300
    for second in range(310, 323):  # above its range the barometer has no word
        poll(26_000.0, second, None)
    assert navigation.fix == fix_at(322_000, 26_000.0)
    stuck = navigation = Navigation(gnss)
    for second in range(1_000):
        poll(1_950.0 + 5 * second, second, 800.0)
    assert stuck.rejects.total() == 0
