"""Scenery: a rendered view from the balloon.

The sky darkens with height from the horizon up, the horizon sinks and bends, cloud and fields fade
into haze, the sun shines where it stands. Deterministic for a seed and a Pillow version.

Simplified: the curve of the horizon is drawn three times as strong as it is, as the wide lenses of
real flights show it; and the land is cut out of four shades made once for a flight, at another
place and turn for each picture, because making them anew costs ten times what a picture does.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFilter

from sim.sky import horizon_dip_deg

WIDTH, HEIGHT = 640, 480
FIELD_DEG = 62.0  # across; a Pi camera module 2
PIXELS_PER_DEG = WIDTH / FIELD_DEG
CURVE_FACTOR = 3.0
DARK_DEG = -4.0  # the sun this far below the horizon: the camera sees nothing
SHADES_SIDE = 1024
SHADES_CUT = 640  # of each side, for one picture
NEAR_FACTOR = 5.0  # the far edge of the land is this many times as wide as the near one
_Colour = tuple[int, int, int]
_SIZE = (WIDTH, HEIGHT)
_SOFT = (WIDTH // 4, HEIGHT // 4)  # what is blurred anyway is drawn this small


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


def scene(view: View) -> str:
    """dark, cloud, sun or horizon."""
    if view.sun_deg < DARK_DEG:
        return "dark"
    if view.is_in_cloud:
        return "cloud"
    if view.sun_x is not None and view.sun_deg > 0 and 0 <= _sun_y(view) < HEIGHT:
        return "sun"
    return "horizon"


class Scenery:
    """Draws views, 640 x 480 pixels, with the land and the clouds of one flight."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._shades: list[Image.Image] = []

    def draw(self, view: View) -> Image.Image:
        """The picture of ``view``."""
        if view.sun_deg < DARK_DEG:
            return _night(view, self._rng)
        if view.is_in_cloud:
            return _inside_cloud(view, self._rng)
        image = _sky_image(view)
        _add_sun(image, view)
        top = _land_top(view)
        if top < HEIGHT:
            below = _below_horizon(view).crop((0, top, WIDTH, HEIGHT))
            image.paste(self._land(view, HEIGHT - top), (0, top), below)
        _add_limb(image, view)
        light = _daylight(view)
        return image if light == 1 else image.point([round(v * light) for v in range(256)] * 3)

    def _land(self, view: View, rows: int) -> Image.Image:
        """Fields and woods, cloud from above, and the haze that swallows all with distance."""
        woods, fields = self._flat(0, rows), self._flat(1, rows)
        red = Image.blend(woods.point(_woods(34, 92)), fields.point(_woods(60, 134)), 0.5)
        green = Image.blend(woods.point(_woods(58, 108)), fields.point(_woods(88, 120)), 0.5)
        blue = fields.point([round(34 + 0.20 * v) for v in range(256)])
        land = Image.merge("RGB", (red, green, blue))
        if view.is_above_cloud:
            cloud = self._flat(2, rows)
            edge = 168 - 80 * view.cover
            mask = cloud.point([min(255, max(0, round((v - edge) * 9))) for v in range(256)])
            white = cloud.point([min(255, 196 + round((v - edge) * 0.9)) for v in range(256)])
            land.paste(Image.merge("RGB", (white, white, white)), (0, 0), mask)
        _, rim = _sky_colours(view)
        reach = 0.85 if view.above_ground_m > 2_000 else 0.5
        haze = Image.new("L", (1, rows))
        for y in range(rows):
            haze.putpixel((0, y), round(255 * reach * math.exp(-4.5 * y / HEIGHT)))
        land.paste(Image.new("RGB", land.size, rim), (0, 0), haze.resize(land.size))
        return land

    def _flat(self, which: int, rows: int) -> Image.Image:
        """Shades laid flat on the ground, turned and seen in perspective: the first of ``rows`` is
        far away, the last one near."""
        if not self._shades:
            self._shades = [_noise(self._rng, (SHADES_SIDE, SHADES_SIDE), 9) for _ in range(3)]
        turn = self._rng.uniform(0, 2 * math.pi)
        middle = SHADES_SIDE / 2 + self._rng.uniform(-50, 50)
        near = NEAR_FACTOR - 1
        # With s = y / rows and D = 1 + near s, the ground seen at (x, y) is
        # u = (x - WIDTH / 2) cut / WIDTH / D and v = cut (NEAR_FACTOR s / D - 1 / 2), turned.
        scale, down, depth = SHADES_CUT / WIDTH, SHADES_CUT * (0.5 * near + 1), SHADES_CUT * 0.5
        cos, sin = math.cos(turn), math.sin(turn)
        numbers: list[float] = []
        for along_u, along_v in ((cos, -sin), (sin, cos)):
            numbers += [
                along_u * scale,
                (middle * near + along_v * down) / rows,
                middle - along_u * scale * WIDTH / 2 - along_v * depth,
            ]
        numbers += [0.0, near / rows]
        return self._shades[which].transform(
            (WIDTH, rows), Image.Transform.PERSPECTIVE, numbers, Image.Resampling.BILINEAR
        )


def _woods(dark: int, bright: int) -> list[int]:
    """Shades to a colour: two levels with an edge between, as fields and woods have."""
    span = bright - dark
    return [
        round(dark + span * (0.25 * v / 255 + 0.75 / (1 + math.exp(-(v - 128) / 7))))
        for v in range(256)
    ]


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


def _land_top(view: View) -> int:
    """The first row in which there can be land."""
    return min(HEIGHT, max(0, int(_horizon_y(view, WIDTH / 2)) - 1))


def _horizon_line(view: View, scale: float) -> list[tuple[float, float]]:
    step = 8
    return [(x * scale, _horizon_y(view, x) * scale) for x in range(0, WIDTH + step, step)]


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
    return column.resize(_SIZE)


def _add_sun(image: Image.Image, view: View) -> None:
    """A disc with its glow, when it is in the picture and up."""
    if view.sun_x is None or view.sun_deg <= 0:
        return
    x, y = view.sun_x * WIDTH, _sun_y(view)
    colour = (255, 214, 160) if view.sun_deg < 6 else (255, 251, 240)
    paint = Image.new("RGB", image.size, colour)
    small = Image.new("L", _SOFT, 0)
    brush = ImageDraw.Draw(small)
    at_x, at_y = x * _SOFT[0] / WIDTH, y * _SOFT[1] / HEIGHT
    for radius, light in ((37, 36), (22, 72), (11, 140)):
        brush.ellipse((at_x - radius, at_y - radius, at_x + radius, at_y + radius), fill=light)
    glow = small.filter(ImageFilter.GaussianBlur(7)).resize(_SIZE, Image.Resampling.BICUBIC)
    image.paste(paint, (0, 0), glow)
    disc = Image.new("L", (128, 128), 0)
    ImageDraw.Draw(disc).ellipse((4, 4, 123, 123), fill=255)
    disc = disc.resize((32, 32), Image.Resampling.LANCZOS)
    image.paste(paint.crop((0, 0, 32, 32)), (round(x) - 16, round(y) - 16), disc)


def _noise(rng: random.Random, size: tuple[int, int], octaves: int) -> Image.Image:
    """Smooth random shades, large shapes with ever fainter and smaller ones on them."""
    total = Image.new("L", size, 128)
    for octave in range(octaves):
        across, down = 4 << octave, 3 << octave
        grains = Image.frombytes("L", (across, down), rng.randbytes(across * down))
        layer = grains.resize(size, Image.Resampling.BICUBIC)
        total = Image.blend(total, layer, 0.5 / (octave + 1) ** 0.6)
    return total


def _below_horizon(view: View) -> Image.Image:
    """Mask of the land, its edge smoothed by drawing it twice as large."""
    large = Image.new("L", (WIDTH * 2, HEIGHT * 2), 0)
    corners = [(WIDTH * 2 + 9, HEIGHT * 2 + 9), (-9, HEIGHT * 2 + 9)]
    ImageDraw.Draw(large).polygon([*_horizon_line(view, 2), *corners], fill=255)
    return large.reduce(2)


def _add_limb(image: Image.Image, view: View) -> None:
    """The thin bright line of air along the edge of the world, from about 15 km up."""
    strength = min(1.0, max(0.0, (view.altitude_m - 12_000) / 16_000))
    if strength > 0:
        _add_line(image, view, (214, 236, 255), round(190 * strength), 6, 4)


def _add_line(
    image: Image.Image, view: View, colour: _Colour, light: int, width: int, blur: float
) -> None:
    """A soft line along the horizon; it is drawn small, because it is blurred."""
    scale = _SOFT[0] / WIDTH * 2
    mask = Image.new("L", (_SOFT[0] * 2, _SOFT[1] * 2), 0)
    line = [(x, y - 1) for x, y in _horizon_line(view, scale)]
    ImageDraw.Draw(mask).line(line, fill=light, width=round(width * scale))
    mask = mask.filter(ImageFilter.GaussianBlur(blur * scale))
    mask = mask.resize(_SIZE, Image.Resampling.BICUBIC)
    image.paste(Image.new("RGB", image.size, colour), (0, 0), mask)


def _inside_cloud(view: View, rng: random.Random) -> Image.Image:
    """Grey, a little lighter above."""
    light = _daylight(view)
    shades = _noise(rng, _SOFT, 4).resize(_SIZE, Image.Resampling.BICUBIC)
    column = Image.new("L", (1, HEIGHT))
    for y in range(HEIGHT):
        column.putpixel((0, y), round((212 - 46 * y / HEIGHT) * light))
    grey = Image.blend(column.resize(_SIZE), shades, 0.10)
    blue = grey.point([min(255, v + 5) for v in range(256)])
    return Image.merge("RGB", (grey, grey, blue))


def _night(view: View, rng: random.Random) -> Image.Image:
    """Black with a few grains, and from high up the last blue line of the day."""
    image = Image.new("RGB", _SIZE, (4, 4, 7))
    for _ in range(26):
        light = rng.randrange(20, 70)
        x, y = rng.randrange(WIDTH - 1), rng.randrange(HEIGHT - 1)
        image.paste((light, light, light + 6), (x, y, x + 2, y + 2))
    if view.altitude_m > 8_000 and view.sun_deg > -14:
        _add_line(image, view, (70, 110, 180), round(14 * (view.sun_deg + 14)), 10, 8)
    return image
