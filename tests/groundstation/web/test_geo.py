"""The page's arithmetic of a chase, in isolation: known distances, and what is at the edge."""

from __future__ import annotations

import math

import pytest

from groundstation.archive.track import Point, distance_m
from tests.groundstation.web.served import Served


@pytest.fixture(scope="module")
def geo(page, tmp_path_factory):
    """Calls a function of geo.js."""
    served = Served(tmp_path_factory.mktemp("none") / "none.sqlite")
    page.open(served.url, until="document.readyState === 'complete'")

    def call(expression):
        return page.value(f"import('/static/geo.js').then((geo) => geo.{expression})")

    yield call
    served.stop()


@pytest.mark.parametrize(("start", "end", "km", "bearing"), [
    ([52.5, 13.4], [48.137, 11.575], 500.9, 195.8),  # Berlin to Munich
    ([-33.8688, 151.2093], [-37.8136, 144.9631], 713.4, 230.3),  # Sydney to Melbourne
    ([0, 179.9], [0, -179.9], 22.24, 90),  # over the date line
    ([52, 13], [52, 13], 0, 0),
    ([60, 10], [60, 9.99], 0.556, 270),
])
def test_distance_and_bearing(geo, start, end, km, bearing):
    metres = geo(f"distanceM({start}, {end})")
    assert metres / 1000 == pytest.approx(km, rel=0.003, abs=1e-6)
    assert metres == pytest.approx(
        distance_m(Point(0, *start, None), Point(0, *end, None)), abs=1), "as the station reckons"
    assert geo(f"bearingDeg({start}, {end})") == pytest.approx(bearing, abs=0.2)


@pytest.mark.parametrize(("from_m", "km", "to_m", "deg"), [
    (0, 0.001, 30_000, 90), (100, 10, 10_100, 44.9), (0, 111.195, 0, -0.5), (0, 500, 20_000, 0.04),
    (1_500, 5, 1_500, -0.02), (900, 1, 400, -26.6),
])
def test_elevation_is_over_a_curved_earth(geo, from_m, km, to_m, deg):
    north = km / 111.195
    up = geo(f"elevationDeg([10, 20], {from_m}, [{10 + north}, 20], {to_m})")
    assert up == pytest.approx(deg, abs=0.06)


def test_the_points_of_the_compass(geo):
    degrees = [0, 11.2, 11.3, 90, 225, 348.7, 348.8, 359.9]
    assert [geo(f"compassPoint({deg})") for deg in degrees] == [
        "N", "N", "NNE", "E", "SW", "NNW", "N", "N"]


def test_an_ellipse_lies_along_its_bearing(geo):
    centre = [52.0, 13.0]
    edge = geo(f"ellipse({centre}, 3000, 1000, 30, 4)")
    far = [geo(f"distanceM({centre}, {list(place)})") for place in edge]
    assert far == pytest.approx([3000, 1000, 3000, 1000], abs=1)
    bearings = [geo(f"bearingDeg({centre}, {list(place)})") for place in edge]
    assert bearings == pytest.approx([30, 120, 210, 300], abs=0.1)
    across = geo("placeFrom([0, 179.99], 90, 5000)")
    assert -180 <= across[1] < -179.9, "over the date line"


def test_a_link_opens_the_devices_own_map(geo):
    assert geo("geoUri([52.1, -0.0000004])") == "geo:52.100000,-0.000000"
    assert math.isclose(float(geo("geoUri([-33.1234567, 151])")[4:].split(",")[0]), -33.123457)
