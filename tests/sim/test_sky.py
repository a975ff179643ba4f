"""The sky against published tables."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sim import sky
from sim.clock import part_rng


def _utc_ms(*when: int) -> int:
    return int(datetime(*when, tzinfo=UTC).timestamp() * 1000)  # type: ignore[misc,arg-type]


def test_sun_at_known_moments() -> None:
    """Noon at the solstices over Greenwich, and an equinox sunrise at the equator."""
    high, azimuth = sky.sun_position_deg(_utc_ms(2027, 6, 21, 12), 51.48, 0.0)
    assert high == pytest.approx(90 - 51.48 + 23.44, abs=0.05)
    assert azimuth == pytest.approx(180, abs=2)
    low, _ = sky.sun_position_deg(_utc_ms(2027, 12, 22, 12), 51.48, 0.0)
    assert low == pytest.approx(90 - 51.48 - 23.44, abs=0.05)
    rising, azimuth = sky.sun_position_deg(_utc_ms(2027, 3, 20, 6, 7), 0.0, 0.0)
    assert rising == pytest.approx(0, abs=0.5)
    assert azimuth == pytest.approx(90, abs=1)


def test_the_horizon_sinks_and_keeps_the_sun_up() -> None:
    assert sky.horizon_dip_deg(30_000) == pytest.approx(5.56, abs=0.02)
    when = _utc_ms(2027, 3, 20, 18, 15)
    assert sky.sun_above_horizon_deg(when, 0, 0, 0) < 0 < sky.sun_above_horizon_deg(
        when, 0, 0, 30_000)


def test_every_seed_has_believable_weather() -> None:
    """50 skies: winds below a jet stream's, a cloud below 8 km, ground temperatures of seasons."""
    for seed in range(50):
        weather = sky.Sky(part_rng(seed, "sky"), 6.0)
        speeds = [(e * e + n * n) ** 0.5 for e, n in map(weather.wind, range(0, 40_000, 250))]
        assert max(speeds) < 60
        assert weather.wind(-50) == weather.wind(0)
        assert weather.wind(90_000)
        assert weather.cloud.base_m < weather.cloud.top_m < 8_000
        assert 0 < weather.air(100).temperature_c < 30
        assert 1 <= weather.air(25_000).humidity_pct <= 5
        middle = (weather.cloud.base_m + weather.cloud.top_m) / 2
        assert weather.air(middle).humidity_pct > 92
