"""Faults 58 to 62, flown: a camera that fails is struck out and comes back, and delays nothing."""

from __future__ import annotations

import pytest

from tests.sim.faults.short_hops import Seen, fly, hop
from wire.beacon import FaultBits
from wire.records import Kind


def _fly(name: str, duration_s: float | None = None) -> Seen:
    outcome, seen = fly(hop(f"camera.{name}", duration_s))
    assert not outcome.violations, "\n".join(map(str, outcome.violations))
    return seen


@pytest.mark.parametrize("name", ["hangs", "cannot_be_killed"])
def test_fault_58_a_camera_that_never_returns_is_struck_out_and_returns(name: str) -> None:
    seen = _fly(name)
    assert (seen.events["camera_lost"], seen.events["camera_returned"]) == (1, 1)
    assert FaultBits.CAMERA in seen.bits


@pytest.mark.parametrize(("name", "reason"), [
    ("empty", "empty"), ("truncated", "truncated"), ("huge", "too_long"),
    ("not_a_picture", "not_a_picture"),
])
def test_fault_59_what_is_no_picture_is_never_stored(name: str, reason: str) -> None:
    seen = _fly(name)
    assert seen.events["camera_lost"] == 1 and reason in seen.reasons


def test_fault_60_a_camera_process_that_dies_each_time_is_struck_out() -> None:
    seen = _fly("dies")
    assert seen.events["camera_lost"] == 1
    assert any("signal 11" in reason for reason in seen.reasons)


def test_fault_61_a_disconnected_camera_comes_back() -> None:
    seen = _fly("unplugged")
    assert (seen.events["camera_lost"], seen.events["camera_returned"]) == (1, 1)


@pytest.mark.parametrize("name", ["black", "white", "sun"])
def test_fault_62_a_black_or_white_picture_is_still_a_picture(name: str) -> None:
    seen = _fly(name)
    assert seen.events["camera_lost"] == 0 and seen.kinds[Kind.THUMBNAIL] > 1
