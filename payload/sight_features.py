"""What a picture shows: the horizon, the sun, cloud below and a black sky above.

Numbers, not understanding. *The horizon* is a circle on the sphere of directions, so its edge
points, as rays of a pinhole camera, lie in one plane: a robust plane through them gives tilt and
dip with their errors, and where too few points agree there is no horizon. *The dip*, how far the
horizon lies below the level, shows as its curve. A wide lens bends lines too, so the error includes
a lens that bends by LENS_BEND; the air's bright limb stands above the true edge by up to a degree.
*The sun* is one round burnt-out spot with a glow: so are a lamp at night and a glint on water.
*Cloud* is what is white and bright below the horizon: so is snow. *Black* is a sky with hardly any
light beside the brightest of the picture: so is a forest, in a picture upside down.
``payload.eyes`` knows where the payload is and drops what cannot be.

The thresholds are measured on the simulator's pictures, ``test_sight_features.py`` of the tests;
no balloon has flown with them. numpy alone. Only the camera's worker and the simulator import this.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from payload.sight import DIP_DEG_MAX, TILT_DEG_MAX, SightValues

Values = NDArray[np.float64]

WIDTH = 320  # pixels a picture is measured at
SIDE_MIN = 64
LENS_BEND = 0.02  # of a line at the edge of the field, relative to its distance from the middle
TILTED_DEG, LEVEL_DEG, CURVED_DEG = 6.0, 3.0, 1.5

_DARK, _FLAT = 18.0, 4.0  # the brightest percent of a night, and the contrast of nothing, 0..255
_BURNT, _BURNT_SHARE_MAX = 250.0, 0.30  # beyond it the exposure hides what is white
# The coarse search of the horizon: a line between two sides, on a miniature.
_COARSE_WIDTH, _COARSE_TILTS, _COARSE_PLACES, _COARSE_POINTS = 80, 24, 24, 20
_COARSE_REACH = 5.0  # pixels of the miniature on each side
_STEP_MIN = 14.0  # between the sides, 0..255
# The fine one: edge points along the line, in pixels at WIDTH.
_POINTS, _REACHES, _SLOPE = 96, (26, 9), 7
_INLIER_PX, _INLIERS_MIN, _SHARE, _DRAWS = 1.6, 0.62, (0.70, 0.03), 120
_OUTSTANDING = 1.6  # an edge is that much steeper than what is around it
_CORRELATED = 4.0  # neighbouring points share their error
_TILT_ERROR_MIN_DEG = 0.25
_LIMB_DEG = 1.0  # the bright air stands that much above the land's edge, or twice
_SUN_LEVELS = (250.0, 235.0, 200.0)  # its middle is white, also where it stands low
_SUN_RADIUS = (0.004, 0.13)  # of the width
_ROUND, _GLOW = (0.72, 0.05), (1.10, 0.03)
_SKY_DEG_MIN, _SKY_SHARE_MIN = 9.0, 0.04
_BLACK = (math.log(0.030), 0.30)  # of the light of the sky above
_LAND_SHARE_MIN, _FAR_DEG, _HAZE_DEG = 0.08, 3.0, 6.0  # far: about the horizon
_CHROMA_MAX, _WHITE = 0.15, 0.85  # of cloud; relative to far haze, which the same sun lights
_COVER = (0.20, 0.05)


class NoSight(Exception):
    """This is no picture; the text is one sentence."""


class Horizon(NamedTuple):
    """A plane of rays: ``up @ ray + sin(dip) = 0``; the camera looks along +z, y is up."""

    up: Values
    dip_deg: float
    dip_error_deg: float
    tilt_deg: float
    tilt_error_deg: float
    confidence: float


def look(image: Image.Image, field_deg: float) -> SightValues:
    """What ``image``, ``field_deg`` wide, shows; unknown is left out.

    Raises:  NoSight for a picture smaller than SIDE_MIN pixels.
    """
    if min(image.size) < SIDE_MIN or max(image.size) > 8 * min(image.size):
        raise NoSight(f"A picture of {image.width} x {image.height} pixels is too small.")
    size = WIDTH, max(1, round(WIDTH * image.height / image.width))
    small = image.convert("RGB").resize(size, Image.Resampling.BOX, reducing_gap=2.0)
    pixels = np.asarray(small, dtype=np.float64)
    shade = pixels @ (0.299, 0.587, 0.114)
    low, high = np.percentile(shade, (1, 99.5))
    is_burnt = np.mean(_least(pixels) >= _BURNT) > _BURNT_SHARE_MAX
    if high < _DARK or high - low < _FLAT or _is_half(pixels):
        return SightValues()
    focal = WIDTH / 2 / math.tan(math.radians(field_deg / 2))
    horizon = _horizon(small, pixels, focal)
    traits: dict[str, float | None] = {"sun": None if is_burnt else _sun(shade, pixels)}
    if horizon is None:
        return SightValues(traits=_known(traits))
    sure = horizon.confidence
    tilt, error = abs(horizon.tilt_deg), horizon.tilt_error_deg
    traits["tilted"] = sure * _above(tilt - TILTED_DEG, error)
    traits["level"] = sure * _above(LEVEL_DEG - tilt, error)
    traits["curved"] = sure * _above(horizon.dip_deg - CURVED_DEG, horizon.dip_error_deg)
    pixels, shade = pixels[::2, ::2], shade[::2, ::2]  # enough for areas
    over_deg = _over_horizon_deg(horizon, shade.shape, focal / 2)
    cover = sky = None
    if not is_burnt and horizon.dip_deg + 2 * horizon.dip_error_deg > 0:  # else it is upside down
        cover = _cover(pixels, shade, over_deg)
        sky = _sky(shade, over_deg)
    if cover is not None:
        traits["clouds"] = sure * _logistic(cover, *_COVER)
    if sky is not None:
        traits["black"] = sure * (1 - _logistic(math.log(max(sky, 1e-4)), *_BLACK))
    return SightValues(
        horizon.tilt_deg, error, horizon.dip_deg, horizon.dip_error_deg, cover, sky,
        _known(traits))


def _known(traits: dict[str, float | None]) -> dict[str, float]:
    return {name: min(1.0, max(0.0, it)) for name, it in traits.items() if it is not None}


def _least(pixels: Values) -> Values:
    """Of the three colours of each pixel."""
    least: Values = np.minimum(np.minimum(pixels[..., 0], pixels[..., 1]), pixels[..., 2])
    return least


def _logistic(value: float, threshold: float, width: float) -> float:
    return 1 / (1 + math.exp(min(50.0, max(-50.0, (threshold - value) / width))))


def _above(excess: float, error: float) -> float:
    """Chance that what was measured ``excess`` above a threshold is above it."""
    return 0.5 * (1 + math.erf(excess / max(error, 1e-6) / math.sqrt(2)))


def _is_half(pixels: Values) -> bool:
    """The last rows are one shade, which is no black: the rest of it was not read."""
    last = pixels[-max(4, len(pixels) // 12) :]
    return bool(_DARK < last.max() < _BURNT and np.ptp(last, axis=(0, 1)).max() < 1.0)


# -- the horizon -----------------------------------------------------------------------------------


def _horizon(small: Image.Image, pixels: Values, focal: float) -> Horizon | None:
    """None where too few edge points agree."""
    found = _coarse(small)
    if found is None:
        return None
    middle, along, normal, colour = found
    profile = pixels @ colour
    points = middle + np.linspace(-1, 1, _POINTS)[:, None] * along
    plane = None
    for reach in _REACHES:
        edges = _edges(profile, points, normal, reach)
        if len(edges) < _POINTS * _INLIERS_MIN / 2:
            return None
        plane = _robust_plane(_rays(edges, pixels.shape, focal), focal)
        if plane is None:
            return None
        points = _on_plane(plane[0], plane[1], points, normal, pixels.shape, focal)
    assert plane is not None
    return _measured(*plane)


def _coarse(small: Image.Image) -> tuple[Values, Values, Values, Values] | None:
    """(middle, half its length, normal upwards, the colour that steps) of the line that parts the
    picture best, in pixels of ``small``."""
    scale = small.width / _COARSE_WIDTH
    size = _COARSE_WIDTH, max(8, round(small.height / scale))
    pixels = np.asarray(small.resize(size, Image.Resampling.BOX), dtype=np.float64)
    tilts = np.linspace(-math.pi / 2, math.pi / 2, _COARSE_TILTS, endpoint=False)
    normals = np.stack((-np.sin(tilts), -np.cos(tilts)), axis=1)  # to the upper side
    lines = np.stack((np.cos(tilts), -np.sin(tilts)), axis=1)
    half = np.array(size) / 2
    reach = np.abs(normals) @ half - _COARSE_REACH
    places = np.linspace(-1, 1, _COARSE_PLACES)
    at = np.linspace(-1, 1, _COARSE_POINTS) * np.hypot(*half)
    centre = half + (places[None, :, None] * reach[:, None, None]) * normals[:, None, :]
    grid = centre[:, :, None, :] + at[None, None, :, None] * lines[:, None, None, :]
    steps = np.zeros((*grid.shape[:3], 3))
    is_in = np.all((grid >= 0) & (grid < np.array(size)), axis=3)
    for off in (2.0, _COARSE_REACH):
        for side in (1, -1):
            where = grid + side * off * normals[:, None, None, :]
            steps += side / 2 * _nearest(pixels, where)
    count = np.maximum(is_in.sum(axis=2), 1)[..., None]
    mean = (steps * is_in[..., None]).sum(axis=2) / count
    spread = np.sqrt(
        ((steps - mean[:, :, None, :]) ** 2 * is_in[..., None]).sum(axis=2).sum(axis=2)
        / count[..., 0])
    size_of = np.linalg.norm(mean, axis=2)
    is_long = is_in.sum(axis=2) >= _COARSE_POINTS / 3
    score = size_of**2 / (size_of + spread + 6.0) * is_long
    best = np.unravel_index(int(score.argmax()), score.shape)
    if size_of[best] < _STEP_MIN:
        return None
    inside = at[is_in[best]]
    middle = centre[best] + inside.mean() * lines[best[0]]
    along = (np.ptp(inside) / 2 - 1) * lines[best[0]]
    return middle * scale, along * scale, normals[best[0]], mean[best] / size_of[best]


def _nearest(pixels: Values, where: Values) -> Values:
    """The pixels at ``where``, (column, row); those at the edge beyond it."""
    column = np.clip(where[..., 0].astype(int), 0, pixels.shape[1] - 1)
    row = np.clip(where[..., 1].astype(int), 0, pixels.shape[0] - 1)
    found: Values = pixels[row, column]
    return found


def _edges(profile: Values, points: Values, normal: Values, reach: int) -> Values:
    """Where the profile rises most along ``normal`` through each point, to part of a pixel."""
    offsets = np.arange(-reach - _SLOPE, reach + _SLOPE + 1)
    where = points[:, None, :] + offsets[None, :, None] * normal
    rows, columns = profile.shape
    is_in = np.all((where >= 0.5) & (where < (columns - 0.5, rows - 0.5)), axis=2)
    values = _between(profile, where)
    slope = _slope(values)
    slope[np.lib.stride_tricks.sliding_window_view(~is_in, 2 * _SLOPE + 1, 1).any(axis=2)] = 0.0
    peak = np.clip(slope.argmax(axis=1), 1, slope.shape[1] - 2)
    index = np.arange(len(slope))
    before, at, after = (slope[index, peak + off] for off in (-1, 0, 1))
    bend = before - 2 * at + after
    part = np.where(bend < -1e-9, 0.5 * (before - after) / np.where(bend < -1e-9, bend, 1), 0.0)
    off = peak + np.clip(part, -0.5, 0.5) - reach
    around = np.median(np.abs(slope), axis=1)
    is_edge = (at > 2.0) & ((at > _OUTSTANDING * around) | (reach < 3 * _SLOPE))
    edges: Values = (points + off[:, None] * normal)[is_edge]
    return edges


def _slope(values: Values) -> Values:
    """Of each row: the mean of the next _SLOPE values less that of those before."""
    sums = np.cumsum(np.pad(values, ((0, 0), (1, 0))), axis=1)
    means = (sums[:, _SLOPE:] - sums[:, :-_SLOPE]) / _SLOPE
    slope: Values = means[:, _SLOPE + 1 :] - means[:, : -_SLOPE - 1]
    return slope


def _between(profile: Values, where: Values) -> Values:
    """Between the middles of four pixels."""
    x, y = where[..., 0] - 0.5, where[..., 1] - 0.5
    left = np.clip(np.floor(x).astype(int), 0, profile.shape[1] - 2)
    top = np.clip(np.floor(y).astype(int), 0, profile.shape[0] - 2)
    along, down = np.clip(x - left, 0, 1), np.clip(y - top, 0, 1)
    upper = profile[top, left] * (1 - along) + profile[top, left + 1] * along
    lower = profile[top + 1, left] * (1 - along) + profile[top + 1, left + 1] * along
    smooth: Values = upper * (1 - down) + lower * down
    return smooth


def _rays(points: Values, shape: tuple[int, ...], focal: float) -> Values:
    """Unit rays: right, up, ahead."""
    x, y = points[:, 0] - shape[1] / 2, shape[0] / 2 - points[:, 1]
    ray = np.stack((x, y, np.full(len(points), focal)), axis=1)
    unit: Values = ray / np.linalg.norm(ray, axis=1, keepdims=True)
    return unit


def _plane(rays: Values) -> tuple[Values, float]:
    """(normal, offset) of the plane that fits them best."""
    middle = rays.mean(axis=0)
    normal = np.linalg.svd(rays - middle, full_matrices=False)[2][2]
    if normal[1] < 0 or (normal[1] == 0 and normal[0] < 0):
        normal = -normal
    return normal, -float(normal @ middle)


def _robust_plane(rays: Values, focal: float) -> tuple[Values, float, Values] | None:
    """(normal, offset, the rays that lie in it): of planes through three points each, the one with
    most of them, fitted again to those."""
    rng = np.random.default_rng(1)  # the same picture, the same sight
    thirds = np.array_split(np.arange(len(rays)), 3)
    first, second, third = (rays[rng.choice(part, _DRAWS)] for part in thirds)
    normals = np.cross(second - first, third - first)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    offsets = -np.sum(normals * first, axis=1)
    tolerance = _INLIER_PX / focal
    is_near = np.abs(rays @ normals.T + offsets) < tolerance
    counts = is_near.sum(axis=0) * (np.abs(offsets) < 0.5)
    best, most = is_near[:, counts.argmax()], counts.max()
    if most < _POINTS * _INLIERS_MIN / 2:
        return None
    for _ in range(3):
        normal, offset = _plane(rays[best])
        best = np.abs(rays @ normal + offset) < tolerance
        if best.sum() < 8:
            return None
    return normal, offset, rays[best]


def _on_plane(
    normal: Values, offset: float, points: Values, across: Values, shape: tuple[int, ...],
    focal: float,
) -> Values:
    """``points`` moved along ``across`` onto the plane, by Newton's steps."""
    for _ in range(4):
        rays, beside = _rays(points, shape, focal), _rays(points + across, shape, focal)
        miss = rays @ normal + offset
        slope = beside @ normal + offset - miss
        slope = np.where(np.abs(slope) < 1e-5, 1e-5, slope)
        points = points - np.clip(miss / slope, -9, 9)[:, None] * across
    return points


def _measured(normal: Values, offset: float, rays: Values) -> Horizon | None:
    """Tilt and dip with their errors; None where the points do not agree."""
    miss = rays @ normal + offset
    rms = float(np.sqrt(np.mean(miss**2)))
    share = len(rays) / _POINTS
    middle = rays.mean(axis=0)
    axes = np.linalg.svd(rays - middle, full_matrices=False)[2]
    design = np.column_stack((np.ones(len(rays)), (rays - middle) @ axes[:2].T))
    spread = np.linalg.pinv(design.T @ design) * rms**2 * _CORRELATED
    dip = math.asin(max(-1.0, min(1.0, offset)))
    by_dip = np.array((-1.0, axes[0] @ middle, axes[1] @ middle)) / math.cos(dip)
    flat = float(normal[0] ** 2 + normal[1] ** 2)
    by_tilt = np.array((0.0, *(
        (normal[1] * -axis[0] - normal[0] * -axis[1]) / max(flat, 1e-9) for axis in axes[:2])))
    dip_error = math.sqrt(max(0.0, float(by_dip @ spread @ by_dip)))
    tilt_error = math.sqrt(max(0.0, float(by_tilt @ spread @ by_tilt)))
    aside = abs(float(normal @ (0, 0, 1)))  # how far from the middle of the picture it lies
    lens = 2 * LENS_BEND * (aside + abs(offset))
    dip_error_deg = math.degrees(math.hypot(dip_error, lens, math.radians(_LIMB_DEG)))
    tilt_error_deg = max(_TILT_ERROR_MIN_DEG, math.degrees(tilt_error))
    tilt_deg = math.degrees(math.atan2(normal[0], normal[1]))
    if share < _INLIERS_MIN or dip_error_deg > DIP_DEG_MAX or tilt_error_deg > TILT_DEG_MAX:
        return None
    confidence = _logistic(share, *_SHARE)
    return Horizon(normal, math.degrees(dip), dip_error_deg, tilt_deg, tilt_error_deg, confidence)


def _over_horizon_deg(horizon: Horizon, shape: tuple[int, ...], focal: float) -> Values:
    """How far each pixel is above the horizon."""
    rows, columns = shape[:2]
    x = (np.arange(columns) + 0.5 - columns / 2)[None, :]
    y = (rows / 2 - np.arange(rows) - 0.5)[:, None]
    level = horizon.up[0] * x + horizon.up[1] * y + horizon.up[2] * focal
    sine = level / np.sqrt(x * x + y * y + focal * focal)
    over: Values = np.degrees(np.arcsin(np.clip(sine, -1, 1))) + horizon.dip_deg
    return over


# -- what is above and below it --------------------------------------------------------------------


def _light(level: float) -> float:
    """Of 8 bits of sRGB, about: the gamma is 2.2."""
    return float((level / 255) ** 2.2)


def _sky(shade: Values, over_deg: Values) -> float | None:
    """Median light of the sky well above the horizon, relative to the brightest below it."""
    edge = max(_SKY_DEG_MIN, 0.6 * float(np.percentile(over_deg, 99.5)))
    sky = shade[over_deg > edge]
    rest = shade[(over_deg > -12) & (over_deg < 4)]
    if sky.size < _SKY_SHARE_MIN * shade.size or rest.size < _SKY_SHARE_MIN * shade.size:
        return None
    bright = _light(float(np.percentile(rest, 95)))
    return min(1.0, _light(float(np.median(sky))) / bright) if bright > 0.02 else None


def _cover(pixels: Values, shade: Values, over_deg: Values) -> float | None:
    """Share of white and bright pixels where the haze is thin."""
    is_land = over_deg < -_HAZE_DEG
    if is_land.mean() < _LAND_SHARE_MIN:
        return None
    hazy = shade[np.abs(over_deg) < _FAR_DEG]
    if hazy.size == 0:
        return None
    white = float(np.percentile(hazy, 90)) * _WHITE ** (1 / 2.2)
    most = -_least(-pixels)
    is_grey = most - _least(pixels) < _CHROMA_MAX * np.maximum(most, 1.0)
    is_cloud = is_grey & (shade > white)
    return float(is_cloud[is_land].mean())


def _sun(shade: Values, pixels: Values) -> float | None:
    """One round burnt-out spot with a glow around it. None where it may be cut off by the edge."""
    is_burnt = shade >= _BURNT - 20  # few are, and only they are looked at
    is_burnt[is_burnt] = np.all(pixels[is_burnt] >= _SUN_LEVELS, axis=1)
    count = int(is_burnt.sum())
    if count < 4:
        return 0.0
    if is_burnt[0].any() or is_burnt[-1].any() or is_burnt[:, [0, -1]].any():
        return None
    row, column = (float(np.median(at)) for at in np.nonzero(is_burnt))
    rows, columns = np.ogrid[: shade.shape[0], : shade.shape[1]]
    off = np.hypot(rows - row, columns - column)
    reach = _SUN_RADIUS[1] * shade.shape[1]
    inside = is_burnt & (off < reach)
    area = int(inside.sum())
    radius = math.sqrt(area / math.pi)
    if area < 0.7 * count or not _SUN_RADIUS[0] * shade.shape[1] <= radius <= reach / 1.3:
        return 0.02
    at = np.argwhere(inside).astype(float)
    moments = np.cov(at.T) + np.eye(2) / 12
    roundness = area / (4 * math.pi * math.sqrt(max(float(np.linalg.det(moments)), 1e-9)))
    near = shade[(off > 1.25 * radius + 1) & (off < 1.8 * radius + 3)]
    far = shade[(off > 2.6 * radius + 5) & (off < 3.6 * radius + 9)]
    glow = (float(np.median(near)) + 5) / (float(np.median(far)) + 5)
    return _logistic(min(roundness, 1.0), *_ROUND) * _logistic(glow, *_GLOW)
