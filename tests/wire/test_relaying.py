"""What may be carried for another payload, and the parcel that it is packed into."""

from __future__ import annotations

from typing import Any

import pytest

from wire import frames, relaying
from wire.bodies import BODY_BYTES_MAX
from wire.frames import (
    MTU_BYTES_MAX,
    BeaconFrame,
    CommandFrame,
    DataFrame,
    FrameCounter,
    IdentFrame,
    IncarnationFrame,
)
from wire.outgoing import Lane
from wire.records import pack_body
from wire.relaying import AGE_S_MAX, FRAMES_MAX, Overheard
from wire.session import Session

KEY = bytes(range(32))
DATA = DataFrame(8, FrameCounter(7, 2), 1, 513, 64, 5, b"\0hello", False)
WORDS = DATA._replace(priority=Lane.PRECIOUS)


def signed(frame: frames.Downlink) -> bytes:
    return frames.encode_downlink(frame, KEY)


SESSION = Session(3, 4)


@pytest.mark.parametrize("frame", [
    BeaconFrame(8, FrameCounter(7, 1), bytes(24), False),
    IncarnationFrame(8, FrameCounter(SESSION.boot_bits, 1), SESSION), WORDS,
])
def test_a_signed_frame_is_carried(frame: frames.Downlink) -> None:
    assert relaying.carried(signed(frame)) is not None


@pytest.mark.parametrize("lane", Lane)
def test_of_data_only_the_lane_of_words(lane: Lane) -> None:
    carried = relaying.carried(signed(DATA._replace(priority=lane)))
    assert (carried is not None) == (lane is Lane.PRECIOUS)


def test_what_is_not_carried() -> None:
    """Unsigned, the callsign, damaged, an uplink frame, noise, longer than any radio's frame."""
    assert relaying.carried(frames.encode_downlink(WORDS)) is None
    assert relaying.carried(signed(IdentFrame(8, "DE N0CALL"))) is None
    whole = signed(WORDS)
    assert all(relaying.carried(whole[:end]) is None for end in range(len(whole)))
    command = frames.encode_uplink(CommandFrame(8, 0, 16, b"\1\x90"), KEY)
    assert relaying.carried(command) is None
    longest = WORDS._replace(symbol=bytes(MTU_BYTES_MAX - 17))
    assert relaying.carried(signed(longest)) is not None
    assert relaying.carried(signed(longest._replace(symbol=longest.symbol + b"\1"))) is None


def test_a_parcel_is_read_as_it_was_packed() -> None:
    parcel = [Overheard(b"\1" * 222, age_s) for age_s in (0, 59, AGE_S_MAX)]
    assert relaying.unpack(dict(relaying.pack(parcel))) == parcel


def test_the_fullest_parcel_is_a_record() -> None:
    parcel = relaying.pack([Overheard(bytes(222), AGE_S_MAX)] * FRAMES_MAX)
    assert len(pack_body(dict(parcel))) <= BODY_BYTES_MAX


@pytest.mark.parametrize("body", [
    {}, {"frames": [b"a"]}, {"ages": [1]}, {"frames": b"a", "ages": [1]},
    {"frames": [b"a"], "ages": []}, {"frames": ["a"], "ages": [1]},
    {"frames": [b"a"], "ages": [-1]},
    {"frames": [b"a"], "ages": [AGE_S_MAX + 1]}, {"frames": [b"a"], "ages": [True]},
    {"frames": [b"a"], "ages": [1.0]}, {"frames": [b"a"] * 33, "ages": [1] * 33},
])
def test_what_is_no_parcel(body: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="a parcel"):
        relaying.unpack(body)
