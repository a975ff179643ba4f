"""The track: positions from records and beacons, ordered, filtered for outliers, and thinned.

There are two tracks: that of the verified points, which the payload has sent, and that of all
others. The second is drawn next to the first where the first has a gap, and never extends it.

Pure functions over points. A point that would need an impossible speed is left out, unless three in
a row agree with one another: then it is the old place that was wrong (or the gap was long).
"""

from __future__ import annotations

import math
from bisect import bisect
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from wire import earth

SPEED_MAX_MPS = 150.0  # jet stream and some
SPACE_M = 100_000.0  # the Karman line: what is higher than this is in orbit, or on its way
SPACE_SPEED_MAX_MPS = 8_500.0  # over ground; as the payload's own profile of an orbit
SLACK_M = 2_000.0
AGREEING_POINTS = 3
SAME_POINT_MS = 1_500
NEAR_MS = 30_000  # a point of others this near to one of ours adds nothing


class Point(NamedTuple):
    """Where it was. ``alt_m`` may be unknown."""

    utc_ms: int
    lat_deg: float
    lon_deg: float
    alt_m: float | None


class Tracks(NamedTuple):
    """The two tracks, each in order. A station that can verify nothing has only the second."""

    verified: list[Point]
    unverified: list[Point]


def distance_m(first: Point, second: Point) -> float:
    """Metres over ground."""
    return earth.distance_m(
        (first.lat_deg, first.lon_deg), (second.lat_deg, second.lon_deg))


def _fits(first: Point, second: Point) -> bool:
    seconds = abs(second.utc_ms - first.utc_ms) / 1000
    # Unknown is not zero: the beacons of an orbit have no room for their height.
    known_m = [alt_m for alt_m in (first.alt_m, second.alt_m) if alt_m is not None]
    is_in_space = min(known_m, default=math.inf) > SPACE_M
    speed_max_mps = SPACE_SPEED_MAX_MPS if is_in_space else SPEED_MAX_MPS
    reach_m = SLACK_M + speed_max_mps * seconds
    degrees = abs(second.lat_deg - first.lat_deg) + abs(second.lon_deg - first.lon_deg)
    if degrees * earth.METRES_PER_DEGREE <= reach_m:  # a way round is no longer: most points
        return True
    return distance_m(first, second) <= reach_m


def in_order(points: Iterable[Point]) -> list[Point]:
    """Sorted by time, without null island, implausible jumps and duplicates."""
    kept: list[Point] = []
    doubted: list[Point] = []
    for point in sorted(points, key=lambda p: p[:3]):  # an altitude may be None
        if abs(point.lat_deg) < 0.01 and abs(point.lon_deg) < 0.01:
            continue
        if kept and point.utc_ms - kept[-1].utc_ms < SAME_POINT_MS:
            continue
        if not kept or _fits(kept[-1], point):
            kept.append(point)
            doubted.clear()
            continue
        if doubted and not _fits(doubted[-1], point):
            doubted.clear()
        doubted.append(point)
        if len(doubted) == AGREEING_POINTS:
            # A single first point that no other agrees with was the wrong one.
            kept = [*(kept if len(kept) > 1 else []), *doubted]
            doubted = []
    return kept


def parted(
    verified: Iterable[Point], unverified: Iterable[Point], strange: Iterable[Point]
) -> Tracks:
    """Both tracks from the points that are verified, those that are not, and those in other,
    unsigned formats, which fill the gaps of the second track only."""
    first, second = in_order(verified), in_order(unverified)
    second = in_order([*second, *_in_gaps(second, strange)])
    return Tracks(first, _in_gaps(first, second))


def _in_gaps(points: Sequence[Point], others: Iterable[Point]) -> list[Point]:
    """Those of ``others`` that lie where ``points``, which are in order, has none near in time."""
    times = [point.utc_ms for point in points]
    kept: list[Point] = []
    for other in others:
        at = bisect(times, other.utc_ms)
        if all(abs(time - other.utc_ms) > NEAR_MS for time in times[max(0, at - 1) : at + 1]):
            kept.append(other)
    return kept


def place_at(points: Sequence[Point], utc_ms: int) -> tuple[float, float] | None:
    """(latitude, longitude) between the two of ``points``, which are in order, around this moment;
    None outside them."""
    at = bisect(points, utc_ms, key=lambda point: point.utc_ms)
    if not 0 < at < len(points):
        return None
    a, b = points[at - 1], points[at]
    share = (utc_ms - a.utc_ms) / (b.utc_ms - a.utc_ms)
    east_deg = earth.wrapped_deg(b.lon_deg - a.lon_deg)  # the short way, over the date line too
    return (a.lat_deg + (b.lat_deg - a.lat_deg) * share,
            earth.wrapped_deg(a.lon_deg + east_deg * share))


def parts(points: Iterable[Point]) -> list[list[Point]]:
    """Cut where the track crosses the date line, so that a map draws no line around the Earth
    (RFC 7946, section 3.1.9)."""
    found: list[list[Point]] = []
    for point in points:
        if not found or abs(point.lon_deg - found[-1][-1].lon_deg) > 180:
            found.append([])
        found[-1].append(point)
    return found


def thinned(points: Sequence[Point], count_max: int) -> list[Point]:
    """Every n-th point, always including the highest and the last."""
    if len(points) <= count_max:
        return list(points)
    stride = -(-len(points) // max(1, count_max - 2))
    top = max(range(len(points)), key=lambda i: points[i].alt_m or -1e9)
    keep = {*range(0, len(points), stride), top, len(points) - 1}
    return [points[i] for i in sorted(keep)]
