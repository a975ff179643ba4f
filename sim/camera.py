"""A synthetic camera: small pictures of what there would be to see, drawn from where it hangs.

The sky darkens with height from the horizon up, the horizon sinks and bends, cloud and fields fade
into haze, the sun shines where it stands. Deterministic for a seed and a Pillow version.

Simplified: the curve of the horizon is drawn three times as strong as it is, as the wide lenses of
real flights show it.
"""

from __future__ import annotations

import io
import math
import random
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFilter

from payload.ports import DeviceAbsent, Picture, PortError
from sim.balloon import AirState
from sim.clock import SimClock
from sim.sky import Sky, horizon_dip_deg, sun_position_deg

WIDTH, HEIGHT = 192, 144
FIELD_DEG = 62.0  # across; a Pi camera module 2
PIXELS_PER_DEG = WIDTH / FIELD_DEG
CURVE_FACTOR = 3.0
CAPTURE_MS = 2_600  # warm-up, exposure and encoding
THUMBNAIL_BYTES_MAX = 3_400
DARK_DEG = -4.0  # the sun this far below the horizon: the camera sees nothing
QUALITIES = (88, 80, 72, 60, 48, 36, 24, 12, 5)
_Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class View:
    """What a picture depends on."""

    altitude_m: float
    above_ground_m: float
    sun_deg: float  # elevation over the visible horizon
    sun_x: float | None  # where it stands across the picture, 0..1, None outside
    pitch_deg: float  # camera above (+) or below (-) the horizontal
    is_in_cloud: bool
    is_above_cloud: bool
    cover: float


class SyntheticCamera:
    """``ports.Camera``: one capture per request."""

    def __init__(
        self, clock: SimClock, state: Callable[[], AirState], sky: Sky, rng: random.Random
    ) -> None:
        self.is_unplugged = False
        self._clock = clock
        self._state = state
        self._sky = sky
        self._rng = rng
        self._ready_ms: int | None = None

    def start(self, now_ms: int) -> bool:
        """True if the camera took the request."""
        if self._ready_ms is not None:
            return False
        self._ready_ms = self._clock.now_ms + CAPTURE_MS
        return True

    def poll(self, now_ms: int) -> Picture | PortError | None:
        """The picture once it is there; an error as a value when the camera is gone."""
        if self._ready_ms is None or self._clock.now_ms < self._ready_ms:
            return None
        self._ready_ms = None
        if self.is_unplugged:
            return DeviceAbsent("the camera is unplugged")
        view = self._view()
        return Picture(now_ms, encode(draw(view, self._rng)), scene(view))

    def cancel(self, now_ms: int) -> None:
        self._ready_ms = None

    def _view(self) -> View:
        state, utc_ms = self._state(), self._clock.utc_ms
        elevation_deg, azimuth_deg = sun_position_deg(
            utc_ms, state.latitude_deg, state.longitude_deg
        )
        heading_deg = self._rng.uniform(0, 360)  # the box spins slowly below its line
        aside_deg = (azimuth_deg - heading_deg + 180) % 360 - 180
        cloud = self._sky.cloud
        return View(
            altitude_m=state.altitude_m,
            above_ground_m=max(0.0, state.altitude_m - state.ground_m),
            sun_deg=elevation_deg + horizon_dip_deg(state.altitude_m),
            sun_x=0.5 + aside_deg / FIELD_DEG if abs(aside_deg) < 0.6 * FIELD_DEG else None,
            pitch_deg=self._rng.gauss(-2.0, 5.0),
            is_in_cloud=self._sky.is_in_cloud(state.altitude_m)
            and self._rng.random() < 0.3 + 0.7 * cloud.cover,
            is_above_cloud=state.altitude_m > cloud.top_m,
            cover=cloud.cover,
        )


def scene(view: View) -> str:
    """dark, cloud, sun or horizon."""
    if view.sun_deg < DARK_DEG:
        return "dark"
    if view.is_in_cloud:
        return "cloud"
    if view.sun_x is not None and view.sun_deg > 0 and 0 <= _sun_y(view) < HEIGHT:
        return "sun"
    return "horizon"


def encode(image: Image.Image) -> bytes:
    """WebP of at most THUMBNAIL_BYTES_MAX, where any quality allows it."""
    data = b""
    for quality in QUALITIES:
        buffer = io.BytesIO()
        image.save(buffer, "WEBP", quality=quality, method=4)
        data = buffer.getvalue()
        if len(data) <= THUMBNAIL_BYTES_MAX:
            break
    return data


def draw(view: View, rng: random.Random) -> Image.Image:
    """The picture of ``view``."""
    if view.sun_deg < DARK_DEG:
        return _night(view, rng)
    if view.is_in_cloud:
        return _inside_cloud(view, rng)
    image = _sky_image(view)
    _add_sun(image, view)
    land = _land_image(view, rng)
    image.paste(land, (0, 0), _below_horizon(view))
    _add_limb(image, view)
    return image.point([min(255, round(v * _daylight(view))) for v in range(256)] * 3)


def _daylight(view: View) -> float:
    """Brightness of everything, 0.15 in dusk to 1."""
    return min(1.0, max(0.15, (view.sun_deg - DARK_DEG) / 10))


def _mix(a: _Colour, b: _Colour, part: float) -> _Colour:
    p = min(1.0, max(0.0, part))
    return (
        round(a[0] + (b[0] - a[0]) * p), round(a[1] + (b[1] - a[1]) * p),
        round(a[2] + (b[2] - a[2]) * p),
    )


def _horizon_y(view: View, x: float) -> float:
    """Row of the horizon in column ``x``: a hyperbola that opens downwards."""
    dip_deg = horizon_dip_deg(view.altitude_m)
    middle = HEIGHT / 2 + (view.pitch_deg + dip_deg) * PIXELS_PER_DEG
    aside = (x - WIDTH / 2) / (WIDTH / 2) * math.radians(FIELD_DEG / 2)
    bend = CURVE_FACTOR * dip_deg * PIXELS_PER_DEG * (math.sqrt(1 + aside * aside) - 1)
    return middle + bend


def _sun_y(view: View) -> float:
    return _horizon_y(view, WIDTH / 2) - view.sun_deg * PIXELS_PER_DEG


def _sky_colours(view: View) -> tuple[_Colour, _Colour]:
    """(overhead, at the horizon)."""
    height = min(1.0, view.altitude_m / 30_000)
    overhead = _mix((84, 142, 214), (3, 5, 18), height**0.55)
    rim = _mix((196, 215, 233), (132, 184, 232), height)
    if view.sun_deg < 12:
        glow = 1 - max(0.0, view.sun_deg) / 12
        rim = _mix(rim, (255, 150, 72), 0.35 + 0.6 * glow)
        overhead = _mix(overhead, (34, 36, 74), 0.5 * glow)
    return overhead, rim


def _sky_image(view: View) -> Image.Image:
    """Rows from dark to the bright rim; the haze is thinner the higher it hangs."""
    overhead, rim = _sky_colours(view)
    haze_rows = HEIGHT * (0.9 - 0.68 * min(1.0, view.altitude_m / 30_000))
    horizon = _horizon_y(view, WIDTH / 2)
    column = Image.new("RGB", (1, HEIGHT))
    for y in range(HEIGHT):
        above = max(0.0, horizon - y) / haze_rows
        column.putpixel((0, y), _mix(rim, overhead, 1 - math.exp(-2.2 * above)))
    return column.resize((WIDTH, HEIGHT))


def _add_sun(image: Image.Image, view: View) -> None:
    """A disc with its glow, when it is in the picture and up."""
    if view.sun_x is None or view.sun_deg <= 0:
        return
    x, y = view.sun_x * WIDTH, _sun_y(view)
    colour = (255, 214, 160) if view.sun_deg < 6 else (255, 251, 240)
    glow = Image.new("L", (WIDTH, HEIGHT), 0)
    brush = ImageDraw.Draw(glow)
    for radius, light in ((44, 36), (26, 72), (13, 140)):
        brush.ellipse((x - radius, y - radius, x + radius, y + radius), fill=light)
    glow = glow.filter(ImageFilter.GaussianBlur(8))
    image.paste(Image.new("RGB", image.size, colour), (0, 0), glow)
    disc = Image.new("L", (WIDTH * 4, HEIGHT * 4), 0)
    ImageDraw.Draw(disc).ellipse((4 * x - 18, 4 * y - 18, 4 * x + 18, 4 * y + 18), fill=255)
    disc = disc.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    image.paste(Image.new("RGB", image.size, colour), (0, 0), disc)


def _noise(rng: random.Random, width: int, height: int, octaves: int) -> Image.Image:
    """Smooth random shades, large shapes with smaller ones on them."""
    total = Image.new("L", (width, height), 128)
    for octave in range(octaves):
        across, down = 4 << octave, 3 << octave
        grains = Image.frombytes("L", (across, down), rng.randbytes(across * down))
        layer = grains.resize((width, height), Image.Resampling.BICUBIC)
        total = Image.blend(total, layer, 0.5 / (octave + 1) ** 0.6)
    return total


def _stretched(shades: Image.Image, view: View) -> Image.Image:
    """Shades laid flat on the ground: squeezed towards the horizon, wide at the near edge."""
    top = min(HEIGHT - 4, max(0, int(_horizon_y(view, WIDTH / 2))))
    width, height = shades.size
    rows = Image.new("L", (WIDTH, HEIGHT), 128)
    span = HEIGHT - top
    for y in range(span):
        depth = 1 - 1 / (1 + 5.0 * (y + 0.5) / span)  # 0 far, towards 1 near
        half = width / 2 * (1 - 0.8 * depth)
        at = min(height - 1, int(depth / 0.84 * height))
        box = (width / 2 - half, at, width / 2 + half, at + 1)
        rows.paste(shades.resize((WIDTH, 1), Image.Resampling.BILINEAR, box=box), (0, top + y))
    return rows


def _land_image(view: View, rng: random.Random) -> Image.Image:
    """Fields, cloud from above, and the haze that swallows both with distance."""
    shades = _stretched(_noise(rng, 256, 192, 5), view)
    fields = _stretched(_noise(rng, 256, 192, 6), view)
    red = fields.point([round(46 + 0.40 * v) for v in range(256)])
    green = shades.point([round(66 + 0.32 * v) for v in range(256)])
    blue = fields.point([round(40 + 0.20 * v) for v in range(256)])
    land = Image.merge("RGB", (red, green, blue))
    if view.is_above_cloud:
        cloud = _stretched(_noise(rng, 256, 192, 5), view)
        edge = 178 - 105 * view.cover
        mask = cloud.point([min(255, max(0, round((v - edge) * 7))) for v in range(256)])
        white = cloud.point([min(255, 205 + (v - round(edge)) // 2) for v in range(256)])
        land.paste(Image.merge("RGB", (white, white, white)), (0, 0), mask)
    _, rim = _sky_colours(view)
    horizon = _horizon_y(view, WIDTH / 2)
    reach = 0.85 if view.above_ground_m > 2_000 else 0.5
    haze = Image.new("L", (1, HEIGHT))
    for y in range(HEIGHT):
        below = max(0.0, y - horizon) / HEIGHT
        haze.putpixel((0, y), round(255 * reach * math.exp(-4.5 * below)))
    land.paste(Image.new("RGB", land.size, rim), (0, 0), haze.resize((WIDTH, HEIGHT)))
    return land


def _below_horizon(view: View) -> Image.Image:
    """Mask of the land, its edge smoothed by drawing it four times as large."""
    scale = 4
    large = Image.new("L", (WIDTH * scale, HEIGHT * scale), 0)
    edge = [(x * scale, _horizon_y(view, x) * scale) for x in range(WIDTH + 1)]
    corners = [(WIDTH * scale, HEIGHT * scale + 9), (0, HEIGHT * scale + 9)]
    ImageDraw.Draw(large).polygon([*edge, *corners], fill=255)
    return large.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)


def _add_limb(image: Image.Image, view: View) -> None:
    """The thin bright line of air along the edge of the world, from about 15 km up."""
    strength = min(1.0, max(0.0, (view.altitude_m - 12_000) / 16_000))
    if strength <= 0:
        return
    mask = Image.new("L", image.size, 0)
    line = [(x, _horizon_y(view, x) - 1) for x in range(WIDTH + 1)]
    ImageDraw.Draw(mask).line(line, fill=round(190 * strength), width=2)
    mask = mask.filter(ImageFilter.GaussianBlur(1.2))
    image.paste(Image.new("RGB", image.size, (214, 236, 255)), (0, 0), mask)


def _inside_cloud(view: View, rng: random.Random) -> Image.Image:
    """Grey, a little lighter above."""
    light = _daylight(view)
    shades = _noise(rng, WIDTH, HEIGHT, 3)
    column = Image.new("L", (1, HEIGHT))
    for y in range(HEIGHT):
        column.putpixel((0, y), round((212 - 46 * y / HEIGHT) * light))
    grey = Image.blend(column.resize((WIDTH, HEIGHT)), shades, 0.10)
    blue = grey.point([min(255, v + 5) for v in range(256)])
    return Image.merge("RGB", (grey, grey, blue))


def _night(view: View, rng: random.Random) -> Image.Image:
    """Black with a few grains, and from high up the last blue line of the day."""
    image = Image.new("RGB", (WIDTH, HEIGHT), (4, 4, 7))
    for _ in range(26):
        light = rng.randrange(14, 46)
        at = (rng.randrange(WIDTH), rng.randrange(HEIGHT))
        image.putpixel(at, (light, light, light + 6))
    if view.altitude_m > 8_000 and view.sun_deg > -14:
        line = [(x, _horizon_y(view, x)) for x in range(WIDTH + 1)]
        mask = Image.new("L", image.size, 0)
        ImageDraw.Draw(mask).line(line, fill=round(14 * (view.sun_deg + 14)), width=3)
        mask = mask.filter(ImageFilter.GaussianBlur(2.5))
        image.paste(Image.new("RGB", image.size, (70, 110, 180)), (0, 0), mask)
    return image
