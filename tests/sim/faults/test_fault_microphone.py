"""Fault 84, flown: a microphone that fails is struck out and comes back, and delays nothing."""

from __future__ import annotations

import pytest

from tests.sim.faults import fault_flights, short_hops
from tests.sim.flights import mission
from wire.mission import Mission
from wire.mission_microphone import MicrophoneSection

EARS = MicrophoneSection(device="plughw:1,0", every_s=60, take_s=2)


def with_ears() -> Mission:
    return mission().model_copy(update={"microphone": EARS})


@pytest.mark.parametrize(("name", "reason"), [
    ("dead", "The microphone is dead: every sample is 0."),
    ("stuck", "The microphone is stuck at full scale."),
    ("hangs", "timeout"), ("cannot_be_killed", "refused"),
    ("dies", "microphone worker died of signal 11"),
    ("unplugged", "plughw:1,0 records nothing: No such file or directory"),
])
def test_fault_84_a_microphone_that_fails_is_struck_out_and_returns(
    name: str, reason: str
) -> None:
    seen = fault_flights.fly(f"microphone.{name}", 240.0, flown=with_ears())
    assert (seen.events["microphone_lost"], seen.events["microphone_returned"]) == (1, 1)
    assert seen.fields["microphone_lost"]["reason"] == reason
    assert seen.events["SOUND"] >= 2


def test_fault_84_without_a_microphone_changes_no_byte() -> None:
    in_peace, _ = short_hops.fly(short_hops.hop_in_peace())
    faulty, seen = short_hops.fly(short_hops.hop("microphone.dead", 240.0))
    assert faulty.digest == in_peace.digest and seen.events["microphone_lost"] == 0
