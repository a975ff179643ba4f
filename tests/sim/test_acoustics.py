"""The sound of a flight follows physics: airspeed and density, distance, the burst."""

from __future__ import annotations

import random

import numpy as np
import pytest

from sim.acoustics import (
    RATE_HZ,
    REFERENCE_PA,
    Pressure,
    Surroundings,
    pressure,
    wind_spl_db,
)
from wire.standard_air import density_kgm3


def spl_db(sound_pa: Pressure) -> float:
    return float(10 * np.log10(np.mean(sound_pa**2) / REFERENCE_PA**2))


def made(*around: float, **more: object) -> Pressure:
    return pressure(Surroundings(*around, **more), 4.0, random.Random(3))


def test_wind_noise_goes_with_density_and_the_square_of_the_airspeed() -> None:
    """Goal: rho v^2, so 12 dB for twice the speed and 6 dB for half the air."""
    full, fast, thin = made(1.2, 5, 1e3), made(1.2, 10, 1e3), made(0.6, 5, 1e3)
    assert spl_db(fast) - spl_db(full) == pytest.approx(12.04, abs=0.1)
    assert spl_db(full) - spl_db(thin) == pytest.approx(6.02, abs=0.1)
    assert spl_db(full) == pytest.approx(wind_spl_db(1.2, 5), abs=1.0)


def test_under_a_parachute_the_noise_is_the_same_at_every_height() -> None:
    """Goal: at terminal velocity rho v^2 is constant. Method: a fall with 5 m/s at sea level."""
    levels = [
        spl_db(made(density_kgm3(h), 5 * (1.225 / density_kgm3(h)) ** 0.5, h))
        for h in (1e3, 1e4, 2.5e4)]
    assert max(levels) - min(levels) < 0.1


def test_a_source_falls_with_density_and_distance() -> None:
    near = made(1.2, 0, 1, are_people_near=True)
    far = made(1.2, 0, 30, are_people_near=True)
    assert spl_db(near) > spl_db(far) + 15
    peaks = [np.abs(made(density, 0, 1e4, burst_at_s=2.0)).max() for density in (1.2, 0.12)]
    assert peaks[0] / peaks[1] == pytest.approx(10, rel=0.1)


def test_a_burst_is_where_it_happens() -> None:
    sound = made(0.02, 5, 3e4, burst_at_s=2.5)
    loudest_s = np.abs(sound).argmax() / RATE_HZ
    assert 2.5 <= loudest_s < 2.51


def test_the_same_seed_makes_the_same_sound() -> None:
    assert np.array_equal(made(1.2, 5, 1e3), made(1.2, 5, 1e3))
