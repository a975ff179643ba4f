"""Frames: golden bytes both ways, and any other bytes are noise, never an exception."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire import frames
from wire.frames import (
    BEACON_BYTES,
    BeaconFrame,
    BlockReport,
    CommandFrame,
    DataFrame,
    FeedbackFrame,
    FrameCounter,
    IdentFrame,
    IncarnationFrame,
)
from wire.session import Session

KEY = bytes(range(32))
DOWNLINK = {
    "beacon": BeaconFrame(7, FrameCounter(3, 1234), bytes(range(24)), False),
    "beacon_listening": BeaconFrame(7, FrameCounter(3, 1235), bytes(range(24)), True),
    "data": DataFrame(7, FrameCounter(3, 1236), 1, 513, 64, 5, b"\x00hello", False),
    "data_open": DataFrame(7, FrameCounter(15, 4095), 2, 65535, 1, 0, b"\xff", True),
    "ident": IdentFrame(7, "DE N0CALL EDDA"),
    "incarnation": IncarnationFrame(7, FrameCounter(11, 1237), Session(0x3FA0C1D2, 9)),
}
UPLINK = {
    "feedback": FeedbackFrame(
        7, 0, 60_000_000, 77, FrameCounter(3, 1236), 500, 513,
        (BlockReport(501, 3, (1 << 64) - 8), BlockReport(512, 255, 0)),
    ),
    "command": CommandFrame(7, 0, 60_000_001, b"\x01\x90"),
    "feedback_station_5": FeedbackFrame(
        7, 5, 60_000_005, 77, FrameCounter(3, 1236), 65_530, 2,
        (BlockReport(65_535, 3, (1 << 64) - 8), BlockReport(0, 255, 0)),
    ),
    "command_station_5": CommandFrame(7, 5, 60_000_021, b"\x01\x90"),
}
GOLDEN = json.loads((Path(__file__).parent.parent / "golden" / "frames.json").read_text())


@pytest.mark.parametrize("name", DOWNLINK)
def test_downlink_golden(name: str) -> None:
    data = bytes.fromhex(GOLDEN[name])
    assert frames.encode_downlink(DOWNLINK[name]) == data
    assert frames.decode_downlink(data) == DOWNLINK[name]


@pytest.mark.parametrize("name", UPLINK)
def test_uplink_golden(name: str) -> None:
    data = bytes.fromhex(GOLDEN[name])
    assert frames.encode_uplink(UPLINK[name], KEY) == data
    assert frames.decode_uplink(data, KEY) == UPLINK[name]
    assert frames.is_uplink(data) and frames.decode_downlink(data) is None


def test_sizes() -> None:
    assert len(bytes.fromhex(GOLDEN["beacon"])) == BEACON_BYTES == 32
    data = DOWNLINK["data"]
    assert len(bytes.fromhex(GOLDEN["data"])) - len(data.symbol) == frames.DATA_OVERHEAD_BYTES == 13


@pytest.mark.parametrize("name", GOLDEN)
def test_every_bit_flip_is_noise(name: str) -> None:
    data = bytes.fromhex(GOLDEN[name])
    for bit in range(len(data) * 8):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        assert frames.decode_downlink(bytes(flipped)) is None
        assert frames.decode_uplink(bytes(flipped), KEY) is None


@pytest.mark.parametrize("name", GOLDEN)
def test_every_cut_is_noise(name: str) -> None:
    data = bytes.fromhex(GOLDEN[name])
    for end in range(len(data)):
        assert frames.decode_downlink(data[:end]) is None
        assert frames.decode_uplink(data[:end], KEY) is None


@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    frames.decode_downlink(data)
    frames.decode_uplink(data, KEY)
    frames.is_uplink(data)


@given(st.binary(max_size=80))
def test_any_genuine_uplink_bytes(body: bytes) -> None:
    """Even what is rightly signed may be malformed."""
    from wire import auth

    frames.decode_uplink(body + auth.mac(KEY, body), KEY)


def test_another_key_is_refused() -> None:
    assert frames.decode_uplink(bytes.fromhex(GOLDEN["command"]), bytes(32)) is None
