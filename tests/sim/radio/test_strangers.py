"""Strangers are quiet until they are asked for, and then send what they should, as often."""

from __future__ import annotations

from collections import Counter

import pytest

from sim.clock import part_rng
from sim.radio.forgeries import ELSEWHERE_DEG, Forger
from sim.radio.strangers import MINUTE_MS, Strangers
from wire import beacon
from wire.auth import STATIONS_MAX, Direction, derive_key
from wire.frames import (
    BeaconFrame,
    CommandFrame,
    DataFrame,
    ImpostorFrame,
    decode_downlink,
    decode_uplink,
    encode_uplink,
    is_uplink,
)
from wire.incoming import Receiver
from wire.records import EPOCH_2025_MS

NODE = 7
KEY = derive_key(bytes(32), NODE, Direction.UPLINK)
DOWN_KEY = derive_key(bytes(32), NODE, Direction.DOWNLINK)
MTU_BYTES = 128
UTC_MS = 1_790_000_000_000


def _strangers(**rates: float) -> Strangers:
    strangers = Strangers(
        part_rng(1, "strangers"), NODE, Counter(), Forger(part_rng(1, "forger"), NODE, 128))
    for name, rate in rates.items():
        setattr(strangers, f"{name}_per_hour", rate)
    return strangers


def _hour(strangers: Strangers) -> list[bytes]:
    sent = [one for _ in range(60) for one in strangers.minute(UTC_MS)]
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
    sent = [one for _ in range(60) for one in strangers.minute(UTC_MS)]
    assert {(one.to, one.data) for one in sent} == {("payload", genuine)}


def test_forgeries_go_both_ways_look_right_and_are_not_genuine() -> None:
    strangers = _strangers(forged=300)
    sent = [one for _ in range(60) for one in strangers.minute(UTC_MS)]
    up = [one.data for one in sent if one.to == "payload"]
    down = [one.data for one in sent if one.to == "station"]
    assert len(up) == pytest.approx(300, rel=0.3) and len(down) == pytest.approx(300, rel=0.3)
    assert len(up) + len(down) == len(sent)
    assert all(is_uplink(data) and data[1] == NODE for data in up)
    assert {decode_uplink(data, KEY) for data in up} == {None}
    assert {type(decode_downlink(data)) for data in down} == {BeaconFrame, DataFrame}
    assert {type(decode_downlink(data, {NODE: DOWN_KEY})) for data in down} == {ImpostorFrame}


def test_a_forgery_would_do_harm_to_whoever_believed_it() -> None:
    """The payload is in the sea, and its commands are of this second."""
    forger = Forger(part_rng(2, "forger"), NODE, MTU_BYTES)
    places, now_s = [], (UTC_MS - EPOCH_2025_MS) // 1000
    for _ in range(40):
        frame = decode_downlink(forger.downlink(UTC_MS))
        if isinstance(frame, BeaconFrame):
            state = beacon.decode(frame.state)
            places.append((state.latitude_deg, state.longitude_deg))
        elif isinstance(frame, DataFrame):
            (record,) = Receiver(MTU_BYTES).on_data(frame)
            places.append((record.body["lat"] * 1e-7, record.body["lon"] * 1e-7))
        counter = int.from_bytes(forger.uplink(UTC_MS)[3:7], "big")
        assert 0 <= counter - now_s <= STATIONS_MAX
    assert len(places) == 40
    for place in places:
        assert place == pytest.approx(ELSEWHERE_DEG, abs=0.6)
