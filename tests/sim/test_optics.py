"""The light at the camera: geometry, density, the sun, and a lens that works badly."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from sim.optics import Shot, photograph, sun_pixel

SIZE = (160, 120)
HIGH = Shot(30_000, sun_aside_deg=150, cover=0.4)


def shades(shot: Shot, seed: int = 1) -> np.ndarray:
    return np.asarray(photograph(shot, random.Random(seed), SIZE).convert("L"), dtype=float)


def test_the_same_shot_is_the_same_picture() -> None:
    assert (shades(HIGH) == shades(HIGH)).all()
    assert (shades(HIGH) != shades(HIGH, 2)).any()


def test_the_sky_darkens_with_the_air() -> None:
    """Goal: above, relative to the rest, each height is darker than the one below."""
    tops = [shades(Shot(height_m, sun_aside_deg=150))[:20].mean()
            for height_m in (1_000, 8_000, 16_000, 24_000, 33_000)]
    assert tops == sorted(tops, reverse=True)
    assert tops[-1] < 20 < 80 < tops[0]


@pytest.mark.filterwarnings("error")
def test_the_sky_of_an_orbit_is_black() -> None:
    """Rays that never meet the air had no colour at all, which is no number."""
    picture = shades(Shot(520_000, sun_aside_deg=150, cover=0.0, pitch_deg=-15))
    assert picture[:20].mean() < 8 < picture[-10:].mean()
    assert shades(Shot(520_000, sun_aside_deg=150, pitch_deg=15)).max() < 25


def test_the_horizon_sinks_leans_and_bends() -> None:
    """Goal: dark above bright; a tilt lowers its right end; from high up its middle is higher."""
    def edge(shot: Shot, column: int) -> int:
        return int(np.diff(shades(shot)[:, column]).argmax())

    flat, tilted = replace(HIGH, cover=0.0), replace(HIGH, cover=0.0, tilt_deg=15)
    fall = 120 * np.tan(np.radians(15))
    assert edge(tilted, 140) - edge(tilted, 20) == pytest.approx(fall, abs=6)
    assert edge(replace(flat, pitch_deg=8), 80) > edge(flat, 80) + 10
    assert edge(flat, 4) > edge(flat, 80) < edge(flat, 155)


def test_the_sun_is_where_it_stands() -> None:
    shot = replace(HIGH, sun_deg=12, sun_aside_deg=10, tilt_deg=-20)
    place = sun_pixel(shot, SIZE)
    assert place is not None
    rows, columns = np.nonzero(shades(shot) >= 254)
    assert np.median(columns) == pytest.approx(place[0], abs=2)
    assert np.median(rows) == pytest.approx(place[1], abs=2)
    assert sun_pixel(replace(shot, sun_aside_deg=150), SIZE) is None
    assert (shades(replace(shot, sun_deg=-12)) < 254).all(), "it has set"


def test_frost_blur_and_exposure() -> None:
    sharp = np.abs(np.diff(shades(HIGH), axis=0)).max()
    for worse in (replace(HIGH, frost=0.8), replace(HIGH, blur_px=3.0)):
        assert np.abs(np.diff(shades(worse), axis=0)).max() < sharp / 2
    assert shades(replace(HIGH, exposure=8)).mean() > 1.4 * shades(HIGH).mean()
    assert shades(replace(HIGH, sun_deg=-25)).max() < 40, "night"
