"""The light at the payload's camera, as physics has it: a picture with a known truth.

Each pixel is a ray from a pinhole camera. What it meets is computed on a round Earth: the land, a
deck of cloud below or above, or nothing but air. Air scatters by its density (molecules with
Rayleigh's colours, and a low grey haze), so the sky darkens on the way up, a bright limb remains,
and far land fades; the horizon sinks and bends by geometry alone. The sun is a disc of half a
degree that a lens spreads into a bloom. An automatic exposure, noise of the sensor, and a lens that
is out of focus or frosted come last.

Source: optical depths of clear air at sea level from Bodhaine et al., J. Atmos. Oceanic Technol.
16, 1999; the sun's share is single scattering, with as much again for what is scattered twice.

Does not cover: refraction, the phase function, shadows, rolling shutter, a lens that bends lines.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from sim.sky import horizon_dip_deg
from wire.standard_air import EARTH_RADIUS_M

FIELD_DEG = 62.2  # across; a Pi camera module 2
SIZE = (640, 480)
SUN_RADIUS_DEG = 0.27
NIGHT_DEG = -6.0  # the sun below this: the camera sees nothing
_AIR_SCALE_M, _HAZE_SCALE_M, _AIR_TOP_M = 8_000.0, 1_500.0, 70_000.0
_AIR_DEPTH = np.array((0.05, 0.10, 0.24))  # vertical, at 620, 540 and 450 nm
_HAZE_DEPTH = 0.08
_SOURCE = 0.7  # radiance of air of endless depth; sunlit cloud has 1
_STEPS, _ANGLES = 40, 1_500
_WOODS, _FIELDS, _CLOUD = (np.array(it) for it in (
    (0.03, 0.05, 0.025), (0.17, 0.15, 0.08), (0.80, 0.81, 0.83)))
_GRID = 64  # of the shades of land and cloud, which repeat
_EXPOSED_MEAN = 0.20
_LIGHT_MIN = 0.02  # of a sunlit picture, for an exposure: black space alone has none
_GLARE, _GLARE_DEG, _VEIL, _VEIL_DEG = 300.0, 0.35, 0.02, 9.0

Light = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Shot:
    """Where the camera is, how it hangs, what there is to see, and how well it works."""

    altitude_m: float
    pitch_deg: float = 0.0  # of its axis above the level
    tilt_deg: float = 0.0  # of the picture's horizon, positive with its right end down
    sun_deg: float = 40.0  # elevation over the level
    sun_aside_deg: float = 180.0  # azimuth right of the axis
    cover: float = 0.0
    cloud_base_m: float = 2_000.0
    cloud_top_m: float = 3_000.0
    is_in_cloud: bool = False
    exposure: float = 1.0  # times what the automatic chooses
    noise: float = 1.0  # of a sensor in daylight
    blur_px: float = 0.0
    frost: float = 0.0  # 0 a clear lens, 1 nothing but glow
    field_deg: float = FIELD_DEG

    @property
    def dip_deg(self) -> float:
        """Of the sea's horizon below the level."""
        return horizon_dip_deg(self.altitude_m)


def photograph(shot: Shot, rng: random.Random, size: tuple[int, int] = SIZE) -> Image.Image:
    """The picture, RGB. The same for the same shot and state of ``rng``."""
    noise = np.random.default_rng(rng.getrandbits(64))
    elevation, azimuth = _rays(shot, size)
    if shot.sun_deg + shot.dip_deg < NIGHT_DEG:
        light = np.full((*elevation.shape, 3), 2e-5)
        gain = 10.0
    else:
        light = _inside_cloud(elevation, noise) if shot.is_in_cloud else _outside(
            shot, elevation, azimuth, noise)
        day = _daylight(shot)
        gain = _EXPOSED_MEAN * shot.exposure / (max(float(light.mean()), _LIGHT_MIN) * day)
        light *= day
        light += _sunlight(shot, elevation, azimuth)
    return _developed(light * gain, shot, noise)


def sun_pixel(shot: Shot, size: tuple[int, int] = SIZE) -> tuple[float, float] | None:
    """(column, row) of the sun's middle; None outside the picture."""
    right, up, axis = _camera(shot)
    sun = _direction(shot.sun_deg, shot.sun_aside_deg)
    depth = float(sun @ axis)
    if depth <= 0:
        return None
    focal = _focal_px(shot, size)
    x = size[0] / 2 + focal * float(sun @ right) / depth
    y = size[1] / 2 - focal * float(sun @ up) / depth
    return (x, y) if 0 <= x < size[0] and 0 <= y < size[1] else None


def _focal_px(shot: Shot, size: tuple[int, int]) -> float:
    return size[0] / 2 / math.tan(math.radians(shot.field_deg / 2))


def _direction(elevation_deg: float, azimuth_deg: float) -> Light:
    """A unit vector: east of the axis, ahead, up."""
    up, aside = math.radians(elevation_deg), math.radians(azimuth_deg)
    return np.array((math.cos(up) * math.sin(aside), math.cos(up) * math.cos(aside), math.sin(up)))


def _camera(shot: Shot) -> tuple[Light, Light, Light]:
    """The picture's right and up, and the camera's axis."""
    pitch, tilt = math.radians(shot.pitch_deg), math.radians(shot.tilt_deg)
    axis = _direction(shot.pitch_deg, 0.0)
    level, above = np.array((1.0, 0.0, 0.0)), np.array((0.0, -math.sin(pitch), math.cos(pitch)))
    right = math.cos(tilt) * level + math.sin(tilt) * above
    return right, math.cos(tilt) * above - math.sin(tilt) * level, axis


def _rays(shot: Shot, size: tuple[int, int]) -> tuple[Light, Light]:
    """(elevation, azimuth from the axis) of each pixel, radians."""
    right, up, axis = _camera(shot)
    focal = _focal_px(shot, size)
    x = (np.arange(size[0]) + 0.5 - size[0] / 2) / focal
    y = (size[1] / 2 - np.arange(size[1]) - 0.5) / focal
    ray = axis + x[None, :, None] * right + y[:, None, None] * up
    ray /= np.linalg.norm(ray, axis=2, keepdims=True)
    return np.arcsin(ray[..., 2]), np.arctan2(ray[..., 0], ray[..., 1])


def _distance_m(altitude_m: float, elevation: Light, level_m: float) -> Light:
    """Along each ray to the height ``level_m``; infinite where it does not get there."""
    centre_m, shell_m = EARTH_RADIUS_M + altitude_m, EARTH_RADIUS_M + level_m
    along = centre_m * np.sin(elevation)
    under = along**2 - (centre_m**2 - shell_m**2)
    root = np.sqrt(np.maximum(under, 0.0))
    metres = -along + root if level_m > altitude_m else -along - root
    return np.where((under < 0) | (metres < 0), np.inf, metres)


def _air(altitude_m: float, elevation: Light, far_m: Light) -> tuple[Light, Light]:
    """(what the air adds, what it lets through) along each ray up to ``far_m``."""
    far_m = np.minimum(far_m, _distance_m(altitude_m, elevation, _AIR_TOP_M))
    far_m = np.where(np.isinf(far_m), 0.0, far_m)  # from an orbit most rays meet no air
    edges = np.linspace(0.0, 1.0, _STEPS + 1) ** 2  # dense near the camera
    depth = np.zeros((len(elevation), 3))
    for near, far in pairwise(edges):
        at_m = far_m * (near + far) / 2
        height_m = np.sqrt(
            (EARTH_RADIUS_M + altitude_m) ** 2 + at_m**2
            + 2 * (EARTH_RADIUS_M + altitude_m) * at_m * np.sin(elevation)) - EARTH_RADIUS_M
        height_m = np.maximum(height_m, 0.0)
        air = np.exp(-height_m / _AIR_SCALE_M) / _AIR_SCALE_M
        haze = np.exp(-height_m / _HAZE_SCALE_M) / _HAZE_SCALE_M
        step_m = far_m * (far - near)
        depth += (air * step_m)[:, None] * _AIR_DEPTH + (haze * step_m * _HAZE_DEPTH)[:, None]
    through = np.exp(-depth)
    return _SOURCE * (1 - through), through


def _outside(shot: Shot, elevation: Light, azimuth: Light, noise: np.random.Generator) -> Light:
    """Sky, land and cloud, where sunlit white is 1."""
    angles = np.linspace(-math.pi / 2, math.pi / 2, _ANGLES)
    dip = math.radians(shot.dip_deg)
    near = np.linspace(-dip - 0.06, -dip + 0.1, _ANGLES)  # the limb is thin
    angles = np.unique(np.concatenate((angles, near)))
    light = _through_air(shot, elevation, angles, 0.0, _land(shot, elevation, azimuth, noise))
    cloud_m = shot.cloud_top_m if shot.altitude_m > shot.cloud_top_m else shot.cloud_base_m
    shade, mask = _clouds(shot, elevation, azimuth, cloud_m, noise)
    cloud = _through_air(shot, elevation, angles, cloud_m, shade)
    return light + (cloud - light) * mask[..., None]


def _through_air(
    shot: Shot, elevation: Light, angles: Light, level_m: float, colours: Light
) -> Light:
    """``colours`` at ``level_m``, as they look from the camera; bare sky where no ray meets it."""
    far_m = _distance_m(shot.altitude_m, angles, level_m)
    added, through = _air(shot.altitude_m, angles, far_m)
    through[np.isinf(far_m)] = 0.0
    seen = np.empty((*elevation.shape, 3))
    edge = -math.radians(horizon_dip_deg(shot.altitude_m - level_m))
    for colour in range(3):
        seen[..., colour] = _looked_up(elevation, angles, added[:, colour], edge)
        seen[..., colour] += colours[..., colour] * _looked_up(
            elevation, angles, through[:, colour], edge)
    return seen


def _looked_up(elevation: Light, angles: Light, values: Light, edge: float) -> Light:
    """Interpolated on each side of ``edge`` alone."""
    above = angles > edge
    if above.all() or not above.any():
        return np.interp(elevation, angles, values)
    high = np.interp(elevation, angles[above], values[above])
    return np.where(elevation > edge, high, np.interp(elevation, angles[~above], values[~above]))


def _land(
    shot: Shot, elevation: Light, azimuth: Light, noise: np.random.Generator
) -> Light:
    """Fields and woods."""
    shade = _shades(shot, elevation, azimuth, 0.0, (9_000.0, 3_000.0, 900.0, 250.0), noise)
    part = 1 / (1 + np.exp(-6 * shade))[..., None]
    land: Light = _WOODS + (_FIELDS - _WOODS) * part
    return land


def _clouds(
    shot: Shot, elevation: Light, azimuth: Light, level_m: float, noise: np.random.Generator
) -> tuple[Light, Light]:
    """(colours, how much of each pixel is cloud)."""
    shade = _shades(
        shot, elevation, azimuth, level_m, (30_000.0, 11_000.0, 4_000.0, 1_300.0), noise)
    meets = np.isfinite(_distance_m(shot.altitude_m, elevation, level_m))
    if shot.altitude_m < level_m:
        meets &= elevation > -math.radians(shot.dip_deg)  # the land is in the way
    if not meets.any() or shot.cover <= 0:
        return np.zeros((*elevation.shape, 3)), np.zeros(elevation.shape)
    edge = float(np.quantile(shade[meets], 1 - min(1.0, shot.cover)))
    mask = np.clip((shade - edge) * 5 + 0.5, 0.0, 1.0) * meets
    is_lit = shot.altitude_m > level_m  # from below they are grey
    colours = _CLOUD * ((0.9 + 0.1 * np.tanh(2 * (shade - edge)))[..., None]
                        if is_lit else 0.45)
    return colours, mask


def _shades(
    shot: Shot, elevation: Light, azimuth: Light, level_m: float, lengths_m: tuple[float, ...],
    noise: np.random.Generator,
) -> Light:
    """Random shades about 0 laid out at a height, none finer than the pixels there."""
    metres = np.minimum(_distance_m(shot.altitude_m, elevation, level_m), 2e6)
    steep = np.maximum(np.abs(np.sin(elevation)), 0.01)
    pixel_m = metres * math.radians(shot.field_deg) / elevation.shape[1] / steep
    flat_m = metres * np.cos(elevation)
    across, ahead = flat_m * np.sin(azimuth), flat_m * np.cos(azimuth)
    total = np.zeros(elevation.shape)
    for length_m in lengths_m:
        grid = noise.standard_normal((_GRID, _GRID))
        sharp = 1 / (1 + (pixel_m / length_m) ** 2)
        total += sharp * (length_m / lengths_m[0]) ** 0.35 * _smooth(
            grid, across / length_m, ahead / length_m)
    return total


def _smooth(grid: Light, x: Light, y: Light) -> Light:
    """Values between the points of a grid that repeats."""
    left, low = np.floor(x).astype(int), np.floor(y).astype(int)
    along, up = x - left, y - low
    along, up = along**2 * (3 - 2 * along), up**2 * (3 - 2 * up)
    at = [grid[(low + j) % _GRID, (left + i) % _GRID] for j in (0, 1) for i in (0, 1)]
    below, above = at[0] + (at[1] - at[0]) * along, at[2] + (at[3] - at[2]) * along
    smooth: Light = below + (above - below) * up
    return smooth


def _inside_cloud(elevation: Light, noise: np.random.Generator) -> Light:
    """Grey, a little lighter above."""
    grid = noise.standard_normal((_GRID, _GRID))
    rows, columns = (np.arange(count) / 90 for count in elevation.shape)
    uneven = 0.04 * _smooth(grid, *np.meshgrid(columns, rows))
    grey: Light = (0.5 + 0.1 * elevation + uneven)[..., None] * np.array((0.98, 0.99, 1.0))
    return grey


def _daylight(shot: Shot) -> float:
    """Of the sunlit world, 1 with the sun overhead."""
    over_deg = shot.sun_deg + shot.dip_deg
    return max(0.002, math.sin(math.radians(min(90.0, max(0.0, over_deg + 2)))))


def _sunlight(shot: Shot, elevation: Light, azimuth: Light) -> Light | float:
    """The sun's disc and what the lens spreads of it; nothing behind the Earth or a cloud."""
    if shot.is_in_cloud or shot.sun_deg < -shot.dip_deg:
        return 0.0
    up = math.radians(shot.sun_deg)
    cosine = np.sin(elevation) * math.sin(up) + np.cos(elevation) * math.cos(up) * np.cos(
        azimuth - math.radians(shot.sun_aside_deg))
    off_deg = np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))
    _, through = _air(shot.altitude_m, np.array([up]), np.array([np.inf]))
    through = through[0] * (1 - shot.cover if shot.altitude_m < shot.cloud_base_m else 1.0)
    spread = _GLARE / (1 + (off_deg / _GLARE_DEG) ** 2) ** 1.5
    spread += _VEIL / (1 + (off_deg / _VEIL_DEG) ** 2)
    spread += 46_000.0 * (off_deg < SUN_RADIUS_DEG)
    sunlight: Light = spread[..., None] * through
    return sunlight


def _developed(light: Light, shot: Shot, noise: np.random.Generator) -> Image.Image:
    """8 bits of sRGB, with everything that is wrong with lens and sensor."""
    light = np.clip(light, 0.0, 4.0)
    if shot.frost > 0:
        glow = light.mean(axis=(0, 1))
        light = light * (1 - 0.8 * shot.frost) + glow * 0.8 * shot.frost
    grain = 0.0015 + 0.010 * np.sqrt(np.maximum(light, 0.0))
    light = light + shot.noise * grain * noise.standard_normal(light.shape)
    light = np.clip(light, 0.0, 1.0)
    coded = np.where(light < 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    image = Image.fromarray(np.round(255 * coded).astype(np.uint8), "RGB")
    blur_px = shot.blur_px + 14.0 * shot.frost
    return image.filter(ImageFilter.GaussianBlur(blur_px)) if blur_px > 0 else image
