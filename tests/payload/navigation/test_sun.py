"""The sun: known sunrises and noons; see the almanac values beside each."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from payload.navigation.sun import elevation_deg, horizon_dip_deg, sun_word


def utc_ms(*when: int) -> int:
    return round(datetime(*when, tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("when", "latitude", "longitude", "expected"),
    [((2026, 3, 20, 12, 7), 0.0, 0.0, 90.0),  # equinox noon on the equator
     ((2026, 6, 21, 12, 2), 51.48, 0.0, 61.96),  # solstice noon at Greenwich: 90 - 51.48 + 23.44
     ((2026, 12, 21, 11, 58), 51.48, 0.0, 15.08),
     ((2026, 6, 21, 0, 2), 70.0, 0.0, 3.44),  # midnight sun
     ((2026, 9, 23, 0, 0), -90.0, 0.0, 0.0)])  # equinox at the pole
def test_elevation(
    when: tuple[int, ...], latitude: float, longitude: float, expected: float
) -> None:
    """Goal: half a degree. Method: noons whose height follows from the declination alone."""
    assert elevation_deg(utc_ms(*when), latitude, longitude) == pytest.approx(expected, abs=0.5)


def test_words_at_dawn_and_at_height() -> None:
    """Goal: 30 km up the sun rises earlier. Method: Greenwich before dawn of the equinox."""
    assert sun_word(utc_ms(2026, 3, 20, 12, 0), 51.48, 0.0, 0.0) == "high"
    assert sun_word(utc_ms(2026, 3, 20, 6, 30), 51.48, 0.0, 0.0) == "low"
    assert sun_word(utc_ms(2026, 3, 20, 5, 8), 51.48, 0.0, 0.0) == "down"
    assert sun_word(utc_ms(2026, 3, 20, 5, 8), 51.48, 0.0, 30_000.0) == "low"
    assert sun_word(utc_ms(2026, 3, 20, 0, 0), 51.48, 0.0, 30_000.0) == "down"
    assert horizon_dip_deg(30_000) == pytest.approx(5.55, abs=0.05)
    assert horizon_dip_deg(-400) == 0.0


def test_unknown_stays_unknown() -> None:
    """Goal: no time or no place, no sun. Method: each None."""
    assert sun_word(None, 51.0, 0.0, 0.0) is None
    assert sun_word(utc_ms(2026, 3, 20), None, 0.0, 0.0) is None
    assert sun_word(utc_ms(2026, 3, 20), 51.0, None, 0.0) is None
