"""The standard atmosphere against its published table."""

from __future__ import annotations

import pytest

from wire import standard_air


@pytest.mark.parametrize(("altitude_m", "kelvin", "pascal", "density"), [
    (0, 288.150, 101_325.0, 1.22500),
    (1_000, 281.651, 89_876.3, 1.11166),
    (5_000, 255.676, 54_048.3, 0.736429),
    (11_000, 216.774, 22_699.9, 0.364801),
    (20_000, 216.650, 5_529.30, 0.0889097),
    (30_000, 226.509, 1_197.03, 0.0184102),
    (40_000, 250.350, 287.144, 0.00399568),
    (47_000, 269.684, 115.851, 0.00149651),
])
def test_standard_air(altitude_m: float, kelvin: float, pascal: float, density: float) -> None:
    """Rows of the ISO 2533 table, by geometric height."""
    air = standard_air.at(altitude_m)
    assert air.temperature_k == pytest.approx(kelvin, abs=0.01)
    assert air.pressure_pa == pytest.approx(pascal, rel=2e-4)
    assert standard_air.density_kgm3(altitude_m) == pytest.approx(density, rel=2e-4)
