"""Strangers are quiet until they are asked for, and then send what they should, as often."""

from __future__ import annotations

from collections import Counter

import pytest

from sim.clock import part_rng
from sim.strangers import MINUTE_MS, Strangers
from wire.auth import Direction, derive_key
from wire.frames import (
    BeaconFrame,
    CommandFrame,
    DataFrame,
    decode_downlink,
    decode_uplink,
    encode_uplink,
    is_uplink,
)

NODE = 7
KEY = derive_key(bytes(32), NODE, Direction.UPLINK)


def _strangers(**rates: float) -> Strangers:
    strangers = Strangers(part_rng(1, "strangers"), NODE, Counter())
    for name, rate in rates.items():
        setattr(strangers, f"{name}_per_hour", rate)
    return strangers


def _hour(strangers: Strangers) -> list[bytes]:
    sent = [one for _ in range(60) for one in strangers.minute()]
    assert all(0 <= one.after_ms < MINUTE_MS for one in sent)
    return [one.data for one in sent]


def test_nobody_is_there_at_first() -> None:
    """And no random number is drawn, so that asking for them shifts nothing before."""
    strangers = _strangers()
    state = strangers._rng.getstate()
    assert _hour(strangers) == []
    assert strangers._rng.getstate() == state


def test_foreign_frames_are_whole_and_not_ours() -> None:
    strangers = _strangers(foreign=400)
    frames = [decode_downlink(data) for data in _hour(strangers)]
    assert len(frames) == pytest.approx(400, rel=0.2)
    assert {type(frame) for frame in frames} == {BeaconFrame, DataFrame}
    assert NODE not in {frame.node_id for frame in frames if frame is not None}
    assert strangers._counts == {"foreign": len(frames)}


def test_noise_is_no_frame() -> None:
    sent = _hour(_strangers(noise=600))
    assert {decode_downlink(data) for data in sent} == {None}
    assert max(map(len, sent)) > 200 > 20 > min(map(len, sent))


def test_an_attacker_replays_what_was_heard() -> None:
    strangers = _strangers(replays=100)
    assert _hour(strangers) == []
    genuine = encode_uplink(CommandFrame(NODE, 0, 5, b"\x01"), KEY)
    strangers.overheard.append(genuine)
    sent = [one for _ in range(60) for one in strangers.minute()]
    assert {(one.to, one.data) for one in sent} == {("payload", genuine)}


def test_forged_commands_look_right_and_are_not_genuine() -> None:
    sent = _hour(_strangers(forged=300))
    assert all(is_uplink(data) and data[1] == NODE for data in sent)
    assert {decode_uplink(data, KEY) for data in sent} == {None}
