"""The fence has an opinion only when most of the last fixes agree."""

from __future__ import annotations

from payload.navigation.geofence import VOTES, VOTES_NEEDED, Geofence
from tests.payload.flights import fix_at

SQUARE = ((50.0, 8.0), (50.0, 10.0), (52.0, 10.0), (52.0, 8.0))


def observe(fence: Geofence, start: int, count: int, latitude_deg: float,
            altitude_m: float = 1_000.0) -> None:
    for second in range(start, start + count):
        fix = fix_at(second * 1000, altitude_m, latitude_deg=latitude_deg, longitude_deg=9.0)
        fence.observe(fix, second * 1000)


def test_it_takes_most_of_ten_to_be_outside_and_to_be_inside_again() -> None:
    fence = Geofence(SQUARE)
    observe(fence, 0, VOTES, 51.999)
    assert fence.is_outside is False
    observe(fence, 10, VOTES_NEEDED - 1, 52.001)
    assert fence.is_outside is False
    observe(fence, 17, 1, 52.001)
    assert fence.is_outside is True
    observe(fence, 18, VOTES_NEEDED - 1, 51.999)
    assert fence.is_outside is True
    observe(fence, 25, 1, 51.999)
    assert fence.is_outside is False


def test_after_a_jump_it_says_nothing_for_ten_minutes() -> None:
    """One side of a jump is wrong; a wire is not burnt on it."""
    fence = Geofence(SQUARE)
    observe(fence, 0, VOTES, 51.0)
    observe(fence, 10, 599, 53.0)
    assert fence.is_outside is None
    observe(fence, 609, VOTES, 53.0)
    assert fence.is_outside is True
    observe(fence, 619, 1, -80.0, altitude_m=99_999.0)
    assert fence.is_outside is None


def test_without_fixes_there_is_no_opinion_and_a_repeated_fix_has_one_vote() -> None:
    fence = Geofence(SQUARE)
    same = fix_at(0, 1_000.0, latitude_deg=53.0, longitude_deg=9.0)
    for now_ms in range(0, 20_000, 1000):
        fence.observe(same, now_ms)
    assert fence.is_outside is None
    observe(fence, 20, VOTES, 53.0)
    assert fence.is_outside is True
    fence.observe(None, 20_000 + 60_000)
    assert fence.is_outside is None


def test_a_ceiling_has_a_margin_on_the_way_down() -> None:
    fence = Geofence(ceiling_m=10_000.0)
    observe(fence, 0, VOTES, 0.0, altitude_m=10_001.0)
    assert fence.is_outside is True
    observe(fence, 10, VOTES, 0.0, altitude_m=9_900.0)
    assert fence.is_outside is True
    observe(fence, 20, VOTES, 0.0, altitude_m=9_799.0)
    assert fence.is_outside is False


def test_no_fence_no_opinion() -> None:
    fence = Geofence()
    observe(fence, 0, VOTES, 53.0)
    assert fence.is_outside is None
    assert not fence.is_set
