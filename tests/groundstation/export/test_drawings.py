"""The drawings of the book: the way has the same shape wherever on the Earth it is flown."""

from __future__ import annotations

import re

import pytest

from groundstation.archive.track import Point
from groundstation.export.drawings import chart
from groundstation.export.markup import xml


def places(begin_deg: float, step_deg: float) -> list[tuple[float, float]]:
    """Where the corners of the drawn way are, in pixels, of forty points on the way east."""
    longitudes = ((begin_deg + step_deg * n + 180) % 360 - 180 for n in range(40))
    way = [Point(30_000 * n, -17 + 0.01 * n, lon, 10_000.0) for n, lon in enumerate(longitudes)]
    drawn = xml(chart(way, [], is_verified=True))
    path = re.findall(r'<path[^>]* d="([^"]*)"', drawn)[0]
    return [(float(x), float(y)) for x, y in re.findall(r"[ML]([\d.]+) ([\d.]+)", path)]


def test_a_way_over_the_date_line_looks_as_anywhere_else() -> None:
    """A bug: it was drawn as a line from one end of the Earth to the other."""
    over, beside = places(179.6, 0.02), places(89.6, 0.02)
    assert len(over) == len(beside) == 40
    assert [x for x, _ in over] == pytest.approx([x for x, _ in beside], abs=0.2)
    assert [y for _, y in over] == pytest.approx([y for _, y in beside], abs=0.2)


def test_a_way_around_the_earth_stays_where_it_is() -> None:
    xs = [x for x, _ in places(-170, 8.7)]
    assert xs == sorted(xs)
