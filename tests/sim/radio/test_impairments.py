"""Each kind of wear does what its name says, as often as asked, and the same for the same seed."""

from __future__ import annotations

from collections import Counter

import pytest

from sim.clock import part_rng
from sim.radio.impairments import FLIPPED_BITS_MAX, LATE_MS, REORDER_MS, Arrival, FrameDamage

FRAME = bytes(range(100))


def _wear(**rates: float) -> FrameDamage:
    wear = FrameDamage(part_rng(1, "wear"))
    wear.none()
    for name, rate in rates.items():
        setattr(wear, name, rate)
    return wear


def _flips(a: bytes, b: bytes) -> int:
    return sum((x ^ y).bit_count() for x, y in zip(a, b, strict=True))


def test_flipped() -> None:
    wear = _wear(flipped=1.0)
    flips = Counter(_flips(FRAME, wear.use(FRAME)[1][0].data) for _ in range(500))
    assert set(flips) == set(range(1, FLIPPED_BITS_MAX + 1))


def test_truncated_down_to_nothing() -> None:
    wear = _wear(truncated=1.0)
    lengths = set()
    for _ in range(2_000):
        (arrival,) = wear.use(FRAME)[1]
        assert FRAME.startswith(arrival.data)
        lengths.add(len(arrival.data))
    assert lengths == set(range(100))


def test_duplicated_reordered_and_late() -> None:
    what, (first, second) = _wear(duplicated=1.0).use(FRAME)
    assert (what, first, second.data) == ("duplicated", Arrival(0, FRAME), FRAME)
    assert second.delay_ms > 0
    for name, span in (("reordered", REORDER_MS), ("late", LATE_MS)):
        wear = _wear(**{name: 1.0})
        delays = [wear.use(FRAME)[1][0].delay_ms for _ in range(500)]
        assert span[0] <= min(delays) <= max(delays) <= span[1]
        assert max(delays) > 0.9 * span[1]
    assert LATE_MS[1] == 3 * 3_600_000


def test_joined_comes_in_front_of_the_next_one() -> None:
    wear = _wear(joined=1.0)
    assert wear.use(b"one ") == ("joined", [])
    assert wear.use(b"two ") == ("joined", [])
    wear.none()
    assert wear.use(b"three") == ("", [Arrival(0, b"one two three")])
    assert wear.use(b"four") == ("", [Arrival(0, b"four")])


def test_rates_are_shares_of_the_frames() -> None:
    rates = {"flipped": 0.1, "duplicated": 0.2, "truncated": 0.05, "late": 0.15}
    wear = _wear(**rates)
    happened = Counter(wear.use(FRAME)[0] for _ in range(20_000))
    for name, rate in rates.items():
        assert happened[name] / 20_000 == pytest.approx(rate, abs=0.01)
    assert happened[""] / 20_000 == pytest.approx(0.5, abs=0.02)


def test_a_little_wear_is_the_rule_and_the_seed_decides() -> None:
    """Out of the box some frames in a thousand are damaged or doubled; the same ones each time."""
    runs = []
    for _ in range(2):
        wear = FrameDamage(part_rng(9, "wear"))
        runs.append([wear.use(FRAME) for _ in range(20_000)])
    assert runs[0] == runs[1]
    happened = Counter(what for what, _ in runs[0])
    assert set(happened) == {"", "flipped", "duplicated"}
    assert 20 < happened["flipped"] < 60
    assert 20 < happened["duplicated"] < 60
