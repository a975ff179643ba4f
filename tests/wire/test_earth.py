"""Distances, longitudes and areas, most of all where longitudes wrap."""

from __future__ import annotations

import pytest

from wire.earth import METRES_PER_DEGREE, GroundPlace, contains, distance_m, wrapped_deg

SQUARE = ((50.0, 8.0), (50.0, 10.0), (52.0, 10.0), (52.0, 8.0))
PACIFIC = ((-10.0, 179.0), (-10.0, -179.0), (10.0, -179.0), (10.0, 179.0))


@pytest.mark.parametrize(("angle_deg", "wrapped"), [
    (0, 0), (179.5, 179.5), (180, -180), (-180, -180), (180.5, -179.5), (-180.5, 179.5),
    (359, -1), (-359, 1), (720, 0), (540, -180),
])
def test_a_longitude_is_told_once(angle_deg: float, wrapped: float) -> None:
    assert wrapped_deg(angle_deg) == wrapped


@pytest.mark.parametrize(("first", "second"), [
    ((0, 179.5), (0, -179.5)), ((89.5, 0), (89.5, 180)), ((-0.5, 10), (0.5, 10)),
])
def test_distance_across_the_antimeridian_and_the_pole(
    first: GroundPlace, second: GroundPlace
) -> None:
    assert distance_m(first, second) == pytest.approx(METRES_PER_DEGREE)
    assert distance_m(first, first) == 0


@pytest.mark.parametrize(("corners", "place", "is_inside"), [
    (SQUARE, (51.0, 9.0), True), (SQUARE, (53.0, 9.0), False), (SQUARE, (51.0, 11.0), False),
    (SQUARE, (51.0, 7.999), False), (SQUARE, (51.0, 8.001), True),
    (SQUARE, (51.0, -171.0), False), (SQUARE, (-51.0, -171.0), False),
    (PACIFIC, (0.0, 180.0), True), (PACIFIC, (0.0, -179.5), True), (PACIFIC, (0.0, 178.0), False),
    (PACIFIC, (0.0, -178.0), False), (PACIFIC, (0.0, 0.0), False), (PACIFIC, (11.0, 180.0), False),
])
def test_a_polygon_contains_what_it_contains(
    corners: tuple[GroundPlace, ...], place: GroundPlace, is_inside: bool
) -> None:
    assert contains(corners, place) is is_inside
