"""Passes: the same as somebody finds who looks up every two seconds."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.wire.orbits import GEOSTATIONARY, HOUR_MS, iss
from wire.orbit import Elements, GroundObserver, OrbitError, geodetic
from wire.passes import last_reached_ms, passes

DAY_MS = 24 * HOUR_MS
LOOK_MS = 2_000


@pytest.mark.parametrize(("latitude_deg", "least_deg"), [(48.0, 5.0), (-12.0, 0.0), (51.0, 40.0)])
def test_none_is_missed_and_none_is_invented(latitude_deg: float, least_deg: float) -> None:
    elements, vantage = iss(), GroundObserver(latitude_deg, 11.0, 500.0)
    begin_ms = elements.epoch_ms
    found = list(passes(elements, vantage, least_deg, begin_ms, begin_ms + DAY_MS))
    seen: list[tuple[int, int]] = []
    rise_ms = None
    for at_ms in range(begin_ms - HOUR_MS // 2, begin_ms + DAY_MS, LOOK_MS):
        is_up = vantage.look(elements.at(at_ms)).elevation_deg > least_deg
        if is_up and rise_ms is None:
            rise_ms = at_ms
        elif not is_up and rise_ms is not None:
            seen.append((rise_ms, at_ms))
            rise_ms = None
    seen = [(rise, end) for rise, end in seen if end > begin_ms]
    assert found
    assert [(pytest.approx(rise, abs=LOOK_MS + 500), pytest.approx(end, abs=LOOK_MS + 500))
            for rise, end in seen] == [(each.rise_ms, each.set_ms) for each in found]
    for each in found:
        assert each.rise_ms < each.top_ms < each.set_ms
        assert each.top.elevation_deg > least_deg
        assert each.rise.elevation_deg == pytest.approx(least_deg, abs=0.3)
        assert each.seconds == (each.set_ms - each.rise_ms) / 1000


def test_one_that_has_begun_is_told_whole_and_one_that_is_over_is_not() -> None:
    elements, vantage = iss(), GroundObserver(48.0, 11.0, 500.0)
    first = next(passes(elements, vantage, 5.0, elements.epoch_ms, elements.epoch_ms + DAY_MS))
    within = next(passes(elements, vantage, 5.0, first.top_ms, first.top_ms + DAY_MS))
    assert abs(within.rise_ms - first.rise_ms) <= 1_000
    after = next(passes(elements, vantage, 5.0, first.set_ms + 1_000, first.set_ms + DAY_MS))
    assert after.rise_ms > first.set_ms


def test_what_never_sets_is_told_in_pieces_without_end() -> None:
    elements = Elements(*GEOSTATIONARY)
    below = geodetic(elements.at(elements.epoch_ms))
    vantage = GroundObserver(0.0, below.longitude_deg + 10, 0.0)
    begin_ms = elements.epoch_ms
    found = list(passes(elements, vantage, 5.0, begin_ms, begin_ms + 3 * DAY_MS))
    assert 2 <= len(found) <= 6
    assert all(after.rise_ms >= before.set_ms
               for before, after in pairwise(found))


def test_a_place_that_it_never_sees_has_none() -> None:
    elements = iss()
    assert not list(passes(elements, GroundObserver(89.0, 0.0, 0.0), 5.0, elements.epoch_ms,
                           elements.epoch_ms + DAY_MS))


def test_elements_are_followed_as_far_as_they_reach() -> None:
    elements = iss()
    end_ms = elements.epoch_ms + DAY_MS
    assert last_reached_ms(elements, elements.epoch_ms, end_ms) == end_ms

    class Decaying(Elements):
        def at(self, utc_ms: float):  # type: ignore[no-untyped-def]
            if utc_ms > elements.epoch_ms + 5.5 * HOUR_MS:
                raise OrbitError("decayed")
            return super().at(utc_ms)

    reached_ms = last_reached_ms(Decaying(*elements.lines), elements.epoch_ms, end_ms)
    assert reached_ms == elements.epoch_ms + 4 * HOUR_MS
