"""The drawings of the flight book: the path on a sheet, the altitude over time, and small plots."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

from groundstation.archive.track import Point, parts
from groundstation.export.markup import Node, clock, el
from wire.earth import wrapped_deg

WIDE = 440.0  # px: what an A5 page is wide, and a phone somewhat less, so that letters stay letters
LETTER = 11.0  # px
_APART = 15.0  # between two numbers of lines, or neither could be read
_BANDS = 24  # of colour along the way
_LOW, _HIGH = (45, 90, 158), (176, 122, 28)  # blue is low, gold is high
_POINTS_MAX = 600
_EDGE = 34.0
_LEAST_DEG = 0.004
Numbered = Sequence[tuple[int, int, float | None, float | None]]  # number, UTC ms, lat, lon
Sample = tuple[int, float | None]


def _svg(high: float, label: str, *children: Node | None) -> Node:
    return el("svg", {"xmlns": "http://www.w3.org/2000/svg", "viewBox": f"0 0 {WIDE:g} {high:g}",
                      "role": "img", "aria-label": label}, *children)


def _path(places: Sequence[tuple[float, float]], **attributes: str) -> Node:
    steps = (f"{'L' if i else 'M'}{x:.1f} {y:.1f}" for i, (x, y) in enumerate(places))
    return el("path", {"d": "".join(steps), "fill": "none",
                       **{name.replace("_", "-"): value for name, value in attributes.items()}})


def _text(x: float, y: float, words: str, anchor: str = "start", size: float = LETTER) -> Node:
    return el("text", {"x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor,
                       "font-size": f"{size:g}"}, words)


def _thin(points: Sequence[Point]) -> list[Point]:
    stride = -(-len(points) // _POINTS_MAX) or 1
    return [point for i, point in enumerate(points) if i % stride == 0 or i == len(points) - 1]


def chart(way: Sequence[Point], numbered: Numbered, is_verified: bool, high: float = 320) -> Node:
    """The way, north up, coloured by altitude; dashed where it is not verified."""
    beside = _beside(way)
    way = [point._replace(lon_deg=beside(point.lon_deg)) for point in way]
    south, north = min(p.lat_deg for p in way), max(p.lat_deg for p in way)
    west, east = min(p.lon_deg for p in way), max(p.lon_deg for p in way)
    narrow = math.cos(math.radians((south + north) / 2))
    per_deg = min((high - 2 * _EDGE) / max(_LEAST_DEG, north - south),
                  (WIDE - 2 * _EDGE) / max(_LEAST_DEG, (east - west) * narrow))

    def put(lat: float, lon: float) -> tuple[float, float]:
        return (WIDE / 2 + (beside(lon) - (west + east) / 2) * narrow * per_deg,
                high / 2 - (lat - (south + north) / 2) * per_deg)

    top = max([1000.0, *(p.alt_m for p in way if p.alt_m is not None)])
    dashes = {} if is_verified else {"stroke_dasharray": "6 5"}
    pieces = [
        _path([put(p.lat_deg, p.lon_deg) for p in piece], stroke=colour, stroke_width="3",
              stroke_linecap="round", **dashes)
        for part in parts(_thin(way))
        for colour, piece in _bands(part, top)
    ]
    marks = _numbers([(number, *put(lat, lon)) for number, _, lat, lon in numbered
                      if lat is not None and lon is not None])
    first, last = put(way[0].lat_deg, way[0].lon_deg), put(way[-1].lat_deg, way[-1].lon_deg)
    return _svg(high, "The way it went, with the numbers of the lines", *pieces, *marks,
                _dot(*first, is_full=False), _dot(*last, is_full=is_verified),
                *_scale(per_deg, high))


def _beside(way: Sequence[Point]) -> Callable[[float], float]:
    """Longitudes counted from the beginning of the way, so that one over the date line is drawn in
    one piece; as they are where it goes around the Earth."""
    first_deg = way[0].lon_deg

    def beside(lon_deg: float) -> float:
        return first_deg + wrapped_deg(lon_deg - first_deg)

    placed = [beside(point.lon_deg) for point in way]
    return beside if max(placed) - min(placed) < 180 else lambda lon_deg: lon_deg


def _bands(points: Sequence[Point], top_m: float) -> list[tuple[str, list[Point]]]:
    """Pieces of one colour each, every one beginning where the one before ends."""
    found: list[tuple[str, list[Point]]] = []
    for before, point in pairwise(points):
        colour = _colour((point.alt_m or 0) / top_m)
        if found and found[-1][0] == colour:
            found[-1][1].append(point)
        else:
            found.append((colour, [before, point]))
    return found


def _colour(share: float) -> str:
    step = round(min(1.0, max(0.0, share)) * _BANDS) / _BANDS
    return "#" + "".join(
        f"{round(a + (b - a) * step):02x}" for a, b in zip(_LOW, _HIGH, strict=True))


def _numbers(lines: Sequence[tuple[int, float, float]]) -> list[Node]:
    """A dot for each line; every fifth has its number."""
    dots = [el("circle", {"cx": f"{x:.1f}", "cy": f"{y:.1f}", "r": "1.7", "fill": "#22263a"})
            for _, x, y in lines]
    return dots + [_text(x, y - 5, str(number), "middle") for number, x, y in _fifths(lines)]


def _fifths(lines: Sequence[tuple[int, float, float]]) -> list[tuple[int, float, float]]:
    """Every fifth, but for those that would lie on another."""
    found: list[tuple[int, float, float]] = []
    for line in lines:
        if line[0] % 5 == 0 and all(
                math.dist(line[1:], other[1:]) >= _APART for other in found):
            found.append(line)
    return found


def _dot(x: float, y: float, *, is_full: bool) -> Node:
    return el("circle", {"cx": f"{x:.1f}", "cy": f"{y:.1f}", "r": "5", "stroke": "#9c5312",
                         "stroke-width": "2", "fill": "#9c5312" if is_full else "#fff"})


def _scale(per_deg: float, high: float) -> list[Node]:
    km = next((km for km in (500, 200, 100, 50, 20, 10, 5, 2, 1)
               if km / 111.2 * per_deg <= WIDE / 4), 0.5)
    wide, base = km / 111.2 * per_deg, high - 8
    return [_path([(8, base - 5), (8, base), (8 + wide, base), (8 + wide, base - 5)],
                  stroke="#454961", stroke_width="1"),
            _text(12, base - 5, f"{km:g}\u00a0km")]


def silhouette(
    way: Sequence[Point], numbered: Numbered, span: tuple[int, int], gap_ms: int,
    high: float = 150,
) -> Node:
    """Altitude over time, with the same numbers below it."""
    samples = [(p.utc_ms, None if p.alt_m is None else p.alt_m / 1000) for p in _thin(way)]
    base = high - 34
    x = _time_axis(span)
    numbers = [_text(left, base + 14, str(number), "middle")
               for number, left, _ in _fifths([(n, x(at), 0.0) for n, at, _, _ in numbered])]
    ticks = [_path([(x(at), base), (x(at), base + 4)], stroke="#22263a", stroke_width="1")
             for _, at, _, _ in numbered]
    return _svg(high, "Altitude over time, in kilometres", *_curve(samples, span, base, gap_ms, 0),
                *ticks, *numbers, *_hours(span, high))


def plot(
    samples: Sequence[Sample], span: tuple[int, int], label: str, gap_ms: int, high: float = 90,
) -> Node | None:
    """One reading over time; None where nobody took it."""
    if not any(value is not None for _, value in samples):
        return None
    return _svg(high, label, *_curve(samples, span, high - 18, gap_ms), *_hours(span, high))


def _time_axis(span: tuple[int, int]) -> Callable[[int], float]:
    begin, end = span
    return lambda at: _EDGE + (at - begin) / max(1, end - begin) * (WIDE - _EDGE - 8)


def _curve(
    samples: Sequence[Sample], span: tuple[int, int], base: float, gap_ms: int,
    floor: float | None = None,
) -> list[Node]:
    """Lines between samples, never through a silence, with the ends of the scale at the left."""
    values = [value for _, value in samples if value is not None]
    low, top = min([*values, *([] if floor is None else [floor])]), max(values, default=0)
    top = top if top > low else low + 1
    x = _time_axis(span)
    pieces: list[list[tuple[float, float]]] = []
    before: int | None = None
    for at, value in samples:
        if value is None:
            before = None
            continue
        if before is None or at - before > gap_ms:
            pieces.append([])
        pieces[-1].append((x(at), base - (value - low) / (top - low) * (base - 14)))
        before = at
    lines = [_path(piece, stroke="#2d5a9e", stroke_width="1.4") for piece in pieces]
    return [*lines, _text(_EDGE - 5, 18, f"{top:.3g}", "end"),
            _text(_EDGE - 5, base, f"{low:.3g}", "end")]


def _hours(span: tuple[int, int], high: float) -> list[Node]:
    """The ends of time, and its middle."""
    x = _time_axis(span)
    marks = ((span[0], "start"), ((span[0] + span[1]) // 2, "middle"), (span[1], "end"))
    return [_text(x(at), high - 4, clock(at), anchor) for at, anchor in marks]
