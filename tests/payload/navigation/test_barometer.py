"""Barometer: heights of the standard atmosphere's own table, and pressures that tell none."""

from __future__ import annotations

import math

import pytest

from payload.navigation.barometer import height_m, usable_hpa


@pytest.mark.parametrize(
    ("pressure_hpa", "altitude_m"),
    [(1013.25, 0), (898.75, 1_000), (540.20, 5_000), (356.00, 8_000)])
def test_the_height_of_a_pressure(pressure_hpa: float, altitude_m: float) -> None:
    """Goal: ISO 2533, table 5. Method: its pressures, from sea level and from 1000 m."""
    assert height_m(pressure_hpa) == pytest.approx(altitude_m, abs=5)


def test_a_small_rise_above_any_ground() -> None:
    """Goal: what the phase asks of it: 50 m are 50 m, whatever the weather on the ground."""
    for ground_hpa in (950.0, 1013.25, 1040.0):
        assert height_m(ground_hpa * (1 - 50 / 8_434), ground_hpa) == pytest.approx(50, abs=0.5)


@pytest.mark.parametrize("pressure_hpa", [None, math.nan, 319.9, 1100.1])
def test_a_pressure_that_tells_no_height(pressure_hpa: float | None) -> None:
    assert usable_hpa(pressure_hpa) is None
    assert (usable_hpa(320.0), usable_hpa(1100.0)) == (320.0, 1100.0)
