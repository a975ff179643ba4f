"""The Earth as a sphere: distances over ground, where longitudes wrap, what an area contains."""

from __future__ import annotations

import math
from collections.abc import Sequence

METRES_PER_DEGREE = 111_195.0  # of latitude
RADIUS_M = math.degrees(METRES_PER_DEGREE)  # 6371.0 km, the mean radius of the Earth (IUGG)

GroundPlace = tuple[float, float]  # latitude, longitude, degrees


def wrapped_deg(angle_deg: float) -> float:
    """The same longitude or bearing, or difference of two, from -180 up to 180."""
    return (angle_deg + 180) % 360 - 180


def distance_m(first: GroundPlace, second: GroundPlace) -> float:
    """Metres over ground between two places; right across the antimeridian and the poles.

    Source: the haversine formula.
    """
    lat1, lat2 = math.radians(first[0]), math.radians(second[0])
    half_lat = (lat2 - lat1) / 2
    half_lon = math.radians(second[1] - first[1]) / 2
    h = math.sin(half_lat) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin(half_lon) ** 2
    return 2 * RADIUS_M * math.asin(min(1.0, math.sqrt(h)))


def contains(corners: Sequence[GroundPlace], place: GroundPlace) -> bool:
    """True when ``place`` lies in the polygon; across the antimeridian too, over a pole not.

    No side may be longer than half the way round the Earth.
    Source: the even-odd rule (ray casting) on latitude and longitude as plane coordinates.
    """
    path = [corners[0]]
    for latitude, longitude in corners[1:]:  # unrolled, so that 179 and -179 are neighbours
        path.append((latitude, path[-1][1] + wrapped_deg(longitude - path[-1][1])))
    return any(_is_inside(path, place[0], place[1] + turn) for turn in (-360.0, 0.0, 360.0))


def _is_inside(path: Sequence[GroundPlace], latitude: float, longitude: float) -> bool:
    is_inside = False
    for index, (lat_b, lon_b) in enumerate(path):
        lat_a, lon_a = path[index - 1]
        if (lat_a > latitude) == (lat_b > latitude):
            continue
        if lon_a + (latitude - lat_a) / (lat_b - lat_a) * (lon_b - lon_a) > longitude:
            is_inside = not is_inside
    return is_inside
