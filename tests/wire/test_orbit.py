"""Orbits: against the reference of SGP4, almanac times, and geometry that needs no reference."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from tests.wire.orbits import GEOSTATIONARY, HOUR_MS, ISS, VANGUARD, iss
from wire.orbit import (
    TEXT_BYTES,
    EarthFixed,
    Elements,
    GroundObserver,
    OrbitError,
    geodetic,
    sidereal_rad,
)


def test_vanguard_is_where_the_report_has_it() -> None:
    """Turning about the axis changes neither the height over the equator nor the distance."""
    elements = Elements(*VANGUARD)
    for minutes, place_km in (
        (0, (7022.46529266, -1400.08296755, 0.03995155)),
        (360, (-7154.03120202, -3783.17682504, -3536.19412294)),
    ):
        seen = elements.at(elements.epoch_ms + minutes * 60_000)
        distance_m = math.hypot(seen.x_m, seen.y_m, seen.z_m)
        assert distance_m == pytest.approx(1000 * math.hypot(*place_km), abs=15)  # ms of the epoch
        assert seen.z_m == pytest.approx(1000 * place_km[2], abs=15)


@pytest.mark.parametrize(("days", "hours"), [
    (10_957.5, 18 + 41 / 60 + 50.54841 / 3600),  # J2000, by definition
    (6_308.0, 13 + 10 / 60 + 46.3668 / 3600),  # 1987-04-10, Meeus, example 12.a
    (6_308.80625, 8 + 34 / 60 + 57.0896 / 3600),  # the same day 19:21, example 12.b
])
def test_sidereal_time_is_that_of_the_almanac(days: float, hours: float) -> None:
    assert math.degrees(sidereal_rad(days)) / 15 == pytest.approx(hours, abs=1e-6)


def test_a_geostationary_satellite_stands_still() -> None:
    elements = Elements(*GEOSTATIONARY)
    places = [geodetic(elements.at(elements.epoch_ms + hour * HOUR_MS)) for hour in range(24)]
    longitudes = [place.longitude_deg for place in places]
    assert max(longitudes) - min(longitudes) < 0.1
    assert all(abs(place.latitude_deg) < 0.1 for place in places)
    assert all(place.altitude_m == pytest.approx(35_786_000, rel=0.001) for place in places)


def test_velocity_is_the_change_of_place() -> None:
    elements = iss()
    before, here, after = (
        elements.at(elements.epoch_ms + at_ms) for at_ms in (-500, 0, 500))
    for axis in range(3):
        assert after[axis] - before[axis] == pytest.approx(here[3 + axis], abs=0.05)


@pytest.mark.parametrize("place", [
    (48.0, 11.0, 500.0), (90.0, 0.0, 400_000.0), (-89.9, 170.0, 0.0), (0.0, 180.0, 2e6),
    (45.0, -100.0, 2e6),
])
def test_a_place_comes_back_from_its_coordinates(place: tuple[float, float, float]) -> None:
    vantage = GroundObserver(*place)
    found = geodetic(EarthFixed(*vantage.at_m, 0, 0, 0))
    assert found.latitude_deg == pytest.approx(place[0], abs=1e-6)
    assert found.altitude_m == pytest.approx(place[2], abs=0.01)
    if abs(place[0]) < 90:
        assert abs(found.longitude_deg - place[1]) % 360 == pytest.approx(0, abs=1e-9)


def test_what_is_overhead_stands_at_the_zenith_at_its_height() -> None:
    elements = iss()
    seen = elements.at(elements.epoch_ms)
    below = geodetic(seen)
    look = GroundObserver(below.latitude_deg, below.longitude_deg, 0.0).look(seen)
    assert look.elevation_deg == pytest.approx(90, abs=1e-3)
    assert look.range_m == pytest.approx(below.altitude_m, abs=0.01)


def test_north_and_east_are_on_the_right_side() -> None:
    at = GroundObserver(48.0, 11.0, 0.0)
    for place, azimuth_deg in (
        ((49.0, 11.0), 0), ((48.0, 12.0), 89.6), ((47.0, 11.0), 180), ((48.0, 10.0), 270.4),
    ):
        seen = EarthFixed(*GroundObserver(*place, 400_000.0).at_m, 0, 0, 0)
        azimuth = at.look(seen).azimuth_deg
        assert (azimuth - azimuth_deg + 180) % 360 - 180 == pytest.approx(0, abs=0.1)


def test_the_range_rate_is_the_change_of_range_and_the_shift_falls_as_it_passes() -> None:
    elements, at = iss(), GroundObserver(48.0, 11.0, 500.0)
    looks = [at.look(elements.at(elements.epoch_ms + second * 1000)) for second in range(600)]
    for before, here, after in zip(looks, looks[1:], looks[2:], strict=False):
        change = (after.range_m - before.range_m) / 2
        assert here.range_rate_mps == pytest.approx(change, abs=1)
    shifts = [look.doppler_hz(434e6) for look in looks if look.elevation_deg > 0]
    assert all(after < before for before, after in pairwise(shifts))
    assert 8_000 < max(map(abs, shifts)) < 11_000


def _changed(line: str, at: int, text: str) -> str:
    """With another text there and the checksum made right."""
    body = line[:at] + text + line[at + len(text):-1]
    digits = sum(int(c) if c.isdigit() else c == "-" for c in body)
    return body + str(digits % 10)


@pytest.mark.parametrize(("lines", "said"), [
    ((ISS[0][:-1], ISS[1]), "69 characters, this one 68"),
    ((ISS[0], ISS[1][:-1] + "3"), "checksum 2, this one with 3"),
    ((ISS[1], ISS[0]), "line 1 of a TLE is not as it has to be"),
    ((ISS[0], _changed(ISS[1], 2, "25545")), "of 25544 and 25545"),
    ((ISS[0], _changed(ISS[1], 52, "25.00000000")), "25.00 revolutions a day"),
    ((ISS[0], _changed(ISS[1], 52, " 0.10000000")), "0.10 revolutions a day"),
    ((ISS[0], _changed(ISS[1], 26, "9999999")), "cannot be followed"),
])
def test_what_is_no_orbit_is_one_sentence(lines: tuple[str, str], said: str) -> None:
    with pytest.raises(OrbitError, match=said):
        Elements(*lines)


def test_elements_cut_at_every_character_are_refused() -> None:
    for end in range(len(ISS[1])):
        with pytest.raises(OrbitError):
            Elements(ISS[0], ISS[1][:end])


def test_a_decayed_orbit_is_named() -> None:
    """The drag of a balloon in orbit: it does not last the year."""
    elements = Elements(_changed(ISS[0], 53, " 38792-2"), ISS[1])
    with pytest.raises(OrbitError, match="25544 cannot be followed"):
        for day in range(366):
            elements.at(elements.epoch_ms + day * 24 * HOUR_MS)


def test_elements_without_numbers_are_no_orbit() -> None:
    """A bug: SGP4 reads a drag of blanks as no number, and reports no error."""
    with pytest.raises(OrbitError, match="SGP4 gives no numbers"):
        Elements(_changed(ISS[0], 53, "     0-0"), ISS[1])


def test_a_text_has_both_lines() -> None:
    assert len(iss().text.encode()) == TEXT_BYTES
    assert Elements.of_text(iss().text).lines == ISS
    with pytest.raises(OrbitError, match="line 2 of a TLE has 69 characters, this one 68"):
        Elements.of_text(iss().text[:-1])
