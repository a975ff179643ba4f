"""What a picture shows: photographs of the simulator with known truth, and what is no picture."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from payload.eyes import believed
from payload.sight import SightValues
from payload.sight_features import SIDE_MIN, NoSight, look
from sim.optics import FIELD_DEG, Shot, photograph, sun_pixel

SIZE = (320, 240)
DRAWN = 150
HIGH = Shot(30_000, pitch_deg=-3, cover=0.4, sun_aside_deg=150)
HEIGHTS_M = (800.0, 3_500.0, 6_000.0, 9_000.0, 12_000.0, 16_000.0, 20_000.0, 25_000.0, 30_000.0)
LIMB_DEG = (-3.5, 1.0)  # the bright air stands above the land's edge; a dip is that much less


def seen(shot: Shot, seed: int = 1) -> SightValues:
    return look(photograph(shot, random.Random(seed), SIZE), FIELD_DEG)


def drawn(seed: int) -> Shot:
    """Any hour of the day, any swing, a lens and a sensor as they come."""
    rng = random.Random(f"drawn {seed}")
    return Shot(
        rng.choice(HEIGHTS_M) * rng.uniform(0.9, 1.1), rng.gauss(-3, 5), rng.gauss(0, 12),
        sun_deg=rng.uniform(5, 60), sun_aside_deg=rng.choice((150.0, rng.uniform(-50, 50))),
        cover=rng.choice((0.0, 0.1, 0.3, 0.5, 0.8)), exposure=rng.uniform(0.7, 1.6),
        noise=rng.uniform(0.5, 2.5), blur_px=rng.choice((0.0, 0.5, 1.0)),
        frost=rng.choice((0.0, 0.0, 0.0, rng.uniform(0.2, 1.0))))


def false_claims(shot: Shot, sight: SightValues) -> set[str]:
    """What is said and is not so; within a margin of its threshold either is right."""
    is_true = {
        "sun": sun_pixel(shot, SIZE) is not None,
        "tilted": abs(shot.tilt_deg) > 5, "level": abs(shot.tilt_deg) < 4,
        "curved": shot.dip_deg > 1.5, "clouds": shot.cover >= 0.15,
        "black": shot.altitude_m > 13_000,
    }
    return {name for name in sight.seen if not is_true[name]}


@pytest.mark.parametrize("tilt_deg", [-40.0, -8.0, 0.0, 3.0, 15.0, 60.0])
def test_tilt_is_measured_with_its_sign(tilt_deg: float) -> None:
    """Goal: degrees, positive with the right end down. Method: one place, known tilts."""
    sight = seen(replace(HIGH, tilt_deg=tilt_deg))
    assert sight.tilt_deg == pytest.approx(tilt_deg, abs=1.0)
    assert ("tilted" in sight.seen) == (abs(tilt_deg) > 6)
    assert ("level" in sight.seen) == (abs(tilt_deg) < 2)


@pytest.mark.parametrize("altitude_m", [20_000.0, 25_000.0, 33_000.0])
def test_the_dip_is_that_of_the_limb(altitude_m: float) -> None:
    """Goal: the curve of the horizon within what the bright air adds, and its error says so."""
    shot = replace(HIGH, altitude_m=altitude_m)
    sight = seen(shot)
    assert sight.dip_deg is not None and sight.dip_error_deg is not None
    assert LIMB_DEG[0] < sight.dip_deg - shot.dip_deg < LIMB_DEG[1]
    assert abs(sight.dip_deg - shot.dip_deg) < 2.5 * sight.dip_error_deg


@pytest.mark.parametrize("cover", [0.0, 0.1, 0.3, 0.5, 0.8])
def test_cloud_cover(cover: float) -> None:
    """Goal: the share of what lies below that is cloud, with a tenth for the part in sight."""
    sight = seen(replace(HIGH, cover=cover, altitude_m=20_000, pitch_deg=-8))
    assert sight.cover == pytest.approx(cover, abs=0.12)
    assert ("clouds" in sight.seen) == (cover >= 0.3)


def test_the_sky_darkens_with_density() -> None:
    """Goal: its light falls on the way up, and is black above, not below."""
    lights = [seen(replace(HIGH, altitude_m=height_m)).sky for height_m in (9e3, 16e3, 22e3, 30e3)]
    assert all(light is not None for light in lights)
    assert lights == sorted(lights, reverse=True)
    assert "black" in seen(HIGH).seen
    assert "black" not in seen(replace(HIGH, altitude_m=9_000)).seen


def test_the_sun_in_frame_out_of_it_and_at_the_edge() -> None:
    """Goal: a whole sun is seen, none is not, and one cut off by the edge is unknown."""
    ahead = replace(HIGH, sun_deg=10, sun_aside_deg=5)
    assert "sun" in seen(ahead).seen
    assert seen(HIGH).traits["sun"] < 0.1
    assert "sun" not in seen(replace(ahead, sun_aside_deg=31)).traits


@pytest.mark.thorough
def test_few_false_claims() -> None:
    """Goal: what is said is so. Method: drawn photographs, as the core believes them."""
    wrong = said = found = 0
    errors = []
    for seed in range(DRAWN):
        shot = drawn(seed)
        sight = believed(seen(shot, seed), shot.altitude_m, "high")
        said += len(sight.seen)
        wrong += len(false_claims(shot, sight))
        if sight.tilt_deg is not None:
            found += 1
            errors.append(abs(sight.tilt_deg - shot.tilt_deg))
    assert wrong <= 0.02 * said + 1
    assert np.median(errors) < 0.3 and np.percentile(errors, 95) < 2.5
    assert found > 0.5 * DRAWN


@pytest.mark.parametrize("shot", [
    Shot(2_500, is_in_cloud=True), Shot(30_000, sun_deg=-25, sun_aside_deg=150),
    replace(HIGH, frost=1.0), Shot(20_000, pitch_deg=-70, cover=0.5, sun_aside_deg=150),
])
def test_where_nothing_can_be_told(shot: Shot) -> None:
    """Goal: in cloud, at night, through frost and straight down there is no horizon."""
    sight = seen(shot)
    assert sight.tilt_deg is None and sight.dip_deg is None
    assert sight.cover is None and sight.sky is None and sight.seen == ()


@pytest.mark.parametrize("shade", [0, 128, 255])
def test_one_shade_tells_nothing(shade: int) -> None:
    """Goal: a black, grey or white sheet is unknown throughout."""
    assert look(Image.new("RGB", SIZE, (shade,) * 3), FIELD_DEG) == SightValues()


def test_overexposed_claims_neither_sun_nor_sky_nor_cloud() -> None:
    traits = seen(replace(HIGH, exposure=12)).traits
    assert not traits.keys() & {"sun", "black", "clouds"}


def test_half_a_picture_has_no_horizon() -> None:
    """Goal: the grey that a decoder leaves below the last row it read is no land."""
    half = photograph(HIGH, random.Random(1), SIZE)
    half.paste((128, 128, 128), (0, 100, *SIZE))
    assert look(half, FIELD_DEG) == SightValues()


def test_the_same_picture_is_the_same_sight() -> None:
    assert seen(HIGH) == seen(HIGH)


def test_what_is_no_picture() -> None:
    """Goal: too small is named; one pixel more is measured."""
    with pytest.raises(NoSight, match="64 x 63 pixels is too small"):
        look(Image.new("RGB", (SIDE_MIN, SIDE_MIN - 1)), FIELD_DEG)
    assert look(Image.new("RGB", (SIDE_MIN, SIDE_MIN)), FIELD_DEG) == SightValues()
    noise = Image.frombytes("RGB", SIZE, random.Random(1).randbytes(3 * 320 * 240))
    assert look(noise, FIELD_DEG).tilt_deg is None
