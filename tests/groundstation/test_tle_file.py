"""Goal: elements of another satellite are not queued, and those of the payload always are.

Method: positions that the elements themselves give, moved by hardly or just too much.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sgp4.io import compute_checksum

from groundstation.archive.archive import Archive
from groundstation.archive.track import Point
from groundstation.errors import StationError
from groundstation.ground import Ground
from groundstation.tle_file import COMPARED_DAYS_MAX, OFF_M_MAX, check_place
from sim.orbit import behind
from tests.groundstation.far_end import MASTER_KEY, SIGNED_MISSION, FarEnd, state_at
from tests.groundstation.two_payloads import KEY
from tests.wire.orbits import HOUR_MS, ISS, iss
from wire import earth, key_file
from wire.orbit import Elements, geodetic

PATH = Path("iss.tle")
EPOCH_MS = iss().epoch_ms
DAY_MS = 24 * HOUR_MS


def point_off(off_m: float, utc_ms: int = EPOCH_MS) -> Point:
    """Where the elements have it at an instant, so many metres north or south of it."""
    below = geodetic(iss().at(utc_ms))
    away_deg = off_m / earth.METRES_PER_DEGREE
    north = below.latitude_deg + (away_deg if below.latitude_deg < 0 else -away_deg)
    return Point(utc_ms, north, below.longitude_deg, None)


@pytest.mark.parametrize("days", [-COMPARED_DAYS_MAX, 0, COMPARED_DAYS_MAX])
def test_elements_near_the_newest_position_pass(days: float) -> None:
    old = Point(EPOCH_MS - 10 * DAY_MS, -40.0, 100.0, None)
    check_place(PATH, iss(), [old, point_off(OFF_M_MAX - 2_000, EPOCH_MS + round(days * DAY_MS))])


@pytest.mark.parametrize("track", [
    [], [point_off(5_000_000, EPOCH_MS + round(COMPARED_DAYS_MAX * DAY_MS) + 1000)],
])
def test_without_a_position_of_those_days_nothing_contradicts(track: list[Point]) -> None:
    check_place(PATH, iss(), track)


def test_elements_of_another_satellite_are_one_sentence() -> None:
    with pytest.raises(StationError) as told:
        check_place(PATH, iss(), [point_off(OFF_M_MAX + 2_000)])
    assert f"{told.value}" == (
        "iss.tle: is 1002 km from the position that the payload reported at 2019-12-09 16:38:29 "
        "UTC; allowed are 1000 km, or --unchecked")


def test_elements_that_have_decayed_by_then_are_one_sentence() -> None:
    """A bug: a traceback."""
    drag = f"{ISS[0][:33]} .16717000  12000-4  90000-2 0  999"
    second = f"{ISS[1][:52]}16.45000000{ISS[1][63:68]}"
    falling = Elements(f"{drag}{compute_checksum(drag + '0')}",
                       f"{second}{compute_checksum(second + '0')}")
    later = Point(EPOCH_MS + 2 * DAY_MS, 10.0, 20.0, None)
    with pytest.raises(StationError, match=r"iss\.tle: the orbit of 25544 cannot be followed"):
        check_place(PATH, falling, [later])


def test_the_command_compares_with_the_beacons_that_it_has_verified(
    tmp_path: Path, ground: Callable[..., tuple[int, str, str]]
) -> None:
    mission = tmp_path / "mission.toml"
    mission.write_text(
        '[payload]\nname = "EDDA"\ncallsign = "N0CALL"\nnode_id = 7\n[radio]\nkind = "none"\n'
        "[power]\ncapacity_mah = 3000\neco_mv = 3600\nlow_mv = 3400\ncritical_mv = 3200\n")
    key_file.create(tmp_path / "mission.key", MASTER_KEY)
    archive = Archive(tmp_path / "archive" / "archive.sqlite")
    station, far = Ground(SIGNED_MISSION, archive, None, KEY), FarEnd(mission=SIGNED_MISSION)
    station.receive(far.tell(), EPOCH_MS - 2000)
    below = geodetic(iss().at(EPOCH_MS))
    station.receive(far.beacon(replace(
        state_at(0), latitude_deg=below.latitude_deg, longitude_deg=below.longitude_deg,
        time_of_day_s=EPOCH_MS // 1000 % 86_400)), EPOCH_MS)
    archive.close()
    own, other = tmp_path / "own.tle", tmp_path / "other.tle"
    own.write_text("\n".join(ISS))
    other.write_text("\n".join(behind(iss(), 2_790).lines))

    status, _, err = ground("elements", other, "-m", mission)
    assert status == 1 and f"{other}: is 1" in err and "--unchecked" in err
    assert "empty" in ground("commands", "-m", mission)[1]
    assert ground("elements", own, "-m", mission)[0] == 0
    assert ground("elements", other, "-m", mission, "--unchecked")[0] == 0
